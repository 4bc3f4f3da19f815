#include "base/glob.hpp"

#include <array>
#include <cctype>
#include <optional>
#include <string>

namespace nfsferry {
namespace {

using Bytes = std::bitset<256>;

Error bad(std::string_view what) { return own_error(Own::kBadInput, "", what); }

Error endless_set() { return bad("has a '[' that no ']' ends; write \\[ for the character"); }

std::size_t index_of(char byte) { return static_cast<unsigned char>(byte); }

struct NamedClass {
  std::string_view name;
  int (*holds)(int);
};
constexpr std::array<NamedClass, 12> kNamedClasses{{{"alnum", std::isalnum},
                                                    {"alpha", std::isalpha},
                                                    {"blank", std::isblank},
                                                    {"cntrl", std::iscntrl},
                                                    {"digit", std::isdigit},
                                                    {"graph", std::isgraph},
                                                    {"lower", std::islower},
                                                    {"print", std::isprint},
                                                    {"punct", std::ispunct},
                                                    {"space", std::isspace},
                                                    {"upper", std::isupper},
                                                    {"xdigit", std::isxdigit}}};

// Takes a byte from the front, the one after a backslash as it is.
std::optional<char> take_byte(std::string_view& text) {
  if (text.starts_with('\\')) text.remove_prefix(1);
  if (text.empty()) return {};
  char byte = text.front();
  text.remove_prefix(1);
  return byte;
}

// Takes "[:digit:]" from the front.
Result<Bytes> take_named_class(std::string_view& text) {
  std::size_t end = text.find(":]");
  if (end == std::string_view::npos) return endless_set();
  std::string_view name = text.substr(2, end - 2);
  for (const NamedClass& known : kNamedClasses) {
    if (known.name != name) continue;
    Bytes bytes;
    for (int byte = 0; byte < 256; ++byte) {
      bytes[static_cast<std::size_t>(byte)] = known.holds(byte) != 0;
    }
    text.remove_prefix(end + 2);
    return bytes;
  }
  return bad("holds a class that is not known: [:" + std::string(name) + ":]");
}

// Takes "a", "\]" or "a-z" from the front.
Result<Bytes> take_range(std::string_view& text) {
  auto first = take_byte(text);
  auto last = first;
  bool range = text.size() > 1 && text[0] == '-' && text[1] != ']';
  if (range) {
    text.remove_prefix(1);
    last = take_byte(text);
  }
  if (!last) return endless_set();
  if (index_of(*last) < index_of(*first)) return bad("holds a range that goes backwards");
  Bytes bytes;
  for (std::size_t byte = index_of(*first); byte <= index_of(*last); ++byte) bytes.set(byte);
  return bytes;
}

// Takes "[a-z_]" from the front.
Result<Bytes> take_set(std::string_view& text) {
  text.remove_prefix(1);
  bool negated = text.starts_with('!') || text.starts_with('^');
  if (negated) text.remove_prefix(1);
  Bytes bytes;
  for (bool first = true; first || !text.starts_with(']'); first = false) {
    if (text.empty()) return endless_set();
    NFSFERRY_TRY(Bytes some, text.starts_with("[:") ? take_named_class(text) : take_range(text),
                 return);
    bytes |= some;
  }
  text.remove_prefix(1);
  return negated ? ~bytes : bytes;
}

// Whether the pattern fits all of the elements, one of its items each; an item of any number fits
// any stretch of them. Only what the last such item stands for is ever tried again: a longer
// stretch for one before it would fit nothing more.
template <typename Item, typename Elements, typename FitsOne>
bool fits_all(const std::vector<Item>& pattern, const Elements& elements, FitsOne fits_one) {
  std::size_t item = 0;
  std::size_t after_any = 0;  // the item behind the last one of any number; 0: there was none
  std::size_t tried = 0;      // the stretch that this one stands for ends here
  for (std::size_t at = 0; at < elements.size();) {
    if (item < pattern.size() && pattern[item].any_number) {
      after_any = ++item;
      tried = at;
    } else if (item < pattern.size() && fits_one(pattern[item], elements[at])) {
      ++item;
      ++at;
    } else if (after_any > 0) {
      item = after_any;
      at = ++tried;
    } else {
      return false;
    }
  }
  while (item < pattern.size() && pattern[item].any_number) ++item;
  return item == pattern.size();
}

}  // namespace

Result<Glob::Name> Glob::parse_name(std::string_view text) {
  if (text.empty()) return bad("has an empty name between two '/'");
  if (text == "." || text == "..") return bad("holds '.' or '..'; begin with / at the root");
  Name name;
  while (!text.empty()) {
    Piece piece;
    if (text.front() == '*') {
      piece.any_number = true;
      text.remove_prefix(1);
    } else if (text.front() == '?') {
      piece.bytes.set();
      text.remove_prefix(1);
    } else if (text.front() == '[') {
      NFSFERRY_TRY(Bytes set, take_set(text), return);
      piece.bytes = set;
    } else {
      auto byte = take_byte(text);
      if (!byte) return bad("has a name that ends in a backslash; write \\\\ for the character");
      piece.bytes.set(index_of(*byte));
    }
    name.pieces.push_back(piece);
  }
  return name;
}

Result<Glob> Glob::parse(std::string_view text) {
  if (text.empty()) return bad("is empty");
  if (text.size() > kBytesMost) {
    return bad("is longer than " + std::to_string(kBytesMost) + " bytes");
  }
  if (text.front() == '!') {
    return bad("begins with '!'; include instead of excluding, or write \\! for the character");
  }
  Glob glob;
  glob.directories_only_ = text.ends_with('/');
  if (glob.directories_only_) text.remove_suffix(1);
  bool anchored = text.find('/') != std::string_view::npos;
  if (text.starts_with('/')) text.remove_prefix(1);
  const Name any_names{true};
  if (!anchored) glob.names_.push_back(any_names);
  for (bool more = true; more;) {
    std::size_t slash = text.find('/');
    more = slash != std::string_view::npos;
    std::string_view name = text.substr(0, slash);
    if (more) text.remove_prefix(slash + 1);
    if (name == "**") {
      glob.names_.push_back(any_names);
    } else {
      NFSFERRY_TRY(Name parsed, parse_name(name), return);
      glob.names_.push_back(std::move(parsed));
    }
  }
  // "a/**" is everything below a, and not a itself.
  if (glob.names_.back().any_number) glob.names_.push_back(*parse_name("*"));
  return glob;
}

bool Glob::matches(std::span<const std::string_view> path, bool directory) const {
  if (directories_only_ && !directory) return false;
  return fits_all(names_, path, [](const Name& name, std::string_view text) {
    return fits_all(name.pieces, text,
                    [](const Piece& piece, char byte) { return piece.bytes[index_of(byte)]; });
  });
}

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> names;
  for (bool more = !path.empty(); more;) {
    std::size_t slash = path.find('/');
    more = slash != std::string_view::npos;
    names.push_back(path.substr(0, slash));
    if (more) path.remove_prefix(slash + 1);
  }
  return names;
}

}  // namespace nfsferry

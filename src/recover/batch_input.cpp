#include "recover/batch_input.hpp"

#include <map>

#include "recover/json.hpp"
#include "recover/workflow_input.hpp"

namespace nfsferry::recover {
namespace {

std::string line_name(std::size_t line) { return "line " + std::to_string(line); }

// Puts the line's number before what is wrong with it.
Error at_line(std::size_t line, Error error) {
  error.detail = line_name(line) + ": " + error.detail;
  return error;
}

template <typename Home>
Result<std::vector<Home>> split_lines(std::string_view text) {
  std::vector<Home> homes;
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \r\t") == std::string_view::npos) continue;
    if (homes.size() == kBatchHomesMax) {
      return bad_member("the batch", "has more than " + std::to_string(kBatchHomesMax) + " homes");
    }
    Home home;
    home.line = number;
    home.text = line;
    homes.push_back(std::move(home));
  }
  return homes;
}

// Which line reads and which one writes a directory.
class Uses {
 public:
  Status add(std::size_t line, std::string_view source, std::string_view target) {
    std::string from = as_key(source);
    std::string to = as_key(target);
    NFSFERRY_TRY(Ok written_once, apart(line, "target", to, "target", targets_), return);
    NFSFERRY_TRY(Ok not_read, apart(line, "target", to, "source", sources_), return);
    NFSFERRY_TRY(Ok not_written, apart(line, "source", from, "target", targets_), return);
    sources_.emplace(std::move(from), line);
    targets_.emplace(std::move(to), line);
    return ok();
  }

 private:
  using Lines = std::map<std::string, std::size_t, std::less<>>;

  // Ends with a slash, so that what is in a directory begins with it.
  static std::string as_key(std::string_view directory) {
    if (directory.starts_with("nfs://")) directory = directory.substr(0, directory.find('?'));
    while (directory.ends_with('/')) directory.remove_suffix(1);
    return std::string(directory) + "/";
  }
  // Refuses a directory that is another line's, lies inside it, or holds it.
  static Status apart(std::size_t line, const std::string& what, const std::string& directory,
                      const std::string& others_what, const Lines& others) {
    auto clash = [&](const Lines::value_type& other, const std::string& how) {
      return bad_member(line_name(line), "has the " + others_what + " of " +
                                             line_name(other.second) + how + what +
                                             "; put one of them into a later batch");
    };
    if (auto same = others.find(directory); same != others.end()) return clash(*same, " as its ");
    auto inside = others.lower_bound(directory);
    if (inside != others.end() && inside->first.starts_with(directory)) {
      return clash(*inside, " inside its ");
    }
    for (std::size_t end = 0; (end = directory.find('/', end)) != std::string::npos; ++end) {
      auto around = others.find(std::string_view(directory).substr(0, end + 1));
      if (around != others.end()) return clash(*around, " around its ");
    }
    return ok();
  }

  Lines sources_;
  Lines targets_;
};

Result<std::string> location_member(const Json& json, const char* name) {
  const Json* value = find_member(json, name);
  if (value == nullptr) return bad_member(name, "is missing");
  if (value->is_string() && !value->get<std::string>().empty()) return value->get<std::string>();
  return bad_member(name, "is not a location");
}

Status read_options(const Json& options, CopyHome& home) {
  if (!options.is_object()) return bad_member("options", "is not a JSON object");
  for (const auto& [name, value] : options.items()) {
    if (value.is_string()) {
      home.options.emplace_back(name, value.get<std::string>());
    } else if (value.is_boolean() || value.is_number_unsigned()) {
      home.options.emplace_back(name, dump_json(value));
    } else {
      return bad_member("options." + name, "is not a text, a number, true or false");
    }
  }
  return ok();
}

Status read_copy(CopyHome& home) {
  NFSFERRY_TRY(Json json, parse_json_object(home.text, "the copy"), return);
  for (const auto& [name, value] : json.items()) {
    bool known = name == "source" || name == "target" || name == "options";
    if (!known) return bad_member(name, "is not known; write source, target and options");
  }
  NFSFERRY_TRY(std::string source, location_member(json, "source"), return);
  NFSFERRY_TRY(std::string target, location_member(json, "target"), return);
  home.source = std::move(source);
  home.target = std::move(target);
  std::string path = home.target.substr(0, home.target.find('?'));
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  home.name = path.substr(path.rfind('/') + 1);
  const Json* options = find_member(json, "options");
  return options == nullptr ? ok() : read_options(*options, home);
}

}  // namespace

Result<std::vector<BatchHome>> parse_recover_batch(std::string_view text, UidRule rule,
                                                   std::span<const FileSystemMap> maps) {
  NFSFERRY_TRY(auto homes, split_lines<BatchHome>(text), return);
  Uses uses;
  auto directory = [](const Endpoint& side) { return side.file_system_id + "/" + side.uid; };
  for (BatchHome& home : homes) {
    auto input = parse_workflow_input(home.text, rule);
    if (!input) return at_line(home.line, std::move(input).error());
    auto source = home_location(input->source, "Source", maps);
    if (!source) return at_line(home.line, std::move(source).error());
    auto target = home_location(input->target, "Target", maps);
    if (!target) return at_line(home.line, std::move(target).error());
    home.source = *std::move(source);
    home.target = *std::move(target);
    NFSFERRY_TRY(Ok apart, uses.add(home.line, directory(input->source), directory(input->target)),
                 return);
    home.name = input->row().profile_name;
  }
  return homes;
}

Result<std::vector<CopyHome>> parse_copy_batch(std::string_view text) {
  NFSFERRY_TRY(auto homes, split_lines<CopyHome>(text), return);
  Uses uses;
  for (CopyHome& home : homes) {
    Status read = read_copy(home);
    if (!read) return at_line(home.line, std::move(read).error());
    NFSFERRY_TRY(Ok apart, uses.add(home.line, home.source, home.target), return);
  }
  return homes;
}

}  // namespace nfsferry::recover

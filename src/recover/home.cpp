#include "recover/home.hpp"

#include <algorithm>

#include "base/escape.hpp"

namespace nfsferry::recover {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_studio_uid(std::string_view uid) {
  return uid.size() >= 4 && uid.size() <= 10 && uid.front() != '0' &&
         std::all_of(uid.begin(), uid.end(), is_digit);
}

bool is_directory_name(std::string_view name) {
  constexpr std::size_t kNameMax = 255;
  bool plain = std::none_of(name.begin(), name.end(), [](char c) {
    return c == '/' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  return plain && !name.empty() && name.size() <= kNameMax && name != "." && name != "..";
}

Error bad(std::string_view member, std::string_view value, std::string_view what) {
  std::string text = std::string(member);
  text += value.empty() ? " is empty" : " " + quote_for_terminal(value);
  return own_error(Own::kBadInput, "", text + std::string(what));
}

}  // namespace

Status check_home_uid(std::string_view member, std::string_view uid, UidRule rule) {
  bool fine = rule == UidRule::kAny ? is_directory_name(uid) : is_studio_uid(uid);
  if (fine) return ok();
  return bad(member, uid,
             rule == UidRule::kAny ? "; write the name of one directory"
                                   : "; write 4 to 10 digits, the first not 0, or allow other "
                                     "names with --allow-any-uid");
}

Status check_file_system_id(std::string_view member, std::string_view id) {
  constexpr std::string_view kPrefix = "fs-";
  constexpr std::size_t kIdMax = 64;
  std::string_view rest = id.substr(std::min(id.size(), kPrefix.size()));
  bool fine = id.starts_with(kPrefix) && !rest.empty() && rest.size() <= kIdMax &&
              std::all_of(rest.begin(), rest.end(),
                          [](char c) { return is_digit(c) || is_letter(c) || c == '-'; });
  return fine ? ok() : Status(bad(member, id, "; write the id of a file system, such as fs-0123"));
}

}  // namespace nfsferry::recover

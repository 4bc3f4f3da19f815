#include "recover/json.hpp"

namespace nfsferry::recover {

Result<Json> parse_json(std::string_view text, std::string_view what) {
  if (text.size() > kJsonBytesMax) {
    return bad_member(what, "is larger than " + std::to_string(kJsonBytesMax) + " bytes");
  }
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    return bad_member(what, "is not JSON from byte " + std::to_string(error.byte) + " on");
  } catch (const Json::exception&) {  // a number that no type holds
    return bad_member(what, "is JSON that cannot be read");
  }
}

Result<Json> parse_json_object(std::string_view text, std::string_view what) {
  auto json = parse_json(text, what);
  if (!json || json->is_object()) return json;
  return bad_member(what, "is not a JSON object");
}

std::string dump_json(const Json& json) {
  std::string out;
  try {
    out = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  } catch (const Json::exception&) {
    check(false, "JSON that was made here cannot be written");
  }
  return out;
}

const Json* find_member(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  auto found = object.find(std::string(name));
  return found == object.end() ? nullptr : &*found;
}

Error bad_member(std::string_view member, std::string_view what) {
  return own_error(Own::kBadInput, "", std::string(member) + " " + std::string(what));
}

}  // namespace nfsferry::recover

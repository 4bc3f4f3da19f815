#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.hpp"

// JSON from outside, without exceptions. Only for recover's own sources.
namespace nfsferry::recover {

using Json = nlohmann::ordered_json;

// Above the 256 KiB of a workflow's input, so that a list of many profiles fits as well.
inline constexpr std::size_t kJsonBytesMax = std::size_t{16} << 20;

// Errors: kBadInput that begins with `what` and tells where the text stops being JSON.
Result<Json> parse_json(std::string_view text, std::string_view what);
// The same for text that must be an object.
Result<Json> parse_json_object(std::string_view text, std::string_view what);
// On one line, without a newline; bytes that are not UTF-8 are replaced.
std::string dump_json(const Json& json);

// Null for anything that is no object or has no such member.
const Json* find_member(const Json& object, std::string_view name);

// kBadInput: "MEMBER WHAT".
Error bad_member(std::string_view member, std::string_view what);

}  // namespace nfsferry::recover

#include "recover/aws_error.hpp"

#include <string>

#include "base/escape.hpp"
#include "recover/json.hpp"

namespace nfsferry::recover {
namespace {

constexpr std::size_t kWordsMax = 1024;
constexpr std::uint32_t kTooManyRequests = 429;
constexpr std::uint32_t kServerErrors = 500;

std::string text_of(const Json& json, const char* name) {
  const Json* value = find_member(json, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

// The failure with this name; the status if there is none.
std::uint32_t code_of(const std::string& name, std::uint32_t status) {
  for (std::uint32_t code = 1;; ++code) {
    std::string_view known = code_name(Domain::kAws, code);
    if (known.empty()) return status;
    if (known == name) return code;
  }
}

}  // namespace

Error parse_aws_error(std::uint32_t status, std::string_view body) {
  auto json = parse_json_object(body, "the answer");
  Json answer = json ? *std::move(json) : Json::object();
  // "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", or the name alone.
  std::string name = text_of(answer, "__type");
  name.erase(0, name.rfind('#') + 1);
  std::string words = text_of(answer, "message");
  if (words.empty()) words = text_of(answer, "Message");
  Error error{Domain::kAws, code_of(name, status), {}, {}, {}};
  if (error.code == status && !name.empty()) words = name + (words.empty() ? "" : ": ") + words;
  error.detail = escape_for_terminal(words.substr(0, kWordsMax));
  return error;
}

bool may_pass(const Error& error) {
  for (Own own : {Own::kUnreachable, Own::kNameResolution, Own::kTimeout, Own::kConnectionLost}) {
    if (error.is(own)) return true;
  }
  for (AwsFailure failure : {AwsFailure::kThrottled, AwsFailure::kThroughputExceeded,
                             AwsFailure::kRequestLimit, AwsFailure::kTransactionConflict}) {
    if (error.is(failure)) return true;
  }
  return error.domain == Domain::kAws &&
         (error.code == kTooManyRequests || error.code >= kServerErrors);
}

}  // namespace nfsferry::recover

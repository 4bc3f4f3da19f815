#include "recover/aws_client.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <random>
#include <thread>
#include <utility>

#include "base/escape.hpp"
#include "base/wall_clock.hpp"
#include "recover/aws_error.hpp"
#include "recover/http.hpp"

namespace nfsferry::recover {
namespace {

constexpr std::uint64_t kExpiryMarginMs = 5 * 60'000;
constexpr std::uint32_t kStatusOk = 200;

// Into a URL and a signature.
bool is_region(std::string_view region) {
  constexpr std::size_t kRegionMax = 64;
  return !region.empty() && region.size() <= kRegionMax &&
         std::all_of(region.begin(), region.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

Result<std::string> find_region() {
  std::string region = from_environment("AWS_REGION");
  if (region.empty()) region = from_environment("AWS_DEFAULT_REGION");
  if (is_region(region)) return region;
  return own_error(Own::kBadInput, "",
                   region.empty() ? "AWS calls need a region; set AWS_REGION"
                                  : "AWS_REGION " + quote_for_terminal(region) + " is no region");
}

Result<std::string> find_endpoint(const AwsService& service, const std::string& region) {
  std::string url = from_environment(service.endpoint);
  if (url.empty()) url = from_environment("AWS_ENDPOINT_URL");
  if (url.empty()) {
    url = std::string("https://") + service.signing_name + "." + region + ".amazonaws.com";
    return url + (region.starts_with("cn-") ? ".cn/" : "/");
  }
  if (!url.starts_with("http://") && !url.starts_with("https://")) {
    return own_error(Own::kBadInput, "",
                     "AWS_ENDPOINT_URL " + quote_for_terminal(url) +
                         " is no address; write https://HOST or http://HOST:PORT");
  }
  return url + (url.ends_with('/') ? "" : "/");
}

bool fits_a_header(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

// Read anew each time: it is replaced while the container runs.
Result<std::string> read_token(const CredentialsPlace& place) {
  std::string token = place.token;
  if (!place.token_file.empty()) {
    std::ifstream file(place.token_file);
    std::getline(file, token);
    if (!file) {
      return own_error(Own::kBadInput, "",
                       "the token in " + quote_for_terminal(place.token_file) +
                           " (AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE) cannot be read");
    }
  }
  if (fits_a_header(token)) return token;
  return own_error(Own::kBadInput, "", "the container's authorization token is no single line");
}

// Bytes that JSON cannot hold are refused: replaced, they would name another row.
Result<std::string> exact_json(const std::string& operation, const Json& arguments) {
  try {
    return arguments.dump();
  } catch (const Json::exception&) {
    return own_error(Own::kBadInput, operation, "a text is not UTF-8");
  }
}

void pause(std::uint64_t longest_ms) {
  thread_local std::minstd_rand chance(std::random_device{}());
  std::uniform_int_distribution<std::uint64_t> length_ms(longest_ms / 2, longest_ms);
  std::this_thread::sleep_for(std::chrono::milliseconds(length_ms(chance)));
}

}  // namespace

Result<Credentials> CredentialsKeeper::get(std::uint64_t timeout_ms) {
  if (place_.fixed) return *place_.fixed;
  std::uint64_t now_ms = wall_clock_ms();
  bool have = !fetched_.access_key.empty();
  if (have && (fetched_.expires_ms == 0 || now_ms + kExpiryMarginMs < fetched_.expires_ms)) {
    return fetched_;
  }
  auto fresh = fetch(timeout_ms);
  if (fresh) {
    fetched_ = *std::move(fresh);
    return fetched_;
  }
  if (have && now_ms < fetched_.expires_ms) return fetched_;  // good for a little longer
  return fresh;
}

Result<Credentials> CredentialsKeeper::fetch(std::uint64_t timeout_ms) const {
  HttpRequest request;
  request.url = place_.url;
  request.timeout_ms = timeout_ms;
  request.past_proxies = true;
  NFSFERRY_TRY(std::string token, read_token(place_), return);
  if (!token.empty()) request.headers.push_back("Authorization: " + token);
  NFSFERRY_TRY(HttpResponse response, call_http(request), return);
  if (response.status == kStatusOk) return parse_credentials(response.body);
  Error error = parse_aws_error(response.status, response.body);
  error.path = place_.url;
  return error;
}

bool CredentialsKeeper::forget() {
  fetched_ = {};
  return !place_.fixed;
}

Result<AwsClient> AwsClient::open(const AwsService& service, AwsPatience patience) {
  NFSFERRY_TRY(Ok loaded, load_http(), return);
  NFSFERRY_TRY(std::string region, find_region(), return);
  NFSFERRY_TRY(std::string url, find_endpoint(service, region), return);
  NFSFERRY_TRY(CredentialsPlace place, find_credentials(), return);
  AwsClient client(service, patience, std::move(place));
  client.region_ = std::move(region);
  client.url_ = std::move(url);
  return client;
}

Result<Json> AwsClient::call(const std::string& operation, const Json& arguments) {
  NFSFERRY_TRY(std::string body, exact_json(operation, arguments), return);
  std::uint64_t pause_ms = patience_.first_pause_ms;
  for (attempts_ = 1;; ++attempts_) {
    auto answer = attempt(operation, body);
    if (answer) return answer;
    Error error = std::move(answer).error();
    error.operation = operation;
    bool again =
        may_pass(error) || (error.is(AwsFailure::kExpiredCredentials) && credentials_.forget());
    if (!again || attempts_ >= patience_.attempts) return error;
    pause(pause_ms);
    pause_ms = std::min(pause_ms * 2, patience_.longest_pause_ms);
  }
}

Result<Json> AwsClient::attempt(const std::string& operation, const std::string& body) {
  NFSFERRY_TRY(Credentials credentials, credentials_.get(patience_.timeout_ms), return);
  HttpRequest request;
  request.url = url_;
  request.body = body;
  request.timeout_ms = patience_.timeout_ms;
  request.headers = {"Content-Type: application/x-amz-json-1.0",
                     "X-Amz-Target: " + std::string(service_->target) + operation};
  if (!credentials.session_token.empty()) {
    request.headers.push_back("X-Amz-Security-Token: " + credentials.session_token);
  }
  request.signing = {region_, service_->signing_name, std::move(credentials.access_key),
                     std::move(credentials.secret_key)};
  NFSFERRY_TRY(HttpResponse response, call_http(request), return);
  if (response.status != kStatusOk) return parse_aws_error(response.status, response.body);
  auto answer = parse_json_object(response.body, "the answer");
  if (answer) return answer;
  Error error = own_error(Own::kBadReply, "", answer.error().detail);
  error.path = request.url;
  return error;
}

}  // namespace nfsferry::recover

#include "recover/credentials.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "base/escape.hpp"
#include "base/units.hpp"
#include "recover/json.hpp"
#include "report/report_json.hpp"

namespace nfsferry::recover {
namespace {

constexpr const char* kRelative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
constexpr const char* kFull = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

Error bad_answer(std::string_view what) {
  return own_error(Own::kBadReply, "", "the container's credentials: " + std::string(what));
}

// One that can stand in a header.
Result<std::string> member_of(const Json& json, const char* name) {
  const Json* value = find_member(json, name);
  if (value == nullptr || !value->is_string()) {
    return bad_answer(std::string(name) + " is no text");
  }
  auto text = value->get<std::string>();
  bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!plain) return bad_answer(std::string(name) + " has characters that no key has");
  return text;
}

// "2024-02-29T23:59:59Z", with or without a fraction. 0 for anything else.
std::uint64_t expiry_ms(std::string_view text) {
  constexpr std::size_t kSecondsEnd = 19;
  if (!text.ends_with('Z') || text.size() <= kSecondsEnd) return 0;
  return unix_ms(std::string(text.substr(0, kSecondsEnd)) + ".000Z");
}

// The secrets must not leave the machine in the clear.
bool is_trusted(std::string_view url) {
  constexpr std::string_view kHttps = "https://";
  constexpr std::string_view kHttp = "http://";
  if (url.starts_with(kHttps)) return true;
  if (!url.starts_with(kHttp)) return false;
  std::string_view host = url.substr(kHttp.size());
  host = host.substr(0, host.find_first_of("/?#"));
  if (std::size_t colon = host.rfind(':'); colon != std::string_view::npos) {
    if (parse_unsigned(host.substr(colon + 1), 65'535)) host = host.substr(0, colon);
  }
  constexpr std::array<std::string_view, 6> kHosts{
      "localhost", "127.0.0.1", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
  return std::find(kHosts.begin(), kHosts.end(), host) != kHosts.end();
}

}  // namespace

std::string from_environment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? std::string() : text;
}

Result<Credentials> parse_credentials(std::string_view text) {
  auto json = parse_json_object(text, "the container's credentials");
  if (!json) return bad_answer("the answer is not a JSON object");
  Credentials credentials;
  NFSFERRY_TRY(std::string access_key, member_of(*json, "AccessKeyId"), return);
  NFSFERRY_TRY(std::string secret_key, member_of(*json, "SecretAccessKey"), return);
  if (access_key.empty() || secret_key.empty()) return bad_answer("a key is empty");
  credentials.access_key = std::move(access_key);
  credentials.secret_key = std::move(secret_key);
  if (find_member(*json, "Token") != nullptr) {
    NFSFERRY_TRY(std::string token, member_of(*json, "Token"), return);
    credentials.session_token = std::move(token);
  }
  if (find_member(*json, "Expiration") == nullptr) return credentials;
  NFSFERRY_TRY(std::string expiry, member_of(*json, "Expiration"), return);
  credentials.expires_ms = expiry_ms(expiry);
  if (credentials.expires_ms == 0) return bad_answer("Expiration is no time");
  return credentials;
}

Result<CredentialsPlace> find_credentials() {
  CredentialsPlace place;
  Credentials fixed{from_environment("AWS_ACCESS_KEY_ID"),
                    from_environment("AWS_SECRET_ACCESS_KEY"),
                    from_environment("AWS_SESSION_TOKEN")};
  if (!fixed.access_key.empty() && !fixed.secret_key.empty()) {
    place.fixed = std::move(fixed);
    return place;
  }
  if (std::string path = from_environment(kRelative); !path.empty()) {
    if (!path.starts_with('/')) return bad_member(kRelative, "does not begin with /");
    place.url = "http://169.254.170.2" + path;
    return place;
  }
  place.url = from_environment(kFull);
  if (place.url.empty()) {
    return own_error(Own::kBadInput, "",
                     "there are no AWS credentials; set AWS_ACCESS_KEY_ID and "
                     "AWS_SECRET_ACCESS_KEY, or run in a container with a task role");
  }
  if (!is_trusted(place.url)) {
    return bad_member(
        kFull, quote_for_terminal(place.url) + " is neither https nor an address of this machine");
  }
  place.token_file = from_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (place.token_file.empty()) place.token = from_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  return place;
}

}  // namespace nfsferry::recover

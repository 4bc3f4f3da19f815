#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

// What AWS calls are signed with, and where a container gets it.
namespace nfsferry::recover {

struct Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;     // empty: none
  std::uint64_t expires_ms = 0;  // milliseconds since 1970; 0: never
};

// What an address of the container's credentials answers. Errors: kBadReply, which names the
// member.
Result<Credentials> parse_credentials(std::string_view text);

// Where credentials come from, in the order in which the environment is looked at.
struct CredentialsPlace {
  std::optional<Credentials> fixed;  // from the environment itself
  std::string url;                   // else of the container
  std::string token;                 // what the container's address is asked with; may be empty
  std::string token_file;            // in its place: read anew for each request
};
// By AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY with AWS_SESSION_TOKEN; then
// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI; then AWS_CONTAINER_CREDENTIALS_FULL_URI with
// AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN. Errors: kBadInput.
Result<CredentialsPlace> find_credentials();

// The variable's text; empty is as good as not set.
std::string from_environment(const char* name);

}  // namespace nfsferry::recover

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

// Calls over HTTP, by libcurl. This is its only door, and it is loaded with the first use: nothing
// but a call of the recovery workflow brings it into the process, and a build that had no headers
// of it says so in load_http(). Promises no redirects, and never to send a request twice.
namespace nfsferry::recover {

// The key of AWS's Signature Version 4.
struct HttpSigning {
  std::string region;
  std::string service;
  std::string access_key;
  std::string secret_key;
};

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers;    // "Name: value"
  std::optional<std::string> body;     // POST; else GET
  std::optional<HttpSigning> signing;  // all headers are signed
  bool past_proxies = false;           // for hosts that only this machine reaches
  std::uint64_t timeout_ms = 10'000;   // of the whole call
};

struct HttpResponse {
  std::uint32_t status = 0;
  std::string body;
};

// Whether calls can be made. Errors: kBadInput that says what is missing.
Status load_http();

// Any status is a response. From any thread. Errors: kUnreachable, kNameResolution, kTimeout,
// kConnectionLost, kBadReply (a response that is too large), kUnsupported (a server that cannot be
// trusted, or spoken to), kBadInput as above or for an URL that is none.
Result<HttpResponse> call_http(const HttpRequest& request);

}  // namespace nfsferry::recover

#include "recover/http.hpp"

#include <curl/curl.h>
#include <dlfcn.h>

#include <csignal>
#include <memory>
#include <utility>

#include "base/escape.hpp"

namespace nfsferry::recover {
namespace {

constexpr const char* kLibrary = "libcurl.so.4";
constexpr unsigned kOldestVersion = 0x075800;  // 7.88; those before 7.86 do not sign all headers
constexpr std::size_t kResponseBytesMax = std::size_t{16} << 20;

// What is used of libcurl.
struct Curl {
  decltype(&::curl_global_init) global_init = nullptr;
  decltype(&::curl_version_info) version_info = nullptr;
  decltype(&::curl_easy_init) easy_init = nullptr;
  decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&::curl_easy_setopt) easy_setopt = nullptr;
  decltype(&::curl_easy_perform) easy_perform = nullptr;
  decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&::curl_easy_strerror) easy_strerror = nullptr;
  decltype(&::curl_slist_append) slist_append = nullptr;
  decltype(&::curl_slist_free_all) slist_free_all = nullptr;
};

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

Error unusable(const std::string& why) {
  return own_error(Own::kBadInput, "",
                   "AWS calls need libcurl 7.88 or later (Debian: libcurl4): " + why);
}

// Stays loaded: libcurl and what it loads do not come apart again.
Result<Curl> load() {
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return unusable(::dlerror());
  Curl curl;
  bool all = find(library, "curl_global_init", curl.global_init) &&
             find(library, "curl_version_info", curl.version_info) &&
             find(library, "curl_easy_init", curl.easy_init) &&
             find(library, "curl_easy_cleanup", curl.easy_cleanup) &&
             find(library, "curl_easy_setopt", curl.easy_setopt) &&
             find(library, "curl_easy_perform", curl.easy_perform) &&
             find(library, "curl_easy_getinfo", curl.easy_getinfo) &&
             find(library, "curl_easy_strerror", curl.easy_strerror) &&
             find(library, "curl_slist_append", curl.slist_append) &&
             find(library, "curl_slist_free_all", curl.slist_free_all);
  if (!all) return unusable(std::string(kLibrary) + " lacks functions");
  std::signal(SIGPIPE, SIG_IGN);  // a connection that ends under a write is an error, no signal
  if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return unusable("it does not start");
  const curl_version_info_data* version = curl.version_info(CURLVERSION_NOW);
  if (version->version_num < kOldestVersion) {
    return unusable(std::string(kLibrary) + " is " + version->version);
  }
  return curl;
}

const Result<Curl>& curl_once() {
  static const Result<Curl> curl = load();
  return curl;
}

Own meaning(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return Own::kNameResolution;
    case CURLE_COULDNT_CONNECT: return Own::kUnreachable;
    case CURLE_OPERATION_TIMEDOUT: return Own::kTimeout;
    case CURLE_WRITE_ERROR: return Own::kBadReply;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return Own::kBadInput;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_NOT_BUILT_IN:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_OUT_OF_MEMORY: return Own::kUnsupported;
    default: return Own::kConnectionLost;
  }
}

// Returns less than it was given to end a call whose response is too large.
std::size_t take(char* bytes, std::size_t, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  if (body.size() + count > kResponseBytesMax) return 0;
  body.append(bytes, count);
  return count;
}

// One call.
class Call {
 public:
  explicit Call(const Curl& curl)
      : curl_(curl),
        handle_(curl.easy_init(), curl.easy_cleanup),
        headers_(nullptr, curl.slist_free_all) {}

  Result<HttpResponse> make(const HttpRequest& request) {
    if (!handle_) return own_error(Own::kUnsupported, "", "libcurl gives no handle");
    HttpResponse response;
    describe(request);
    set(CURLOPT_WRITEFUNCTION, &take);
    set(CURLOPT_WRITEDATA, &response.body);
    if (code_ == CURLE_OK) code_ = curl_.easy_perform(handle_.get());
    long status = 0;
    if (code_ == CURLE_OK) {
      code_ = curl_.easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    }
    if (code_ != CURLE_OK) return failure(request);
    response.status = static_cast<std::uint32_t>(status);
    return response;
  }

 private:
  template <typename Value>
  void set(CURLoption option, Value value) {
    if (code_ == CURLE_OK) code_ = curl_.easy_setopt(handle_.get(), option, value);
  }

  void add_header(const std::string& header) {
    curl_slist* list = headers_.release();
    curl_slist* longer = curl_.slist_append(list, header.c_str());
    headers_.reset(longer == nullptr ? list : longer);
    if (longer == nullptr) code_ = CURLE_OUT_OF_MEMORY;
  }

  void describe(const HttpRequest& request) {
    set(CURLOPT_ERRORBUFFER, words_);
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOSIGNAL, 1L);  // signals are the program's
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_ms));
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.timeout_ms));
    if (request.past_proxies) set(CURLOPT_NOPROXY, "*");
    for (const std::string& header : request.headers) add_header(header);
    if (request.body) {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
      set(CURLOPT_POSTFIELDS, request.body->c_str());
    }
    set(CURLOPT_HTTPHEADER, headers_.get());
    if (!request.signing) return;
    const HttpSigning& signing = *request.signing;
    std::string scope = "aws:amz:" + signing.region + ":" + signing.service;
    set(CURLOPT_AWS_SIGV4, scope.c_str());
    set(CURLOPT_USERNAME, signing.access_key.c_str());
    set(CURLOPT_PASSWORD, signing.secret_key.c_str());
  }

  Error failure(const HttpRequest& request) const {
    const char* words = words_[0] == '\0' ? curl_.easy_strerror(code_) : words_;
    Error error = own_error(meaning(code_), "", escape_for_terminal(words));
    error.path = request.url;
    error.detail += " (curl " + std::to_string(code_) + ")";
    return error;
  }

  const Curl& curl_;
  std::unique_ptr<CURL, decltype(&::curl_easy_cleanup)> handle_;
  std::unique_ptr<curl_slist, decltype(&::curl_slist_free_all)> headers_;
  CURLcode code_ = CURLE_OK;  // the first failure
  char words_[CURL_ERROR_SIZE] = {};
};

}  // namespace

Status load_http() {
  const Result<Curl>& curl = curl_once();
  return curl ? ok() : Status(curl.error());
}

Result<HttpResponse> call_http(const HttpRequest& request) {
  const Result<Curl>& curl = curl_once();
  if (!curl) return curl.error();
  return Call(*curl).make(request);
}

}  // namespace nfsferry::recover

#include "aws_stand_in.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <sstream>
#include <utility>

namespace nfsferry::test {
namespace {

std::string trimmed(std::string text) {
  text.erase(0, text.find_first_not_of(' '));
  while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

// False when the other side goes away first.
bool read_more(int fd, std::string& text) {
  char bytes[4096];
  ssize_t got = ::recv(fd, bytes, sizeof bytes, 0);
  if (got <= 0) return false;
  text.append(bytes, static_cast<std::size_t>(got));
  return true;
}

bool read_request(int fd, AwsRequest& request) {
  std::string text;
  std::size_t end = std::string::npos;
  while ((end = text.find("\r\n\r\n")) == std::string::npos) {
    if (!read_more(fd, text)) return false;
  }
  std::istringstream head(text.substr(0, end));
  request.body = text.substr(end + 4);
  std::string line;
  std::getline(head, line);
  std::istringstream(line) >> request.method >> request.path;
  while (std::getline(head, line)) {
    std::size_t colon = line.find(':');
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    request.headers[name] = trimmed(line.substr(colon + 1));
  }
  std::size_t size = 0;
  std::istringstream(request.header("content-length")) >> size;
  while (request.body.size() < size) {
    if (!read_more(fd, request.body)) return false;
  }
  return true;
}

void send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

}  // namespace

std::string AwsRequest::header(const std::string& name) const {
  auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

std::string AwsRequest::operation() const {
  std::string target = header("x-amz-target");
  return target.substr(target.find('.') + 1);
}

AwsAnswer aws_refusal(const std::string& name, int status) {
  nlohmann::json body = {{"__type", "com.amazonaws.service#" + name}, {"message", "as it is told"}};
  return {status, body.dump()};
}

AwsStandIn::AwsStandIn(Answer answer)
    : answer_(std::move(answer)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(listener_.get(), SOMAXCONN), 0);
  thread_ = std::thread([this] { serve(); });
}

AwsStandIn::~AwsStandIn() {
  ::shutdown(listener_.get(), SHUT_RDWR);  // accept() returns
  thread_.join();
}

std::string AwsStandIn::url() const {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

std::vector<AwsRequest> AwsStandIn::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

std::vector<std::string> AwsStandIn::operations() const {
  std::vector<std::string> names;
  for (const AwsRequest& request : requests()) names.push_back(request.operation());
  return names;
}

void AwsStandIn::wait_for(std::size_t count) {
  std::unique_lock lock(mutex_);
  bool came = came_.wait_for(lock, std::chrono::minutes(1),
                             [this, count] { return requests_.size() >= count; });
  ASSERT_TRUE(came) << requests_.size() << " of " << count;
}

void AwsStandIn::serve() {
  for (;;) {
    UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) return;
    timeval patience{60, 0};
    ::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    serve_one(std::move(connection));
  }
}

void AwsStandIn::serve_one(UniqueFd connection) {
  AwsRequest request;
  if (!read_request(connection.get(), request)) return;
  std::size_t index = requests().size();
  AwsAnswer answer = answer_(request, index);
  {
    std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
    came_.notify_all();
  }
  if (answer.way == AwsAnswer::Way::kSilence) silent_.push_back(std::move(connection));
  if (answer.way != AwsAnswer::Way::kSend) return;
  send_all(connection.get(),
           "HTTP/1.1 " + std::to_string(answer.status) + " As Told\r\nContent-Length: " +
               std::to_string(answer.body.size()) + "\r\nConnection: close\r\n\r\n" + answer.body);
}

AwsEnvironment::AwsEnvironment(const std::string& endpoint) {
  set("AWS_ENDPOINT_URL", endpoint);
  set("AWS_REGION", "eu-west-1");
  set("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
  set("AWS_SECRET_ACCESS_KEY", "secret/key+1");
  set("no_proxy", "127.0.0.1");
  for (const char* name :
       {"AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_SFN",
        "AWS_ENDPOINT_URL_DYNAMODB", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "NFSFERRY_TASK_TOKEN"}) {
    unset(name);
  }
}

AwsEnvironment::~AwsEnvironment() {
  for (const auto& [name, before] : before_) {
    if (before.first) {
      ::setenv(name.c_str(), before.second.c_str(), 1);
    } else {
      ::unsetenv(name.c_str());
    }
  }
}

void AwsEnvironment::set(const std::string& name, const std::string& value) {
  remember(name);
  ::setenv(name.c_str(), value.c_str(), 1);
}

void AwsEnvironment::unset(const std::string& name) {
  remember(name);
  ::unsetenv(name.c_str());
}

void AwsEnvironment::remember(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  before_.try_emplace(name, value != nullptr, value == nullptr ? "" : value);
}

}  // namespace nfsferry::test

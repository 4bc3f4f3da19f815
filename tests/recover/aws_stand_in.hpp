// Plays AWS over HTTP on 127.0.0.1, in a thread of its own: keeps what it is sent, and answers as
// it is told. Checks nothing by itself.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"

namespace nfsferry::test {

struct AwsRequest {
  std::string method;
  std::string path;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  // What follows the dot of X-Amz-Target; empty if there is none.
  std::string operation() const;
  nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
  std::string header(const std::string& name) const;
};

struct AwsAnswer {
  int status = 200;
  std::string body = "{}";
  enum class Way { kSend, kCut, kSilence } way = Way::kSend;
};

// "com.amazonaws...#NAME", as the services write it.
AwsAnswer aws_refusal(const std::string& name, int status = 400);

class AwsStandIn {
 public:
  // `index` counts requests from 0.
  using Answer = std::function<AwsAnswer(const AwsRequest& request, std::size_t index)>;

  explicit AwsStandIn(Answer answer = [](const AwsRequest&, std::size_t) { return AwsAnswer{}; });
  ~AwsStandIn();
  AwsStandIn(const AwsStandIn&) = delete;
  AwsStandIn& operator=(const AwsStandIn&) = delete;

  std::string url() const;
  std::vector<AwsRequest> requests() const;
  std::vector<std::string> operations() const;
  // Until so many requests have come; fails after a minute.
  void wait_for(std::size_t count);

 private:
  void serve();
  void serve_one(UniqueFd connection);

  const Answer answer_;
  UniqueFd listener_;
  std::vector<UniqueFd> silent_;  // connections that get no answer
  mutable std::mutex mutex_;      // of requests_
  std::condition_variable came_;
  std::vector<AwsRequest> requests_;
  std::thread thread_;
};

// The variables that AWS calls go by: a region, keys, and the stand-in as the endpoint. As they
// were before, afterwards.
class AwsEnvironment {
 public:
  explicit AwsEnvironment(const std::string& endpoint);
  ~AwsEnvironment();
  AwsEnvironment(const AwsEnvironment&) = delete;
  AwsEnvironment& operator=(const AwsEnvironment&) = delete;

  void set(const std::string& name, const std::string& value);
  void unset(const std::string& name);

 private:
  void remember(const std::string& name);

  std::map<std::string, std::pair<bool, std::string>> before_;
};

}  // namespace nfsferry::test

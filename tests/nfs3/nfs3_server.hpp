// A server of NFSv3 and 4 that the tests of a process share, in a network of its own. Whoever
// includes this registers it:
//   const auto* const kRegistered =
//       ::testing::AddGlobalTestEnvironment(&SharedServer::instance());
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "ganesha.hpp"
#include "private_network.hpp"

namespace nfsferry::test {

// The server of this process. Started by the first test that asks for it.
class SharedServer : public ::testing::Environment {
 public:
  static SharedServer& instance() {
    static auto* server = new SharedServer;  // owned by googletest once it is registered
    return *server;
  }

  // Empty, or why there is no server: a skip on a user's machine, a failure in CI.
  std::string start(bool& is_skip) {
    std::string missing = require_nfs3_server();
    is_skip = !missing.empty();
    if (is_skip) return missing;
    if (!started_) {
      started_ = true;
      GaneshaOptions options;
      options.nfs3 = true;
      trouble_ = server_.start(std::move(options));
    }
    return trouble_;
  }
  void TearDown() override {
    if (!started_ || !trouble_.empty()) return;
    EXPECT_EQ(server_.stop(), "");
  }
  Ganesha& server() { return server_; }
  std::string fresh_name() { return "place-" + std::to_string(++places_); }

 private:
  Ganesha server_;
  bool started_ = false;
  std::string trouble_;
  unsigned places_ = 0;
};

}  // namespace nfsferry::test

// Tests that need a server of their own, which they stop, kill or cut off.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "ganesha.hpp"
#include "nfs4/nfs4_tree.hpp"
#include "proxy.hpp"

namespace nfsferry::test {

// The parameter is the version: "4.1", "4.0".
class ServerTest : public ::testing::TestWithParam<const char*> {
 protected:
  static constexpr std::uint64_t kTimeoutMs = 60'000;

  void SetUp() override {
    if (auto missing = require_ganesha(); !missing.empty()) GTEST_SKIP() << missing;
    log_start(LogOptions{LogLevel::kOff, false, {}});
    auto loop = Loop::create(EngineChoice::kAuto);
    ASSERT_TRUE(loop);
    loop_ = *std::move(loop);
  }
  // Every test begins with this.
  void start_server(GaneshaOptions options = {}) {
    ASSERT_EQ(server_.start(std::move(options)), "");
  }
  void TearDown() override {
    for (auto& client : clients_) run(client->close());
    clients_.clear();
    proxy_.reset();
  }

  template <typename T>
  T run(Task<T> task) {
    return loop_->run(std::move(task));
  }
  nfs4::Nfs4Tree& open_client(std::uint16_t port = 0) {
    clients_.push_back(make_tree(*loop_, port));
    Status opened = run(clients_.back()->open());
    EXPECT_TRUE(opened) << opened.error().message();
    return *clients_.back();
  }
  std::unique_ptr<nfs4::Nfs4Tree> make_tree(Loop& loop, std::uint16_t port = 0,
                                            const std::string& path = "/old") {
    Location location = *parse_location(server_.url(path, GetParam()));
    if (port != 0) location.nfs_port = port;
    nfs4::Nfs4Options options{"test", kTimeoutMs};
    return std::make_unique<nfs4::Nfs4Tree>(loop, std::move(location), std::move(options));
  }
  void close_client(nfs4::Nfs4Tree& client) {
    run(client.close());
    std::erase_if(clients_, [&](const auto& one) { return one.get() == &client; });
  }
  Proxy& start_proxy(MakeFilter filters = {}) {
    ProxyOptions options;
    options.server_port = static_cast<std::uint16_t>(server_.port());
    options.make_filter = std::move(filters);
    proxy_ = *Proxy::start(options);
    return *proxy_;
  }

  // Ends the server as a crash would. The next one starts in another second, of which nfs-ganesha
  // makes its session ids: in the same one it could take an old session for another client's new.
  void kill_server() {
    ASSERT_EQ(server_.kill(), "");
    std::time_t second = std::time(nullptr);
    while (std::time(nullptr) == second) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

  Ganesha server_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Proxy> proxy_;
  std::vector<std::unique_ptr<nfs4::Nfs4Tree>> clients_;
};

inline const auto kServerVersions = ::testing::Values("4.1", "4.0");
inline std::string version_name(const ::testing::TestParamInfo<const char*>& info) {
  return std::string("Nfs4") + info.param[2];
}

}  // namespace nfsferry::test

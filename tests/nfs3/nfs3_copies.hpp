// Copies from and to NFSv3 on the server of the process.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "compound_walk.hpp"
#include "folder_compare.hpp"
#include "nfs3_server.hpp"
#include "nfsferry/run.hpp"
#include "proxy.hpp"

namespace nfsferry::test {

constexpr std::size_t kProcedureAt = 20;  // in a call (RFC 5531 section 9), in bytes

class Nfs3Copy : public ::testing::Test {
 protected:
  void SetUp() override {
    bool is_skip = false;
    std::string trouble = SharedServer::instance().start(is_skip);
    if (is_skip) GTEST_SKIP() << trouble;
    ASSERT_EQ(trouble, "");
    source_ = fresh("/old/");
    target_ = fresh("/new/");
  }
  void TearDown() override {
    for (const std::string& path : {source_, target_}) {
      std::error_code ignored;
      if (!path.empty()) std::filesystem::remove_all(folder(path), ignored);
    }
  }

  static Ganesha& server() { return SharedServer::instance().server(); }
  static std::filesystem::path folder(const std::string& path) { return server().folder(path); }
  // `port`: a proxy's, instead of the server's own.
  static std::string url(const std::string& path, std::string_view version, int port = 0) {
    std::string text = server().url(path, version);
    std::string own = "nfsport=" + std::to_string(server().port());
    if (port != 0) text.replace(text.find(own), own.size(), "nfsport=" + std::to_string(port));
    return text;
  }
  CopyOptions options(std::string_view from = "3", std::string_view to = "3") const {
    CopyOptions options;
    options.threads = 1;
    options.source = url(source_, from);
    options.target = url(target_, to);
    options.timeout_ms = 30'000;
    return options;
  }
  // Between a client and the server.
  static std::unique_ptr<Proxy> proxy_with(MakeFilter filters,
                                           std::chrono::milliseconds delay = {}) {
    ProxyOptions options;
    options.server_port = static_cast<std::uint16_t>(server().port());
    options.delay_to_client = delay;
    options.make_filter = std::move(filters);
    auto made = Proxy::start(options);
    EXPECT_TRUE(made.has_value());
    return made ? *std::move(made) : nullptr;
  }
  static CopyReport copy(const CopyOptions& options) {
    Observer quiet;
    StopFlag stop{0};
    return run(options, quiet, stop);
  }
  static void expect_done(const CopyReport& report) {
    EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
    for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  }
  void expect_equal() const {
    Expectation expectation;
    expectation.symlink_times = false;  // nfs-ganesha answers OK to them and keeps its own
    for (const std::string& line : differences(folder(source_), folder(target_), expectation)) {
      ADD_FAILURE() << line;
    }
    for (const std::string& name : temporaries(folder(target_))) {
      ADD_FAILURE() << "left behind: " << name;
    }
  }

  std::string source_;  // paths that clients see
  std::string target_;

 private:
  static std::string fresh(const std::string& parent) {
    std::string path = parent + SharedServer::instance().fresh_name();
    std::filesystem::create_directory(folder(path));
    return path;
  }
};

}  // namespace nfsferry::test

// A server that stops answering in the middle of a copy, through the built program.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include "ganesha.hpp"
#include "program.hpp"
#include "proxy.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

// Directories in each other: each takes a request of its own, so that a copy with a slow network
// takes a while whatever it is that is fast.
constexpr int kDepth = 40;

class Stuck : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (auto missing = require_ganesha(); !missing.empty()) GTEST_SKIP() << missing;
    ASSERT_EQ(server_.start(), "");
    ProxyOptions options;
    options.server_port = static_cast<std::uint16_t>(server_.port());
    options.delay_to_server = milliseconds(25);
    options.delay_to_client = milliseconds(25);
    proxy_ = *Proxy::start(options);
    fill(folder_.path("source"));
    fill(server_.folder("/old"));
  }
  void TearDown() override { resume_server(); }

  static void fill(fs::path path) {
    for (int i = 0; i < kDepth; ++i) {
      path /= "d";
      fs::create_directories(path);
      std::ofstream(path / "file") << "content " << i;
    }
  }

  std::string url(const std::string& path) const {
    return "nfs://127.0.0.1:" + std::to_string(proxy_->port()) + path + "?version=" + GetParam();
  }
  std::vector<std::string> copy_arguments() const {
    return {"copy", folder_.path("source"), url("/new")};
  }
  void wait_until_under_way() const {
    while (proxy_->counters().requests < 40) std::this_thread::sleep_for(milliseconds(1));
  }
  void stop_server() {
    wait_until_under_way();
    ASSERT_EQ(::kill(server_.pid(), SIGSTOP), 0);
    stopped_ = true;
  }
  void resume_server() {
    if (stopped_) ::kill(server_.pid(), SIGCONT);
    stopped_ = false;
  }
  void expect_all_copied() const {
    fs::path there = server_.folder("/new");
    for (int i = 0; i < kDepth; ++i) {
      there /= "d";
      EXPECT_EQ(fs::file_size(there / "file"), ("content " + std::to_string(i)).size());
    }
  }

  Ganesha server_;
  std::unique_ptr<Proxy> proxy_;
  Folder folder_;
  bool stopped_ = false;
};

TEST_P(Stuck, SaysWhatItWaitsForAndGoesOn) {
  Program program(copy_arguments());
  stop_server();
  // A reply may still be on its way when it is asked first.
  program.wait_until_said("the oldest request, ", [&] { program.signal(SIGUSR1); });
  resume_server();
  Outcome outcome = program.wait();

  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("state: target nfs://127.0.0.1"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("the oldest request, "), std::string::npos) << outcome.err;
  if (GetParam() == std::string_view("4.1")) {
    EXPECT_NE(outcome.err.find("  slot "), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("sequence id"), std::string::npos) << outcome.err;
  }
  EXPECT_NE(outcome.err.find("state: copying: "), std::string::npos) << outcome.err;
  expect_all_copied();
}

TEST_P(Stuck, IsSaidOnceAndEndsWellWhenTheServerComesBack) {
  Program program(copy_arguments());
  stop_server();
  program.wait_until_said("waiting on");
  resume_server();
  Outcome outcome = program.wait();

  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  std::string said = "no answer for 10 s";
  std::size_t first = outcome.err.find(said);
  ASSERT_NE(first, std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.err.find(said, first + 1), std::string::npos) << outcome.err;
  expect_all_copied();
}

TEST_P(Stuck, EndsAfterTheTimeoutWithAClearMessage) {
  std::vector<std::string> arguments = copy_arguments();
  arguments.insert(arguments.end(), {"--timeout", "2s"});
  Program program(arguments);
  stop_server();
  Outcome outcome = program.wait();

  EXPECT_EQ(outcome.exit_code, 75) << outcome.err;
  EXPECT_NE(outcome.err.find("has not answered for 2 s (--timeout)"), std::string::npos)
      << outcome.err;
  EXPECT_NE(outcome.err.find("127.0.0.1:"), std::string::npos) << outcome.err;
}

// Both sides are silent, and one of them holds the lock.
TEST_P(Stuck, IsLeftWithinTheTimeThatAStopMayTake) {
  std::string report = folder_.path("report.json");
  Program program({"copy", url("/old"), url("/new"), "--report-json", report});
  wait_until_under_way();
  proxy_->set_delay(std::chrono::hours(1), std::chrono::hours(1));
  auto asked = std::chrono::steady_clock::now();
  program.signal(SIGTERM);
  Outcome outcome = program.wait();
  auto took = std::chrono::steady_clock::now() - asked;

  EXPECT_EQ(outcome.exit_code, 128 + SIGTERM) << outcome.err;
  EXPECT_TRUE(folder_.has("report.json"));
  // Ten seconds are promised; what closing each server after the other would take is more than
  // this.
  EXPECT_LT(took, std::chrono::seconds(12)) << outcome.err;
}

// As it takes the lock.
TEST_P(Stuck, IsToldAndLeftByWorkOnBackupsToo) {
  Program program({"backups", url("/new"), "--prune", "nightly-7"});
  while (proxy_->counters().requests < 7) std::this_thread::sleep_for(milliseconds(1));
  proxy_->set_delay(std::chrono::hours(1), std::chrono::hours(1));
  program.wait_until_said("state: target nfs://127.0.0.1", [&] { program.signal(SIGUSR1); });
  auto asked = std::chrono::steady_clock::now();
  program.signal(SIGTERM);
  Outcome outcome = program.wait();
  auto took = std::chrono::steady_clock::now() - asked;

  EXPECT_EQ(outcome.exit_code, 128 + SIGTERM) << outcome.err;
  EXPECT_LT(took, std::chrono::seconds(12)) << outcome.err;
}

INSTANTIATE_TEST_SUITE_P(Versions, Stuck, testing::Values("4.1", "4.0"),
                         [](const testing::TestParamInfo<const char*>& version) {
                           return std::string("Nfs4") + version.param[2];
                         });

// A silent source, and what each of its connections waits for.
class StuckSource : public Stuck {};
INSTANTIATE_TEST_SUITE_P(Versions, StuckSource, testing::Values("4.1"));

TEST_P(StuckSource, SaysWhatEachConnectionWaitsFor) {
  Program program({"copy", url("/old"), folder_.path("target"), "--create-target", "--connections",
                   "2", "--threads", "1"});
  stop_server();
  program.wait_until_said("connection 2: connected for", [&] { program.signal(SIGUSR1); });
  program.wait_until_said("waiting on");
  resume_server();
  Outcome outcome = program.wait();

  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("state: source nfs://127.0.0.1"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("connection 1: connected for"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("; the oldest, "), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace nfsferry::test

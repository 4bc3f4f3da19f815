// Stopping a run that waits for a server which takes connections and never answers.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "program.hpp"

namespace nfsferry::test {
namespace {

class SilentServer {
 public:
  SilentServer() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(fd_.get(), generic, length), 0);
    EXPECT_EQ(::listen(fd_.get(), 16), 0);
    EXPECT_EQ(::getsockname(fd_.get(), generic, &length), 0);
    port_ = ntohs(address.sin_port);
  }
  std::string url() const { return "nfs://127.0.0.1:" + std::to_string(port_) + "/export"; }
  // Until a client has connected and said something.
  void wait_for_client() {
    pollfd listening{fd_.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&listening, 1, 30'000), 1);
    client_ = UniqueFd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    pollfd talking{client_.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&talking, 1, 30'000), 1);
  }

 private:
  UniqueFd fd_;
  UniqueFd client_;
  int port_ = 0;
};

class SignalTest : public testing::TestWithParam<int> {
 protected:
  static int wanted_exit_code() { return GetParam() == SIGINT ? 130 : 143; }
};

TEST_P(SignalTest, StopsTheRunWhichStillWritesItsReport) {
  Folder folder;
  std::filesystem::create_directory(folder.path("target"));
  SilentServer server;
  Program program(
      {"copy", server.url(), folder.path("target"), "--report-json", folder.path("report.json")});
  server.wait_for_client();
  program.signal(GetParam());
  Outcome outcome = program.wait(std::chrono::seconds(15));
  EXPECT_EQ(outcome.exit_code, wanted_exit_code()) << outcome.err;
  auto json = nlohmann::json::parse(folder.read("report.json"), nullptr, false);
  ASSERT_FALSE(json.is_discarded());
  EXPECT_EQ(json["Status"], "ERROR");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path("target")));
}

TEST_P(SignalTest, StopsTheRunThatIsToMakeItsTarget) {
  Folder folder;
  std::filesystem::create_directory(folder.path("source"));
  SilentServer server;
  Program program({"copy", folder.path("source"), server.url(), "--create-target"});
  server.wait_for_client();
  program.signal(GetParam());
  Outcome outcome = program.wait(std::chrono::seconds(15));
  EXPECT_EQ(outcome.exit_code, wanted_exit_code()) << outcome.err;
}

TEST_P(SignalTest, StopsABenchThatReachesForEitherSide) {
  for (bool source : {true, false}) {
    Folder folder;
    std::filesystem::create_directory(folder.path("place"));
    SilentServer server;
    std::vector<std::string> places{server.url(), folder.path("place")};
    if (!source) std::swap(places[0], places[1]);
    Program program({"bench", places[0], places[1]});
    server.wait_for_client();
    program.signal(GetParam());
    Outcome outcome = program.wait(std::chrono::seconds(15));
    EXPECT_EQ(outcome.exit_code, wanted_exit_code()) << outcome.err;
    EXPECT_TRUE(std::filesystem::is_empty(folder.path("place")));
  }
}

TEST_P(SignalTest, EndsAProbe) {
  SilentServer server;
  Program program({"probe", server.url(), "--timeout", "300s"});
  server.wait_for_client();
  program.signal(GetParam());
  EXPECT_EQ(program.wait(std::chrono::seconds(15)).exit_code, wanted_exit_code());
}

TEST_P(SignalTest, EndsAProvision) {
  SilentServer server;
  Program program({"provision", server.url(), "--owner", "1000:1000"});
  server.wait_for_client();
  program.signal(GetParam());
  EXPECT_EQ(program.wait(std::chrono::seconds(15)).exit_code, wanted_exit_code());
}

// A shell and the terminal that goes send more than one.
TEST_P(SignalTest, AHangupAfterItCutsNothingShort) {
  Folder folder;
  std::filesystem::create_directory(folder.path("source"));
  std::filesystem::create_directory(folder.path("target"));
  Program program({"bench", folder.path("source"), folder.path("target"), "--shape", "small",
                   "--files", "200000", "--progress", "always"});
  wait_until_filled(folder.path("source"));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // until there is much to remove
  program.signal(GetParam());
  program.wait_until_said("removing ");
  program.signal(SIGHUP);
  Outcome outcome = program.wait();
  EXPECT_EQ(outcome.exit_code, wanted_exit_code()) << outcome.err;
  EXPECT_TRUE(std::filesystem::is_empty(folder.path("source")));
}

INSTANTIATE_TEST_SUITE_P(All, SignalTest, testing::Values(SIGINT, SIGTERM, SIGHUP));

TEST(SilentServer, IsAskedOnceByAProbe) {
  SilentServer server;
  Program program({"probe", server.url(), "--timeout", "100ms"});
  server.wait_for_client();
  Outcome outcome = program.wait(std::chrono::seconds(15));
  EXPECT_EQ(outcome.exit_code, 3) << outcome.err;
  EXPECT_NE(outcome.err.find("no answer in time"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace nfsferry::test

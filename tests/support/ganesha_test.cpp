#include "ganesha.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

bool connects(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool connected =
      ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return connected;
}

bool runs(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string number, name, state;
  return stat >> number >> name >> state && state != "Z";
}

// Lists a folder with libnfs's own tool, a client that is none of ours.
int list(const std::string& url) {
  return std::system(("nfs-ls '" + url + "' >/dev/null 2>&1").c_str());
}

class GaneshaServer : public ::testing::Test {
 protected:
  void SetUp() override {
    if (auto missing = require_ganesha(); !missing.empty()) GTEST_SKIP() << missing;
  }
};

TEST_F(GaneshaServer, AnswersAnotherClientAsSoonAsItHasStarted) {
  Ganesha server;
  ASSERT_EQ(server.start(), "");
  EXPECT_EQ(list(server.url("/old/", "4")), 0);
  EXPECT_EQ(list(server.url("/new/", "4")), 0);
  EXPECT_NE(list(server.url("/other/", "4")), 0);
}

TEST_F(GaneshaServer, NamesTheUrlAndTheFolderOfAPath) {
  Ganesha server;
  ASSERT_EQ(server.start({.exports = {{"/a", {}}, {"/a/deep", {}}}}), "");
  const auto port = std::to_string(server.port());
  EXPECT_EQ(server.url("/a/x y%", "4.1"), "nfs://127.0.0.1/a/x%20y%25?version=4.1&nfsport=" + port);
  EXPECT_EQ(server.url("/a"), "nfs://127.0.0.1/a?nfsport=" + port);
  EXPECT_TRUE(fs::is_directory(server.folder("/a/deep")));
  EXPECT_EQ(server.folder("/a/deep/er"), server.folder("/a") / "deep/er");
  EXPECT_EQ(server.folder("/ab"), fs::path());
}

TEST_F(GaneshaServer, ComesBackOnTheSamePortAfterACrashAndAfterAStop) {
  Ganesha server;
  ASSERT_EQ(server.start(), "");
  const pid_t first = server.pid();
  ASSERT_EQ(server.kill(), "");
  EXPECT_FALSE(runs(first));
  EXPECT_FALSE(connects(server.port()));
  ASSERT_EQ(server.restart(), "");
  EXPECT_NE(server.pid(), first);
  EXPECT_EQ(list(server.url("/old/", "4")), 0);
  ASSERT_EQ(server.stop(), "");
  EXPECT_FALSE(connects(server.port()));
  ASSERT_EQ(server.restart(), "");
  EXPECT_EQ(list(server.url("/old/", "4")), 0);
}

TEST_F(GaneshaServer, RunsBesideAnother) {
  Ganesha one, other;
  ASSERT_EQ(one.start(), "");
  ASSERT_EQ(other.start(), "");
  EXPECT_NE(one.port(), other.port());
  EXPECT_EQ(list(one.url("/old/", "4")), 0);
  EXPECT_EQ(list(other.url("/old/", "4")), 0);
}

TEST_F(GaneshaServer, LeavesNothingBehind) {
  fs::path folder;
  pid_t pid = 0;
  {
    Ganesha server;
    ASSERT_EQ(server.start(), "");
    folder = server.folder("/old");
    pid = server.pid();
    std::ofstream(folder / "file") << "text";
  }
  EXPECT_FALSE(runs(pid));
  EXPECT_FALSE(fs::exists(folder));
}

TEST_F(GaneshaServer, EndsWithItsFoldersWhenItsOwnerDies) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    auto* server = new Ganesha;
    const bool started = server->start().empty();
    const pid_t pid = started ? server->pid() : 0;
    const auto root = server->log().parent_path().parent_path().string();
    const bool told = ::write(ends[1], &pid, sizeof pid) == sizeof pid &&
                      ::write(ends[1], root.data(), root.size()) > 0;
    ::_exit(told ? 0 : 1);  // as a crash: no destructor runs
  }
  ::close(ends[1]);
  pid_t pid = 0;
  char root[256] = {};
  EXPECT_EQ(::read(ends[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  EXPECT_GT(::read(ends[0], root, sizeof root - 1), 0);
  ::close(ends[0]);
  ::waitpid(owner, nullptr, 0);
  ASSERT_GT(pid, 0);
  for (int i = 0; i < 500 && (runs(pid) || fs::exists(root)); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_FALSE(runs(pid));
  EXPECT_FALSE(fs::exists(root));
}

}  // namespace
}  // namespace nfsferry::test

// A recovery between two NFS servers that are reached through TLS, by the recipe of docs/tls.md:
// its files are run as they stand there, but for hosts, ports and certificates.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "ci.hpp"
#include "homes.hpp"

namespace nfsferry::test {
namespace {

using Words = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kRecipe = NFSFERRY_SOURCE_DIR "/docs/tls.md";
constexpr const char* kStunnel = "/usr/bin/stunnel";
constexpr const char* kOpenssl = "/usr/bin/openssl";

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The first block below a heading of the recipe, with each word replaced wherever it stands.
std::string recipe(const std::string& heading, const Words& words) {
  std::string text = content(kRecipe);
  constexpr std::string_view kFence = "```\n";
  std::size_t begin = text.find(kFence, text.find("## " + heading));
  std::size_t end = text.find(kFence, begin + kFence.size());
  if (end == std::string::npos) return {};
  text = text.substr(begin + kFence.size(), end - begin - kFence.size());
  for (const auto& [from, to] : words) {
    EXPECT_NE(text.find(from), std::string::npos) << from;
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
      text.replace(at, from.size(), to);
    }
  }
  return text;
}

// A loopback port that nobody else is given while this lives.
class Port {
 public:
  Port() {
    auto [socket, number] = reserve_port();
    socket_ = UniqueFd(socket);
    number_ = std::to_string(number);
  }
  const std::string& number() const { return number_; }
  std::string address() const { return "127.0.0.1:" + number_; }

 private:
  UniqueFd socket_;
  std::string number_;
};

class TlsTest : public HomesTest {
 protected:
  void SetUp() override {
    for (const char* program : {kStunnel, kOpenssl}) {
      if (::access(program, X_OK) == 0) continue;
      if (under_ci()) FAIL() << program << " is missing; tools/setup installs it";
      GTEST_SKIP() << program << " is missing";
    }
    HomesTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    make_certificate("server", "localhost");
    fill_old_home(3);
    make_home(new_home_, new_uid_);
  }

  // NAME.pem and NAME.key; it is its own authority.
  void make_certificate(const std::string& name, const std::string& host) const {
    Outcome made = Program(kOpenssl,
                           {"req", "-x509", "-newkey", "ec", "-pkeyopt",
                            "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj",
                            "/CN=" + host, "-addext", "subjectAltName=DNS:" + host, "-keyout",
                            folder_.path(name + ".key"), "-out", folder_.path(name + ".pem")},
                           "/dev/null")
                       .wait();
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }

  std::unique_ptr<Program> tunnel(const std::string& name, const std::string& configuration) const {
    folder_.write(name, configuration);
    auto program = std::make_unique<Program>(kStunnel, std::vector<std::string>{folder_.path(name)},
                                             "/dev/null");
    program->wait_until_said("Configuration successful");
    return program;
  }

  // Beside a server of its own.
  std::unique_ptr<Program> server_tunnel(const std::string& name, const Port& port,
                                         const Ganesha& server) const {
    return tunnel(name, recipe("The server's side",
                               {{"accept = 2049", "accept = " + port.address()},
                                {"127.0.0.1:20490", "127.0.0.1:" + std::to_string(server.port())},
                                {"/etc/stunnel/server.pem", folder_.path("server.pem")},
                                {"/etc/stunnel/server.key", folder_.path("server.key")}}));
  }

  // To both servers.
  std::unique_ptr<Program> client_tunnels(const std::string& authority = "server.pem",
                                          const std::string& host = "localhost") const {
    return tunnel("client.conf",
                  recipe("The client's side",
                         {{"connect = fs-old.example:2049", "connect = " + old_tls_.address()},
                          {"connect = fs-new.example:2049", "connect = " + new_tls_.address()},
                          {"checkHost = fs-old.example", "checkHost = " + host},
                          {"checkHost = fs-new.example", "checkHost = " + host},
                          {"127.0.0.1:20491", old_plain_.address()},
                          {"127.0.0.1:20492", new_plain_.address()},
                          {"/etc/ssl/certs/ca-certificates.crt", folder_.path(authority)}}));
  }

  void start_server_tunnels() {
    old_server_ = server_tunnel("old.conf", old_tls_, servers().old_efs);
    new_server_ = server_tunnel("new.conf", new_tls_, servers().new_efs);
  }

  std::vector<std::string> recover_command(const std::string& timeout) const {
    folder_.write("input.json", input().dump());
    std::vector<std::string> words{"recover",   "--input", folder_.path("input.json"),
                                   "--timeout", timeout,   "--wait-target",
                                   "0s"};
    std::vector<std::string> roots =
        maps("nfs://" + old_plain_.address() + "/efs", "nfs://" + new_plain_.address() + "/efs");
    words.insert(words.end(), roots.begin(), roots.end());
    return words;
  }

  void expect_refused() const {
    Outcome refused = run_program(recover_command("1s"));
    EXPECT_NE(refused.exit_code, 0);
    EXPECT_NE(refused.exit_code, 2) << refused.err;
    EXPECT_TRUE(std::filesystem::is_empty(new_home_));
  }

  Port old_tls_, new_tls_, old_plain_, new_plain_;
  std::unique_ptr<Program> old_server_, new_server_;
};

TEST_F(TlsTest, AHomeIsRecoveredThroughATunnelToEachServer) {
  start_server_tunnels();
  auto client = client_tunnels();
  Outcome outcome = run_program(recover_command("60s"));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  expect_recovered();
  EXPECT_TRUE(client->has_said("Service [old] accepted connection"));
  EXPECT_TRUE(client->has_said("Service [new] accepted connection"));
}

TEST_F(TlsTest, ACopyGoesOnWhenItsTunnelsWereGone) {
  start_server_tunnels();
  auto client = client_tunnels();
  std::vector<std::string> words = recover_command("60s");
  folder_.write("limits", "iops-limit=5\n");  // slow enough to be interrupted
  words.insert(words.end(), {"--limits-file", folder_.path("limits")});
  Program copy(words);
  ASSERT_TRUE(comes_true([this] { return !std::filesystem::is_empty(new_home_); }));
  client.reset();
  copy.wait_until_said("connection lost");
  client = client_tunnels();
  folder_.write("limits", "iops-limit=100000\n");
  Outcome outcome = copy.wait(std::chrono::seconds(60));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  expect_recovered();
}

TEST_F(TlsTest, AServerWithACertificateForAnotherHostIsNotTalkedTo) {
  start_server_tunnels();
  auto client = client_tunnels("server.pem", "fs-old.example");
  expect_refused();
  EXPECT_TRUE(client->has_said("certificate verify failed"));
}

TEST_F(TlsTest, AServerOfAnUnknownAuthorityIsNotTalkedTo) {
  start_server_tunnels();
  make_certificate("another", "localhost");
  auto client = client_tunnels("another.pem");
  expect_refused();
  EXPECT_TRUE(client->has_said("certificate verify failed"));
}

}  // namespace
}  // namespace nfsferry::test

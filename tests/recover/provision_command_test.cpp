// `nfsferry provision`, on folders and on a server.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "fault_plan.hpp"
#include "ganesha.hpp"
#include "program.hpp"
#include "proxy.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

// "UID:GID MODE" of a directory, or what else is there.
std::string state(const fs::path& path) {
  struct stat got = {};
  if (::lstat(path.c_str(), &got) != 0) return "nothing";
  if (!S_ISDIR(got.st_mode)) return "no directory";
  char mode[8];
  std::snprintf(mode, sizeof mode, "%04o", got.st_mode & 07777);
  return std::to_string(got.st_uid) + ":" + std::to_string(got.st_gid) + " " + mode;
}

class ProvisionCommand : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to give directories away";
  }
  Outcome provision(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "provision");
    return run_program(arguments);
  }
  std::string home() const { return folder_.path("200001"); }

  Folder folder_;
};

TEST_F(ProvisionCommand, MakesADirectoryOnceAndThenLeavesIt) {
  std::vector<std::string> arguments{home(), "--owner", "200001:1001", "--mode", "0750"};
  Outcome first = provision(arguments);
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(first.out, "created " + home() + "\n");
  EXPECT_EQ(state(home()), "200001:1001 0750");
  folder_.write("200001/file", "kept");
  Outcome second = provision(arguments);
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(second.out, "unchanged " + home() + "\n");
  EXPECT_EQ(folder_.read("200001/file"), "kept");
}

TEST_F(ProvisionCommand, RepairsOwnerAndModeUnlessForbidden) {
  fs::create_directory(home());
  ASSERT_EQ(::chmod(home().c_str(), 0755), 0);
  Outcome refused = provision({home(), "--owner", "200001:1001", "--no-repair"});
  EXPECT_EQ(refused.exit_code, 4);
  EXPECT_NE(refused.err.find("0755"), std::string::npos) << refused.err;
  EXPECT_EQ(state(home()), "0:0 0755");
  Outcome repaired = provision({home(), "--owner", "200001:1001"});
  EXPECT_EQ(repaired.exit_code, 0) << repaired.err;
  EXPECT_EQ(repaired.out, "repaired " + home() + "\n");
  EXPECT_EQ(state(home()), "200001:1001 0700");
  EXPECT_EQ(provision({home(), "--owner", "200001:1001", "--no-repair"}).exit_code, 0);
}

TEST_F(ProvisionCommand, RefusesWhatIsNoDirectory) {
  folder_.write("file", "kept");
  fs::create_directory(folder_.path("elsewhere"));
  fs::create_directory_symlink(folder_.path("elsewhere"), folder_.path("link"));
  std::string before = state(folder_.path("elsewhere"));
  for (const char* name : {"file", "link"}) {
    Outcome outcome = provision({folder_.path(name), "--owner", "200001:1001"});
    EXPECT_EQ(outcome.exit_code, 4) << name;
    EXPECT_EQ(line_count(outcome.err), 1) << outcome.err;
    EXPECT_EQ(state(folder_.path(name)), "no directory") << name;
  }
  EXPECT_EQ(folder_.read("file"), "kept");
  EXPECT_EQ(state(folder_.path("elsewhere")), before);
}

TEST_F(ProvisionCommand, AMissingParentIsNotMade) {
  Outcome outcome = provision({folder_.path("none/200001"), "--owner", "200001:1001"});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_FALSE(folder_.has("none"));
}

TEST_F(ProvisionCommand, SeveralAreMadeAndOneThatFailsStopsNoOther) {
  folder_.write("file", "");
  Outcome outcome = provision(
      {home(), folder_.path("file"), folder_.path("200006"), "--owner", "200001:1001", "--quiet"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(line_count(outcome.err), 1) << outcome.err;
  EXPECT_EQ(state(home()), "200001:1001 0700");
  EXPECT_EQ(state(folder_.path("200006")), "200001:1001 0700");
}

TEST_F(ProvisionCommand, LinesOfStdinMayNameTheirOwners) {
  folder_.write("homes", home() + "\t200001:1001\n\n" + folder_.path("200006") + "\n");
  Outcome outcome =
      run_program({"provision", "-", "--owner", "200006:1002"}, folder_.path("homes"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(state(home()), "200001:1001 0700");
  EXPECT_EQ(state(folder_.path("200006")), "200006:1002 0700");
}

TEST_F(ProvisionCommand, ABadLineIsNamedAndNothingIsMade) {
  folder_.write("homes", home() + "\t200001:1001\n" + folder_.path("200006") + "\tann\n");
  Outcome outcome = run_program({"provision", "-"}, folder_.path("homes"));
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("line 2: 'ann' is not an owner"), std::string::npos) << outcome.err;
  EXPECT_FALSE(folder_.has("200001"));
}

TEST_F(ProvisionCommand, MistakesAreUsageErrors) {
  EXPECT_EQ(provision({}).exit_code, 2);
  EXPECT_EQ(provision({home()}).exit_code, 2);
  EXPECT_EQ(provision({home(), "--owner", "keep"}).exit_code, 2);
  EXPECT_EQ(provision({home(), "--owner", "1:1", "--mode", "0888"}).exit_code, 2);
  EXPECT_EQ(provision({home(), "--owner", "1:1", "--mode", "17777"}).exit_code, 2);
  EXPECT_EQ(provision({"/", "--owner", "1:1"}).exit_code, 2);
  EXPECT_EQ(provision({"nfs:///x", "--owner", "1:1"}).exit_code, 2);
  EXPECT_FALSE(folder_.has("200001"));
  EXPECT_NE(run_program({"provision", "--help"}).out.find("  nfsferry provision nfs://"),
            std::string::npos);
}

TEST(ProvisionOnAServer, MakesRepairsAndLeavesDirectories) {
  if (auto missing = require_ganesha(); !missing.empty()) GTEST_SKIP() << missing;
  Ganesha server;
  GaneshaOptions options;
  options.exports = {{"/efs", {}}};
  ASSERT_EQ(server.start(options), "");
  std::string url = server.url("/efs/200001", "4.1");
  auto run = [&url](const char* owner, const char* mode) {
    return run_program({"provision", url, "--owner", owner, "--mode", mode});
  };
  Outcome created = run("200001:1001", "0700");
  EXPECT_EQ(created.out, "created " + url + "\n") << created.err;
  EXPECT_EQ(state(server.folder("/efs/200001")), "200001:1001 0700");
  EXPECT_EQ(run("200001:1001", "0700").out, "unchanged " + url + "\n");
  EXPECT_EQ(run("200001:1002", "2770").out, "repaired " + url + "\n");
  EXPECT_EQ(state(server.folder("/efs/200001")), "200001:1002 2770");
}

TEST(ProvisionOnAServer, OneThatGoesAwayMidwayMayBeAskedAgainLater) {
  if (auto missing = require_ganesha(); !missing.empty()) GTEST_SKIP() << missing;
  Ganesha server;
  GaneshaOptions served;
  served.exports = {{"/efs", {}}};
  ASSERT_EQ(server.start(served), "");
  constexpr unsigned kForEver = 1'000'000;
  FaultPlan plan({Fault{Fault::Kind::kNoReply, kOpCreate, 0, 1, kForEver}});
  ProxyOptions options;
  options.server_port = static_cast<std::uint16_t>(server.port());
  options.make_filter = plan.filters();
  auto proxy = Proxy::start(options);
  ASSERT_TRUE(proxy);
  std::string url = "nfs://127.0.0.1:" + std::to_string((*proxy)->port()) + "/efs/200001";
  Outcome outcome = run_program({"provision", url, "--owner", "200001:1001", "--timeout", "1s"});
  EXPECT_EQ(outcome.exit_code, 75) << outcome.err;
  EXPECT_NE(outcome.err.find(url + ": "), std::string::npos) << outcome.err;
  EXPECT_GT(plan.struck(), 0u);
}

}  // namespace
}  // namespace nfsferry::test

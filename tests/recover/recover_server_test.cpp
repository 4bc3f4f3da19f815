// `nfsferry recover` between two NFS servers.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "homes.hpp"
#include "proxy.hpp"
#include "sample_tree.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

bool has_a_finished_file(const fs::path& folder) {
  std::error_code gone;  // a temporary that was renamed meanwhile
  for (fs::recursive_directory_iterator one(folder, gone), end; one != end; one.increment(gone)) {
    bool temporary = one->path().filename().string().starts_with(".nfsferry-");
    if (!temporary && one->is_regular_file(gone)) return true;
  }
  return false;
}

class RecoverServerTest : public HomesTest {
 protected:
  std::vector<std::string> command(const Json& json, const std::string& old_root = {},
                                   const std::string& new_root = {}) const {
    folder_.write("input.json", json.dump());
    std::vector<std::string> words{
        "recover", "--input",       folder_.path("input.json"), "--ledger",
        ledger(),  "--report-json", folder_.path("report.json")};
    std::vector<std::string> roots = maps(old_root, new_root);
    words.insert(words.end(), roots.begin(), roots.end());
    return words;
  }
  std::string ledger() const { return "sqlite:" + folder_.path("ledger.db"); }

  // One attribute of the profile's row, empty if there is none yet.
  std::string row(const std::string& profile, const char* attribute) const {
    Outcome shown = run_program({"ledger", "show", "--ledger", ledger(), "--profile-name", profile,
                                 "--domain-name", "a", "--json"});
    Json json = Json::parse(shown.out, nullptr, false);
    return json.is_object() ? json[attribute].get<std::string>() : std::string();
  }
  Json report() const { return Json::parse(folder_.read("report.json"), nullptr, false); }
};

TEST_F(RecoverServerTest, AUserProfileGetsItsFilesBackUnderItsNewUid) {
  fill_old_home(3);
  make_home(new_home_, new_uid_);
  Outcome outcome = run_program(command(input()));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  expect_recovered();
  EXPECT_EQ(row("user1", "replication_status"), "SUCCESS");
  EXPECT_EQ(row("user1", "files_transferred"), "60");
  EXPECT_EQ(row("user1", "bytes_written"),
            std::to_string(report()["BytesWritten"].get<std::uint64_t>()));
  EXPECT_EQ(row("user1", "efs_uid"), std::to_string(new_uid_));
}

TEST_F(RecoverServerTest, ASpaceGetsItsFilesBackAndItsRow) {
  fill_old_home(1);
  make_home(new_home_, new_uid_);
  Outcome outcome = run_program(command(input(true)));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  expect_recovered();
  EXPECT_EQ(row("space1", "replication_status"), "SUCCESS");
  EXPECT_EQ(row("space1", "space_name"), "space1");
}

TEST_F(RecoverServerTest, AnEntryThatCannotBeCopiedIsAnErrorInTheRowAndTheOthersAreThere) {
  fill_old_home(1);
  make_file(old_home_ / "notebook", 100, 1);
  make_home(new_home_, new_uid_);
  fs::create_directories(new_home_ / "notebook" / "in the way");
  Outcome outcome = run_program(command(input()));
  EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
  EXPECT_NE(outcome.err.find("Nfsferry.PartialCopy: "), std::string::npos) << outcome.err;
  EXPECT_EQ(row("user1", "replication_status"), "ERROR");
  EXPECT_EQ(row("user1", "files_transferred"), "20");
  EXPECT_TRUE(fs::is_directory(new_home_ / "notebook" / "in the way"));
}

TEST_F(RecoverServerTest, WithoutAnyNameNothingIsTouched) {
  make_home(new_home_, new_uid_);
  Json json = input();
  json["Target"].erase("UserProfileName");
  Outcome outcome = run_program(command(json));
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("Target.SpaceName"), std::string::npos) << outcome.err;
  EXPECT_TRUE(fs::is_empty(new_home_));
  EXPECT_FALSE(folder_.has("ledger.db"));
}

TEST_F(RecoverServerTest, ASourceServerThatIsNotThereIsExit3) {
  make_home(new_home_, new_uid_);
  Outcome outcome = run_program(command(input(), "nfs://127.0.0.1:1/efs"));
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_NE(outcome.err.find("Nfsferry.SourceMissing"), std::string::npos) << outcome.err;
  EXPECT_EQ(row("user1", "replication_status"), "ERROR");
}

TEST_F(RecoverServerTest, ATargetThatAppearsLateIsWaitedFor) {
  fill_old_home(1);
  Program recovery(command(input()));
  // PENDING is written before the first look at the target.
  ASSERT_TRUE(comes_true([this] { return row("user1", "replication_status") == "PENDING"; }));
  Outcome made =
      run_program({"provision", servers().new_efs.url("/efs/" + std::to_string(new_uid_)),
                   "--owner", std::to_string(new_uid_) + ":" + std::to_string(kHomeGroup)});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  Outcome outcome = recovery.wait();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  expect_recovered();
}

TEST_F(RecoverServerTest, AStopEndsTheWaitForTheTarget) {
  Program recovery(command(input()));
  ASSERT_TRUE(comes_true([this] { return row("user1", "replication_status") == "PENDING"; }));
  recovery.signal(SIGTERM);
  Outcome outcome = recovery.wait();
  EXPECT_EQ(outcome.exit_code, 143) << outcome.err;
  EXPECT_EQ(row("user1", "replication_status"), "ERROR");
}

std::unique_ptr<Proxy> slow_proxy(const Ganesha& server) {
  ProxyOptions options;
  options.server_port = static_cast<std::uint16_t>(server.port());
  options.delay_to_server = milliseconds(20);
  options.delay_to_client = milliseconds(20);
  auto proxy = Proxy::start(options);
  EXPECT_TRUE(proxy.has_value());
  return proxy ? *std::move(proxy) : nullptr;
}

std::string root_behind(const Proxy& proxy) {
  return "nfs://127.0.0.1:" + std::to_string(proxy.port()) + "/efs";
}

TEST_F(RecoverServerTest, KilledInTheMiddleAndStartedAgainItCopiesTheRest) {
  fill_old_home(60);
  make_file(old_home_ / "large", 20 << 20, 3);
  ASSERT_EQ(::chown((old_home_ / "large").c_str(), old_uid_, kHomeGroup), 0);
  make_home(new_home_, new_uid_);
  auto old_proxy = slow_proxy(servers().old_efs);
  auto new_proxy = slow_proxy(servers().new_efs);
  Program killed(command(input(), root_behind(*old_proxy), root_behind(*new_proxy)));
  ASSERT_TRUE(comes_true([this] { return has_a_finished_file(new_home_); }));
  killed.signal(SIGKILL);
  EXPECT_EQ(killed.wait().exit_code, 128 + SIGKILL);
  EXPECT_EQ(row("user1", "replication_status"), "PENDING");

  // While the server still holds what the killed run locked, the answer is "try again later".
  auto deadline = std::chrono::steady_clock::now() + seconds(60);
  Outcome again = run_program(command(input()));
  while (again.exit_code == 75 && std::chrono::steady_clock::now() < deadline) {
    again = run_program(command(input()));
  }
  EXPECT_EQ(again.exit_code, 0) << again.err;
  expect_recovered();
  EXPECT_GT(report()["FilesSkipped"], 0);
  EXPECT_EQ(row("user1", "replication_status"), "SUCCESS");
}

}  // namespace
}  // namespace nfsferry::test

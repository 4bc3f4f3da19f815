// `nfsferry recover` between folders: input, ledger, exit codes, report.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "home_folders.hpp"
#include "schema_check.hpp"

namespace nfsferry::test {
namespace {

using Json = nlohmann::json;

class RecoverCommand : public testing::Test {
 protected:
  void SetUp() override { folder_.write("old/200005/deep/er/data", std::string(100'000, 'x')); }

  static Json input() {
    Json json = HomeFolders::input();
    json["Options"] = {{"Gid", "NONE"}, {"Uid", "NONE"}, {"PosixPermissions", "NONE"}};
    return json;
  }

  Outcome recover(const Json& json, std::vector<std::string> more = {}) {
    more.insert(more.end(), {"--ledger", ledger(), "--wait-target", "0s", "--report-json",
                             folder_.path("report.json")});
    return run_program(homes_.arguments(json, more));
  }
  std::string ledger() const { return "sqlite:" + folder_.path("ledger.db"); }

  Json row(const std::string& profile) const {
    Outcome shown = run_program({"ledger", "show", "--ledger", ledger(), "--profile-name", profile,
                                 "--domain-name", "a", "--json"});
    return Json::parse(shown.out, nullptr, false);
  }
  // Of user1.
  Json last_of_history() const {
    Outcome history = run_program(
        {"ledger", "history", "--ledger", ledger(), "--profile-name", "user1", "--json"});
    std::string line = history.out.substr(0, history.out.find_last_not_of('\n') + 1);
    return Json::parse(line.substr(line.rfind('\n') + 1), nullptr, false);
  }
  // As another program would.
  void sql(const char* statement) const {
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open(folder_.path("ledger.db").c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, statement, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(database);
  }
  Json report() const { return Json::parse(folder_.read("report.json"), nullptr, false); }

  HomeFolders homes_;
  const Folder& folder_ = homes_.folder();
};

TEST_F(RecoverCommand, CopiesTheHomeAndWritesReportRowAndHistory) {
  Outcome outcome = recover(input());
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(folder_.read("new/200010/notebook"), "hello");
  EXPECT_EQ(folder_.read("new/200010/deep/er/data"), folder_.read("old/200005/deep/er/data"));
  EXPECT_EQ(schema_complaint("report.schema.json", folder_.read("report.json")), "");
  Json json = report();
  EXPECT_EQ(json["Status"], "SUCCESS");
  EXPECT_EQ(json["FilesTransferred"], 2);
  EXPECT_EQ(json["Options"]["Uid"], "NONE");
  Json got = row("user1");
  EXPECT_EQ(got["replication_status"], "SUCCESS");
  EXPECT_EQ(got["bytes_written"], "100005");
  EXPECT_EQ(got["files_transferred"], "2");
  EXPECT_EQ(got["total_duration_ms"], std::to_string(json["Result"]["TotalDuration"].get<int>()));
  EXPECT_EQ(got["efs_uid"], "200010");
  EXPECT_EQ(last_of_history()["efs_sys_id"], "fs-0b");
}

TEST_F(RecoverCommand, WithoutALedgerOnlyTheCopyIsMade) {
  folder_.write("input.json", input().dump());
  Outcome outcome = run_program({"recover", "--input", folder_.path("input.json"), "--map",
                                 "fs-0a=" + folder_.path("old"), "--map",
                                 "fs-0b=" + folder_.path("new"), "--report-json", "-"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(Json::parse(outcome.out)["FilesTransferred"], 2);
  EXPECT_FALSE(folder_.has("ledger.db"));
}

TEST_F(RecoverCommand, TheInputMayStandInTheEnvironment) {
  ASSERT_EQ(::setenv("NFSFERRY_TEST_INPUT", input().dump().c_str(), 1), 0);
  auto from = [this](const char* name) {
    return run_program({"recover", "--input", name, "--map", "fs-0a=" + folder_.path("old"),
                        "--map", "fs-0b=" + folder_.path("new"), "--quiet"});
  };
  EXPECT_EQ(from("env:NFSFERRY_TEST_INPUT").exit_code, 0);
  ::unsetenv("NFSFERRY_TEST_INPUT");
  Outcome refused = from("env:NFSFERRY_TEST_INPUT");
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("Nfsferry.BadInput: env:NFSFERRY_TEST_INPUT"), std::string::npos)
      << refused.err;
}

TEST_F(RecoverCommand, ResultsGoToTheRowThatIsThereAndTouchNothingElse) {
  ASSERT_EQ(run_program({"ledger", "upsert", "--ledger", ledger(), "--profile-name", "user1",
                         "--domain-name", "a", "--efs-sys-id", "fs-0b", "--efs-uid", "200010",
                         "--role-name", "role", "--domain-id", "d-a", "--no-replication"})
                .exit_code,
            0);
  ASSERT_EQ(recover(input()).exit_code, 0);
  Json got = row("user1");
  EXPECT_EQ(got["role_name"], "role");
  EXPECT_EQ(got["replication"], false);
  EXPECT_EQ(got["replication_status"], "SUCCESS");
  Json noted = last_of_history();
  EXPECT_EQ(noted["role_name"], "role");
  EXPECT_EQ(noted["replication"], false);
}

// What never copied must not look as if it still did.
TEST_F(RecoverCommand, ARowIsPendingOnlyWhenItsHistoryIsWritten) {
  ASSERT_EQ(recover(input()).exit_code, 0);
  sql("CREATE TRIGGER full BEFORE INSERT ON studioUserHistory BEGIN SELECT RAISE(FAIL, 'full'); "
      "END");
  Outcome outcome = recover(input());
  EXPECT_EQ(outcome.exit_code, 75) << outcome.err;
  EXPECT_EQ(row("user1")["replication_status"], "SUCCESS");
}

TEST_F(RecoverCommand, TheRowOfAProfileThatWasMadeAgainMeanwhileIsLeftAsItIs) {
  ASSERT_EQ(run_program({"ledger", "upsert", "--ledger", ledger(), "--profile-name", "user1",
                         "--domain-name", "a", "--efs-sys-id", "fs-0b", "--efs-uid", "200015"})
                .exit_code,
            0);
  Json before = row("user1");
  Outcome outcome = recover(input());
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("has another home"), std::string::npos) << outcome.err;
  EXPECT_EQ(folder_.read("new/200010/notebook"), "hello");
  EXPECT_EQ(row("user1"), before);
}

TEST_F(RecoverCommand, TheRowOfASpaceIsWritten) {
  Json json = input();
  for (const char* side : {"Source", "Target"}) {
    json[side].erase("UserProfileName");
    json[side]["SpaceName"] = "space1";
  }
  ASSERT_EQ(recover(json).exit_code, 0);
  EXPECT_EQ(row("space1")["space_name"], "space1");
  EXPECT_EQ(row("space1")["replication_status"], "SUCCESS");
}

TEST_F(RecoverCommand, BadInputIsExit2AndTouchesNothing) {
  Json json = input();
  json["Target"]["HomeEfsFileSystemUid"] = "..";
  Outcome outcome = recover(json);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(line_count(outcome.err), 1) << outcome.err;
  EXPECT_EQ(outcome.err.find("nfsferry: Nfsferry.BadInput: input: Target.HomeEfsFileSystemUid"), 0u)
      << outcome.err;
  EXPECT_FALSE(folder_.has("ledger.db"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path("new/200010")));
  EXPECT_EQ(schema_complaint("report.schema.json", folder_.read("report.json")), "");
  EXPECT_EQ(report()["Status"], "ERROR");
}

TEST_F(RecoverCommand, NeitherNameIsExit2) {
  Json json = input();
  json["Target"].erase("UserProfileName");
  EXPECT_EQ(recover(json).exit_code, 2);
  EXPECT_FALSE(folder_.has("ledger.db"));
}

TEST_F(RecoverCommand, AHomeUnderTwoIdsIsExit2) {
  Json json = input();
  json["Target"]["HomeEfsFileSystemUid"] = "200005";
  folder_.write("input.json", json.dump());
  Outcome outcome =
      run_program({"recover", "--input", folder_.path("input.json"), "--map",
                   "fs-0a=" + folder_.path("old"), "--map", "fs-0b=" + folder_.path("old")});
  EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
  EXPECT_EQ(folder_.read("old/200005/notebook"), "hello");
}

TEST_F(RecoverCommand, AMissingSourceIsExit3AndTheRowSaysError) {
  std::filesystem::remove_all(folder_.path("old/200005"));
  Outcome outcome = recover(input());
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_NE(outcome.err.find("Nfsferry.SourceMissing: source " + folder_.path("old/200005")),
            std::string::npos)
      << outcome.err;
  EXPECT_EQ(row("user1")["replication_status"], "ERROR");
  EXPECT_EQ(row("user1")["bytes_written"], "0");
  EXPECT_EQ(report()["Result"]["ErrorCode"], "ENOENT");
}

TEST_F(RecoverCommand, ATargetThatDoesNotComeIsExit75) {
  std::filesystem::remove(folder_.path("new/200010"));
  Outcome outcome = recover(input());
  EXPECT_EQ(outcome.exit_code, 75);
  EXPECT_NE(outcome.err.find("Nfsferry.TargetNotReady: target " + folder_.path("new/200010")),
            std::string::npos)
      << outcome.err;
  EXPECT_EQ(row("user1")["replication_status"], "ERROR");
  EXPECT_FALSE(folder_.has("new/200010"));
}

TEST_F(RecoverCommand, OwnersBecomeTheTargetsAndTheNextRunStartsFromPending) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give files away";
  for (const char* name : {"old/200005", "old/200005/notebook", "old/200005/deep"}) {
    ASSERT_EQ(::chown(folder_.path(name).c_str(), 200005, 1001), 0);
  }
  ASSERT_EQ(::chown(folder_.path("new/200010").c_str(), 200010, 1002), 0);
  ASSERT_EQ(recover(input()).exit_code, 0);
  for (const char* name : {"new/200010", "new/200010/notebook", "new/200010/deep"}) {
    struct stat got = {};
    ASSERT_EQ(::stat(folder_.path(name).c_str(), &got), 0);
    EXPECT_EQ(got.st_uid, 200010u) << name;
    EXPECT_EQ(got.st_gid, 1002u) << name;
  }
}

TEST_F(RecoverCommand, OnlyTheIdsThatAreAskedForBecomeTheTargets) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give files away";
  for (const char* name : {"old/200005", "old/200005/notebook", "old/200005/deep"}) {
    ASSERT_EQ(::chown(folder_.path(name).c_str(), 200005, 1001), 0);
  }
  ASSERT_EQ(::chown(folder_.path("new/200010").c_str(), 200010, 1002), 0);
  auto owner = [this] {
    struct stat got = {};
    EXPECT_EQ(::stat(folder_.path("new/200010/notebook").c_str(), &got), 0);
    return std::to_string(got.st_uid) + ":" + std::to_string(got.st_gid);
  };
  Json json = input();
  json["Options"] = {{"Uid", "NONE"}, {"Gid", "INT_VALUE"}};
  ASSERT_EQ(recover(json).exit_code, 0);
  EXPECT_EQ(owner(), "200010:1001");
  json["Options"] = {{"Uid", "INT_VALUE"}, {"Gid", "NONE"}};
  ASSERT_EQ(recover(json).exit_code, 0);
  EXPECT_EQ(owner(), "200005:1002");
  json["Options"] = {{"Uid", "INT_VALUE"}, {"Gid", "INT_VALUE"}};
  ASSERT_EQ(recover(json).exit_code, 0);
  EXPECT_EQ(owner(), "200005:1001");
}

TEST_F(RecoverCommand, ALedgerThatCannotBeUsedEndsBeforeTheCopy) {
  folder_.write("ledger.db", std::string(4096, 'x'));
  Outcome outcome = recover(input());
  EXPECT_EQ(outcome.exit_code, 75);
  EXPECT_NE(outcome.err.find("SQLITE_NOTADB"), std::string::npos) << outcome.err;
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path("new/200010")));
}

TEST_F(RecoverCommand, ItsHelpHasAnExampleAndMistakesAreUsageErrors) {
  EXPECT_NE(run_program({"recover", "--help"}).out.find("  nfsferry recover --input"),
            std::string::npos);
  EXPECT_EQ(run_program({"recover"}).exit_code, 2);
  EXPECT_EQ(run_program({"recover", "--input", folder_.path("none")}).exit_code, 2);
  Outcome outcome = run_program({"recover", "--input", "-", "--map", "fs-0a"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("--map: 'fs-0a' is not a map"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace nfsferry::test

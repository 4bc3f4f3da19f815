// `nfsferry ledger`, as a shell sees it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "program.hpp"

namespace nfsferry::test {
namespace {

using Json = nlohmann::json;

constexpr const char* kProfiles = R"([
  {"user_profile_name": "user1", "domain_name": "a", "domain_id": "d-a", "efs_sys_id": "fs-0a",
   "efs_uid": "200005", "role_name": "role"},
  {"space_name": "space1", "user_profile_name": "", "domain_name": "a", "efs_sys_id": "fs-0a",
   "efs_uid": 200010, "replication": false}])";

class LedgerCommand : public testing::Test {
 protected:
  Outcome ledger(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "ledger");
    if (arguments[1] != "decide") arguments.insert(arguments.end(), {"--ledger", location()});
    return run_program(arguments);
  }
  std::string location() const { return "sqlite:" + folder_.path("ledger.db"); }

  void seed(const std::string& profiles = kProfiles) {
    folder_.write("profiles.json", profiles);
    Outcome outcome = ledger({"seed", folder_.path("profiles.json")});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  }
  Json show(const std::string& profile, const std::string& domain = "a") {
    Outcome outcome =
        ledger({"show", "--profile-name", profile, "--domain-name", domain, "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return Json::parse(outcome.out, nullptr, false);
  }
  // The lines of the profile's history.
  std::vector<Json> history(const std::string& profile) {
    Outcome outcome = ledger({"history", "--profile-name", profile, "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    std::vector<Json> entries;
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) entries.push_back(Json::parse(line));
    return entries;
  }
  Outcome upsert(const std::string& uid, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"upsert", "--profile-name", "user1", "--domain-name", "a",
                               "--efs-sys-id", "fs-0b", "--efs-uid", uid});
    return ledger(more);
  }

  Folder folder_;
};

void expect_refused(const Outcome& outcome, int exit_code, const std::string& said) {
  EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(line_count(outcome.err), 1) << outcome.err;
  EXPECT_NE(outcome.err.find(said), std::string::npos) << outcome.err;
}

TEST_F(LedgerCommand, SeedEntersProfilesAndSpacesIntoBothTables) {
  seed();
  EXPECT_EQ(show("user1"), Json::parse(R"({
    "profile_name":"user1","domain_name":"a","domain_id":"d-a","user_profile_name":"user1",
    "space_name":"","efs_sys_id":"fs-0a","efs_uid":"200005","role_name":"role",
    "replication":true,"bytes_written":"","files_transferred":"","total_duration_ms":"",
    "replication_status":""})"));
  Json space = show("space1");
  EXPECT_EQ(space["space_name"], "space1");
  EXPECT_EQ(space["user_profile_name"], "");
  EXPECT_EQ(space["efs_uid"], "200010");
  EXPECT_EQ(space["replication"], false);
  ASSERT_EQ(history("space1").size(), 1u);
  EXPECT_EQ(history("space1")[0]["efs_uid"], "200010");
  EXPECT_GT(history("space1")[0]["epoctime"], 1'700'000'000'000);
}

TEST_F(LedgerCommand, SeedLeavesRowsThatAreThere) {
  seed();
  ASSERT_EQ(upsert("200015").exit_code, 0);
  folder_.write("more.json", R"([{"user_profile_name":"user1","domain_name":"a",
      "efs_sys_id":"fs-0a","efs_uid":"200005"},{"user_profile_name":"user2","domain_name":"a",
      "efs_sys_id":"fs-0a","efs_uid":"200020"}])");
  Outcome outcome = ledger({"seed", folder_.path("more.json"), "--json"});
  EXPECT_EQ(Json::parse(outcome.out), Json::parse(R"({"added":1,"present":1})"));
  EXPECT_EQ(show("user1")["efs_uid"], "200015");
  EXPECT_EQ(history("user1").size(), 2u);
}

TEST_F(LedgerCommand, ABadListIsRefusedWholeAndNamesTheMember) {
  const std::vector<std::pair<std::string, std::string>> bad{
      {R"({})", "the list of profiles is not a JSON list"},
      {R"([1])", "[0] is not a JSON object"},
      {R"([{"user_profile_name":"u","domain_name":"a","efs_sys_id":"fs-0a","efs_uid":"200005"},
           {"domain_name":"a","efs_sys_id":"fs-0a","efs_uid":"200005"}])",
       "[1].profile_name is empty"},
      {R"([{"user_profile_name":"u","efs_sys_id":"fs-0a","efs_uid":"200005"}])",
       "[0].domain_name is empty"},
      {R"([{"user_profile_name":"u","domain_name":"a","efs_sys_id":"fs-0a","efs_uid":""}])",
       "[0].efs_uid is empty"},
      {R"([{"user_profile_name":"u","domain_name":"a","efs_sys_id":"/","efs_uid":"200005"}])",
       "[0].efs_sys_id '/'"},
      {R"([{"user_profile_name":"u","space_name":"s"}])", "[0].space_name and user_profile_name"},
      {R"([{"user_profile":"u"}])", "[0].user_profile is no attribute"},
      {R"([{"user_profile_name":true}])", "[0].user_profile_name is not a text"},
      {R"([{"replication":"yes"}])", "[0].replication is not true or false"},
  };
  for (const auto& [text, said] : bad) {
    folder_.write("bad.json", text);
    expect_refused(ledger({"seed", folder_.path("bad.json")}), 2, said);
    EXPECT_FALSE(folder_.has("ledger.db")) << text;
  }
}

TEST_F(LedgerCommand, AHomeMustHaveAStudioUidUnlessOthersAreAllowed) {
  for (const char* uid :
       {"", "0", "999", "0200005", "12345678901", "ann", "/", "..", "-1", " 1000"}) {
    expect_refused(upsert(uid), 2, "efs_uid");
  }
  for (const char* uid : {"1000", "9999999999"}) {
    EXPECT_EQ(upsert(uid).exit_code, 0) << uid;
  }
  EXPECT_EQ(upsert("ann", {"--allow-any-uid"}).exit_code, 0);
  for (const char* uid : {"", ".", "..", "/", "a/b", "a\nb"}) {
    expect_refused(upsert(uid, {"--allow-any-uid"}), 2, "efs_uid");
  }
}

TEST_F(LedgerCommand, ARecreationIsDecidedFromTheChangeThatUpsertPrints) {
  seed();
  folder_.write("record.json", upsert("200015", {"--stream-record"}).out);
  Outcome decided = ledger({"decide", folder_.path("record.json"), "--region", "eu-west-1",
                            "--account", "123456789012"});
  ASSERT_EQ(decided.exit_code, 0) << decided.err;
  Json input = Json::parse(decided.out);
  EXPECT_EQ(input["Source"]["HomeEfsFileSystemUid"], "200005");
  EXPECT_EQ(input["Target"]["EfsFilesystemArn"],
            "arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/fs-0b");
  Json json = Json::parse(ledger({"decide", folder_.path("record.json"), "--json", "--region",
                                  "eu-west-1", "--account", "123456789012"})
                              .out);
  EXPECT_EQ(json["copy"], true);
  EXPECT_EQ(json["input"], input);
  EXPECT_NE(json["execution_name"], "");
}

TEST_F(LedgerCommand, AnUpsertWhoseChangeCannotBePrintedIsRepeated) {
  seed();
  std::string command = program_path() + " ledger upsert --profile-name user1 --domain-name a " +
                        "--efs-sys-id fs-0b --efs-uid 200015 --stream-record --ledger " +
                        location() + " > /dev/full";
  Outcome full = Program("/bin/sh", {"-c", command}, "/dev/null").wait();
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_NE(full.err.find("ENOSPC"), std::string::npos) << full.err;
  Json change = Json::parse(upsert("200015", {"--stream-record"}).out)["dynamodb"];
  EXPECT_EQ(change["OldImage"]["efs_uid"]["S"], "200005");
  EXPECT_EQ(change["NewImage"]["efs_uid"]["S"], "200015");
}

TEST_F(LedgerCommand, TheFlagSuppressesTheNextRecreationOnly) {
  seed();
  Outcome flagged = ledger(
      {"flag", "--profile-name", "user1", "--domain-name", "a", "--no-replication", "--json"});
  EXPECT_EQ(Json::parse(flagged.out)["replication"], false);
  folder_.write("first.json", upsert("200015", {"--stream-record"}).out);
  folder_.write("second.json", upsert("200020", {"--stream-record"}).out);
  Outcome first = ledger({"decide", folder_.path("first.json")});
  EXPECT_EQ(first.exit_code, 0);
  EXPECT_EQ(first.out, "no copy: the old row's replication flag is off\n");
  EXPECT_EQ(
      Json::parse(
          ledger({"decide", folder_.path("second.json")}).out)["Source"]["HomeEfsFileSystemUid"],
      "200015");
}

TEST_F(LedgerCommand, AFlagOfAnUnknownProfileIsAFailure) {
  seed();
  expect_refused(ledger({"flag", "--profile-name", "user9", "--domain-name", "a", "--replication"}),
                 1, "profile 'user9' of domain 'a' is not in the ledger");
}

TEST_F(LedgerCommand, AnAddedTargetCarriesTheSourcesHomeUnderItsOwnName) {
  seed();
  auto add = [this](const std::string& from, const std::string& to) {
    return ledger({"add-target", "--src-profile-name", from, "--src-domain-name", "a",
                   "--target-profile-name", to, "--target-domain-name", "b"});
  };
  EXPECT_EQ(add("user1", "user7").exit_code, 0);
  EXPECT_EQ(add("space1", "space7").exit_code, 0);
  Json user = show("user7", "b");
  EXPECT_EQ(user["efs_sys_id"], "fs-0a");
  EXPECT_EQ(user["efs_uid"], "200005");
  EXPECT_EQ(user["user_profile_name"], "user7");
  EXPECT_EQ(user["space_name"], "");
  Json space = show("space7", "b");
  EXPECT_EQ(space["space_name"], "space7");
  EXPECT_EQ(space["user_profile_name"], "");
  EXPECT_EQ(space["replication"], true);

  expect_refused(add("space1", "user7"), 2, "'user7' of domain 'b' is in the ledger already");
  EXPECT_EQ(show("user7", "b"), user);
  expect_refused(add("user9", "user8"), 2, "'user9' of domain 'a' is not in the ledger");
}

TEST_F(LedgerCommand, ShowWithoutAKeyPrintsAllRows) {
  seed();
  EXPECT_EQ(ledger({"show"}).out,
            "space space1 of a: fs-0a/200010, not to be replicated\n"
            "user user1 of a: fs-0a/200005\n");
  EXPECT_EQ(line_count(ledger({"show", "--json"}).out), 2);
}

TEST_F(LedgerCommand, ShowOfAnUnknownProfileOrLedgerIsAFailureAndMakesNothing) {
  expect_refused(ledger({"show"}), 1, "SQLITE_CANTOPEN");
  EXPECT_FALSE(folder_.has("ledger.db"));
  seed();
  expect_refused(ledger({"show", "--profile-name", "user1", "--domain-name", "b"}), 1,
                 "is not in the ledger");
}

TEST_F(LedgerCommand, NamesCannotSteerATerminal) {
  Outcome outcome = ledger({"upsert", "--profile-name", "u\x1b[2J", "--domain-name", "a",
                            "--efs-sys-id", "fs-0b", "--efs-uid", "200005"});
  EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos) << outcome.out;
}

TEST_F(LedgerCommand, EveryHelpHasAnExample) {
  for (const char* command :
       {"seed", "upsert", "flag", "add-target", "show", "history", "decide"}) {
    Outcome outcome = run_program({"ledger", command, "--help"});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_NE(outcome.out.find(std::string("  nfsferry ledger ") + command), std::string::npos)
        << outcome.out;
  }
}

TEST_F(LedgerCommand, MistakesAreUsageErrors) {
  expect_refused(run_program({"ledger"}), 2, "a command is missing; try 'nfsferry ledger --help'");
  expect_refused(run_program({"ledger", "frob"}), 2, "'frob'");
  expect_refused(run_program({"ledger", "show"}), 2, "--ledger is missing");
  expect_refused(ledger({"show", "--profile-name", "user1"}), 2, "--domain-name");
  expect_refused(ledger({"flag", "--profile-name", "user1", "--domain-name", "a"}), 2,
                 "--replication is missing");
  expect_refused(run_program({"ledger", "show", "--ledger", "redis:studioUser"}), 2, "sqlite:FILE");
}

}  // namespace
}  // namespace nfsferry::test

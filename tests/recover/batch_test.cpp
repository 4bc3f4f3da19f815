// Many homes in one call of `copy` or `recover`, between folders.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cli/batch.hpp"
#include "program.hpp"
#include "recover/batch_input.hpp"
#include "report/batch_json.hpp"
#include "schema_check.hpp"

namespace nfsferry::test {
namespace {

using Json = nlohmann::json;
using cli::BatchRun;
using cli::HomeEnd;

class BatchTest : public testing::Test {
 protected:
  // A source and an empty target for each of the homes.
  void make_homes(int count) {
    for (int i = 0; i < count; ++i) {
      folder_.write("old/" + uid(i) + "/file", "content of " + uid(i));
      std::filesystem::create_directories(folder_.path("new/" + uid(i)));
    }
  }
  static std::string uid(int number) { return std::to_string(200005 + 5 * number); }

  std::string copy_line(int number, Json options = Json::object()) const {
    Json json{{"source", folder_.path("old/" + uid(number))},
              {"target", folder_.path("new/" + uid(number))}};
    if (!options.empty()) json["options"] = std::move(options);
    return json.dump() + "\n";
  }
  static std::string recover_line(int number) {
    std::string arn = "arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/";
    Json source{{"DomainName", "a"},
                {"EfsFilesystemArn", arn + "fs-0a"},
                {"HomeEfsFileSystemUid", uid(number)},
                {"UserProfileName", "user" + std::to_string(number)}};
    Json target = source;
    target["EfsFilesystemArn"] = arn + "fs-0b";
    return Json{{"Source", source}, {"Target", target}}.dump() + "\n";
  }
  Outcome run(const char* command, const std::string& batch, std::vector<std::string> more = {}) {
    folder_.write("batch.jsonl", batch);
    std::vector<std::string> arguments{command,
                                       "--batch",
                                       folder_.path("batch.jsonl"),
                                       "--report-dir",
                                       folder_.path("reports"),
                                       "--failed",
                                       folder_.path("again.jsonl")};
    if (std::string(command) == "recover") {
      more.insert(more.end(),
                  {"--map", "fs-0a=" + folder_.path("old"), "--map", "fs-0b=" + folder_.path("new"),
                   "--ledger", "sqlite:" + folder_.path("ledger.db")});
      if (std::find(more.begin(), more.end(), "--wait-target") == more.end()) {
        more.insert(more.end(), {"--wait-target", "0s"});
      }
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  Json summary() const { return Json::parse(folder_.read("reports/summary.json"), nullptr, false); }

  Folder folder_;
};

TEST_F(BatchTest, ALineThatSaysNoIsNotOverruledByTheCommandLine) {
  make_homes(2);
  for (int i = 0; i < 2; ++i) folder_.write("new/" + uid(i) + "/file/in the way", "precious");
  Outcome outcome = run("copy", copy_line(0) + copy_line(1, {{"force", false}}), {"--force"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
  EXPECT_EQ(folder_.read("new/" + uid(0) + "/file"), "content of " + uid(0));
  EXPECT_EQ(folder_.read("new/" + uid(1) + "/file/in the way"), "precious");
  EXPECT_EQ(folder_.read("again.jsonl"), copy_line(1, {{"force", false}}));
}

TEST_F(BatchTest, NoIsNoValueOfAnOptionThatTakesOne) {
  make_homes(1);
  folder_.write("new/" + uid(0) + "/file", "newer work");
  for (const char* option : {"overwrite", "verify", "checksum"}) {
    Outcome outcome = run("copy", copy_line(0, {{option, false}}));
    EXPECT_EQ(outcome.exit_code, 2) << option;
    EXPECT_NE(outcome.err.find("line 1: "), std::string::npos) << outcome.err;
    EXPECT_EQ(folder_.read("new/" + uid(0) + "/file"), "newer work");
  }
}

TEST_F(BatchTest, ReportsAmongWhatIsCopiedOrDeletedAreRefused) {
  make_homes(2);
  std::string batch = copy_line(0) + copy_line(1);
  std::filesystem::create_directory_symlink(folder_.path("old/" + uid(1)), folder_.path("link"));
  for (const std::string& place :
       {"old/" + uid(1) + "/reports", "new/" + uid(1) + "/reports", std::string("link/reports")}) {
    std::string folder = folder_.path(place);
    folder_.write("batch.jsonl", batch);
    Outcome outcome = run_program(
        {"copy", "--batch", folder_.path("batch.jsonl"), "--delete", "--report-dir", folder});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_NE(outcome.err.find("line 2: --report-dir"), std::string::npos) << outcome.err;
    EXPECT_FALSE(std::filesystem::exists(folder));
    EXPECT_FALSE(folder_.has("new/" + uid(0) + "/file"));
  }
  for (const std::string& place : {"old/" + uid(1), "new/" + uid(1), std::string("link")}) {
    Outcome outcome = run_program({"copy", "--batch", folder_.path("batch.jsonl"), "--delete",
                                   "--report-dir", folder_.path(place)});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_NE(outcome.err.find("line 2: --report-dir"), std::string::npos) << outcome.err;
    EXPECT_FALSE(folder_.has(place + "/summary.json"));
  }
}

// The copy is done, and its row still says PENDING: it must be run again.
TEST_F(BatchTest, AHomeWhoseRowCannotBeWrittenIsToBeRunAgain) {
  make_homes(1);
  ASSERT_EQ(run("recover", recover_line(0)).exit_code, 0);
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(folder_.path("ledger.db").c_str(), &database), SQLITE_OK);
  const char* refuse =
      "CREATE TRIGGER refuse BEFORE UPDATE ON studioUser WHEN NEW.replication_status = 'SUCCESS' "
      "BEGIN SELECT RAISE(FAIL, 'refused'); END";
  EXPECT_EQ(sqlite3_exec(database, refuse, nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
  Outcome outcome = run("recover", recover_line(0));
  EXPECT_EQ(outcome.exit_code, 75) << outcome.err;
  EXPECT_EQ(folder_.read("again.jsonl"), recover_line(0));
  EXPECT_EQ(summary()["exit_code"], 75);
}

TEST_F(BatchTest, EveryHomeIsCopiedAndHasAReport) {
  make_homes(9);
  std::string batch;
  for (int i = 0; i < 9; ++i) batch += copy_line(i);
  Outcome outcome = run("copy", batch, {"--homes", "3"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.out.find("9 homes done: 9 files"), 0u) << outcome.out;
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(folder_.read("new/" + uid(i) + "/file"), "content of " + uid(i));
    std::string report = "reports/000" + std::to_string(i + 1) + "-" + uid(i) + ".json";
    EXPECT_EQ(schema_complaint("report.schema.json", folder_.read(report)), "") << report;
    EXPECT_EQ(Json::parse(folder_.read(report))["nfsferry"]["threads"], 1);
  }
  EXPECT_EQ(folder_.read("again.jsonl"), "");
  EXPECT_EQ(summary()["succeeded"], 9);
  EXPECT_EQ(summary()["Status"], "SUCCESS");
  EXPECT_EQ(summary()["homes"][8]["name"], uid(8));
}

TEST_F(BatchTest, HomesThatFailAreABatchOfTheirOwnAndStopNoOther) {
  make_homes(4);
  std::filesystem::remove_all(folder_.path("old/" + uid(1)));
  Outcome outcome = run("copy", copy_line(0) + "\n" + copy_line(1) + copy_line(2) + copy_line(3));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(line_count(outcome.err), 1) << outcome.err;
  EXPECT_EQ(outcome.err.find("nfsferry: line 3, " + uid(1) + ": ENOENT: source "), 0u)
      << outcome.err;
  EXPECT_EQ(outcome.out.find("3 homes done, 1 failed: 3 files"), 0u) << outcome.out;
  EXPECT_EQ(folder_.read("again.jsonl"), copy_line(1));
  EXPECT_EQ(summary()["homes"][1]["Status"], "ERROR");
  EXPECT_EQ(summary()["homes"][1]["exit_code"], 3);

  folder_.write("old/" + uid(1) + "/file", "back again");
  Outcome again = run("copy", folder_.read("again.jsonl"));
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(folder_.read("new/" + uid(1) + "/file"), "back again");
}

TEST_F(BatchTest, FlagsHoldForEveryHomeThatDoesNotSayOtherwise) {
  make_homes(2);
  std::filesystem::remove(folder_.path("new/" + uid(0)));
  std::filesystem::remove(folder_.path("new/" + uid(1)));
  Outcome outcome =
      run("copy", copy_line(0, {{"create_target", true}, {"timeout", "7s"}}) + copy_line(1),
          {"--timeout", "9s"});
  EXPECT_EQ(outcome.exit_code, 1);
  Json first = Json::parse(folder_.read("reports/0001-" + uid(0) + ".json"));
  Json second = Json::parse(folder_.read("reports/0002-" + uid(1) + ".json"));
  EXPECT_EQ(first["Status"], "SUCCESS");
  EXPECT_EQ(first["Options"]["timeout_ms"], 7000);
  EXPECT_EQ(second["Status"], "ERROR") << "its target is not to be made";
  EXPECT_EQ(second["Options"]["timeout_ms"], 9000);
}

TEST_F(BatchTest, RecoveriesWriteTheirRows) {
  make_homes(5);
  std::filesystem::remove_all(folder_.path("old/" + uid(2)));
  std::filesystem::remove_all(folder_.path("new/" + uid(4)));
  std::string batch;
  for (int i = 0; i < 5; ++i) batch += recover_line(i);
  Outcome outcome = run("recover", batch);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(folder_.read("again.jsonl"), recover_line(2) + recover_line(4));
  EXPECT_NE(outcome.err.find("line 3, user2: Nfsferry.SourceMissing: "), std::string::npos);
  EXPECT_NE(outcome.err.find("line 5, user4: Nfsferry.TargetNotReady: "), std::string::npos);
  Outcome rows =
      run_program({"ledger", "show", "--ledger", "sqlite:" + folder_.path("ledger.db"), "--json"});
  std::string states;
  std::istringstream lines(rows.out);
  for (std::string line; std::getline(lines, line);) {
    states += Json::parse(line)["replication_status"].get<std::string>() + " ";
  }
  EXPECT_EQ(states, "SUCCESS SUCCESS ERROR SUCCESS ERROR ");
}

TEST_F(BatchTest, WhereAllThatFailedMayGoWellLaterItIsExit75) {
  make_homes(2);
  std::filesystem::remove_all(folder_.path("new/" + uid(1)));
  EXPECT_EQ(run("recover", recover_line(0) + recover_line(1)).exit_code, 75);
}

TEST_F(BatchTest, ProgressHasALineForEachHomeAndATotal) {
  make_homes(1);
  // Long enough to be looked at: the target never comes.
  std::filesystem::remove_all(folder_.path("new/" + uid(0)));
  folder_.write("batch.jsonl", recover_line(0));
  Program program({"recover", "--batch", folder_.path("batch.jsonl"), "--map",
                   "fs-0a=" + folder_.path("old"), "--map", "fs-0b=" + folder_.path("new"),
                   "--progress", "always", "--wait-target", "2s"});
  Outcome outcome = program.wait();
  EXPECT_EQ(outcome.exit_code, 75);
  EXPECT_NE(outcome.err.find("user0: 0 of 0 files"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("total: 0 of 1 home, 0 files"), std::string::npos) << outcome.err;
}

TEST_F(BatchTest, ProgressKeepsItsInterval) {
  make_homes(1);
  std::filesystem::remove_all(folder_.path("new/" + uid(0)));
  Outcome outcome =
      run("recover", recover_line(0),
          {"--progress", "always", "--progress-interval", "1h", "--wait-target", "2s"});
  EXPECT_EQ(outcome.exit_code, 75);
  EXPECT_EQ(outcome.err.find("total: "), std::string::npos) << outcome.err;
}

TEST_F(BatchTest, AStopLeavesWhatWasNotBegunForTheNextCall) {
  make_homes(3);
  std::filesystem::remove_all(folder_.path("new/" + uid(0)));
  folder_.write("batch.jsonl", recover_line(0) + recover_line(1) + recover_line(2));
  Program program({"recover", "--batch", folder_.path("batch.jsonl"), "--homes", "1", "--failed",
                   folder_.path("again.jsonl"), "--report-dir", folder_.path("reports"), "--map",
                   "fs-0a=" + folder_.path("old"), "--map", "fs-0b=" + folder_.path("new"),
                   "--ledger", "sqlite:" + folder_.path("ledger.db")});
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  std::string rows;
  while (rows.find("PENDING") == std::string::npos && std::chrono::steady_clock::now() < deadline) {
    rows = run_program({"ledger", "show", "--ledger", "sqlite:" + folder_.path("ledger.db")}).out;
  }
  program.signal(15);
  EXPECT_EQ(program.wait().exit_code, 143);
  EXPECT_EQ(folder_.read("again.jsonl"), recover_line(0) + recover_line(1) + recover_line(2));
  EXPECT_EQ(summary()["not_begun"], 2);
}

TEST_F(BatchTest, ThatIsKilledLeavesNoSuccess) {
  make_homes(1);
  std::filesystem::remove_all(folder_.path("new/" + uid(0)));
  folder_.write("batch.jsonl", recover_line(0));
  Program program({"recover", "--batch", folder_.path("batch.jsonl"), "--report-dir",
                   folder_.path("reports"), "--map", "fs-0a=" + folder_.path("old"), "--map",
                   "fs-0b=" + folder_.path("new"), "--progress", "always"});
  program.wait_until_said("total: ");
  program.signal(9);
  EXPECT_EQ(program.wait().exit_code, 137);
  EXPECT_EQ(summary()["Status"], "ERROR");
  EXPECT_EQ(summary()["exit_code"], 75);
  EXPECT_EQ(summary()["not_begun"], 1);
  EXPECT_EQ(summary()["duration_ms"], 0);
  EXPECT_GT(summary()["StartTime"], "2000");
}

TEST_F(BatchTest, ADryRunSaysThatItIsOne) {
  make_homes(1);
  folder_.write("batch.jsonl", copy_line(0));
  Outcome outcome = run_program({"copy", "--batch", folder_.path("batch.jsonl"), "--dry-run",
                                 "--report-dir", folder_.path("reports")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out.find("dry run, nothing was written: 1 home done"), 0u) << outcome.out;
  EXPECT_EQ(summary()["dry_run"], true);
}

TEST_F(BatchTest, ABatchOfNothingIsDone) {
  Outcome outcome = run("copy", "\n\n");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out.find("0 homes done"), 0u) << outcome.out;
}

TEST_F(BatchTest, ABadBatchIsRefusedWholeByTheLinesNumber) {
  make_homes(2);
  const std::vector<std::pair<std::string, std::string>> bad{
      {"{", "line 2: the copy is not JSON"},
      {"[]", "line 2: the copy is not a JSON object"},
      {R"({"source":"/a"})", "line 2: target is missing"},
      {R"({"source":"","target":"/b"})", "line 2: source is not a location"},
      {R"({"source":"/a","target":"/b","owner":"keep"})", "line 2: owner is not known"},
      {R"({"source":"/a","target":"/b","options":[]})", "line 2: options is not a JSON object"},
      {R"({"source":"/a","target":"/b","options":{"owner":[1]}})", "line 2: options.owner"},
      {R"({"source":"/a","target":"/b","options":{"report_json":"x"}})",
       "line 2: options.report_json is not known"},
      {R"({"source":"/a","target":"/b","options":{"owner":"ann"}})", "line 2: --owner: 'ann'"},
      {R"({"source":"/a","target":"/b","options":{"create_target":"x"}})", "line 2: "},
      {R"({"source":"/a","target":"/b","options":{"checksum":"none"}})", "line 2: --checksum none"},
      {R"({"source":"nfs:///x","target":"/b"})", "line 2: source: "},
      {R"({"source":"/a","target":"nfs://host/x?version=5"})", "line 2: target: "},
      {R"({"source":"/a","target":"/a/b"})", "line 2: the target /a/b lies inside the source"},
  };
  for (const auto& [line, said] : bad) {
    Outcome outcome = run("copy", copy_line(0) + line + "\n");
    EXPECT_EQ(outcome.exit_code, 2) << line;
    EXPECT_EQ(line_count(outcome.err), 1) << outcome.err;
    EXPECT_NE(outcome.err.find(said), std::string::npos) << outcome.err;
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path("new/" + uid(0))));
  EXPECT_FALSE(folder_.has("reports"));
}

TEST_F(BatchTest, WhatARecoveryCannotFindIsRefusedByTheLinesNumber) {
  make_homes(1);
  Json lost = Json::parse(recover_line(1));
  lost["Target"]["EfsFilesystemArn"] = "arn:aws:elasticfilesystem:::file-system/fs-0c";
  Outcome outcome = run("recover", recover_line(0) + lost.dump());
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("line 2: Target.EfsFilesystemArn has no region"), std::string::npos)
      << outcome.err;
  outcome = run("recover", recover_line(0) + lost.dump(), {"--map", "fs-0c=nfs://host:x/"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("line 2: target: "), std::string::npos) << outcome.err;
  EXPECT_FALSE(folder_.has("new/" + uid(0) + "/file"));
  EXPECT_FALSE(folder_.has("reports"));
}

TEST_F(BatchTest, LinesThatWouldDisturbEachOtherAreRefused) {
  auto complaint = [](const std::string& text) {
    auto homes = recover::parse_copy_batch(text);
    return homes ? std::string() : homes.error().message();
  };
  auto line = [](const char* source, const char* target) {
    return Json{{"source", source}, {"target", target}}.dump() + "\n";
  };
  EXPECT_EQ(complaint(line("/a", "/b") + line("/a", "/c")), "");
  EXPECT_NE(complaint(line("/a", "/b") + line("/c", "/b")).find("line 2 has the target of line 1"),
            std::string::npos);
  EXPECT_NE(complaint(line("/a", "/b") + line("/b", "/c")).find("line 2 has the target of line 1"),
            std::string::npos);
  EXPECT_NE(complaint(line("/a", "/b") + line("/c", "/a")).find("line 2 has the source of line 1"),
            std::string::npos);
  auto twice = recover::parse_recover_batch(recover_line(0) + recover_line(0),
                                            recover::UidRule::kStudio, {});
  ASSERT_FALSE(twice);
  EXPECT_NE(twice.error().message().find("line 2 has the target of line 1"), std::string::npos);
}

// One line could change, or delete, what another one reads or writes.
TEST_F(BatchTest, LinesInsideEachOtherAreRefused) {
  auto complaint = [](const char* source, const char* target) {
    auto line = [](const char* from, const char* to) {
      return Json{{"source", from}, {"target", to}}.dump() + "\n";
    };
    std::string first = line("nfs://a/homes/1", "nfs://b/homes/1/?uid=7");
    auto homes = recover::parse_copy_batch(first + line(source, target));
    return homes ? std::string() : homes.error().message();
  };
  const std::pair<const char*, const char*> apart[] = {{"nfs://a/homes/1/in", "nfs://b/homes/2"},
                                                       {"nfs://a/homes", "nfs://b/homes/11"},
                                                       {"nfs://a/homes/1", "nfs://b/homes/2/1"}};
  for (auto [source, target] : apart) EXPECT_EQ(complaint(source, target), "") << target;
  struct Clash {
    const char* source;
    const char* target;
    const char* text;
  };
  const Clash clashes[] = {
      {"nfs://a/2", "nfs://b/homes/1/in/it", "the target of line 1 around its target"},
      {"nfs://a/2", "nfs://b/homes", "the target of line 1 inside its target"},
      {"nfs://a/2", "nfs://a/homes/1/in", "the source of line 1 around its target"},
      {"nfs://a/2", "nfs://a/homes//", "the source of line 1 inside its target"},
      {"nfs://b/homes/1/in", "nfs://b/2", "the target of line 1 around its source"},
      {"nfs://b", "nfs://c/2", "the target of line 1 inside its source"},
  };
  for (const Clash& clash : clashes) {
    std::string said = complaint(clash.source, clash.target);
    EXPECT_NE(said.find(clash.text), std::string::npos) << said;
  }
}

TEST_F(BatchTest, MistakesAreUsageErrors) {
  make_homes(1);
  folder_.write("batch.jsonl", copy_line(0));
  std::string batch = folder_.path("batch.jsonl");
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes{
      {{"copy", "/a", "/b", "--batch", batch}, "--batch: takes no SOURCE"},
      {{"copy", "/a", "/b", "--homes", "2"}, "--homes requires --batch"},
      {{"copy", "--batch", batch, "--homes", "0"}, "--homes: '0'"},
      {{"copy", "--batch", batch, "--report-json", "-"}, "--report-json"},
      {{"copy", "--batch", folder_.path("none")}, "ENOENT"},
      {{"copy", "--batch", batch, "--report-dir", folder_.path("none/reports")}, "mkdir"},
      {{"copy", "--batch", batch, "--max-delete", "1"}, "line 1: --max-delete goes with --delete"},
      {{"copy", "--batch", batch, "--failed", folder_.path("./summary.json"), "--report-dir",
        folder_.path()},
       "--failed and --report-dir both write to the same file"},
      {{"copy", "/a"}, "TARGET is missing"},
      {{"copy"}, "SOURCE is missing"},
      {{"recover", "--batch", batch, "--input", batch}, "--batch"},
      {{"recover"}, "--input is missing"},
  };
  for (const auto& [arguments, said] : mistakes) {
    Outcome outcome = run_program(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << said;
    EXPECT_NE(outcome.err.find(said), std::string::npos) << outcome.err;
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path("new/" + uid(0))));
}

// Ends as a copy does.
BatchRun batch_that_ends_with(std::vector<ExitCode> codes, const Folder& folder) {
  BatchRun batch;
  batch.flags.report_dir = folder.path("reports");
  batch.quiet = true;
  batch.homes.resize(codes.size());
  batch.run_home = [codes](std::size_t index, Observer&, const StopFlag&) {
    HomeEnd end;
    end.report.exit_code = codes[index];
    end.report.changed_during_copy = codes[index] == ExitCode::kOnlyChangedFiles ? 2 : 0;
    return end;
  };
  return batch;
}

TEST(BatchOfCopies, WhereOnlyFilesChangedIsExit5AndCountsThem) {
  using enum ExitCode;
  const std::vector<std::pair<std::vector<ExitCode>, ExitCode>> rows{
      {{kDone, kDone}, kDone},
      {{kOnlyChangedFiles, kDone, kOnlyChangedFiles}, kOnlyChangedFiles},
      {{kOnlyChangedFiles, kTemporary}, kTemporary},
      {{kOnlyChangedFiles, kEntriesFailed}, kEntriesFailed}};
  for (const auto& [codes, expected] : rows) {
    Folder folder;
    StopFlag stop{0};
    int code = run_batch(batch_that_ends_with(codes, folder), stop);
    EXPECT_EQ(code, static_cast<int>(expected));
    Json json = Json::parse(folder.read("reports/summary.json"), nullptr, false);
    EXPECT_EQ(json["exit_code"], code);
    EXPECT_EQ(json["changed_during_copy"],
              2 * std::count(codes.begin(), codes.end(), kOnlyChangedFiles));
  }
}

TEST(BatchReport, SaysThatFilesChanged) {
  BatchReport report;
  report.homes.resize(2);
  report.homes[1].changed_during_copy = 3;
  std::string text = batch_summary(report);
  EXPECT_NE(text.find("; 3 files changed during the copy\n"), std::string::npos) << text;
}

TEST(BatchReport, NamesThatAreNotUtf8AreReadable) {
  BatchReport report;
  report.homes.push_back({});
  report.homes[0].name = "caf\xe9";
  EXPECT_EQ(Json::parse(batch_report_json(report))["homes"][0]["name"], "caf\xef\xbf\xbd");
}

}  // namespace
}  // namespace nfsferry::test

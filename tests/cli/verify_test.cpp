// The verify command, on local folders: exit codes, streams, results.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "cli/difference_lines.hpp"
#include "program.hpp"
#include "schema_check.hpp"

namespace nfsferry::test {
namespace {

using Json = nlohmann::json;

// A tree of two files and a folder, and a copy of it.
class VerifyTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_.write("source/a", "hello");
    folder_.write("source/deep/b", std::string(100'000, 'x'));
    std::filesystem::create_directory(folder_.path("target"));
    Outcome copied = run_program({"copy", folder_.path("source"), folder_.path("target")});
    ASSERT_EQ(copied.exit_code, 0) << copied.err;
  }
  Outcome verify(std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), {"verify", folder_.path("source"), folder_.path("target")});
    return run_program(flags);
  }

  Folder folder_;
};

TEST_F(VerifyTest, ACopyIsEqual) {
  Outcome outcome = verify();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.out.find("outcome         equal\n"), 0u) << outcome.out;
  EXPECT_NE(outcome.out.find("compared        2 files, 97.7 KiB"), std::string::npos)
      << outcome.out;
}

TEST_F(VerifyTest, EachDifferenceIsALineOnStdout) {
  folder_.write("target/a", "hallo");
  std::filesystem::remove(folder_.path("target/deep/b"));
  Outcome outcome = verify();
  EXPECT_EQ(outcome.exit_code, 1);
  std::string out = "\n" + outcome.out;
  EXPECT_NE(out.find("\na: "), std::string::npos) << out;
  EXPECT_NE(out.find("\ndeep/b: "), std::string::npos) << out;
  EXPECT_NE(out.find("\noutcome         not equal\n"), std::string::npos) << out;
  EXPECT_NE(outcome.err.find("not equal or could not be compared"), std::string::npos)
      << outcome.err;
}

TEST_F(VerifyTest, TheResultAsJsonFitsItsSchemaAndIsTheOnlyThingOnStdout) {
  folder_.write("target/a", "hallo");
  folder_.write("target/more", "");
  Outcome outcome = verify({"--json", "--run-id", "v1"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(schema_complaint("verify.schema.json", outcome.out), "");
  Json json = Json::parse(outcome.out, nullptr, false);
  EXPECT_EQ(json["status"], "different");
  EXPECT_EQ(json["run_id"], "v1");
  EXPECT_EQ(json["source"], folder_.path("source"));
  EXPECT_EQ(json["files_verified"], 1);
  EXPECT_EQ(json["folders_verified"], 1);
  EXPECT_EQ(json["bytes_verified"], 100'000);
  EXPECT_EQ(json["target_only"], 1);
  ASSERT_EQ(json["differences"].size(), 1u) << outcome.out;
  EXPECT_EQ(json["differences"][0]["path"], "a");
  EXPECT_EQ(json["differences"][0]["error"], "differs");
  EXPECT_NE(json["differences"][0]["detail"], "");
}

TEST_F(VerifyTest, TheReportsFileHoldsTheSameNextToLinesForPeople) {
  Outcome outcome = verify({"--report-json", folder_.path("report.json")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("equal"), std::string::npos);
  EXPECT_EQ(schema_complaint("verify.schema.json", folder_.read("report.json")), "");
  EXPECT_EQ(Json::parse(folder_.read("report.json"), nullptr, false)["status"], "equal");
}

TEST_F(VerifyTest, WhatOnlyTheTargetHasIsNoDifference) {
  folder_.write("target/more", "");
  Outcome outcome = verify();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("only in target  1 name\n"), std::string::npos) << outcome.out;
}

TEST_F(VerifyTest, NothingIsWritten) {
  folder_.write("target/a", "hallo");
  std::filesystem::remove(folder_.path("target/deep/b"));
  verify();
  EXPECT_EQ(folder_.read("target/a"), "hallo");
  EXPECT_FALSE(folder_.has("target/deep/b"));
}

TEST_F(VerifyTest, QuietTellsByItsExitCode) {
  Outcome equal = verify({"--quiet"});
  EXPECT_EQ(equal.exit_code, 0);
  EXPECT_EQ(equal.out + equal.err, "");
  folder_.write("target/a", "hallo");
  Outcome different = verify({"--quiet"});
  EXPECT_EQ(different.exit_code, 1);
  EXPECT_EQ(different.out, "");
  EXPECT_EQ(line_count(different.err), 1) << different.err;
}

TEST_F(VerifyTest, AMissingSideHasItsExitCodeAndNoSummary) {
  for (auto [source, target, code] :
       {std::tuple("none", "target", 3), std::tuple("source", "none", 4)}) {
    Outcome outcome = run_program({"verify", folder_.path(source), folder_.path(target), "--json"});
    EXPECT_EQ(outcome.exit_code, code) << outcome.err;
    EXPECT_EQ(line_count(outcome.err), 1) << outcome.err;
    EXPECT_EQ(schema_complaint("verify.schema.json", outcome.out), "");
    EXPECT_EQ(run_program({"verify", folder_.path(source), folder_.path(target)}).out, "");
  }
}

TEST_F(VerifyTest, AReportThatCannotBeWrittenIsAFailure) {
  Outcome outcome = verify({"--report-json", "/dev/full"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.err.find("ENOSPC"), std::string::npos) << outcome.err;
}

TEST_F(VerifyTest, NamesCannotSteerTheTerminal) {
  folder_.write("source/\x1b[2J\nx", "");
  Outcome outcome = verify();
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.out.find("\\x1b[2J\\nx: "), std::string::npos) << outcome.out;
  EXPECT_EQ((outcome.out + outcome.err).find('\x1b'), std::string::npos);
}

TEST(DifferenceText, TellsWhatDiffersOrElseTheError) {
  EXPECT_EQ(cli::difference_text({"a\n", "compare", "differs", "mode\x1b", 1}), "a\\n: mode\\x1b");
  EXPECT_EQ(cli::difference_text({"", "compare", "missing", "", 1}), ".: missing");
}

}  // namespace
}  // namespace nfsferry::test

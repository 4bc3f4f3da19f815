// Runs that end early or copy a little, on local folders: exit codes, streams, reports.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "program.hpp"
#include "schema_check.hpp"

namespace nfsferry::test {
namespace {

using Json = nlohmann::json;

// Ended before anything was copied: one line on stderr, nothing on stdout.
void expect_refused(const Outcome& outcome, int exit_code) {
  EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(line_count(outcome.err), 1) << outcome.err;
  EXPECT_EQ(outcome.err.find("nfsferry: "), 0u) << outcome.err;
}

// A port of 127.0.0.1 on which nobody listens, ours for the object's lifetime.
class ClosedPort {
 public:
  ClosedPort() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(fd_.get(), generic, length), 0);
    EXPECT_EQ(::getsockname(fd_.get(), generic, &length), 0);
    port_ = ntohs(address.sin_port);
  }
  std::string url() const { return "nfs://127.0.0.1:" + std::to_string(port_) + "/export"; }

 private:
  UniqueFd fd_;
  int port_ = 0;
};

class RunTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_.write("source/a", "hello");
    folder_.write("source/deep/er/b", std::string(100'000, 'x'));
    std::filesystem::create_directory(folder_.path("target"));
  }
  Outcome copy(std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), {"copy", folder_.path("source"), folder_.path("target")});
    return run_program(flags);
  }
  Json report() const { return Json::parse(folder_.read("report.json"), nullptr, false); }

  Folder folder_;
};

TEST_F(RunTest, ACopyOfTwoFilesPrintsAShortSummary) {
  Outcome outcome = copy();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_NE(outcome.out.find("copied          2 files"), std::string::npos) << outcome.out;
  EXPECT_EQ(folder_.read("target/a"), "hello");
  EXPECT_EQ(folder_.read("target/deep/er/b"), folder_.read("source/deep/er/b"));
}

TEST_F(RunTest, QuietSaysNothing) {
  Outcome outcome = copy({"--quiet"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out + outcome.err, "");
}

TEST_F(RunTest, TheReportOnStdoutIsTheOnlyThingThere) {
  Outcome outcome = copy({"--report-json", "-"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(schema_complaint("report.schema.json", outcome.out), "");
}

TEST_F(RunTest, TheReportOfACopyFitsItsSchemaAndCountsTheFiles) {
  Outcome outcome = copy({"--report-json", folder_.path("report.json"), "--run-id", "run-7"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(schema_complaint("report.schema.json", folder_.read("report.json")), "");
  Json json = report();
  EXPECT_EQ(json["Status"], "SUCCESS");
  EXPECT_EQ(json["FilesTransferred"], 2);
  EXPECT_EQ(json["BytesWritten"], 100'005);
  EXPECT_EQ(json["FoldersTransferred"], 2);
  EXPECT_EQ(json["nfsferry"]["run_id"], "run-7");
  EXPECT_EQ(json["nfsferry"]["manifest_complete"], true);
}

TEST_F(RunTest, ACopyHasAThreadForEachCoreUpToFour) {
  ASSERT_EQ(copy({"--report-json", folder_.path("report.json")}).exit_code, 0);
  EXPECT_EQ(report()["nfsferry"]["threads"],
            std::clamp(std::thread::hardware_concurrency(), 1u, 4u));
}

TEST_F(RunTest, ADeltaPassSaysWhatTheNextOneWillFind) {
  ASSERT_EQ(copy({"--report-json", folder_.path("first.json")}).exit_code, 0);
  folder_.write("source/a", "hello again");
  Outcome outcome = copy({"--previous-report", folder_.path("first.json")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("copied          1 file, 11 B"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("next pass       1 "), std::string::npos) << outcome.out;

  Outcome third = copy({"--previous-report", folder_.path("first.json"), "--report-json",
                        folder_.path("report.json")});
  EXPECT_EQ(third.exit_code, 0) << third.err;
  EXPECT_EQ(report()["nfsferry"]["next_pass"]["files_most"], 0);
}

TEST_F(RunTest, AReportOfAnotherCopySaysNothingAboutTheNextPass) {
  ASSERT_EQ(copy({"--report-json", folder_.path("first.json")}).exit_code, 0);
  std::filesystem::create_directory(folder_.path("other"));
  Outcome outcome = run_program({"copy", folder_.path("source"), folder_.path("other"),
                                 "--previous-report", folder_.path("first.json")});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out.find("next pass"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.err.find("--previous-report"), std::string::npos) << outcome.err;
}

TEST_F(RunTest, WhatIsNoReportIsNoPreviousOne) {
  folder_.write("list", "[]");
  expect_refused(copy({"--previous-report", folder_.path("list")}), 2);
  expect_refused(copy({"--previous-report", folder_.path("nowhere")}), 2);
  EXPECT_FALSE(folder_.has("target/a"));
}

TEST_F(RunTest, AReportThatCannotBeWrittenAtTheEndIsAFailure) {
  Outcome outcome = copy({"--report-json", "/dev/full"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(line_count(outcome.err), 1) << outcome.err;
  EXPECT_NE(outcome.err.find("ENOSPC"), std::string::npos) << outcome.err;
}

TEST_F(RunTest, TheEffectiveOptionsAreInTheReport) {
  Outcome outcome = copy({"--report-json",
                          "-",
                          "--verify",
                          "none",
                          "--checksum",
                          "none",
                          "--compare",
                          "all",
                          "--overwrite",
                          "older",
                          "--bwlimit",
                          "1GiB",
                          "--iops-limit",
                          "100000",
                          "--force",
                          "--cross-mounts",
                          "--include-nfs-leftovers",
                          "--owner-errors",
                          "warn",
                          "--map-uid",
                          "70001:0",
                          "--map-uid",
                          "70001:0",
                          "--map-uid",
                          "70002:0",
                          "--map-gid",
                          "70003:0"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(schema_complaint("report.schema.json", outcome.out), "");
  Json json = Json::parse(outcome.out, nullptr, false);
  Json options = json["Options"];
  EXPECT_EQ(options["verify"], "none");
  EXPECT_EQ(options["checksum"], "none");
  EXPECT_EQ(json["nfsferry"]["checksum"], "none");
  EXPECT_EQ(options["compare"], "all");
  EXPECT_EQ(options["overwrite"], "older");
  EXPECT_EQ(options["BytesPerSecond"], 1u << 30);
  EXPECT_EQ(options["bwlimit"], 1u << 30);
  EXPECT_EQ(options["iops_limit"], 100'000);
  EXPECT_EQ(options["force"], true);
  EXPECT_EQ(options["cross_mounts"], true);
  EXPECT_EQ(options["include_nfs_leftovers"], true);
  EXPECT_EQ(options["root_attributes"], false);
  EXPECT_EQ(options["owner_errors"], "warn");
  EXPECT_EQ(options["suid"], "drop");
  EXPECT_EQ(options["map_uid"], Json({"70001:0", "70002:0"}));
  EXPECT_EQ(options["map_gid"], Json({"70003:0"}));
}

TEST_F(RunTest, ATargetThatIsMadeHasTheOwnerThatItsMapSays) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  ASSERT_EQ(::chown(folder_.path("source").c_str(), 70001, 70002), 0);
  Outcome outcome =
      run_program({"copy", folder_.path("source"), folder_.path("new"), "--create-target",
                   "--map-uid", "70001:70003", "--map-gid", "70002:70004"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  struct stat made{};
  ASSERT_EQ(::stat(folder_.path("new").c_str(), &made), 0);
  EXPECT_EQ(made.st_uid, 70003u);
  EXPECT_EQ(made.st_gid, 70004u);
}

TEST_F(RunTest, OperandsMayFollowARepeatedFlag) {
  Outcome outcome = run_program({"copy", "--map-uid", "70001:0", "--map-gid", "70001:0",
                                 folder_.path("source"), folder_.path("target")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(folder_.read("target/a"), "hello");
}

TEST_F(RunTest, AManifestOnStdoutIsTheOnlyThingThere) {
  for (const char* flag : {"--manifest", "--manifest-sha256", "--log-entries"}) {
    Outcome outcome = copy({flag, "-"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out.find("outcome"), std::string::npos) << outcome.out;
  }
}

TEST_F(RunTest, BadInputLeavesAnOlderManifestAndTrailAlone) {
  folder_.write("manifest", "old");
  folder_.write("entries", "old");
  expect_refused(copy({"--manifest", folder_.path("manifest"), "--log-entries",
                       folder_.path("entries"), "--checksum", "none"}),
                 2);
  expect_refused(
      copy({"--manifest", folder_.path("none/manifest"), "--log-entries", folder_.path("entries")}),
      2);
  EXPECT_EQ(folder_.read("manifest") + folder_.read("entries"), "oldold");
}

TEST_F(RunTest, ProgressIsNotShownInAFileUnlessAskedFor) {
  EXPECT_EQ(copy({"--progress", "auto"}).err, "");
  EXPECT_NE(copy({"--progress", "always"}).err, "");
}

TEST_F(RunTest, AMissingSourceIsExit3AndLeavesTheTargetAlone) {
  Outcome outcome = run_program({"copy", folder_.path("none"), folder_.path("target"),
                                 "--report-json", folder_.path("report.json")});
  expect_refused(outcome, 3);
  EXPECT_NE(outcome.err.find(folder_.path("none")), std::string::npos) << outcome.err;
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path("target")));
  EXPECT_FALSE(folder_.has("none"));
  EXPECT_EQ(schema_complaint("report.schema.json", folder_.read("report.json")), "");
  EXPECT_EQ(report()["Status"], "ERROR");
  EXPECT_NE(report()["Result"]["ErrorCode"], "");
}

TEST_F(RunTest, ASourceThatIsAFileIsExit3) {
  Outcome outcome = run_program({"copy", folder_.path("source/a"), folder_.path("target")});
  expect_refused(outcome, 3);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path("target")));
}

TEST_F(RunTest, AMissingTargetIsExit4AndIsNotMade) {
  Outcome outcome = run_program({"copy", folder_.path("source"), folder_.path("new")});
  expect_refused(outcome, 4);
  EXPECT_NE(outcome.err.find("--create-target"), std::string::npos) << outcome.err;
  EXPECT_FALSE(folder_.has("new"));
}

TEST_F(RunTest, AMissingTargetIsMadeOnRequest) {
  Outcome outcome =
      run_program({"copy", folder_.path("source"), folder_.path("new"), "--create-target"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(folder_.read("new/a"), "hello");
}

TEST_F(RunTest, ATargetThatIsAFileIsExit4) {
  folder_.write("plain", "text");
  expect_refused(run_program({"copy", folder_.path("source"), folder_.path("plain")}), 4);
  EXPECT_EQ(folder_.read("plain"), "text");
}

TEST_F(RunTest, AnUnknownSchemeIsExit2) {
  for (const char* url : {"http://127.0.0.1/x", "smb://h/x", "nfs4://h/x", "nfs://", "nfs:///x"}) {
    expect_refused(run_program({"copy", url, folder_.path("target")}), 2);
    expect_refused(run_program({"copy", folder_.path("source"), url}), 2);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path("target")));
}

TEST_F(RunTest, TheSameDirectoryOnBothSidesIsExit2) {
  expect_refused(run_program({"copy", folder_.path("source"), folder_.path("source")}), 2);
  expect_refused(run_program({"copy", folder_.path("source"), folder_.path("source/./")}), 2);
}

TEST_F(RunTest, OneDirectoryInsideTheOtherIsExit2) {
  for (auto [source, target] :
       {std::pair("source", "source/deep"), std::pair("source/deep", "source")}) {
    Program program({"copy", folder_.path(source), folder_.path(target)});
    expect_refused(program.wait(std::chrono::seconds(10)), 2);  // or it copies itself for ever
  }
  EXPECT_FALSE(folder_.has("source/deep/deep"));
}

TEST_F(RunTest, ASourceThatRefusesTheConnectionIsExit3) {
  ClosedPort port;
  Outcome outcome = run_program({"copy", port.url(), folder_.path("target"), "--timeout", "1s"});
  expect_refused(outcome, 3);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path("target")));
}

TEST_F(RunTest, ATargetThatRefusesTheConnectionIsExit4) {
  ClosedPort port;
  expect_refused(run_program({"copy", folder_.path("source"), port.url(), "--timeout", "1s"}), 4);
}

TEST_F(RunTest, AProbeThatIsRefusedIsExit3) {
  ClosedPort port;
  expect_refused(run_program({"probe", port.url(), "--timeout", "1s"}), 3);
  Outcome outcome = run_program({"probe", port.url(), "--timeout", "1s", "--json"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(line_count(outcome.err), 1) << outcome.err;
  EXPECT_EQ(schema_complaint("probe.schema.json", outcome.out), "");
}

TEST_F(RunTest, NamesCannotSteerTheTerminal) {
  Outcome outcome = run_program({"copy", folder_.path("no\x1b[2J\nsuch"), folder_.path("target")});
  expect_refused(outcome, 3);
  EXPECT_EQ(outcome.err.find('\x1b'), std::string::npos);
}

TEST_F(RunTest, OperandsMayFollowTheEndOfFlags) {
  folder_.write("copy/x", "1");
  Outcome outcome =
      run_program({"copy", "--create-target", "--", folder_.path("copy"), folder_.path("-probe")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(folder_.read("-probe/x"), "1");
}

TEST_F(RunTest, AnOutputThatCannotBeWrittenIsInTheReport) {
  for (const char* flag : {"--manifest", "--manifest-sha256", "--log-entries"}) {
    Outcome outcome =
        copy({"--compare", "all", flag, "/dev/full", "--report-json", folder_.path("report")});
    EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
    Json report = Json::parse(folder_.read("report"), nullptr, false);
    EXPECT_EQ(report["Status"], "ERROR") << flag;
    EXPECT_EQ(report["nfsferry"]["exit_code"], 1) << flag;
    EXPECT_EQ(report["Result"]["ErrorCode"], "output_not_written") << flag;
  }
}

TEST_F(RunTest, OutputsAmongWhatIsCopiedOrDeletedAreRefused) {
  for (const char* flag : {"--manifest", "--manifest-sha256", "--log-entries", "--report-json"}) {
    Outcome inside = run_program({"copy", folder_.path("source"), folder_.path("target"), flag,
                                  folder_.path("source/./output")});
    expect_refused(inside, 2);
    EXPECT_NE(inside.err.find("inside the source"), std::string::npos) << inside.err;
    EXPECT_FALSE(folder_.has("source/output"));
    std::vector<std::string> to_target{"copy", folder_.path("source"), folder_.path("target"), flag,
                                       folder_.path("target/output")};
    EXPECT_EQ(run_program(to_target).exit_code, 0);
    to_target.emplace_back("--delete");
    Outcome gone = run_program(to_target);
    expect_refused(gone, 2);
    EXPECT_NE(gone.err.find("--delete would remove it"), std::string::npos) << gone.err;
    EXPECT_TRUE(folder_.has("target/output"));
    std::filesystem::remove(folder_.path("target/output"));
  }
}

TEST_F(RunTest, TwoInputsFromStdinAreRefused) {
  Outcome outcome = run_program({"copy", folder_.path("source"), folder_.path("target"),
                                 "--filter-from", "-", "--owner-map", "-"});
  expect_refused(outcome, 2);
  EXPECT_NE(outcome.err.find("two inputs"), std::string::npos) << outcome.err;
  EXPECT_FALSE(folder_.has("target/a"));
}

}  // namespace
}  // namespace nfsferry::test

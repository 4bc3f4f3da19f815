#include "report/summary.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace nfsferry {
namespace {

TEST(CopySummary, IsShortWhenAllWentWell) {
  CopyReport report;
  report.files_transferred = 1000;
  report.bytes_written = 3u << 20;
  report.folders_transferred = 1;
  report.duration_ms = 2000;
  report.run_id = "r1";
  report.engine = "epoll";
  EXPECT_EQ(copy_summary(report),
            "outcome         done\n"
            "copied          1,000 files, 3.0 MiB, 1 folder in 2.0s (500 files/s, 1.5 MiB/s)\n"
            "run             r1 (epoll)\n");
}

TEST(CopySummary, CountsEveryKindOfFailure) {
  CopyReport report;
  report.exit_code = ExitCode::kEntriesFailed;
  report.failed_prepare = report.failed_transfer = report.failed_verify = report.failed_delete = 1;
  EXPECT_NE(copy_summary(report).find("failed          4 entries\n"), std::string::npos);
}

TEST(CopySummary, TellsWhatWasNotCopiedOnlyWhereThereIsSomething) {
  CopyReport report;
  EXPECT_EQ(copy_summary(report),
            "outcome         done\n"
            "copied          0 files, 0 B, 0 folders in 0.0s\n");
  report.files_skipped = 5;
  report.metadata_repaired = 1;
  report.files_verified = 1234;
  report.special_skipped = 2;
  report.losses.acls = 1;
  report.losses.xattrs = 3;
  report.losses.holes = 2;
  report.losses.holes_bytes = 64 << 10;
  report.files_filtered = 7;
  report.folders_filtered = 1;
  report.temporaries_removed = 3;
  report.owners_not_set = 4;
  report.target_only = 6;
  EXPECT_EQ(copy_summary(report),
            "outcome         done\n"
            "copied          0 files, 0 B, 0 folders in 0.0s\n"
            "skipped         5 files\n"
            "repaired        1 entry\n"
            "verified        1,234 files\n"
            "not carried     2 special files, 1 ACL, extended attributes of 3 entries, "
            "holes of 2 files, which take 64.0 KiB more\n"
            "filtered        7 files, 1 folder\n"
            "cleaned up      3 temporary files\n"
            "owner not set   4 entries\n"
            "only in target  6 names\n");
}

TEST(CopySummary, EveryExitCodeHasAnOutcome) {
  for (int code : {0, 1, 2, 3, 4, 5, 75, 130, 143}) {
    CopyReport report;
    report.exit_code = static_cast<ExitCode>(code);
    std::string summary = copy_summary(report);
    EXPECT_EQ(summary.find("outcome         "), 0u) << code;
    EXPECT_EQ(summary.find("outcome         done\n") == 0, code == 0) << code;
  }
}

TEST(VerifySummary, TellsWhatWasComparedAndWhatIsNotEqual) {
  CopyReport report;
  report.files_verified = 1000;
  report.bytes_verified = 3u << 20;
  report.folders_verified = 1;
  report.duration_ms = 2000;
  report.run_id = "r1";
  EXPECT_EQ(verify_summary(report),
            "outcome         equal\n"
            "compared        1,000 files, 3.0 MiB, 1 folder in 2.0s\n"
            "run             r1\n");
  report.exit_code = ExitCode::kEntriesFailed;
  report.failed_verify = 2;
  report.target_only = 1;
  report.files_filtered = 1;
  EXPECT_EQ(verify_summary(report),
            "outcome         not equal\n"
            "compared        1,000 files, 3.0 MiB, 1 folder in 2.0s\n"
            "filtered        1 file, 0 folders\n"
            "not equal       2 entries\n"
            "only in target  1 name\n"
            "run             r1\n");
  report.exit_code = ExitCode::kTemporary;
  EXPECT_EQ(verify_summary(report).find("outcome         ended early; run it again to go on\n"),
            0u);
}

TEST(ProbeSummary, NeverLetsAServerSteerTheTerminal) {
  ProbeReport report;
  report.location = "nfs://host/\x1b[2J";
  report.server_owner = "a\nb\x07";
  report.root_owner = "\x1b]0;x";
  report.versions = {{"4.0", false, "\x1b"}};
  std::string summary = probe_summary(report);
  EXPECT_EQ(std::count_if(summary.begin(), summary.end(),
                          [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; }),
            0);
  EXPECT_NE(summary.find("a\\nb\\x07"), std::string::npos);
}

TEST(Grouped, PutsACommaBeforeEveryThreeDigits) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(1234567), "1,234,567");
}

}  // namespace
}  // namespace nfsferry

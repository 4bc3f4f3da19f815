#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "report/report_json.hpp"
#include "report/summary.hpp"
#include "schema_check.hpp"

namespace nfsferry {
namespace {

using Json = nlohmann::json;
using test::schema_complaint;

CheckReport sample() {
  CheckReport report;
  report.run.source.location = "nfs://a/old";
  report.run.source.nfs_version = "4.1";
  report.run.source.max_operations = 100;
  report.run.source.slots = 64;
  report.run.target.location = "/new";
  report.run.engine = "epoll";
  report.run.engine_note = "io_uring is forbidden";
  report.source_round_trip_us = 250;
  report.source = {true, 1500, 2, 10, 4096, 1, 1000, 3, 4, 5, 6, 7, 8};
  report.target_empty = true;
  report.space_total_bytes = 2 << 20;
  report.space_available_bytes = 1 << 20;
  report.sets_owners = true;
  report.clock_ahead_ms = -7;
  report.trial = {9, 900, 1000, 1 << 20};
  report.expected_ms = 61'000;
  report.notes = {"a note"};
  return report;
}

TEST(CheckReportJson, EveryExitCodeFitsTheSchemaAndOnlyZeroIsReady) {
  for (int code : {0, 1, 2, 3, 4, 75, 130, 143}) {
    CheckReport report = sample();
    report.run.exit_code = static_cast<ExitCode>(code);
    EXPECT_EQ(schema_complaint("check.schema.json", check_report_json(report)), "") << code;
    Json json = Json::parse(check_report_json(report));
    EXPECT_EQ(json["exit_code"], code);
    EXPECT_EQ(json["ready"], code == 0);
  }
}

TEST(CheckReportJson, WhatWasNotFoundOutIsNull) {
  CheckReport report;
  EXPECT_EQ(schema_complaint("check.schema.json", check_report_json(report)), "");
  Json json = Json::parse(check_report_json(report));
  EXPECT_TRUE(json["expected_ms"].is_null());
  EXPECT_TRUE(json["target"]["clock_ahead_ms"].is_null());
}

TEST(CheckReportJson, NamesThatAreNoTextAndMoreThanFitsAreWithinTheSchema) {
  CheckReport report = sample();
  for (int i = 0; i < 1000; ++i) {
    std::string path = std::to_string(i) + std::string(200, '\xff');
    report.run.failures.push_back({path, "OPEN", "NFS4ERR_ACCESS", std::string(5000, '\x01'), 1});
  }
  report.problems = {std::string(100'000, '\xfe')};
  std::string text = check_report_json(report);
  EXPECT_EQ(schema_complaint("check.schema.json", text), "");
  EXPECT_LT(text.size(), kReportBytesMax);
  EXPECT_EQ(Json::parse(text)["unreadable_truncated"], true);
}

TEST(CheckSummary, TellsBothSidesTheTrialAndWhatToExpect) {
  std::string text = check_summary(sample());
  for (const char* part :
       {"outcome         ready\n",
        "nfs://a/old: NFSv4.1, 100 operations a request, 64 requests at once, round trip 0.250 ms",
        "10 files, 4.0 KiB, 2 folders, 4 symlinks, 3 hard links, 5 special files; listed in 1.5s",
        "filtered        7 files, 8 folders\n", "empty, 1.0 MiB available of 2.0 MiB",
        "owners can be set", "clock           the target's is 7 ms behind this machine's\n",
        "epoll (io_uring is forbidden)",
        "9 small files: 900 files/s, 1000 B of a large file: 1.0 MiB/s",
        "about 1m01s for a first copy", "note            a note\n"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(CheckSummary, SaysWhatIsNotKnown) {
  CheckReport report;
  report.source.complete = false;
  report.run.exit_code = ExitCode::kTargetUnusable;
  report.problems = {"full\n"};
  std::string text = check_summary(report);
  for (const char* part : {"outcome         not ready\n", "at least 0 files", "free space not told",
                           "expected        not known", "problem         full\\n\n"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

}  // namespace
}  // namespace nfsferry

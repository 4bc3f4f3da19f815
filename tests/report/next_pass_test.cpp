#include "report/next_pass.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "report/batch_json.hpp"
#include "report/report_json.hpp"
#include "report/summary.hpp"
#include "schema_check.hpp"

namespace nfsferry {
namespace {

constexpr std::uint64_t kMinute = 60'000;
constexpr std::uint64_t kStart = 1'700'000'000'000;

// A pass of a minute that found what changed in 100.
Pass pass_of_a_minute() { return {kStart + 100 * kMinute, kMinute, 250, 1000}; }

TEST(NextPass, IsBetweenAShareOfTheChangesAndAllOfThem) {
  NextPass next = next_pass(pass_of_a_minute(), kStart);
  EXPECT_EQ(next.interval_ms, 100 * kMinute);
  EXPECT_EQ(next.files.least, 3u);  // 2.5: rounded up
  EXPECT_EQ(next.files.most, 250u);
  EXPECT_EQ(next.bytes.least, 10u);
  EXPECT_EQ(next.bytes.most, 1000u);
  EXPECT_EQ(next.duration_most_ms, kMinute);
}

TEST(NextPass, IsLongerThanAPassThatTookLongerThanTheChangesBeforeIt) {
  Pass pass = pass_of_a_minute();
  pass.duration_ms = 200 * kMinute;
  NextPass next = next_pass(pass, kStart);
  EXPECT_EQ(next.files.least, 250u);
  EXPECT_EQ(next.files.most, 500u);
  EXPECT_EQ(next.duration_most_ms, 400 * kMinute);
}

TEST(NextPass, OfAnUnchangedTreeIsNothing) {
  Pass pass = pass_of_a_minute();
  pass.files = pass.bytes = 0;
  EXPECT_EQ(next_pass_text(next_pass(pass, kStart)),
            "0 files, 0 B, up to 1m00s; by the changes of 1h40m");
}

TEST(NextPass, StaysWithinItsNumbersWhateverTheClocksSay) {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  NextPass next = next_pass({kStart, kMost, kMost, kMost}, kStart + 1);
  EXPECT_EQ(next.interval_ms, 1u);
  EXPECT_EQ(next.duration_most_ms,
            static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
}

CopyReport delta_pass() {
  CopyReport report;
  Pass pass = pass_of_a_minute();
  report.start_ms = pass.start_ms;
  report.duration_ms = pass.duration_ms;
  report.files_transferred = pass.files;
  report.bytes_written = pass.bytes;
  report.previous_start_ms = kStart;
  return report;
}

TEST(NextPass, StandsInSummaryAndReportOfACopyThatWentWell) {
  CopyReport report = delta_pass();
  EXPECT_NE(copy_summary(report).find("next pass       3 to 250 files, 10 B to 1000 B, up to "),
            std::string::npos)
      << copy_summary(report);
  std::string json = copy_report_json(report);
  EXPECT_EQ(test::schema_complaint("report.schema.json", json), "");
  EXPECT_NE(json.find("\"files_most\""), std::string::npos);
}

TEST(NextPass, IsNotSaidAfterFailuresNorWithoutAPassBefore) {
  CopyReport failed = delta_pass();
  failed.exit_code = ExitCode::kEntriesFailed;
  EXPECT_FALSE(next_pass(failed));
  CopyReport first = delta_pass();
  first.previous_start_ms = 0;
  EXPECT_FALSE(next_pass(first));
  EXPECT_EQ(copy_report_json(first).find("next_pass"), std::string::npos);
}

TEST(NextPass, OfABatchIsThatOfAllHomes) {
  BatchReport report;
  report.start_ms = kStart + 100 * kMinute;
  report.end_ms = report.start_ms + kMinute;
  report.previous_start_ms = kStart;
  report.homes.resize(2);
  for (BatchEntry& home : report.homes) home.files_transferred = 100;
  EXPECT_NE(batch_summary(report).find("\nnext pass: 2 to 200 files, "), std::string::npos)
      << batch_summary(report);
  EXPECT_NE(batch_report_json(report).find("\"files_most\": 200"), std::string::npos);
  report.exit_code = ExitCode::kEntriesFailed;
  EXPECT_EQ(batch_summary(report).find("next pass"), std::string::npos);
}

TEST(PreviousPass, IsReadFromTheReportOfACopy) {
  CopyReport report = delta_pass();
  report.options.source = "/from";
  report.options.target = "/to";
  auto previous = parse_previous_pass(copy_report_json(report));
  ASSERT_TRUE(previous);
  EXPECT_EQ(previous->start_ms, report.start_ms);
  EXPECT_TRUE(is_same_copy(*previous, report));
  report.options.source = "/elsewhere";
  EXPECT_FALSE(is_same_copy(*previous, report));
}

TEST(PreviousPass, IsReadFromTheSummaryOfABatch) {
  BatchReport report;
  report.start_ms = kStart;
  auto previous = parse_previous_pass(batch_report_json(report));
  ASSERT_TRUE(previous);
  EXPECT_EQ(previous->start_ms, kStart);
  EXPECT_TRUE(previous->is_batch);
}

TEST(PreviousPass, IsNothingElse) {
  for (const char* text : {"", "[]", "{}", R"({"StartTime": 1})", R"({"StartTime": "yesterday"})",
                           R"({"StartTime": "2024-02-30T00:00:00.000Z", "homes": []})",
                           R"({"StartTime": "2024-02-29T00:00:00Z", "homes": []})",
                           R"({"StartTime": "2024-02-29T00:00:00.000Z"})"}) {
    EXPECT_FALSE(parse_previous_pass(text)) << text;
  }
}

}  // namespace
}  // namespace nfsferry

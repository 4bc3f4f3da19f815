#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "report/report_json.hpp"
#include "schema_check.hpp"

namespace nfsferry {
namespace {

using Json = nlohmann::json;
using test::schema_complaint;

std::string complaint(const CopyReport& report) {
  return schema_complaint("verify.schema.json", verify_report_json(report));
}

TEST(VerifyReportJson, EveryExitCodeFitsTheSchemaAndOnlyZeroIsEqual) {
  for (int code : {0, 1, 2, 3, 4, 75, 130, 143}) {
    CopyReport report;
    report.exit_code = static_cast<ExitCode>(code);
    EXPECT_EQ(complaint(report), "") << code;
    Json json = Json::parse(verify_report_json(report));
    EXPECT_EQ(json["exit_code"], code);
    EXPECT_EQ(json["status"], code == 0 ? "equal" : code == 1 ? "incomplete" : "error") << code;
  }
}

TEST(VerifyReportJson, DifferencesAndErrorsStandApart) {
  CopyReport report;
  report.exit_code = ExitCode::kEntriesFailed;
  report.failed_verify = 3;
  report.files_verified = 4;
  report.folders_verified = 5;
  report.bytes_verified = 6;
  report.target_only = 7;
  report.files_filtered = 9;
  report.folders_filtered = 10;
  report.mounts_not_entered = 11;
  report.duration_ms = 8;
  report.failures = {{"a", "compare", "differs", "mode 0644, not 0600", 1},
                     {"b/\xff", "compare", "missing", "", 1},
                     {"c", "OPEN", "NFS4ERR_ACCESS", "not permitted", 1}};
  EXPECT_EQ(complaint(report), "");
  Json json = Json::parse(verify_report_json(report));
  EXPECT_EQ(json["status"], "different");
  EXPECT_EQ(json["not_equal"], 3);
  EXPECT_EQ(json["files_verified"], 4);
  EXPECT_EQ(json["folders_verified"], 5);
  EXPECT_EQ(json["bytes_verified"], 6);
  EXPECT_EQ(json["target_only"], 7);
  EXPECT_EQ(json["files_filtered"], 9);
  EXPECT_EQ(json["folders_filtered"], 10);
  EXPECT_EQ(json["mounts_not_entered"], 11);
  EXPECT_EQ(json["duration_ms"], 8);
  EXPECT_EQ(json["differences"], Json::parse(R"([
      {"path": "a", "error": "differs", "detail": "mode 0644, not 0600"},
      {"path": "b/\ufffd", "path_base64": "Yi//", "error": "missing", "detail": ""}])"));
  EXPECT_EQ(json["errors"], Json::parse(R"([
      {"path": "c", "error": "NFS4ERR_ACCESS", "detail": "not permitted"}])"));
  EXPECT_EQ(json["differences_truncated"], false);
  EXPECT_EQ(json["errors_truncated"], false);
}

TEST(VerifyReportJson, ListsTooLargeAreCutFromTheEndAndSaySo) {
  CopyReport report;
  report.exit_code = ExitCode::kEntriesFailed;
  report.options.source = report.options.target = std::string(100'000, '\x01');
  report.error_detail = std::string(100'000, '\x02');
  report.failed_verify = report.bytes_verified = std::numeric_limits<std::int64_t>::max();
  for (int i = 0; i < 2000; ++i) {
    const char* error = i % 2 == 0 ? "differs" : "EIO";
    report.failures.push_back(
        {std::to_string(i) + std::string(200, '\xfe'), "", error, std::string(5000, '\x03'), 1});
  }
  EXPECT_EQ(complaint(report), "");
  std::string text = verify_report_json(report);
  EXPECT_LT(text.size(), kReportBytesMax);
  Json json = Json::parse(text);
  EXPECT_FALSE(json["differences"].empty());
  EXPECT_EQ(json["differences_truncated"], true);
  EXPECT_EQ(json["errors_truncated"], true);
}

TEST(VerifyReportJson, TheSchemaRejectsAResultThatIsWrong) {
  Json json = Json::parse(verify_report_json(CopyReport{}));
  json["status"] = "fine";
  EXPECT_NE(schema_complaint("verify.schema.json", json.dump()), "");
}

}  // namespace
}  // namespace nfsferry

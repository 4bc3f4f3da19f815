#include <algorithm>
#include <utility>

#include "nfsferry/version.hpp"
#include "report/json_text.hpp"
#include "report/report_json.hpp"
#include "report/summary.hpp"

namespace nfsferry {
namespace {

const char* verdict(const CopyReport& report) {
  if (report.exit_code == ExitCode::kDone) return "equal";
  if (report.exit_code != ExitCode::kEntriesFailed) return "error";
  bool differs = std::any_of(report.failures.begin(), report.failures.end(), is_difference);
  return differs ? "different" : "incomplete";
}

}  // namespace

std::string verify_report_json(const CopyReport& report) {
  Json differences = Json::array();
  Json errors = Json::array();
  std::size_t count = std::min(report.failures.size(), kFailuresKept);
  for (std::size_t i = 0; i < count; ++i) {
    const Failure& failure = report.failures[i];
    (is_difference(failure) ? differences : errors).push_back(failure_entry_json(failure));
  }
  bool truncated = report.failures_truncated || report.failures.size() > kFailuresKept;
  Json json;
  json["status"] = verdict(report);
  json["exit_code"] = static_cast<int>(report.exit_code);
  json["version"] = kVersion;
  json["schema"] = kReportSchema;
  json["run_id"] = short_text(report.run_id);
  json["start_time"] = rfc3339(report.start_ms);
  json["duration_ms"] = report.duration_ms;
  json["source"] = location_text(report.source, report.options.source);
  json["target"] = location_text(report.target, report.options.target);
  json["files_verified"] = report.files_verified;
  json["folders_verified"] = report.folders_verified;
  json["bytes_verified"] = report.bytes_verified;
  json["target_only"] = report.target_only;
  json["files_filtered"] = report.files_filtered;
  json["folders_filtered"] = report.folders_filtered;
  json["mounts_not_entered"] = report.mounts_not_entered;
  json["not_equal"] = failed_entries(report);
  json["differences"] = std::move(differences);
  json["differences_truncated"] = truncated;
  json["errors"] = std::move(errors);
  json["errors_truncated"] = truncated;
  json["error_code"] = short_text(report.error_code);
  json["error_detail"] = long_text(report.error_detail);
  return report_text(std::move(json), {{"/differences", "/differences_truncated"},
                                       {"/errors", "/errors_truncated"}});
}

}  // namespace nfsferry

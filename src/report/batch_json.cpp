#include "report/batch_json.hpp"

#include <algorithm>
#include <utility>

#include "base/escape.hpp"
#include "base/units.hpp"
#include "report/json_text.hpp"
#include "report/next_pass.hpp"
#include "report/report_json.hpp"
#include "report/summary.hpp"

namespace nfsferry {
namespace {

struct Sums {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t changed = 0;
};

Sums sums_of(const BatchReport& report) {
  Sums sums;
  for (const BatchEntry& home : report.homes) {
    sums.files += home.files_transferred;
    sums.bytes += home.bytes_written;
    sums.changed += home.changed_during_copy;
  }
  return sums;
}

// Only of a batch that is done: what failed is missing from its numbers.
std::optional<NextPass> next_pass(const BatchReport& report) {
  bool well =
      report.exit_code == ExitCode::kDone || report.exit_code == ExitCode::kOnlyChangedFiles;
  if (!well || report.previous_start_ms == 0) return std::nullopt;
  Sums sums = sums_of(report);
  Pass pass{report.start_ms, report.end_ms - report.start_ms, sums.files, sums.bytes};
  return next_pass(pass, report.previous_start_ms);
}

Json entry_json(const BatchEntry& home) {
  Json json;
  json["line"] = home.line;
  json["name"] = lossy_utf8(home.name);
  json["Status"] = status_text(home.exit_code);
  json["exit_code"] = static_cast<int>(home.exit_code);
  json["error"] = lossy_utf8(home.error);
  json["detail"] = lossy_utf8(home.detail);
  json["FilesTransferred"] = home.files_transferred;
  json["BytesWritten"] = home.bytes_written;
  json["duration_ms"] = home.duration_ms;
  json["changed_during_copy"] = home.changed_during_copy;
  json["report"] = lossy_utf8(home.report_file);
  return json;
}

}  // namespace

std::uint64_t BatchReport::failed() const {
  auto failed = std::count_if(homes.begin(), homes.end(),
                              [](const BatchEntry& home) { return home.failed(); });
  return static_cast<std::uint64_t>(failed);
}

std::string batch_report_json(const BatchReport& report) {
  Sums sums = sums_of(report);
  Json json;
  json["Status"] = status_text(report.exit_code);
  json["exit_code"] = static_cast<int>(report.exit_code);
  json["StartTime"] = rfc3339(report.start_ms);
  json["EndTime"] = rfc3339(report.end_ms);
  json["duration_ms"] = report.end_ms - report.start_ms;
  json["succeeded"] = report.homes.size() - report.failed();
  json["failed"] = report.failed();
  json["not_begun"] = report.not_begun;
  json["dry_run"] = report.dry_run;
  json["FilesTransferred"] = sums.files;
  json["BytesWritten"] = sums.bytes;
  json["changed_during_copy"] = sums.changed;
  if (auto next = next_pass(report)) json["next_pass"] = next_pass_json(*next);
  json["homes"] = Json::array();
  for (const BatchEntry& home : report.homes) json["homes"].push_back(entry_json(home));
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string batch_summary(const BatchReport& report) {
  Sums sums = sums_of(report);
  std::uint64_t failed = report.failed();
  std::string text = report.dry_run ? "dry run, nothing was written: " : "";
  text += counted(report.homes.size() - failed, "home") + " done";
  if (failed > 0) text += ", " + grouped(failed) + " failed";
  if (report.not_begun > 0) text += ", " + grouped(report.not_begun) + " not begun";
  text += ": " + counted(sums.files, "file") + ", " + format_size(sums.bytes) + " in " +
          format_duration(report.end_ms - report.start_ms);
  if (sums.changed > 0) text += "; " + counted(sums.changed, "file") + " changed during the copy";
  text += "\n";
  if (auto next = next_pass(report)) text += "next pass: " + next_pass_text(*next) + "\n";
  return text;
}

}  // namespace nfsferry

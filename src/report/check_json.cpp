#include <utility>

#include "nfsferry/version.hpp"
#include "report/json_text.hpp"
#include "report/options_json.hpp"
#include "report/report_json.hpp"

namespace nfsferry {
namespace {

Json side_json(const SideReport& side, const std::string& asked, std::uint64_t round_trip_us) {
  Json json;
  json["location"] = location_text(side, asked);
  json["nfs_version"] = side.nfs_version;
  json["max_operations"] = side.max_operations;
  json["slots"] = side.slots;
  json["round_trip_us"] = round_trip_us;
  return json;
}

Json source_json(const CheckReport& report) {
  const SurveyReport& source = report.source;
  Json json = side_json(report.run.source, report.run.options.source, report.source_round_trip_us);
  json["complete"] = source.complete;
  json["listing_ms"] = source.duration_ms;
  json["directories"] = source.directories;
  json["files"] = source.files;
  json["bytes"] = source.bytes;
  json["large_files"] = source.large_files;
  json["large_bytes"] = source.large_bytes;
  json["hard_links"] = source.hard_links;
  json["symlinks"] = source.symlinks;
  json["specials"] = source.specials;
  json["devices"] = source.devices;
  json["files_filtered"] = source.files_filtered;
  json["folders_filtered"] = source.folders_filtered;
  json["unreadable"] = report.run.failed_prepare + report.run.failed_transfer;
  return json;
}

Json target_json(const CheckReport& report) {
  Json json = side_json(report.run.target, report.run.options.target, report.target_round_trip_us);
  json["empty"] = report.target_empty;
  json["space_total_bytes"] = report.space_total_bytes;
  json["space_available_bytes"] = report.space_available_bytes;
  json["files_free"] = report.files_free;
  json["sets_owners"] = report.sets_owners;
  json["keeps_symlink_times"] = report.keeps_symlink_times;
  json["excludes_other_runs"] = report.excludes_other_runs;
  json["time_granularity_ns"] = report.time_granularity_ns;
  json["clock_ahead_ms"] = report.clock_ahead_ms ? Json(*report.clock_ahead_ms) : Json(nullptr);
  return json;
}

Json trial_json(const TrialReport& trial) {
  Json json;
  json["files"] = trial.files;
  json["files_per_second"] = trial.files_per_second;
  json["bytes"] = trial.bytes;
  json["bytes_per_second"] = trial.bytes_per_second;
  return json;
}

Json texts_json(const std::vector<std::string>& texts) {
  Json json = Json::array();
  for (const std::string& text : texts) json.push_back(long_text(text));
  return json;
}

}  // namespace

std::string check_report_json(const CheckReport& report) {
  const CopyReport& run = report.run;
  Json unreadable = Json::array();
  for (const Failure& failure : run.failures) unreadable.push_back(failure_entry_json(failure));
  Json json;
  json["ready"] = run.exit_code == ExitCode::kDone;
  json["exit_code"] = static_cast<int>(run.exit_code);
  json["version"] = kVersion;
  json["schema"] = kReportSchema;
  json["run_id"] = short_text(run.run_id);
  json["start_time"] = rfc3339(run.start_ms);
  json["duration_ms"] = run.duration_ms;
  json["options"] = options_json(run.options);
  json["engine"] = run.engine;
  json["engine_note"] = long_text(run.engine_note);
  json["source"] = source_json(report);
  json["target"] = target_json(report);
  json["trial"] = trial_json(report.trial);
  json["expected_ms"] = report.expected_ms ? Json(*report.expected_ms) : Json(nullptr);
  json["problems"] = texts_json(report.problems);
  json["notes"] = texts_json(report.notes);
  json["unreadable"] = std::move(unreadable);
  json["unreadable_truncated"] = run.failures_truncated;
  json["error_code"] = short_text(run.error_code);
  json["error_detail"] = long_text(run.error_detail);
  return report_text(std::move(json), {{"/unreadable", "/unreadable_truncated"}});
}

}  // namespace nfsferry

#include "report/backups_text.hpp"

#include <array>
#include <utility>
#include <vector>

#include "base/escape.hpp"
#include "base/units.hpp"
#include "report/one_tree_json.hpp"
#include "report/report_json.hpp"
#include "report/summary.hpp"
#include "report/table.hpp"

namespace nfsferry {
namespace {

void add_failures(Json& json, const CopyReport& run) {
  Json failures = Json::array();
  for (const Failure& failure : run.failures) failures.push_back(failure_entry_json(failure));
  json["failures"] = std::move(failures);
  json["failures_truncated"] = run.failures_truncated;
}

}  // namespace

std::string backups_report_json(const BackupsReport& report) {
  Json backups = Json::array();
  for (const Backup& backup : report.backups) {
    Json one;
    one["folder"] = short_text(backup.folder);
    one["run_id"] = short_text(backup.run_id);
    one["time"] = rfc3339(backup.time_ms);
    one["entries"] = backup.entries;
    one["bytes"] = backup.bytes;
    one["removed"] = backup.removed;
    backups.push_back(std::move(one));
  }
  Json json = one_tree_json(report.run, report.run.target, report.run.options.target);
  json["backups"] = std::move(backups);
  json["backups_truncated"] = false;
  add_failures(json, report.run);
  return report_text(std::move(json),
                     {{"/backups", "/backups_truncated"}, {"/failures", "/failures_truncated"}});
}

std::string restore_report_json(const RestoreReport& report) {
  Json json = one_tree_json(report.run, report.run.target, report.run.options.target);
  json["run_id"] = short_text(report.run.options.run_id);
  json["restored"] = report.restored;
  json["unchanged"] = report.unchanged;
  json["displaced"] = report.displaced;
  add_failures(json, report.run);
  return report_text(std::move(json), {{"/failures", "/failures_truncated"}});
}

std::string backups_table(const BackupsReport& report) {
  if (report.backups.empty()) return {};
  std::vector<std::array<std::string, 5>> rows{
      {"run", "folder", "last changed", "entries", "bytes"}};
  for (const Backup& backup : report.backups) {
    rows.push_back({escape_for_terminal(backup.run_id) + (backup.removed ? " (removed)" : ""),
                    escape_for_terminal(backup.folder), rfc3339(backup.time_ms),
                    grouped(backup.entries), format_size(backup.bytes)});
  }
  return laid_out(rows);
}

std::string restore_text(const RestoreReport& report) {
  bool nothing = report.restored + report.unchanged + report.displaced == 0;
  if (nothing && report.run.exit_code != ExitCode::kDone) return {};
  std::string text =
      grouped(report.restored) + (report.restored == 1 ? " entry" : " entries") + " put back";
  if (report.unchanged > 0) text += ", " + grouped(report.unchanged) + " were in place";
  text += '\n';
  if (report.displaced > 0) {
    text += grouped(report.displaced) + " that stood there " +
            (report.displaced == 1 ? "is" : "are") + " in the backup of run " +
            report.run.options.run_id + "\n";
  }
  return text;
}

}  // namespace nfsferry

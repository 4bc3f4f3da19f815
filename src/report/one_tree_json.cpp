#include "report/one_tree_json.hpp"

#include "nfsferry/version.hpp"
#include "report/report_json.hpp"

namespace nfsferry {

Json one_tree_json(const CopyReport& run, const SideReport& side, const std::string& asked) {
  Json json;
  json["Status"] = status_text(run.exit_code);
  json["version"] = kVersion;
  json["schema"] = kReportSchema;
  json["exit_code"] = static_cast<int>(run.exit_code);
  json["error_code"] = short_text(run.error_code);
  json["error_detail"] = long_text(run.error_detail);
  json["location"] = location_text(side, asked);
  json["nfs_version"] = short_text(side.nfs_version);
  json["engine"] = short_text(run.engine);
  json["engine_note"] = long_text(run.engine_note);
  json["start_time"] = rfc3339(run.start_ms);
  json["duration_ms"] = run.duration_ms;
  return json;
}

}  // namespace nfsferry

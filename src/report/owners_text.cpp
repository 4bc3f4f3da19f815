#include "report/owners_text.hpp"

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

using ShareRow = std::array<std::string, 3>;

Json shares_json(const std::vector<OwnerShare>& shares) {
  Json json = Json::array();
  for (const OwnerShare& share : shares) {
    Json one;
    one["id"] = short_text(share.id);
    one["entries"] = share.entries;
    one["bytes"] = share.bytes;
    json.push_back(std::move(one));
  }
  return json;
}

std::string table_of(const char* what, const std::vector<OwnerShare>& shares) {
  std::vector<ShareRow> rows{{what, "entries", "bytes"}};
  for (const OwnerShare& share : shares) {
    rows.push_back(
        {escape_for_terminal(share.id), grouped(share.entries), format_size(share.bytes)});
  }
  return laid_out(rows);
}

}  // namespace

std::string owners_report_json(const OwnersReport& report) {
  const CopyReport& run = report.run;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  for (const OwnerShare& share : report.users) {
    entries += share.entries;
    bytes += share.bytes;
  }
  Json unreadable = Json::array();
  for (const Failure& failure : run.failures) unreadable.push_back(failure_entry_json(failure));
  Json json = one_tree_json(run, run.source, run.options.source);
  json["entries"] = entries;
  json["bytes"] = bytes;
  json["users"] = shares_json(report.users);
  json["users_truncated"] = false;
  json["groups"] = shares_json(report.groups);
  json["groups_truncated"] = false;
  json["unreadable"] = std::move(unreadable);
  json["unreadable_truncated"] = run.failures_truncated;
  return report_text(std::move(json), {{"/users", "/users_truncated"},
                                       {"/groups", "/groups_truncated"},
                                       {"/unreadable", "/unreadable_truncated"}});
}

std::string owners_table(const OwnersReport& report) {
  return table_of("user", report.users) + "\n" + table_of("group", report.groups);
}

}  // namespace nfsferry

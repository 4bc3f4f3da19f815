#include "report/entry_log.hpp"

#include "base/wall_clock.hpp"
#include "report/json_text.hpp"
#include "report/report_json.hpp"

namespace nfsferry {
namespace {

const char* action_text(EntryAction action) {
  switch (action) {
    case EntryAction::kCopied: return "copied";
    case EntryAction::kMetadata: return "metadata";
    case EntryAction::kLinked: return "linked";
    case EntryAction::kSkipped: return "skipped";
    case EntryAction::kDeleted: return "deleted";
    case EntryAction::kFailed: return "failed";
    case EntryAction::kChanged: return "changed";
    case EntryAction::kVanished: return "vanished";
    case EntryAction::kVerified: return "verified";
  }
  return "failed";
}

Json ownership_json(const EntryOwnership& ownership) {
  Json json;
  json["owner"] = short_text(ownership.owner);
  json["group"] = short_text(ownership.group);
  json["mode"] = mode_text(ownership.mode);
  return json;
}

// A kind alone, or with a blank and its detail.
Json losses_json(const std::vector<Loss>& losses) {
  Json json = Json::array();
  for (const Loss& loss : losses) {
    std::string text = loss_name(loss.kind);
    if (!loss.detail.empty()) text += " " + cut_text(loss.detail, 255);
    json.push_back(std::move(text));
  }
  return json;
}

}  // namespace

void EntryLog::on_entry(const EntryRecord& entry) {
  file_.write(entry_line(entry, wall_clock_ms()));
}

std::string entry_line(const EntryRecord& entry, std::uint64_t unix_ms) {
  Json json;
  json["time"] = rfc3339(unix_ms);
  add_path(json, entry.path);
  json["action"] = action_text(entry.action);
  json["type"] = short_text(entry.type);
  json["size"] = entry.size_bytes;
  if (!entry.hash.empty()) json["hash"] = short_text(entry.hash);
  if (!entry.from.owner.empty()) json["from"] = ownership_json(entry.from);
  if (!entry.to.owner.empty()) json["to"] = ownership_json(entry.to);
  if (!entry.losses.empty()) json["not_carried"] = losses_json(entry.losses);
  if (!entry.error.empty()) json["error"] = short_text(entry.error);
  return dump_line(json) + "\n";
}

}  // namespace nfsferry

#include "recover/row_json.hpp"

#include <algorithm>
#include <utility>

#include "recover/json.hpp"

namespace nfsferry::recover {
namespace {

void add_texts(Json& json, const LedgerRow& row, std::span<const TextAttribute> attributes) {
  for (const TextAttribute& attribute : attributes) {
    json[std::string(attribute.name)] = row.*attribute.member;
  }
}

Status read_member(LedgerRow& row, const std::string& name, const Json& value,
                   const std::string& where) {
  if (name == "replication" && (value.is_boolean() || value.is_null())) {
    row.replication = value.is_null() || value.get<bool>();
    return ok();
  }
  auto known = std::find_if(kTextAttributes.begin(), kTextAttributes.end(),
                            [&name](const TextAttribute& one) { return one.name == name; });
  if (known == kTextAttributes.end()) {
    return bad_member(where + name,
                      name == "replication" ? "is not true or false" : "is no attribute of a row");
  }
  if (value.is_string()) {
    row.*known->member = value.get<std::string>();
  } else if (value.is_number_unsigned()) {
    row.*known->member = std::to_string(value.get<std::uint64_t>());
  } else if (!value.is_null()) {
    return bad_member(where + name, "is not a text");
  }
  return ok();
}

}  // namespace

std::string row_json(const LedgerRow& row) {
  Json json;
  add_texts(json, row, kHomeAttributes);
  json["replication"] = row.replication;
  add_texts(json, row, kResultAttributes);
  return dump_json(json) + "\n";
}

std::string history_entry_json(const HistoryEntry& entry) {
  Json json;
  json["epoctime"] = entry.epoctime;
  add_texts(json, entry.row, kHomeAttributes);
  json["replication"] = entry.row.replication;
  return dump_json(json) + "\n";
}

Result<LedgerRow> complete_row(LedgerRow row, UidRule rule, std::string_view where) {
  std::string prefix(where);
  if (!row.space_name.empty() && !row.user_profile_name.empty()) {
    return bad_member(prefix + "space_name", "and user_profile_name are both there; write one");
  }
  if (row.profile_name.empty()) {
    row.profile_name = row.space_name.empty() ? row.user_profile_name : row.space_name;
  } else if (row.space_name.empty() && row.user_profile_name.empty()) {
    row.user_profile_name = row.profile_name;
  }
  if (row.profile_name.empty()) return bad_member(prefix + "profile_name", "is empty");
  if (row.domain_name.empty()) return bad_member(prefix + "domain_name", "is empty");
  NFSFERRY_TRY(Ok id, check_file_system_id(prefix + "efs_sys_id", row.efs_sys_id), return);
  NFSFERRY_TRY(Ok uid, check_home_uid(prefix + "efs_uid", row.efs_uid, rule), return);
  return row;
}

Result<std::vector<LedgerRow>> parse_rows(std::string_view text, UidRule rule) {
  NFSFERRY_TRY(Json json, parse_json(text, "the list of profiles"), return);
  if (!json.is_array()) return bad_member("the list of profiles", "is not a JSON list");
  std::vector<LedgerRow> rows;
  for (const Json& entry : json) {
    std::string where = "[" + std::to_string(rows.size()) + "]";
    if (!entry.is_object()) return bad_member(where, "is not a JSON object");
    where += ".";
    LedgerRow row;
    for (const auto& [name, value] : entry.items()) {
      NFSFERRY_TRY(Ok read, read_member(row, name, value, where), return);
    }
    NFSFERRY_TRY(LedgerRow complete, complete_row(std::move(row), rule, where), return);
    rows.push_back(std::move(complete));
  }
  return rows;
}

}  // namespace nfsferry::recover

#include "recover/stream_record.hpp"

#include <utility>
#include <vector>

#include "recover/json.hpp"

namespace nfsferry::recover {
namespace {

// A typed value as text: {"S": "..."} or {"N": "1"}; {"NULL": true} is empty.
Result<std::string> typed_text(const Json& value, const std::string& member) {
  if (const Json* null = find_member(value, "NULL"); null != nullptr) return std::string();
  for (const char* type : {"S", "N"}) {
    const Json* text = find_member(value, type);
    if (text != nullptr && text->is_string()) return text->get<std::string>();
  }
  return bad_member(member, "is not a typed text, such as {\"S\": \"...\"}");
}

Result<bool> typed_flag(const Json& value, const std::string& member) {
  const Json* flag = find_member(value, "BOOL");
  if (flag != nullptr && flag->is_boolean()) return flag->get<bool>();
  if (find_member(value, "NULL") != nullptr) return LedgerRow{}.replication;
  return bad_member(member, "is not a typed flag, such as {\"BOOL\": true}");
}

// Empty if the record has no such image.
Result<std::optional<LedgerRow>> parse_image(const Json& change, const char* name) {
  const Json* image = find_member(change, name);
  if (image == nullptr || image->is_null()) return std::optional<LedgerRow>();
  if (!image->is_object()) return bad_member(name, "is not a JSON object");
  LedgerRow row;
  for (const TextAttribute& attribute : kTextAttributes) {
    const Json* value = find_member(*image, attribute.name);
    if (value == nullptr) continue;
    std::string member = std::string(name) + "." + std::string(attribute.name);
    NFSFERRY_TRY(std::string text, typed_text(*value, member), return);
    row.*attribute.member = std::move(text);
  }
  if (const Json* value = find_member(*image, "replication"); value != nullptr) {
    NFSFERRY_TRY(bool flag, typed_flag(*value, std::string(name) + ".replication"), return);
    row.replication = flag;
  }
  return std::optional(std::move(row));
}

// arn:PARTITION:dynamodb:REGION:ACCOUNT:table/...
void note_arn(StreamRecord& record, const Json* arn) {
  if (arn == nullptr || !arn->is_string()) return;
  std::string rest = arn->get<std::string>();
  std::vector<std::string> parts;
  for (std::size_t colon = rest.find(':'); colon != std::string::npos && parts.size() < 5;
       colon = rest.find(':')) {
    parts.push_back(rest.substr(0, colon));
    rest.erase(0, colon + 1);
  }
  if (parts.size() < 5 || parts[0] != "arn") return;
  record.partition = parts[1];
  record.region = parts[3];
  record.account = parts[4];
}

Json typed_image(const LedgerRow& row) {
  Json image;
  for (const TextAttribute& attribute : kTextAttributes) {
    const std::string& text = row.*attribute.member;
    if (!text.empty()) image[std::string(attribute.name)]["S"] = text;
  }
  image["replication"]["BOOL"] = row.replication;
  return image;
}

}  // namespace

Result<StreamRecord> parse_stream_record(std::string_view text) {
  NFSFERRY_TRY(Json json, parse_json_object(text, "the stream record"), return);
  StreamRecord record;
  const Json* event = find_member(json, "eventName");
  if (event == nullptr || !event->is_string()) return bad_member("eventName", "is missing");
  record.event = event->get<std::string>();
  const Json* change = find_member(json, "dynamodb");
  if (change == nullptr || !change->is_object()) return bad_member("dynamodb", "is missing");
  NFSFERRY_TRY(auto before, parse_image(*change, "OldImage"), return);
  NFSFERRY_TRY(auto after, parse_image(*change, "NewImage"), return);
  record.before = std::move(before);
  record.after = std::move(after);
  note_arn(record, find_member(json, "eventSourceARN"));
  return record;
}

std::string stream_record_json(const std::optional<LedgerRow>& before, const LedgerRow& after) {
  Json json;
  json["eventName"] = before ? "MODIFY" : "INSERT";
  Json& change = json["dynamodb"];
  if (before) change["OldImage"] = typed_image(*before);
  change["NewImage"] = typed_image(after);
  return dump_json(json) + "\n";
}

}  // namespace nfsferry::recover

#include "recover/stream_record.hpp"

#include <utility>
#include <vector>

#include "recover/json.hpp"
#include "recover/typed_row.hpp"

namespace nfsferry::recover {
namespace {

// Empty if the record has no such image.
Result<std::optional<LedgerRow>> parse_image(const Json& change, const char* name) {
  const Json* image = find_member(change, name);
  if (image == nullptr || image->is_null()) return std::optional<LedgerRow>();
  if (!image->is_object()) return bad_member(name, "is not a JSON object");
  NFSFERRY_TRY(LedgerRow row, parse_typed_row(*image, std::string(name) + "."), return);
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
  if (before) change["OldImage"] = typed_row(*before, kTextAttributes);
  change["NewImage"] = typed_row(after, kTextAttributes);
  return dump_json(json) + "\n";
}

}  // namespace nfsferry::recover

#include "recover/typed_row.hpp"

#include <utility>

namespace nfsferry::recover {
namespace {

Result<bool> typed_flag(const Json& value, const std::string& member) {
  const Json* flag = find_member(value, "BOOL");
  if (flag != nullptr && flag->is_boolean()) return flag->get<bool>();
  if (find_member(value, "NULL") != nullptr) return LedgerRow{}.replication;
  return bad_member(member, "is not a typed flag, such as {\"BOOL\": true}");
}

}  // namespace

Result<std::string> typed_text(const Json& value, const std::string& member) {
  if (const Json* null = find_member(value, "NULL"); null != nullptr) return std::string();
  for (const char* type : {"S", "N"}) {
    const Json* text = find_member(value, type);
    if (text != nullptr && text->is_string()) return text->get<std::string>();
  }
  return bad_member(member, "is not a typed text, such as {\"S\": \"...\"}");
}

Result<LedgerRow> parse_typed_row(const Json& image, const std::string& where) {
  if (!image.is_object()) return bad_member(where.empty() ? "the item" : where, "is no object");
  LedgerRow row;
  for (const TextAttribute& attribute : kTextAttributes) {
    const Json* value = find_member(image, attribute.name);
    if (value == nullptr) continue;
    NFSFERRY_TRY(std::string text, typed_text(*value, where + std::string(attribute.name)), return);
    row.*attribute.member = std::move(text);
  }
  if (const Json* value = find_member(image, "replication"); value != nullptr) {
    NFSFERRY_TRY(bool flag, typed_flag(*value, where + "replication"), return);
    row.replication = flag;
  }
  return row;
}

Json typed_row(const LedgerRow& row, std::span<const TextAttribute> attributes) {
  Json image;
  for (const TextAttribute& attribute : attributes) {
    const std::string& text = row.*attribute.member;
    if (!text.empty()) image[std::string(attribute.name)]["S"] = text;
  }
  image["replication"]["BOOL"] = row.replication;
  return image;
}

}  // namespace nfsferry::recover

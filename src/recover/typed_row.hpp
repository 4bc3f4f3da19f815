#pragma once

#include <span>
#include <string>

#include "base/result.hpp"
#include "recover/json.hpp"
#include "recover/ledger.hpp"

// Rows as DynamoDB's typed JSON: {"efs_uid": {"S": "200005"}, "replication": {"BOOL": true}}. Only
// for recover's own sources.
namespace nfsferry::recover {

// A typed value as text: {"S": "..."} or {"N": "1"}; {"NULL": true} is empty. Errors: kBadInput.
Result<std::string> typed_text(const Json& value, const std::string& member);

// Attributes that a row does not have are passed over. Errors: kBadInput that names the attribute
// after `where`.
Result<LedgerRow> parse_typed_row(const Json& image, const std::string& where);

// The attributes and the flag; empty texts are left out.
Json typed_row(const LedgerRow& row, std::span<const TextAttribute> attributes);

}  // namespace nfsferry::recover

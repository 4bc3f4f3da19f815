#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "recover/ledger.hpp"

namespace nfsferry::recover {

// One change of table `studioUser` as the table's stream tells it (DynamoDB Streams, view type
// NEW_AND_OLD_IMAGES).
struct StreamRecord {
  std::string event;  // "INSERT", "MODIFY", "REMOVE"
  std::optional<LedgerRow> before;
  std::optional<LedgerRow> after;
  std::string partition;  // of the table's ARN, as region and account; empty where it has none
  std::string region;
  std::string account;
};

// Errors: kBadInput that names the member.
Result<StreamRecord> parse_stream_record(std::string_view text);

// The record of a row that was put in place of `before`, for a ledger that has no stream.
std::string stream_record_json(const std::optional<LedgerRow>& before, const LedgerRow& after);

}  // namespace nfsferry::recover

#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "recover/home.hpp"
#include "recover/stream_record.hpp"

namespace nfsferry::recover {

// Whether a change of the ledger asks for a copy, and if so for which.
struct Decision {
  bool copy = false;
  std::string reason;          // why not; empty with `copy`
  std::string input;           // of the workflow: JSON on one line
  std::string execution_name;  // the same for the same change: a retried record starts no second
};

// What the record cannot tell. Empty members are taken from the table's ARN where the record has
// one, and are else left empty in the ARNs of the input.
struct DecideOptions {
  std::string region;
  std::string account;
  std::string log_group_arn;
  UidRule uid_rule = UidRule::kStudio;
};

// The rules: only MODIFY; only if the old row's `replication` is true; only if file system or uid
// differ; then from the old row's home to the new row's. Errors: kBadInput that names the member
// of a record that asks for a copy which must not be made, or cannot be read.
Result<Decision> decide(const StreamRecord& record, const DecideOptions& options);

// One JSON object and a newline: copy, reason, execution_name, input.
std::string decision_json(const Decision& decision);

// The SHA-256 of what names the copy, in 64 hexadecimal digits: the name that the machine of
// tools/recovery gives the execution that it starts for this change.
std::string execution_name(std::string_view profile_name, const LedgerRow& source,
                           const LedgerRow& target);

}  // namespace nfsferry::recover

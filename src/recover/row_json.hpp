#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "recover/home.hpp"
#include "recover/ledger.hpp"

// Rows as JSON under the attributes' names; each ends in a newline.
namespace nfsferry::recover {

// All attributes, empty ones as "".
std::string row_json(const LedgerRow& row);
// epoctime, then the row without its results.
std::string history_entry_json(const HistoryEntry& entry);

// A JSON list of rows. A name of the profile may be left out: it is the space's or the user
// profile's, and without either the row is a user profile's. Errors: kBadInput that names the
// entry and the member, for unknown members as well.
Result<std::vector<LedgerRow>> parse_rows(std::string_view text, UidRule rule);

// The same checks, and completion of the names, for one row. `where` is put before the member.
Result<LedgerRow> complete_row(LedgerRow row, UidRule rule, std::string_view where = {});

}  // namespace nfsferry::recover

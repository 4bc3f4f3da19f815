#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/result.hpp"
#include "recover/ledger.hpp"

// What the commands do to a ledger. `now_ms` is the time that the history notes.
namespace nfsferry::recover {

struct Seeded {
  std::uint64_t added = 0;
  std::uint64_t present = 0;  // rows that were there and are left as they are
};

// For people.
std::string named(const LedgerKey& key);

// Inserts the rows that are missing, into both tables. A row that is there knows better: it may
// already bear a newer home. A call that failed may be repeated: a home that is there and is
// missing in the history is noted there.
Result<Seeded> seed(Ledger& ledger, std::span<const LedgerRow> rows, std::uint64_t now_ms);

// Is told the row that is about to be replaced, if any. An error leaves it there.
using TellChange = std::function<Status(const std::optional<LedgerRow>& before)>;

// A profile was created: writes its row, whatever stood there, and the history. Returns the row
// that was replaced. A call that could not tell may be repeated, and tells the same. Errors:
// kDiffers when what was told is not what was replaced.
Result<std::optional<LedgerRow>> upsert(Ledger& ledger, const LedgerRow& row, std::uint64_t now_ms,
                                        const TellChange& tell = {});

// Puts the source's home under the target's key, so that the target's later creation is given
// its files. Errors: kBadInput if there is no source, or a target already.
Result<LedgerRow> add_target(Ledger& ledger, const LedgerKey& source, const LedgerKey& target);

}  // namespace nfsferry::recover

#include "recover/ledger_steps.hpp"

#include <algorithm>
#include <utility>

#include "base/escape.hpp"

namespace nfsferry::recover {
namespace {

// Of a row that is there: a call that ended between row and history is gone on with. A row with
// another home than is seeded got its history when it got that.
Status complete_history(Ledger& ledger, const LedgerRow& seeded, std::uint64_t now_ms) {
  NFSFERRY_TRY(auto row, ledger.get(seeded.key()), return);
  if (!row || !row->names_home_of(seeded)) return ok();
  NFSFERRY_TRY(auto entries, ledger.history(row->profile_name), return);
  bool noted = std::any_of(entries.begin(), entries.end(), [&row](const HistoryEntry& entry) {
    return entry.row.domain_name == row->domain_name && entry.row.names_home_of(*row);
  });
  if (noted) return ok();
  NFSFERRY_TRY(std::uint64_t time, ledger.append_history(*row, now_ms), return);
  return ok();
}

// Whether a copy from the one is decided as from the other.
bool decided_alike(const std::optional<LedgerRow>& one, const std::optional<LedgerRow>& other) {
  if (!one || !other) return !one && !other;
  return one->names_home_of(*other) && one->replication == other->replication;
}

}  // namespace

std::string named(const LedgerKey& key) {
  return "profile " + quote_for_terminal(key.profile_name) + " of domain " +
         quote_for_terminal(key.domain_name);
}

Result<Seeded> seed(Ledger& ledger, std::span<const LedgerRow> rows, std::uint64_t now_ms) {
  Seeded seeded;
  for (const LedgerRow& row : rows) {
    NFSFERRY_TRY(bool added, ledger.insert(row), return);
    if (!added) {
      NFSFERRY_TRY(Ok complete, complete_history(ledger, row, now_ms), return);
      ++seeded.present;
      continue;
    }
    NFSFERRY_TRY(std::uint64_t time, ledger.append_history(row, now_ms), return);
    ++seeded.added;
  }
  return seeded;
}

Result<std::optional<LedgerRow>> upsert(Ledger& ledger, const LedgerRow& row, std::uint64_t now_ms,
                                        const TellChange& tell) {
  NFSFERRY_TRY(std::uint64_t time, ledger.append_history(row, now_ms), return);
  if (!tell) return ledger.put(row);
  NFSFERRY_TRY(auto told, ledger.get(row.key()), return);
  NFSFERRY_TRY(Ok written, tell(told), return);
  NFSFERRY_TRY(auto replaced, ledger.put(row), return);
  if (decided_alike(told, replaced)) return replaced;
  std::string home = replaced ? replaced->efs_sys_id + "/" + replaced->efs_uid : "nothing";
  return own_error(Own::kDiffers, "",
                   named(row.key()) + " was changed by somebody else meanwhile: replaced was " +
                       quote_for_terminal(home) + ", not what the record says");
}

Result<LedgerRow> add_target(Ledger& ledger, const LedgerKey& source, const LedgerKey& target) {
  NFSFERRY_TRY(auto found, ledger.get(source), return);
  if (!found) return own_error(Own::kBadInput, "", named(source) + " is not in the ledger");
  LedgerRow row = *std::move(found);
  bool is_space = !row.space_name.empty();
  row.profile_name = target.profile_name;
  row.domain_name = target.domain_name;
  row.space_name = is_space ? target.profile_name : std::string();
  row.user_profile_name = is_space ? std::string() : target.profile_name;
  row.replication = true;
  for (const TextAttribute& result : kResultAttributes) (row.*result.member).clear();
  NFSFERRY_TRY(bool inserted, ledger.insert(row), return);
  if (inserted) return row;
  return own_error(Own::kBadInput, "",
                   named(target) + " is in the ledger already; a new row would lose its home");
}

}  // namespace nfsferry::recover

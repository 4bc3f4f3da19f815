// recover: the recovery workflow. The ledger remembers the last home directory of each profile, so
// that a re-created one can be given its files back; the decision reads a change of the ledger; the
// recovery copies. Promises no order between runs of one profile: the target's lock keeps those
// into one home apart, and results go to a row that names their home alone.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace nfsferry::recover {

struct LedgerKey {
  std::string profile_name;  // of the user profile or the space
  std::string domain_name;
};

// A row of table `studioUser`; members bear the attributes' names, which are a contract. Empty,
// NULL and absent are the same, and read as empty.
struct LedgerRow {
  std::string profile_name;
  std::string domain_name;
  std::string domain_id;
  std::string user_profile_name;  // this or space_name is empty
  std::string space_name;
  std::string efs_sys_id;  // "fs-0123"
  std::string efs_uid;     // decimal; the name of the home directory
  std::string role_name;
  // How the last copy into this home went; empty if there was none.
  std::string bytes_written;
  std::string files_transferred;
  std::string total_duration_ms;
  std::string replication_status;  // "PENDING", "SUCCESS", "ERROR"
  bool replication = true;         // whether the next re-creation is given this home's files

  LedgerKey key() const { return {profile_name, domain_name}; }
  bool names_home_of(const LedgerRow& other) const {
    return efs_sys_id == other.efs_sys_id && efs_uid == other.efs_uid;
  }
  bool operator==(const LedgerRow&) const = default;
};

// Every attribute but `replication` is text.
struct TextAttribute {
  std::string_view name;
  std::string LedgerRow::* member;
};
inline constexpr std::array<TextAttribute, 12> kTextAttributes{{
    {"profile_name", &LedgerRow::profile_name},
    {"domain_name", &LedgerRow::domain_name},
    {"domain_id", &LedgerRow::domain_id},
    {"user_profile_name", &LedgerRow::user_profile_name},
    {"space_name", &LedgerRow::space_name},
    {"efs_sys_id", &LedgerRow::efs_sys_id},
    {"efs_uid", &LedgerRow::efs_uid},
    {"role_name", &LedgerRow::role_name},
    {"bytes_written", &LedgerRow::bytes_written},
    {"files_transferred", &LedgerRow::files_transferred},
    {"total_duration_ms", &LedgerRow::total_duration_ms},
    {"replication_status", &LedgerRow::replication_status},
}};
// Those that describe the home; the others are results.
inline constexpr std::span<const TextAttribute> kHomeAttributes{kTextAttributes.data(), 8};
inline constexpr std::span<const TextAttribute> kResultAttributes{kTextAttributes.data() + 8, 4};

// A row of table `studioUserHistory`: a row as it was written, without the results.
struct HistoryEntry {
  std::uint64_t epoctime = 0;  // milliseconds since 1970
  LedgerRow row;
};

// A store of both tables. Each call is atomic and durable when it returns, and processes that use
// the same store do not disturb each other. One thread at a time; threads open their own. Errors
// are the store's own (Domain::kSqlite, Domain::kAws).
class Ledger {
 public:
  virtual ~Ledger() = default;
  virtual Result<std::optional<LedgerRow>> get(const LedgerKey& key) = 0;
  // Writes the whole row; returns the one that it replaced.
  virtual Result<std::optional<LedgerRow>> put(const LedgerRow& row) = 0;
  // False, and nothing written, if there is a row with that key.
  virtual Result<bool> insert(const LedgerRow& row) = 0;
  // Sets the four results alone. False, and nothing written, if there is no such row, or it names
  // another home by now: results are of a home.
  virtual Result<bool> update_results(const LedgerRow& row) = 0;
  // Sets the flag alone. False if there is no such row.
  virtual Result<bool> set_replication(const LedgerKey& key, bool replication) = 0;
  // All rows, by profile, then by domain.
  virtual Result<std::vector<LedgerRow>> list() = 0;
  // Never overwrites: where the profile has an entry of that millisecond, the next free one is
  // taken. Returns the time that was.
  virtual Result<std::uint64_t> append_history(const LedgerRow& row, std::uint64_t epoctime) = 0;
  // Oldest first.
  virtual Result<std::vector<HistoryEntry>> history(std::string_view profile_name) = 0;
};

enum class OpenMode : std::uint8_t {
  kExisting,  // a ledger that is not there is an error
  kCreate,    // it is made
};

// "sqlite:FILE", or "dynamodb:TABLE", whose tables must be there in either mode. Errors: kBadInput
// for another kind of store, a newer schema, or what a store needs and does not have; the store's
// own.
Result<std::unique_ptr<Ledger>> open_ledger(std::string_view location, OpenMode mode);

// Whether the same may go well a little later: the store is busy, or cannot be reached.
bool is_busy(const Error& error);

}  // namespace nfsferry::recover

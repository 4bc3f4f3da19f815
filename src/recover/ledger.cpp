#include "recover/ledger.hpp"

#include "recover/sqlite_ledger.hpp"

namespace nfsferry::recover {

Result<std::unique_ptr<Ledger>> open_ledger(std::string_view location, OpenMode mode) {
  constexpr std::string_view kSqlite = "sqlite:";
  if (location.starts_with(kSqlite) && location.size() > kSqlite.size()) {
    return open_sqlite_ledger(std::string(location.substr(kSqlite.size())), mode);
  }
  return own_error(Own::kBadInput, "ledger",
                   "'" + std::string(location) + "' is not a ledger; write sqlite:FILE");
}

}  // namespace nfsferry::recover

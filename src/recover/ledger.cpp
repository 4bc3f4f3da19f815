#include "recover/ledger.hpp"

#include "base/escape.hpp"
#include "recover/aws_error.hpp"
#include "recover/dynamodb_ledger.hpp"
#include "recover/sqlite_ledger.hpp"

namespace nfsferry::recover {

Result<std::unique_ptr<Ledger>> open_ledger(std::string_view location, OpenMode mode) {
  constexpr std::string_view kSqlite = "sqlite:";
  constexpr std::string_view kDynamodbPrefix = "dynamodb:";
  if (location.starts_with(kSqlite) && location.size() > kSqlite.size()) {
    return open_sqlite_ledger(std::string(location.substr(kSqlite.size())), mode);
  }
  if (location.starts_with(kDynamodbPrefix)) {
    return open_dynamodb_ledger(location.substr(kDynamodbPrefix.size()));
  }
  return own_error(
      Own::kBadInput, "ledger",
      quote_for_terminal(location) + " is not a ledger; write sqlite:FILE or dynamodb:TABLE");
}

bool is_busy(const Error& error) { return error.name() == "SQLITE_BUSY" || may_pass(error); }

}  // namespace nfsferry::recover

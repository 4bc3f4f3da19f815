#include "recover/sqlite.hpp"

#include <sqlite3.h>

namespace nfsferry::recover {
namespace {

Error sqlite_error(int result, sqlite3* database, std::string_view operation) {
  const char* words = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(result);
  constexpr int kPrimaryCode = 0xff;
  return Error{Domain::kSqlite,
               static_cast<std::uint32_t>(result & kPrimaryCode),
               std::string(operation),
               {},
               words};
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);  // repeats the error of the last step
}

void Statement::bind(int parameter, std::string_view text) {
  int result = text.empty() ? sqlite3_bind_null(statement_.get(), parameter)
                            : sqlite3_bind_text(statement_.get(), parameter, text.data(),
                                                static_cast<int>(text.size()), SQLITE_TRANSIENT);
  check(result == SQLITE_OK, "a parameter that the statement does not have");
}

void Statement::bind(int parameter, std::int64_t number) {
  check(sqlite3_bind_int64(statement_.get(), parameter, number) == SQLITE_OK,
        "a parameter that the statement does not have");
}

Result<bool> Statement::step() {
  int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return sqlite_error(result, sqlite3_db_handle(statement_.get()), "ledger");
}

Status Statement::run() {
  NFSFERRY_TRY(bool row, step(), return);
  check(!row, "a statement that gives rows was run as one that gives none");
  return ok();
}

std::string Statement::text(int column) const {
  const void* bytes = sqlite3_column_text(statement_.get(), column);
  auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

void Database::Close::operator()(sqlite3* database) const { sqlite3_close(database); }

Result<Database> Database::open(const std::string& file, bool create, int busy_ms) {
  sqlite3* handle = nullptr;
  int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
  int result = sqlite3_open_v2(file.c_str(), &handle, flags, nullptr);
  Database database(handle);  // to be closed even when it could not be opened
  if (result == SQLITE_OK) result = sqlite3_busy_timeout(handle, busy_ms);
  if (result != SQLITE_OK) return sqlite_error(result, handle, "ledger");
  return database;
}

Status Database::execute(const char* sql) {
  int result = sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
  return result == SQLITE_OK ? ok() : Status(sqlite_error(result, database_.get(), "ledger"));
}

Result<Statement> Database::prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  int result = sqlite3_prepare_v2(database_.get(), sql.c_str(), -1, &statement, nullptr);
  if (result != SQLITE_OK) return sqlite_error(result, database_.get(), "ledger");
  return Statement(statement);
}

int Database::changes() const { return sqlite3_changes(database_.get()); }

Result<Transaction> Transaction::begin(Database& database) {
  NFSFERRY_TRY(Ok begun, database.execute("BEGIN IMMEDIATE"), return);
  return Transaction(database);
}

Transaction::~Transaction() {
  // What fails here leaves a transaction that ends with the connection.
  if (database_ != nullptr) [[maybe_unused]]
    Status rolled_back = database_->execute("ROLLBACK");
}

Status Transaction::commit() {
  NFSFERRY_TRY(Ok committed, database_->execute("COMMIT"), return);
  database_ = nullptr;
  return ok();
}

}  // namespace nfsferry::recover

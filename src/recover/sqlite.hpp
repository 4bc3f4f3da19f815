#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

// Owners of SQLite's handles. Errors: Domain::kSqlite, with SQLite's own words.
namespace nfsferry::recover {

class Statement {
 public:
  // Parameters count from 1, columns from 0. The text is copied; empty text becomes NULL.
  void bind(int parameter, std::string_view text);
  void bind(int parameter, std::int64_t number);
  // True: a row is there to be read. False: done.
  Result<bool> step();
  // step() of a statement that gives no rows.
  Status run();
  std::string text(int column) const;  // NULL is empty
  std::int64_t number(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  // Waits up to `busy_ms` for other writers in each call.
  static Result<Database> open(const std::string& file, bool create, int busy_ms);

  Status execute(const char* sql);
  Result<Statement> prepare(const std::string& sql);
  int changes() const;  // rows that the last statement wrote

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  explicit Database(sqlite3* database) : database_(database) {}

  std::unique_ptr<sqlite3, Close> database_;
};

// Everything or nothing: what is not committed is rolled back. Holds the write lock from its
// beginning, so that it never has to give way half done.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  Status commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}

  Database* database_;
};

}  // namespace nfsferry::recover

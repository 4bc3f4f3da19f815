#include "recover/sqlite_ledger.hpp"

#include <chrono>
#include <thread>
#include <utility>

#include "recover/sqlite.hpp"

namespace nfsferry::recover {
namespace {

constexpr int kSchemaVersion = 1;
constexpr int kBusyMs = 30'000;
constexpr auto kBusyPause = std::chrono::milliseconds(20);

constexpr const char* kTables = R"(
CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS studioUser (
  profile_name TEXT NOT NULL, domain_name TEXT NOT NULL,
  domain_id TEXT, user_profile_name TEXT, space_name TEXT,
  efs_sys_id TEXT, efs_uid TEXT, role_name TEXT,
  bytes_written TEXT, files_transferred TEXT, total_duration_ms TEXT, replication_status TEXT,
  replication INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (profile_name, domain_name));
CREATE TABLE IF NOT EXISTS studioUserHistory (
  profile_name TEXT NOT NULL, domain_name TEXT,
  domain_id TEXT, user_profile_name TEXT, space_name TEXT,
  efs_sys_id TEXT, efs_uid TEXT, role_name TEXT,
  replication INTEGER NOT NULL DEFAULT 1,
  epoctime INTEGER NOT NULL,
  PRIMARY KEY (profile_name, epoctime));
INSERT INTO schema_version SELECT 1 WHERE NOT EXISTS (SELECT * FROM schema_version);
)";

using Attributes = std::span<const TextAttribute>;

std::string comma_list(Attributes attributes, std::string_view after_name = {}) {
  std::string list;
  for (const TextAttribute& attribute : attributes) {
    if (!list.empty()) list += ", ";
    list += std::string(attribute.name) + std::string(after_name);
  }
  return list;
}

std::string placeholders(std::size_t count) {
  std::string list = "?";
  for (std::size_t i = 1; i < count; ++i) list += ", ?";
  return list;
}

// Binds the attributes from `parameter` on; returns the parameter after them.
int bind_texts(Statement& statement, int parameter, const LedgerRow& row, Attributes attributes) {
  for (const TextAttribute& attribute : attributes) {
    statement.bind(parameter++, row.*attribute.member);
  }
  return parameter;
}

// Columns: the attributes, then `replication`.
LedgerRow read_row(const Statement& statement, Attributes attributes) {
  LedgerRow row;
  int column = 0;
  for (const TextAttribute& attribute : attributes) {
    row.*attribute.member = statement.text(column++);
  }
  row.replication = statement.number(column) != 0;
  return row;
}

class SqliteLedger : public Ledger {
 public:
  explicit SqliteLedger(Database database) : database_(std::move(database)) {}

  // Only one of several that begin at once can switch the journal, and SQLite makes the others
  // fail without waiting.
  Status prepare() {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kBusyMs);
    Status switched = database_.execute("PRAGMA journal_mode = WAL");
    while (!switched && switched.error().name() == "SQLITE_BUSY" &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(kBusyPause);
      switched = database_.execute("PRAGMA journal_mode = WAL");
    }
    if (!switched) return switched;
    NFSFERRY_TRY(Transaction transaction, Transaction::begin(database_), return);
    NFSFERRY_TRY(Ok made, database_.execute(kTables), return);
    NFSFERRY_TRY(Statement query, database_.prepare("SELECT version FROM schema_version"), return);
    NFSFERRY_TRY(bool found, query.step(), return);
    std::int64_t version = query.number(0);
    if (version > kSchemaVersion) {
      return own_error(Own::kBadInput, "ledger",
                       "the ledger has schema " + std::to_string(version) +
                           ", this program knows " + std::to_string(kSchemaVersion) +
                           "; use the nfsferry that made it, or a newer one");
    }
    return transaction.commit();
  }

  Result<std::optional<LedgerRow>> get(const LedgerKey& key) override {
    static const std::string kSql = "SELECT " + comma_list(kTextAttributes) +
                                    ", replication FROM studioUser "
                                    "WHERE profile_name = ? AND domain_name = ?";
    NFSFERRY_TRY(Statement query, database_.prepare(kSql), return);
    query.bind(1, key.profile_name);
    query.bind(2, key.domain_name);
    NFSFERRY_TRY(bool found, query.step(), return);
    if (!found) return std::optional<LedgerRow>();
    return std::optional(read_row(query, kTextAttributes));
  }

  Result<std::optional<LedgerRow>> put(const LedgerRow& row) override {
    NFSFERRY_TRY(Transaction transaction, Transaction::begin(database_), return);
    NFSFERRY_TRY(auto before, get(row.key()), return);
    NFSFERRY_TRY(Ok written, write("INSERT OR REPLACE", row), return);
    NFSFERRY_TRY(Ok committed, transaction.commit(), return);
    return before;
  }

  Result<bool> insert(const LedgerRow& row) override {
    NFSFERRY_TRY(Transaction transaction, Transaction::begin(database_), return);
    NFSFERRY_TRY(auto before, get(row.key()), return);
    if (before) return false;
    NFSFERRY_TRY(Ok written, write("INSERT", row), return);
    NFSFERRY_TRY(Ok committed, transaction.commit(), return);
    return true;
  }

  Result<bool> update_results(const LedgerRow& row) override {
    static const std::string kSql = "UPDATE studioUser SET " +
                                    comma_list(kResultAttributes, " = ?") +
                                    " WHERE profile_name = ? AND domain_name = ? "
                                    "AND efs_sys_id = ? AND efs_uid = ?";
    NFSFERRY_TRY(Statement update, database_.prepare(kSql), return);
    int next = bind_texts(update, 1, row, kResultAttributes);
    update.bind(next + 2, row.efs_sys_id);
    update.bind(next + 3, row.efs_uid);
    return run_on_key(update, next, row.key());
  }

  Result<bool> set_replication(const LedgerKey& key, bool replication) override {
    NFSFERRY_TRY(Statement update,
                 database_.prepare("UPDATE studioUser SET replication = ? "
                                   "WHERE profile_name = ? AND domain_name = ?"),
                 return);
    update.bind(1, std::int64_t{replication});
    return run_on_key(update, 2, key);
  }

  Result<std::vector<LedgerRow>> list() override {
    static const std::string kSql = "SELECT " + comma_list(kTextAttributes) +
                                    ", replication FROM studioUser "
                                    "ORDER BY profile_name, domain_name";
    NFSFERRY_TRY(Statement query, database_.prepare(kSql), return);
    std::vector<LedgerRow> rows;
    for (;;) {
      NFSFERRY_TRY(bool found, query.step(), return);
      if (!found) return rows;
      rows.push_back(read_row(query, kTextAttributes));
    }
  }

  Result<std::uint64_t> append_history(const LedgerRow& row, std::uint64_t epoctime) override {
    static const std::string kSql =
        "INSERT INTO studioUserHistory (" + comma_list(kHomeAttributes) +
        ", replication, epoctime) VALUES (" + placeholders(kHomeAttributes.size() + 2) + ")";
    NFSFERRY_TRY(Transaction transaction, Transaction::begin(database_), return);
    NFSFERRY_TRY(std::int64_t free, free_time(row.profile_name, epoctime), return);
    NFSFERRY_TRY(Statement insert, database_.prepare(kSql), return);
    int next = bind_texts(insert, 1, row, kHomeAttributes);
    insert.bind(next, std::int64_t{row.replication});
    insert.bind(next + 1, free);
    NFSFERRY_TRY(Ok inserted, insert.run(), return);
    NFSFERRY_TRY(Ok committed, transaction.commit(), return);
    return static_cast<std::uint64_t>(free);
  }

  Result<std::vector<HistoryEntry>> history(std::string_view profile_name) override {
    static const std::string kSql = "SELECT " + comma_list(kHomeAttributes) +
                                    ", replication, epoctime FROM studioUserHistory "
                                    "WHERE profile_name = ? ORDER BY epoctime";
    NFSFERRY_TRY(Statement query, database_.prepare(kSql), return);
    query.bind(1, profile_name);
    std::vector<HistoryEntry> entries;
    for (;;) {
      NFSFERRY_TRY(bool found, query.step(), return);
      if (!found) return entries;
      int time_column = static_cast<int>(kHomeAttributes.size()) + 1;
      auto epoctime = static_cast<std::uint64_t>(query.number(time_column));
      entries.push_back(HistoryEntry{epoctime, read_row(query, kHomeAttributes)});
    }
  }

 private:
  Status write(std::string_view verb, const LedgerRow& row) {
    NFSFERRY_TRY(Statement insert,
                 database_.prepare(std::string(verb) + " INTO studioUser (" +
                                   comma_list(kTextAttributes) + ", replication) VALUES (" +
                                   placeholders(kTextAttributes.size() + 1) + ")"),
                 return);
    int next = bind_texts(insert, 1, row, kTextAttributes);
    insert.bind(next, std::int64_t{row.replication});
    return insert.run();
  }

  Result<bool> run_on_key(Statement& statement, int parameter, const LedgerKey& key) {
    statement.bind(parameter, key.profile_name);
    statement.bind(parameter + 1, key.domain_name);
    NFSFERRY_TRY(Ok done, statement.run(), return);
    return database_.changes() > 0;
  }

  Result<std::int64_t> free_time(std::string_view profile_name, std::uint64_t epoctime) {
    auto time = static_cast<std::int64_t>(epoctime);
    NFSFERRY_TRY(Statement query,
                 database_.prepare("SELECT epoctime FROM studioUserHistory "
                                   "WHERE profile_name = ? AND epoctime >= ? ORDER BY epoctime"),
                 return);
    query.bind(1, profile_name);
    query.bind(2, time);
    for (;; ++time) {
      NFSFERRY_TRY(bool found, query.step(), return);
      if (!found || query.number(0) != time) return time;
    }
  }

  Database database_;
};

}  // namespace

Result<std::unique_ptr<Ledger>> open_sqlite_ledger(const std::string& file, OpenMode mode) {
  auto database = Database::open(file, mode == OpenMode::kCreate, kBusyMs);
  if (!database) {
    Error error = std::move(database).error();
    error.path = file;
    return error;
  }
  auto ledger = std::make_unique<SqliteLedger>(*std::move(database));
  Status prepared = ledger->prepare();
  if (prepared) return std::unique_ptr<Ledger>(std::move(ledger));
  Error error = std::move(prepared).error();
  error.path = file;
  return error;
}

}  // namespace nfsferry::recover

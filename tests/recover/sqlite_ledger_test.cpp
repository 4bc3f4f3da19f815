// What is particular to the ledger in a SQLite file: its tables, as other programs see them.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "ledger_contract.hpp"
#include "program.hpp"
#include "recover/ledger.hpp"
#include "recover/ledger_steps.hpp"

namespace nfsferry::recover {
namespace {

class SqliteLedgerTest : public testing::Test {
 protected:
  std::string file() const { return folder_.path("ledger.db"); }

  Result<std::unique_ptr<Ledger>> open(OpenMode mode = OpenMode::kCreate) {
    return open_ledger("sqlite:" + file(), mode);
  }

  // Runs the statement as another program would; returns the last row, columns joined by '|'.
  std::string sql(const std::string& statement) {
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open(file().c_str(), &database), SQLITE_OK);
    std::string row;
    auto note = [](void* out, int count, char** columns, char**) {
      auto& text = *static_cast<std::string*>(out);
      text.clear();
      for (int i = 0; i < count; ++i) text += std::string(columns[i] ? columns[i] : "NULL") + "|";
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(database, statement.c_str(), note, &row, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
    return row;
  }

  test::Folder folder_;
};

TEST_F(SqliteLedgerTest, ASeedWhoseHistoryFailedIsCompletedByTheNext) {
  auto ledger = open();
  ASSERT_TRUE(ledger);
  LedgerRow row;
  row.profile_name = row.domain_name = "user1";
  row.efs_uid = "200005";
  sql("CREATE TRIGGER full BEFORE INSERT ON studioUserHistory BEGIN SELECT RAISE(FAIL, 'full'); "
      "END");
  EXPECT_FALSE(seed(**ledger, {&row, 1}, 1));
  sql("DROP TRIGGER full");
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(seed(**ledger, {&row, 1}, 2));
  EXPECT_EQ(sql("SELECT efs_uid FROM studioUser"), "200005|");
  EXPECT_EQ(sql("SELECT count(*), efs_uid, domain_name FROM studioUserHistory"), "1|200005|user1|");
}

// Whoever tries again must still find the home that is to be copied.
TEST_F(SqliteLedgerTest, AnUpsertWhoseHistoryFailsLeavesTheRow) {
  auto ledger = open();
  ASSERT_TRUE(ledger);
  LedgerRow old_home;
  old_home.profile_name = old_home.domain_name = "user1";
  old_home.efs_uid = "200005";
  ASSERT_TRUE(upsert(**ledger, old_home, 1));
  sql("CREATE TRIGGER full BEFORE INSERT ON studioUserHistory BEGIN SELECT RAISE(FAIL, 'full'); "
      "END");
  LedgerRow new_home = old_home;
  new_home.efs_uid = "200010";
  EXPECT_FALSE(upsert(**ledger, new_home, 2));
  sql("DROP TRIGGER full");
  auto before = upsert(**ledger, new_home, 3);
  ASSERT_TRUE(before && *before);
  EXPECT_EQ((*before)->efs_uid, "200005");
}

TEST_F(SqliteLedgerTest, AnUpsertThatToldSomethingElseThanItReplacedFails) {
  auto ledger = open();
  auto another = open();
  ASSERT_TRUE(ledger && another);
  LedgerRow row;
  row.profile_name = row.domain_name = "user1";
  for (const char* uid : {"200010", "200015"}) {
    auto meanwhile = [&](const std::optional<LedgerRow>&) -> Status {
      LedgerRow other = row;
      other.efs_uid = uid;
      NFSFERRY_TRY(auto replaced, (*another)->put(other), return);
      return ok();
    };
    auto before = upsert(**ledger, row, 1, meanwhile);
    ASSERT_FALSE(before);
    EXPECT_NE(before.error().message().find(uid), std::string::npos) << before.error().message();
  }
}

TEST_F(SqliteLedgerTest, TablesAndColumnsHaveTheContractsNames) {
  auto ledger = open();
  ASSERT_TRUE(ledger);
  LedgerRow row;
  row.profile_name = row.space_name = "space1";
  row.domain_name = "domain-a";
  row.efs_uid = "200005";
  row.bytes_written = "10";
  ASSERT_TRUE((*ledger)->put(row));
  ASSERT_TRUE((*ledger)->append_history(row, 1700000000000));
  EXPECT_EQ(sql("SELECT profile_name, domain_name, replication, domain_id, user_profile_name, "
                "space_name, efs_sys_id, efs_uid, role_name, bytes_written, files_transferred, "
                "total_duration_ms, replication_status FROM studioUser"),
            "space1|domain-a|1|NULL|NULL|space1|NULL|200005|NULL|10|NULL|NULL|NULL|");
  EXPECT_EQ(sql("SELECT profile_name, epoctime, efs_uid, space_name FROM studioUserHistory"),
            "space1|1700000000000|200005|space1|");
  EXPECT_EQ(sql("SELECT typeof(bytes_written) FROM studioUser"), "text|");
  EXPECT_EQ(sql("PRAGMA journal_mode"), "wal|");
}

TEST_F(SqliteLedgerTest, EmptyNullAndAbsentNamesAreTheSame) {
  auto ledger = open();
  ASSERT_TRUE(ledger);
  sql("INSERT INTO studioUser (profile_name, domain_name, user_profile_name, space_name, efs_uid) "
      "VALUES ('empty', 'd', 'empty', '', '200005'), ('null', 'd', 'null', NULL, '200005')");
  sql("INSERT INTO studioUser (profile_name, domain_name, user_profile_name, efs_uid) "
      "VALUES ('absent', 'd', 'absent', '200005')");
  for (const char* profile : {"empty", "null", "absent"}) {
    auto row = (*ledger)->get({profile, "d"});
    ASSERT_TRUE(row && *row) << profile;
    EXPECT_EQ((*row)->space_name, "") << profile;
    EXPECT_TRUE((*row)->replication) << profile;
  }
}

TEST_F(SqliteLedgerTest, ANewerSchemaIsRefusedAndLeftAlone) {
  ASSERT_TRUE(open());
  sql("UPDATE schema_version SET version = 2");
  auto refused = open();
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Own::kBadInput));
  EXPECT_NE(refused.error().message().find("schema 2"), std::string::npos);
  EXPECT_NE(refused.error().message().find(file()), std::string::npos);
  EXPECT_EQ(sql("SELECT version FROM schema_version"), "2|");
}

TEST_F(SqliteLedgerTest, AMissingFileIsMadeOnlyWhenAsked) {
  auto refused = open(OpenMode::kExisting);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().name(), "SQLITE_CANTOPEN");
  EXPECT_FALSE(std::filesystem::exists(file()));
  EXPECT_TRUE(open(OpenMode::kCreate));
  EXPECT_TRUE(open(OpenMode::kExisting));
}

TEST_F(SqliteLedgerTest, AFileOfAnotherKindIsRefusedAndLeftAlone) {
  std::string text(4096, 'x');
  std::ofstream(file()) << text;
  auto refused = open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().name(), "SQLITE_NOTADB");
  std::ifstream now(file());
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(now), {}), text);
}

TEST(OpenLedger, NamesALocationThatIsNoLedger) {
  for (const char* location : {"", "sqlite:", "ledger.db", "redis:studioUser"}) {
    auto refused = open_ledger(location, OpenMode::kCreate);
    ASSERT_FALSE(refused) << location;
    EXPECT_TRUE(refused.error().is(Own::kBadInput)) << location;
    EXPECT_NE(refused.error().message().find("sqlite:FILE"), std::string::npos) << location;
  }
}

const Store kStore{"Sqlite",
                   [](const test::Folder& folder) { return "sqlite:" + folder.path("ledger.db"); }};

INSTANTIATE_TEST_SUITE_P(Stores, LedgerContract, testing::Values(kStore), store_name);

}  // namespace
}  // namespace nfsferry::recover

#include "ledger_contract.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <vector>

namespace nfsferry::recover {
namespace {

TEST_P(LedgerContract, GivesBackWhatWasPut) {
  LedgerRow row = home("user1", "200005");
  row.bytes_written = "18446744073709551615";
  row.files_transferred = "7";
  row.total_duration_ms = "0";
  row.replication_status = "SUCCESS";
  row.replication = false;
  ASSERT_TRUE(ledger_->put(row));
  EXPECT_EQ(row_of("user1"), row);
}

TEST_P(LedgerContract, KeepsRowsBeyondItsOwnLife) {
  ASSERT_TRUE(ledger_->put(home("user1", "200005")));
  ledger_ = open();
  EXPECT_EQ(row_of("user1"), home("user1", "200005"));
}

TEST_P(LedgerContract, HasNothingUnderAnUnknownKey) {
  ASSERT_TRUE(ledger_->put(home("user1", "200005")));
  auto other_profile = ledger_->get({"user2", "domain-a"});
  auto other_domain = ledger_->get({"user1", "domain-b"});
  ASSERT_TRUE(other_profile && other_domain);
  EXPECT_FALSE(*other_profile);
  EXPECT_FALSE(*other_domain);
}

TEST_P(LedgerContract, PutReplacesTheWholeRowAndReturnsTheOldOne) {
  LedgerRow first = home("user1", "200005");
  first.replication_status = "SUCCESS";
  auto none = ledger_->put(first);
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  auto before = ledger_->put(home("user1", "200010"));
  ASSERT_TRUE(before && *before);
  EXPECT_EQ(**before, first);
  EXPECT_EQ(row_of("user1"), home("user1", "200010"));
}

TEST_P(LedgerContract, TheSameProfileInTwoDomainsIsTwoRows) {
  LedgerRow other = home("user1", "200010");
  other.domain_name = "domain-b";
  ASSERT_TRUE(ledger_->put(home("user1", "200005")));
  ASSERT_TRUE(ledger_->put(other));
  EXPECT_EQ(row_of("user1").efs_uid, "200005");
}

TEST_P(LedgerContract, InsertNeverReplaces) {
  auto first = ledger_->insert(home("user1", "200005"));
  auto second = ledger_->insert(home("user1", "200010"));
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(*first);
  EXPECT_FALSE(*second);
  EXPECT_EQ(row_of("user1").efs_uid, "200005");
}

TEST_P(LedgerContract, UpdatesOfResultsTouchNothingElse) {
  LedgerRow row = home("user1", "200005");
  row.replication = false;
  ASSERT_TRUE(ledger_->put(row));
  LedgerRow results;
  results.profile_name = row.profile_name;
  results.domain_name = row.domain_name;
  results.efs_sys_id = row.efs_sys_id;
  results.efs_uid = row.efs_uid;
  results.replication_status = row.replication_status = "PENDING";
  results.bytes_written = row.bytes_written = "0";
  auto updated = ledger_->update_results(results);
  ASSERT_TRUE(updated);
  EXPECT_TRUE(*updated);
  EXPECT_EQ(row_of("user1"), row);
}

TEST_P(LedgerContract, ResultsOfAnotherHomeAreNotTaken) {
  LedgerRow now = home("user1", "200010");
  ASSERT_TRUE(ledger_->put(now));
  LedgerRow elsewhere = now;
  elsewhere.efs_sys_id = "fs-other";
  for (LedgerRow results : {home("user1", "200005"), elsewhere}) {
    results.replication_status = "SUCCESS";
    auto updated = ledger_->update_results(results);
    ASSERT_TRUE(updated);
    EXPECT_FALSE(*updated);
    EXPECT_EQ(row_of("user1"), now);
  }
}

TEST_P(LedgerContract, UpdatesOfTheFlagTouchNothingElse) {
  LedgerRow row = home("user1", "200005");
  row.replication_status = "SUCCESS";
  ASSERT_TRUE(ledger_->put(row));
  auto updated = ledger_->set_replication(row.key(), false);
  ASSERT_TRUE(updated);
  EXPECT_TRUE(*updated);
  row.replication = false;
  EXPECT_EQ(row_of("user1"), row);
}

TEST_P(LedgerContract, UpdatesMakeNoRow) {
  auto results = ledger_->update_results(home("user1", "200005"));
  auto flag = ledger_->set_replication({"user1", "domain-a"}, true);
  ASSERT_TRUE(results && flag);
  EXPECT_FALSE(*results);
  EXPECT_FALSE(*flag);
  auto rows = ledger_->list();
  ASSERT_TRUE(rows);
  EXPECT_TRUE(rows->empty());
}

TEST_P(LedgerContract, ListsAllRowsByKey) {
  LedgerRow other = home("user1", "200015");
  other.domain_name = "domain-b";
  ASSERT_TRUE(ledger_->put(home("user2", "200010")));
  ASSERT_TRUE(ledger_->put(other));
  ASSERT_TRUE(ledger_->put(home("user1", "200005")));
  auto rows = ledger_->list();
  ASSERT_TRUE(rows);
  EXPECT_EQ(*rows, (std::vector{home("user1", "200005"), other, home("user2", "200010")}));
}

TEST_P(LedgerContract, KeepsNamesAsTheyAreWritten) {
  LedgerRow row = home("O'Neill \"x\"; -- \xc3\xbc", "200005");
  ASSERT_TRUE(ledger_->put(row));
  EXPECT_EQ(row_of(row.profile_name), row);
}

TEST_P(LedgerContract, HistoryKeepsHomesOfAProfileOldestFirstWithoutResults) {
  LedgerRow old_home = home("user1", "200005");
  old_home.replication_status = "SUCCESS";
  ASSERT_TRUE(ledger_->append_history(home("user1", "200010"), 2000));
  ASSERT_TRUE(ledger_->append_history(old_home, 1000));
  ASSERT_TRUE(ledger_->append_history(home("user2", "200015"), 1500));
  auto entries = ledger_->history("user1");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[0].epoctime, 1000u);
  EXPECT_EQ((*entries)[0].row, home("user1", "200005"));
  EXPECT_EQ((*entries)[1].epoctime, 2000u);
  EXPECT_EQ((*entries)[1].row.efs_uid, "200010");
}

TEST_P(LedgerContract, EntriesOfTheSameMillisecondAreAllKept) {
  for (const char* uid : {"200005", "200010", "200015"}) {
    ASSERT_TRUE(ledger_->append_history(home("user1", uid), 1000));
  }
  auto entries = ledger_->history("user1");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[1].epoctime, 1001u);
  EXPECT_EQ((*entries)[2].row.efs_uid, "200015");
}

TEST_P(LedgerContract, AProfileWithoutHistoryHasNone) {
  auto entries = ledger_->history("user1");
  ASSERT_TRUE(entries);
  EXPECT_TRUE(entries->empty());
}

// In a child: opens the ledger and writes rows and history under its own names.
int write_many(const std::string& location, const std::string& prefix, int count) {
  auto ledger = open_ledger(location, OpenMode::kCreate);
  if (!ledger) return 1;
  for (int i = 0; i < count; ++i) {
    LedgerRow row;
    row.profile_name = prefix + std::to_string(i);
    row.domain_name = "domain-a";
    if (!(*ledger)->put(row)) return 2;
    row.profile_name = "shared";
    if (!(*ledger)->append_history(row, 1000)) return 3;
  }
  return 0;
}

TEST_P(LedgerContract, TwoProcessesWriteAtOnceAndNothingIsLost) {
  constexpr int kEach = 40;
  ledger_.reset();  // a handle must not be carried into a child
  std::vector<pid_t> children;
  for (const char* prefix : {"a", "b"}) {
    pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) ::_exit(write_many(location_, prefix, kEach));
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << WEXITSTATUS(status);
  }
  ledger_ = open();
  auto rows = ledger_->list();
  auto entries = ledger_->history("shared");
  ASSERT_TRUE(rows && entries);
  EXPECT_EQ(rows->size(), 2u * kEach);
  EXPECT_EQ(entries->size(), 2u * kEach);
}

}  // namespace
}  // namespace nfsferry::recover

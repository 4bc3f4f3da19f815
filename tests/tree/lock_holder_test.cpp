#include "tree/lock_holder.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "tree/attributes.hpp"

namespace nfsferry::test {
namespace {

TEST(LockHolder, ComesBackFromItsText) {
  LockHolder written = LockHolder::this_process("run-1");
  LockHolder read = LockHolder::from_text(written.text() + "what an older, longer text left\n");
  EXPECT_EQ(read.run_id, "run-1");
  EXPECT_EQ(read.process, std::to_string(::getpid()));
  EXPECT_EQ(read.host, written.host);
  EXPECT_EQ(read.since, written.since);
  EXPECT_EQ(read.mark, written.mark);
  EXPECT_EQ(read.since.size(), std::string("2026-01-31T23:59:59Z").size()) << read.since;
}

TEST(LockHolder, TheMarkBeginsAsTheRunIdDoesAndIsNeverTheSame) {
  LockHolder one = LockHolder::this_process("a-long-run-id");
  EXPECT_EQ(one.mark.substr(0, 9), "a-long-r-");
  EXPECT_EQ(one.mark.size(), 16u);
  EXPECT_NE(one.mark, LockHolder::this_process("a-long-run-id").mark);
  EXPECT_TRUE(temporary_name(one.mark).starts_with(temporary_beginning(one.mark)));
}

TEST(LockHolder, IsGoneOnlyWhereAProcessOfThisHostIsNoMore) {
  LockHolder holder = LockHolder::this_process("run");
  EXPECT_FALSE(holder.is_gone());
  pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  holder.process = std::to_string(child);
  EXPECT_TRUE(holder.is_gone());
  holder.host += "-not";
  EXPECT_FALSE(holder.is_gone());
  for (const char* not_a_process : {"", "-1", "0", "12x", "99999999999999999999"}) {
    holder = LockHolder::this_process("run");
    holder.process = not_a_process;
    EXPECT_FALSE(holder.is_gone()) << not_a_process;
  }
}

TEST(LockHolder, ATextCutShortLeavesTheRestEmpty) {
  EXPECT_EQ(LockHolder::from_text("").run_id, "");
  EXPECT_EQ(LockHolder::from_text("no line's end").run_id, "");
  LockHolder holder = LockHolder::from_text("run\n12\nho");
  EXPECT_EQ(holder.process, "12");
  EXPECT_EQ(holder.host, "");
  EXPECT_EQ(holder.since, "");
}

TEST(LockHolder, TheMessageNamesItAndNeverSteersTheTerminal) {
  LockHolder holder{"a\x1b[2J", "12", "host", "2026-01-31T23:59:59Z", {}};
  Error error = holder.locked("LOCK");
  EXPECT_TRUE(error.is(Own::kLocked));
  EXPECT_EQ(error.detail,
            "run 'a\\x1b[2J' (process 12 on host, since 2026-01-31T23:59:59Z) works on this "
            "target; wait for its end or stop it");
}

}  // namespace
}  // namespace nfsferry::test

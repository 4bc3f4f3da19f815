// The walkers on bytes written by hand; what the clients really send is walked by the fault tests.
#include "compound_walk.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

#include "fault_plan.hpp"

namespace nfsferry::test {
namespace {

Record words(std::initializer_list<std::uint32_t> values) {
  Record record;
  for (std::uint32_t value : values) append_word(record, value);
  return record;
}

// PUTFH of a five-byte handle, SETCLIENTID_CONFIRM, SETATTR of a mode, in minor version 0.
Record sample_call() {
  return words({77, 0, 2,          100003,     4, 1, 0, 0, 0, 0,
                0,  0, 3,                          // head, no credentials, no tag
                22, 5, 0x61626364, 0x65000000,     //
                36, 1, 2,          3,          4,  //
                34, 0, 0,          0,          0, 2, 0, 2, 4, 0644});
}

// PUTFH, and a SETATTR that failed with ACCESS and set nothing.
Record sample_reply() { return words({77, 1, 0, 0, 0, 0, 13, 0, 2, 22, 0, 34, 13, 0}); }

TEST(CompoundWalk, finds_where_each_operation_of_a_call_begins_and_ends) {
  auto call = walk_call(sample_call());

  ASSERT_TRUE(call);
  EXPECT_EQ(call->xid, 77u);
  EXPECT_EQ(call->minor_version, 0u);
  ASSERT_EQ(call->operations.size(), 3u);
  EXPECT_EQ(call->operations[0].number, kOpPutfh);
  EXPECT_EQ(call->operations[0].begin, 52u);
  EXPECT_EQ(call->operations[1].begin, 68u);
  EXPECT_EQ(call->operations[1].end, 88u);
  EXPECT_EQ(call->operations[2].end, sample_call().size());
}

TEST(CompoundWalk, refuses_a_call_that_is_cut_short_or_goes_on) {
  Record whole = sample_call();
  for (std::size_t size = 0; size < whole.size(); size += 4) {
    EXPECT_FALSE(walk_call(std::span(whole).first(size))) << size;
  }
  append_word(whole, 0);
  EXPECT_FALSE(walk_call(whole));
}

TEST(CompoundWalk, finds_the_results_of_a_reply_and_what_a_failed_one_holds) {
  auto reply = walk_reply(sample_reply());

  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 13u);
  ASSERT_EQ(reply->results.size(), 2u);
  EXPECT_EQ(reply->results[0].status, 0u);
  EXPECT_EQ(reply->results[1].number, kOpSetattr);
  EXPECT_EQ(reply->results[1].status, 13u);
  EXPECT_EQ(reply->results[1].end, sample_reply().size());
}

TEST(CompoundWalk, refuses_a_reply_that_is_cut_short) {
  Record whole = sample_reply();
  for (std::size_t size = 0; size < whole.size(); size += 4) {
    EXPECT_FALSE(walk_reply(std::span(whole).first(size))) << size;
  }
}

TEST(FaultPlan, sends_the_operations_before_the_one_that_fails) {
  Record call = sample_call();

  Record sent = first_operations(call, *walk_call(call), 2);

  auto shorter = walk_call(sent);
  ASSERT_TRUE(shorter);
  ASSERT_EQ(shorter->operations.size(), 2u);
  EXPECT_EQ(shorter->operations[1].number, kOpSetclientidConfirm);
}

TEST(FaultPlan, says_the_failure_after_the_results_of_what_was_sent) {
  Record reply = words({77, 1, 0, 0, 0, 0, 0, 0, 2, 22, 0, 36, 0});

  fail_in_reply(reply, kOpSetattr, 2, 10008);

  auto walked = walk_reply(reply);
  ASSERT_TRUE(walked);
  EXPECT_EQ(walked->status, 10008u);
  ASSERT_EQ(walked->results.size(), 3u);
  EXPECT_EQ(walked->results[2].number, kOpSetattr);
  EXPECT_EQ(walked->results[2].status, 10008u);
}

TEST(FaultPlan, leaves_a_reply_that_failed_earlier_as_it_is) {
  Record reply = sample_reply();

  fail_in_reply(reply, kOpClose, 2, 10008);

  EXPECT_EQ(reply, sample_reply());
}

TEST(FaultPlan, says_the_failure_in_place_of_the_servers_own) {
  Record reply = sample_reply();

  fail_in_reply(reply, kOpSetattr, 1, 69);

  auto walked = walk_reply(reply);
  ASSERT_TRUE(walked);
  EXPECT_EQ(walked->status, 69u);
  ASSERT_EQ(walked->results.size(), 2u);
  EXPECT_EQ(walked->results[1].number, kOpSetattr);
  EXPECT_EQ(walked->results[1].status, 69u);
}

// PUTFH, OPEN of a file that is there, CLOSE.
TEST(FaultPlan, has_the_server_refuse_an_open_whose_owner_counts) {
  constexpr std::uint32_t kAccess = 13, kResource = 10018;
  struct Case {
    std::uint32_t minor_version, status;
    std::size_t sent;
  };
  for (const Case& one : {Case{0, kAccess, 2}, Case{0, kResource, 1}, Case{1, kAccess, 1}}) {
    Record call = words({77, 0, 2,          100003,     4,  1, 0, 0, 0, 0, 0, one.minor_version, 3,
                         22, 5, 0x61626364, 0x65000000, 18, 1, 1, 0, 2, 3, 1, 0x61000000,        0,
                         0,  1, 0x62000000, 4,          2,  1, 2, 3, 4});
    auto whole = walk_call(call);
    ASSERT_TRUE(whole);

    Record sent = call_to_fail(call, *whole, 1, one.status);

    auto walked = walk_call(sent);
    ASSERT_TRUE(walked);
    ASSERT_EQ(walked->operations.size(), one.sent);
    if (one.sent == 2) {
      EXPECT_EQ(word_at(sent, walked->operations[1].begin + 8), 0u) << "the access asked for";
    }
  }
}

}  // namespace
}  // namespace nfsferry::test

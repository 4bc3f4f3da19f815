#include "nfs4/compound.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "loop/buffer.hpp"
#include "wire.hpp"

namespace nfsferry::nfs4 {
namespace {

using namespace test;

constexpr std::uint32_t kOk = 0;
const std::vector<Op> kPutfhOnly{Op::kPutfh};  // a reply refers to its request's operations
const std::vector<Op> kWay{Op::kPutfh, Op::kGetfh, Op::kSavefh};

class CompoundReplyTest : public ::testing::Test {
 protected:
  Chunk record(const std::string& bytes) {
    BufferRef buffer = pool_.get(bytes.size() + 1);
    std::memcpy(buffer.bytes().data(), bytes.data(), bytes.size());
    return Chunk{buffer, buffer.bytes().first(bytes.size())};
  }
  Result<CompoundReply> parse(const Wire& wire, const std::vector<Op>& operations = kWay,
                              bool with_sequence = false) {
    return CompoundReply::parse(record(wire.bytes()), operations, with_sequence);
  }

 private:
  BufferPool pool_;
};

Wire header(std::uint32_t status, std::uint32_t results, std::string_view tag = {}) {
  Wire wire;
  wire.u32(status).opaque(tag).u32(results);
  return wire;
}
constexpr std::uint32_t number(Op op) { return static_cast<std::uint32_t>(op); }

Wire sequence_ok(std::uint32_t status, std::uint32_t results) {
  Wire wire = header(status, results);
  wire.u32(53).u32(kOk).raw("0123456789abcdef");
  wire.u32(9).u32(2).u32(63).u32(31).u32(0x200);
  return wire;
}

TEST_F(CompoundReplyTest, GivesTheResultsInTheOrderOfTheRequest) {
  Wire wire = header(kOk, 3);
  wire.u32(22).u32(kOk).u32(10).u32(kOk).opaque("handle").u32(32).u32(kOk);
  auto reply = parse(wire);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status(), Nfsstat4::kOk);
  EXPECT_EQ(reply->result_count(), 3u);
  EXPECT_TRUE(reply->take<Putfh>());
  auto handle = reply->take<Getfh>();
  ASSERT_TRUE(handle);
  EXPECT_EQ(handle->handle, "handle");
  EXPECT_TRUE(reply->take<Savefh>());
}

TEST_F(CompoundReplyTest, ReadsPastATag) {
  Wire wire = header(kOk, 1, "a tag");
  wire.u32(22).u32(kOk);
  auto reply = parse(wire);
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->take<Putfh>());
}

TEST_F(CompoundReplyTest, StopsAtTheFailingOperationAndFailsTheRestTheSameWay) {
  Wire wire = header(70, 2);
  wire.u32(22).u32(kOk).u32(10).u32(70);
  auto reply = parse(wire);
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->take<Putfh>());
  auto failed = reply->take<Getfh>();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message(), "GETFH: NFS4ERR_STALE");
  auto behind = reply->take<Savefh>();
  ASSERT_FALSE(behind);
  EXPECT_EQ(behind.error().message(), "GETFH: NFS4ERR_STALE");
}

// nfs-servers.md, rule 1: knfsd executes the first 50 operations and says OK.
TEST_F(CompoundReplyTest, NoticesFewerResultsThanOperationsOnOk) {
  Wire wire = header(kOk, 1);
  wire.u32(22).u32(kOk);
  auto reply = parse(wire);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->result_count(), 1u);
  EXPECT_TRUE(reply->take<Putfh>());
  auto missing = reply->take<Getfh>();
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().is(Own::kRequestRefused));
  EXPECT_FALSE(reply->take<Savefh>());
}

TEST_F(CompoundReplyTest, WithAStatusAndNoResultsFailsWithThatStatus) {
  auto reply = parse(header(10018, 0));
  ASSERT_TRUE(reply);
  auto first = reply->take<Putfh>();
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().name(), "NFS4ERR_RESOURCE");
}

TEST_F(CompoundReplyTest, RefusesTheResultOfAnotherOperation) {
  Wire wire = header(kOk, 1);
  wire.u32(32).u32(kOk);
  auto reply = parse(wire);
  ASSERT_TRUE(reply);
  auto wrong = reply->take<Putfh>();
  ASSERT_FALSE(wrong);
  EXPECT_TRUE(wrong.error().is(Own::kBadReply));
}

TEST_F(CompoundReplyTest, KnowsTheResultOfAnIllegalOperation) {
  Wire wire = header(10044, 1);
  wire.u32(number(Op::kIllegal)).u32(10044);
  auto reply = parse(wire);
  ASSERT_TRUE(reply);
  auto illegal = reply->take<Putfh>();
  ASSERT_FALSE(illegal);
  EXPECT_EQ(illegal.error().name(), "NFS4ERR_OP_ILLEGAL");
}

TEST_F(CompoundReplyTest, RefusesMoreResultsThanOperations) {
  auto reply = parse(header(kOk, 4));
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is(Own::kBadReply));
  auto with_sequence = parse(sequence_ok(kOk, 5), kWay, true);
  ASSERT_FALSE(with_sequence);
  EXPECT_FALSE(parse(header(kOk, 0xffffffff)));
}

TEST_F(CompoundReplyTest, RefusesAResultThatDoesNotDecode) {
  Wire wire = header(kOk, 2);
  wire.u32(22).u32(kOk).u32(10).u32(kOk).u32(129).raw(std::string(132, 'h'));
  auto reply = parse(wire);
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->take<Putfh>());
  auto handle = reply->take<Getfh>();
  ASSERT_FALSE(handle);
  EXPECT_TRUE(handle.error().is(Own::kBadReply));
}

TEST_F(CompoundReplyTest, GivesTheSequenceApart) {
  Wire wire = sequence_ok(kOk, 2);
  wire.u32(22).u32(kOk);
  auto reply = parse(wire, kPutfhOnly, true);
  ASSERT_TRUE(reply);
  ASSERT_TRUE(reply->sequence());
  EXPECT_EQ(text_of(reply->sequence()->session), "0123456789abcdef");
  EXPECT_EQ(reply->sequence()->sequence_id, 9u);
  EXPECT_EQ(reply->sequence()->slot, 2u);
  EXPECT_EQ(reply->sequence()->target_highest_slot, 31u);
  EXPECT_EQ(reply->sequence()->status_flags, 0x200u);
  EXPECT_EQ(reply->result_count(), 1u) << "SEQUENCE not counted";
  EXPECT_TRUE(reply->take<Putfh>());
}

TEST_F(CompoundReplyTest, GivesTheErrorOfSequence) {
  Wire wire = header(10052, 1);
  wire.u32(53).u32(10052);
  auto reply = parse(wire, kPutfhOnly, true);
  ASSERT_TRUE(reply);
  ASSERT_FALSE(reply->sequence());
  EXPECT_EQ(reply->sequence().error().message(), "SEQUENCE: NFS4ERR_BADSESSION");
  auto none = parse(header(10018, 0), kPutfhOnly, true);
  ASSERT_TRUE(none);
  ASSERT_FALSE(none->sequence());
  EXPECT_EQ(none->sequence().error().name(), "NFS4ERR_RESOURCE");
}

TEST_F(CompoundReplyTest, RefusesAReplyWithoutItsSequence) {
  Wire wire = header(kOk, 1);
  wire.u32(22).u32(kOk);
  auto reply = parse(wire, kPutfhOnly, true);
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is(Own::kBadReply));
}

TEST_F(CompoundReplyTest, CutShortAnywhereFailsCleanly) {
  Wire wire = sequence_ok(kOk, 3);
  wire.u32(22).u32(kOk).u32(10).u32(kOk).opaque("handle");
  const std::vector<Op> operations{Op::kPutfh, Op::kGetfh};
  for (std::size_t size = 0; size < wire.bytes().size(); ++size) {
    Exact cut(wire.bytes(), size);
    auto reply = CompoundReply::parse(Chunk{{}, cut.bytes()}, operations, true);
    if (!reply) {
      EXPECT_TRUE(reply.error().is(Own::kBadReply)) << size;
      continue;
    }
    ASSERT_TRUE(reply->sequence()) << size;
    (void)reply->take<Putfh>();
    auto last = reply->take<Getfh>();
    ASSERT_FALSE(last) << size;
    EXPECT_TRUE(last.error().is(Own::kBadReply)) << size;
  }
}

TEST(CompoundReplyDeathTest, ResultsAreTakenInTheOrderOfTheRequest) {
  Wire wire = header(kOk, 1);
  wire.u32(22).u32(kOk);
  std::string bytes = wire.bytes();
  auto reply = CompoundReply::parse(Chunk{{}, as_bytes(bytes)}, kWay, false);
  ASSERT_TRUE(reply);
  EXPECT_DEATH((void)reply->take<Savefh>(), "in the order of the request");
}

TEST(Compound, RemembersItsOperationsAndWhatTheyAnswer) {
  Compound request("TEST", Repeat::kOnce);
  request.add(Putfh{{}, "h"});
  request.add(Read{Stateid::anonymous(), 0, 4096});
  request.expect_reply_payload(4096);
  EXPECT_EQ(request.operations(), (std::vector<Op>{Op::kPutfh, Op::kRead}));
  EXPECT_FALSE(request.idempotent());
  // PUTFH: number, status. READ: number, status, eof, length, data.
  EXPECT_GE(request.reply_bytes(), 8u + 16u + 4096u);
}

TEST(Compound, TakesAReaddirFirstAfterPutfhWithSmallOperationsBehind) {
  Compound request("READDIR", Repeat::kIdempotent);
  request.add(Putfh{{}, "h"});
  request.add(Readdir{});
  request.add(Getattr{});
  EXPECT_EQ(request.operations().size(), 3u);
}

// nfs-servers.md, rule 3: such requests have corrupted replies and ended a server.
TEST(CompoundDeathTest, RefusesTheShapesThatServersAnswerWithCorruption) {
  auto readdir_first = [] {
    Compound request("x", Repeat::kIdempotent);
    request.add(Readdir{});
  };
  EXPECT_DEATH(readdir_first(), "READDIR comes once a request, first after PUTFH");
  auto behind_getattr = [] {
    Compound request("x", Repeat::kIdempotent);
    request.add(Putfh{{}, "h"});
    request.add(Getattr{});
    request.add(Readdir{});
  };
  EXPECT_DEATH(behind_getattr(), "READDIR comes once a request");
  auto twice = [] {
    Compound request("x", Repeat::kIdempotent);
    request.add(Putfh{{}, "h"});
    request.add(Readdir{});
    request.add(Readdir{});
  };
  EXPECT_DEATH(twice(), "READDIR comes once a request");
  auto with_read = [] {
    Compound request("x", Repeat::kIdempotent);
    request.add(Putfh{{}, "h"});
    request.add(Readdir{});
    request.add(Read{});
  };
  EXPECT_DEATH(with_read(), "no bulk reply behind a READDIR");
  auto with_readlink = [] {
    Compound request("x", Repeat::kIdempotent);
    request.add(Putfh{{}, "h"});
    request.add(Readdir{});
    request.add(Readlink{});
  };
  EXPECT_DEATH(with_readlink(), "no bulk reply behind a READDIR");
}

}  // namespace
}  // namespace nfsferry::nfs4

// Arguments of every operation against bytes written by hand from RFC 5662's XDR.
#include <gtest/gtest.h>

#include "nfs4/compound.hpp"
#include "nfs4/operations.hpp"
#include "wire.hpp"

namespace nfsferry::nfs4 {
namespace {

using namespace test;

// The operation as it stands in a request: its number, then its arguments.
template <typename Operation>
std::string encoded(const Operation& operation) {
  Compound request("TEST", Repeat::kIdempotent);
  request.add(operation);
  return to_hex(written(request.body()));
}

const std::string kAnonymous = "00000000 00000000 00000000 00000000";
const std::string kCurrent = "00000001 00000000 00000000 00000000";
const std::string kBypass = "ffffffff ffffffff ffffffff ffffffff";

Stateid some_stateid() {
  Stateid stateid{7, {}};
  for (std::size_t i = 0; i < 12; ++i) stateid.other[i] = static_cast<std::byte>(0xa0 + i);
  return stateid;
}
const std::string kSomeStateid = "00000007 a0a1a2a3 a4a5a6a7 a8a9aaab";

NewAttributes all_attributes() {
  NewAttributes attributes;
  attributes.mode = 04755;
  attributes.owner = 1234;
  attributes.group = 7;
  attributes.mtime = Time{1, 5};
  attributes.atime = Time{-1, 6};
  return attributes;
}

TEST(Encode, OperationsWithoutArguments) {
  EXPECT_EQ(encoded(Putrootfh{}), "00000018");
  EXPECT_EQ(encoded(Savefh{}), "00000020");
  EXPECT_EQ(encoded(Restorefh{}), "0000001f");
  EXPECT_EQ(encoded(Getfh{}), "0000000a");
  EXPECT_EQ(encoded(Readlink{}), "0000001b");
}

TEST(Encode, HandlesAndNames) {
  EXPECT_EQ(encoded(Putfh{{}, "abcde"}), "00000016 00000005 61626364 65000000");
  EXPECT_EQ(encoded(Lookup{{}, "a"}), "0000000f 00000001 61000000");
  EXPECT_EQ(encoded(Remove{{}, "b"}), "0000001c 00000001 62000000");
  EXPECT_EQ(encoded(Link{{}, "c"}), "0000000b 00000001 63000000");
  EXPECT_EQ(encoded(Rename{{}, "old", "name"}), "0000001d 00000003 6f6c6400 00000004 6e616d65");
}

TEST(Encode, GetattrAsksByTwoWordsOfBits) {
  EXPECT_EQ(encoded(Getattr{AttrMask{Attr::kType, Attr::kSize, Attr::kMode, Attr::kTimeModify}}),
            "00000009 00000002 00000012 00200002");
}

TEST(Encode, VerifyComparesTheSize) {
  EXPECT_EQ(encoded(Verify{{}, 0x100000002}),
            "00000025 00000002 00000010 00000000 00000008 00000001 00000002");
}

TEST(Encode, SetattrSetsWhatWasChosen) {
  NewAttributes attributes = all_attributes();
  EXPECT_EQ(encoded(Setattr{{}, some_stateid(), attributes, kChooseOwner, {}}),
            "00000022 " + kSomeStateid +
                " 00000002 00000000 00000030 00000010 00000004 31323334 00000001 37000000");
  // mode, then access and modify time, each "set to client time"
  EXPECT_EQ(encoded(Setattr{{}, Stateid::current(), attributes, kChooseModeAndTimes, {}}),
            "00000022 " + kCurrent +
                " 00000002 00000000 00410002 00000024 000009ed"
                " 00000001 ffffffff ffffffff 00000006 00000001 00000000 00000001 00000005");
  EXPECT_EQ(encoded(Setattr{{}, Stateid::anonymous(), attributes, {}, 4096}),
            "00000022 " + kAnonymous + " 00000002 00000010 00000000 00000008 00000000 00001000");
}

TEST(Encode, SetattrLeavesOutWhatIsUnset) {
  NewAttributes attributes;
  attributes.mtime = Time{2, 3};
  EXPECT_EQ(encoded(Setattr{{}, Stateid::anonymous(), attributes, kChooseModeAndTimes, {}}),
            "00000022 " + kAnonymous +
                " 00000002 00000000 00400000 00000010 00000001 00000000 00000002 00000003");
  EXPECT_EQ(encoded(Setattr{{}, Stateid::anonymous(), {}, kChooseModeAndTimes, {}}),
            "00000022 " + kAnonymous + " 00000002 00000000 00000000 00000000");
}

TEST(Encode, OpenOfANewFileIsGuardedAndWantsNoDelegation) {
  OpenCreate open;
  open.name = "tmp";
  EXPECT_EQ(encoded(open),
            "00000012 00000000 00000402 00000000 "  // seqid, write + no delegation, deny none
            "00000000 00000000 00000008 6e667366 65727279 "  // clientid, owner
            "00000001 00000001 "                             // create, guarded
            "00000002 00000000 00000002 00000004 00000180 "  // mode 0600
            "00000000 00000003 746d7000");                   // claim null, name
  open.read_access = true;
  open.attributes = all_attributes();
  open.choice.owner = true;
  EXPECT_EQ(encoded(open),
            "00000012 00000000 00000403 00000000 00000000 00000000 00000008 6e667366 65727279 "
            "00000001 00000001 00000002 00000000 00000032 00000014 00000180 "
            "00000004 31323334 00000001 37000000 00000000 00000003 746d7000");
}

TEST(Encode, OpenForReadingGoesByHandle) {
  EXPECT_EQ(encoded(OpenExisting{}),
            "00000012 00000000 00000401 00000000 00000000 00000000 00000008 6e667366 65727279 "
            "00000000 00000004");
}

TEST(Encode, OpenForWritingAsWellGoesByNameOn40) {
  EXPECT_EQ(encoded(OpenExisting{"tmp", true}),
            "00000012 00000000 00000403 00000000 00000000 00000000 00000008 6e667366 65727279 "
            "00000000 00000000 00000003 746d7000");
}

TEST(Encode, CloseReadWriteCommit) {
  EXPECT_EQ(encoded(Close{{}, some_stateid()}), "00000004 00000000 " + kSomeStateid);
  EXPECT_EQ(encoded(Read{Stateid::anonymous(), 0x100000000, 4096}),
            "00000019 " + kAnonymous + " 00000001 00000000 00001000");
  EXPECT_EQ(encoded(Read{Stateid::bypass(), 1, 2}),
            "00000019 " + kBypass + " 00000000 00000001 00000002");
  Write write;
  write.stateid = Stateid::current();
  write.offset_bytes = 8;
  write.data = as_bytes("hello");
  EXPECT_EQ(encoded(write),
            "00000026 " + kCurrent + " 00000000 00000008 00000000 00000005 68656c6c 6f000000");
  EXPECT_EQ(encoded(Commit{}), "00000005 00000000 00000000 00000000");
}

TEST(Encode, AnUncheckedOpenLeavesWhatIsThere) {
  OpenCreate open;
  open.name = "n";
  open.guarded = false;
  EXPECT_EQ(
      encoded(open),
      "00000012 00000000 00000402 00000000 00000000 00000000 00000008 6e667366 65727279 00000001 "
      "00000000 00000002 00000000 00000002 00000004 00000180 00000000 00000001 6e000000");
}

TEST(Encode, LocksOfTheWholeFile) {
  const std::string whole = " 00000000 00000000 ffffffff ffffffff";
  const std::string owner = " 00000000 00000000 00000000 00000008 6e667366 65727279";
  EXPECT_EQ(encoded(Lock{LockType::kWrite, some_stateid(), true}),
            "0000000c 00000002 00000000" + whole + " 00000001 00000000 " + kSomeStateid + owner);
  EXPECT_EQ(encoded(Lock{LockType::kRead, Stateid::current(), false}),
            "0000000c 00000001 00000000" + whole + " 00000000 " + kCurrent + " 00000000");
  EXPECT_EQ(encoded(Locku{{}, some_stateid()}),
            "0000000e 00000002 00000000 " + kSomeStateid + whole);
}

TEST(Encode, CreateOfEachType) {
  const std::string mode = " 00000002 00000000 00000002 00000004 000001c0";
  Create create;
  create.name = "n";
  create.mode = 0700;
  create.type = FileType::kDirectory;
  EXPECT_EQ(encoded(create), "00000006 00000002 00000001 6e000000" + mode);
  create.type = FileType::kFifo;
  EXPECT_EQ(encoded(create), "00000006 00000007 00000001 6e000000" + mode);
  create.type = FileType::kSocket;
  EXPECT_EQ(encoded(create), "00000006 00000006 00000001 6e000000" + mode);
  create.device_major = 8;
  create.device_minor = 1;
  create.type = FileType::kBlockDevice;
  EXPECT_EQ(encoded(create), "00000006 00000003 00000008 00000001 00000001 6e000000" + mode);
  create.type = FileType::kCharacterDevice;
  EXPECT_EQ(encoded(create), "00000006 00000004 00000008 00000001 00000001 6e000000" + mode);
  create.type = FileType::kSymlink;
  create.link_text = "../x";
  create.mode.reset();
  create.attributes = all_attributes();
  create.choice.owner = true;
  EXPECT_EQ(encoded(create),
            "00000006 00000005 00000004 2e2e2f78 00000001 6e000000 "
            "00000002 00000000 00000030 00000010 00000004 31323334 00000001 37000000");
}

TEST(EncodeDeathTest, NeverSendsAnOwnerThatMeansNoChange) {
  NewAttributes attributes;
  attributes.owner = 0xffffffff;
  auto encode = [&] {
    return encoded(Setattr{{}, Stateid::anonymous(), attributes, kChooseOwner, {}});
  };
  EXPECT_DEATH((void)encode(), "an owner id is below 4294967295");
}

TEST(EncodeDeathTest, MakesNoRegularFileByCreate) {
  Create create;
  create.type = FileType::kRegular;
  EXPECT_DEATH((void)encoded(create), "CREATE makes no regular files");
}

TEST(Encode, ReaddirAsksTheSameForBothCounts) {
  Readdir readdir;
  readdir.cookie = 0x200000001;
  for (std::size_t i = 0; i < 8; ++i) readdir.verifier[i] = static_cast<std::byte>(i);
  readdir.maxcount = 65536;
  readdir.mask = AttrMask{Attr::kFileid};
  XdrWriter out;
  readdir.encode(out);
  EXPECT_EQ(to_hex(written(out)),
            "00000002 00000001 00010203 04050607 00010000 00010000 00000002 00100000 00000000");
}

TEST(Encode, SessionOperations) {
  Sequence sequence;
  for (std::size_t i = 0; i < 16; ++i) sequence.session[i] = static_cast<std::byte>(i);
  sequence.sequence_id = 5;
  sequence.slot = 3;
  sequence.highest_slot = 63;
  sequence.cache_this = true;
  EXPECT_EQ(encoded(sequence),
            "00000035 00010203 04050607 08090a0b 0c0d0e0f 00000005 00000003 0000003f 00000001");

  BindConnToSession bind;
  bind.session = sequence.session;
  EXPECT_EQ(encoded(bind), "00000029 00010203 04050607 08090a0b 0c0d0e0f 00000001 00000000");
  DestroySession session;
  session.session = sequence.session;
  EXPECT_EQ(encoded(session), "0000002c 00010203 04050607 08090a0b 0c0d0e0f");
  DestroyClientid client;
  client.clientid = 0x100000002;
  EXPECT_EQ(encoded(client), "00000039 00000001 00000002");
  EXPECT_EQ(encoded(ReclaimComplete{}), "0000003a 00000000");
}

TEST(Encode, ExchangeIdAndCreateSession) {
  ExchangeId exchange;
  for (std::size_t i = 0; i < 8; ++i) exchange.verifier[i] = static_cast<std::byte>(0xf0 + i);
  exchange.owner = "owner";
  EXPECT_EQ(encoded(exchange),
            "0000002a f0f1f2f3 f4f5f6f7 00000005 6f776e65 72000000 00000000 00000000 00000000");

  CreateSession create;
  create.clientid = 0x100000002;
  create.sequence_id = 9;
  create.fore = ChannelAttributes{1 << 20, 1 << 19, 8192, 128, 64};
  EXPECT_EQ(encoded(create),
            "0000002b 00000001 00000002 00000009 00000000 "
            "00000000 00100000 00080000 00002000 00000080 00000040 00000000 "  // fore channel
            "00000000 00001000 00001000 00000000 00000002 00000001 00000000 "  // back channel
            "40000000 00000001 00000000");  // callback program, one security flavor: none
}

TEST(OperationName, IsTheStandardsWord) {
  EXPECT_EQ(operation_name(Op::kExchangeId), "EXCHANGE_ID");
  EXPECT_EQ(operation_name(Op::kReaddir), "READDIR");
  EXPECT_EQ(operation_name(static_cast<Op>(4711)), "operation");
}

}  // namespace
}  // namespace nfsferry::nfs4

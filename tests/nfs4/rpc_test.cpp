#include "nfs4/rpc.hpp"

#include <gtest/gtest.h>

#include "wire.hpp"

namespace nfsferry::nfs4 {
namespace {

using namespace test;

Status decode(std::string_view bytes) {
  XdrReader in(as_bytes(bytes));
  return decode_reply_header(in);
}

TEST(RpcCall, IsEncodedAsInRfc5531) {
  XdrWriter out;
  encode_call(out, 0xabcd0123, 100003, 4, 1, Credentials{1000, 1001, {4, 24}, "node"});
  EXPECT_EQ(to_hex(written(out)),
            "00000000 abcd0123 00000000 00000002 000186a3 00000004 00000001 "
            "00000001 00000020 "  // AUTH_SYS, 32 bytes
            "00000000 00000004 6e6f6465 000003e8 000003e9 00000002 00000004 00000018 "
            "00000000 00000000");  // AUTH_NONE verifier
}

TEST(RpcCall, SendsAtMostSixteenGroupsAndAMachineNameOf255Bytes) {
  Credentials credentials;
  for (std::uint32_t group = 1; group <= 20; ++group) credentials.groups.push_back(group);
  credentials.machine_name = std::string(300, 'm');
  XdrWriter out;
  encode_call(out, 1, 2, 3, 4, credentials);
  Wire body;
  body.u32(0).opaque(std::string(255, 'm')).u32(0).u32(0).u32(16);
  for (std::uint32_t group = 1; group <= 16; ++group) body.u32(group);
  Wire expected;
  expected.u32(0).u32(1).u32(0).u32(2).u32(2).u32(3).u32(4).u32(1).opaque(body.bytes());
  expected.u32(0).u32(0);
  EXPECT_EQ(to_hex(written(out)), to_hex(expected.bytes()));
}

TEST(RpcCall, RecordMarkSaysOneLastFragment) {
  XdrWriter out;
  encode_call(out, 1, 2, 3, 4, {});
  patch_record_mark(out, 0x123);
  EXPECT_EQ(to_hex(written(out)).substr(0, 8), "80000123");
}

TEST(RpcReply, AcceptedLeavesTheReaderAtTheResult) {
  std::string bytes = hex("00000001 00000000 00000000 00000000 00000000 0000002a");
  XdrReader in(as_bytes(bytes));
  ASSERT_TRUE(decode_reply_header(in));
  EXPECT_EQ(in.u32(), 42u);
}

TEST(RpcReply, VerifierOfAnyFlavorIsReadPast) {
  EXPECT_TRUE(decode(hex("00000001 00000000 00000006 00000005 01020304 05000000 00000000")));
}

TEST(RpcReply, AcceptStatIsKept) {
  RpcFailure failures[] = {RpcFailure::kProgramUnavailable, RpcFailure::kProgramMismatch,
                           RpcFailure::kProcedureUnavailable, RpcFailure::kGarbageArguments,
                           RpcFailure::kSystemError};
  for (RpcFailure failure : failures) {
    Wire wire;
    wire.u32(1).u32(0).u32(0).u32(0).u32(static_cast<std::uint32_t>(failure)).u32(4).u32(4);
    Status status = decode(wire.bytes());
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().domain, Domain::kRpc);
    EXPECT_EQ(status.error().code, static_cast<std::uint32_t>(failure));
  }
}

TEST(RpcReply, DenialIsNamedByItsReason) {
  Status version = decode(hex("00000001 00000001 00000000 00000002 00000002"));
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().name(), "RPC_MISMATCH");
  Status weak = decode(hex("00000001 00000001 00000001 00000005"));
  ASSERT_FALSE(weak);
  EXPECT_EQ(weak.error().name(), "AUTH_ERROR");
  EXPECT_NE(weak.error().message().find("auth_stat 5"), std::string::npos);
}

TEST(RpcReply, ThatIsNoneOfTheseIsABadReply) {
  for (const char* bytes : {
           "00000000 00000000 00000000 00000000 00000000",  // a call
           "00000001 00000002 00000000 00000000 00000000",  // reply_stat 2
           "00000001 00000000 00000000 00000000 00000006",  // accept_stat 6
           "00000001 00000000 00000000 00000191 00000000",  // a verifier of 401 bytes
           "00000001 00000001 00000002 00000000",           // reject_stat 2
       }) {
    Status status = decode(hex(bytes));
    ASSERT_FALSE(status) << bytes;
    EXPECT_TRUE(status.error().is(Own::kBadReply)) << bytes << " " << status.error().message();
  }
}

TEST(RpcReply, CutShortAnywhereIsABadReply) {
  for (const char* text :
       {"00000001 00000000 00000000 00000004 61626364 00000000",
        "00000001 00000001 00000001 00000005", "00000001 00000001 00000000 00000002"}) {
    std::string bytes = hex(text);
    ASSERT_FALSE(decode(bytes.substr(0, 8)));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      Exact cut(bytes, size);
      Status status = decode(cut.text());
      ASSERT_FALSE(status) << size << " of " << text;
      EXPECT_TRUE(status.error().is(Own::kBadReply)) << size << " of " << text;
    }
  }
}

}  // namespace
}  // namespace nfsferry::nfs4

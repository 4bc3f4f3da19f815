// Results of every operation from bytes written by hand after RFC 5662's XDR, and the property
// that a reply cut at any byte fails without reading past its end.
#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "nfs4/operations.hpp"
#include "wire.hpp"

namespace nfsferry::nfs4 {
namespace {

using namespace test;

template <typename Operation>
struct Decoded {
  typename Operation::Reply reply{};
  bool failed = false;
  std::size_t left = 0;
};

// The spans of a reply point into `bytes`, which lives as long as the test's string.
template <typename Operation>
Decoded<Operation> decode(std::string_view bytes) {
  Decoded<Operation> out;
  XdrReader in(as_bytes(bytes));
  Operation::decode(in, out.reply);
  out.failed = in.failed();
  out.left = in.remaining();
  return out;
}

const std::string kChangeInfo = "00000001 00000000 00000001 00000000 00000002";
const std::string kStateid = "00000007 a0a1a2a3 a4a5a6a7 a8a9aaab";
const std::string kAce = "00000000 00000000 00000001 00000004 6e616d65";  // who "name"

std::string open_result(const std::string& delegation) {
  return hex(kStateid + kChangeInfo + "00000004 00000002 00000010 00000002" + delegation);
}

struct Sample {
  const char* name;
  std::string bytes;
  std::function<bool(std::string_view)> succeeds;  // decodes all bytes without failing
};

template <typename Operation>
Sample sample(const char* name, std::string bytes) {
  auto succeeds = [](std::string_view in) {
    auto decoded = decode<Operation>(in);
    return !decoded.failed && decoded.left == 0;
  };
  return Sample{name, std::move(bytes), succeeds};
}

const std::string kChannel = "00000000 00100000 00100000 00002000 00000080 00000040 00000000";
const std::string kEntryAttributes =
    "00000002 00100010 00000002 00000014 "  // size, fileid, mode
    "00000000 00000005 00000000 00000063 000001a4";

std::vector<Sample> samples() {
  const std::string session = "00010203 04050607 08090a0b 0c0d0e0f";
  const std::string exchange =
      "00000000 00000042 00000001 00030000 00000000 00000000 00000001 "
      "00000003 73727600 00000003 73636f00";
  const std::string create_session = session + "00000001 00000000" + kChannel;
  return {
      sample<Getfh>("GETFH", hex("00000005 61626364 65000000")),
      sample<Getattr>("GETATTR", hex(kEntryAttributes)),
      sample<Setattr>("SETATTR", hex("00000002 00000010 00000002")),
      sample<OpenCreate>("OPEN, no delegation", open_result("00000000")),
      sample<OpenCreate>("OPEN, read delegation",
                         open_result("00000001" + kStateid + "00000000" + kAce)),
      sample<OpenCreate>(
          "OPEN, write delegation",
          open_result("00000002" + kStateid + "00000000 00000001 00000000 00100000" + kAce)),
      sample<OpenCreate>("OPEN, not wanted", open_result("00000003 00000000")),
      sample<OpenExisting>("OPEN, contention", open_result("00000003 00000001 00000001")),
      sample<OpenExisting>("OPEN, resource", open_result("00000003 00000002 00000000")),
      sample<Close>("CLOSE", hex(kStateid)),
      sample<Read>("READ", hex("00000001 00000005 68656c6c 6f000000")),
      sample<Write>("WRITE", hex("00001000 00000002 01020304 05060708")),
      sample<Commit>("COMMIT", hex("01020304 05060708")),
      sample<Rename>("RENAME", hex(kChangeInfo + kChangeInfo)),
      sample<Remove>("REMOVE", hex(kChangeInfo)),
      sample<Link>("LINK", hex(kChangeInfo)),
      sample<Create>("CREATE", hex(kChangeInfo + "00000002 00000000 00000002")),
      sample<Readlink>("READLINK", hex("00000004 2e2e2f78")),
      sample<Readdir>("READDIR",
                      hex("01020304 05060708"
                          "00000001 00000000 00000003 00000001 61000000" +
                          kEntryAttributes + "00000001 00000000 00000009 00000002 62630000" +
                          kEntryAttributes + "00000000 00000001")),
      sample<Readdir>("READDIR, empty", hex("01020304 05060708 00000000 00000001")),
      sample<Sequence>("SEQUENCE", hex(session + "00000005 00000003 0000003f 0000001f 00000001")),
      sample<ExchangeId>("EXCHANGE_ID", hex(exchange + "00000000")),
      sample<ExchangeId>("EXCHANGE_ID, with implementation",
                         hex(exchange + "00000001 00000001 64000000 00000001 6e000000 "
                                        "00000000 00000001 00000002")),
      sample<CreateSession>("CREATE_SESSION", hex(create_session + kChannel)),
      sample<CreateSession>(
          "CREATE_SESSION, RDMA",
          hex(create_session + "00000000 00100000 00100000 00002000 00000080 00000040 00000001 "
                               "00000010")),
      sample<BindConnToSession>("BIND_CONN_TO_SESSION", hex(session + "00000001 00000000")),
  };
}

TEST(Decode, EveryResultTakesAllItsBytes) {
  for (const Sample& one : samples()) EXPECT_TRUE(one.succeeds(one.bytes)) << one.name;
}

// In memory of exactly that size: the address sanitizer sees the first byte too many.
TEST(Decode, EveryResultCutAtAnyByteFails) {
  for (const Sample& one : samples()) {
    for (std::size_t size = 0; size < one.bytes.size(); ++size) {
      Exact cut(one.bytes, size);
      EXPECT_FALSE(one.succeeds(cut.text())) << one.name << " cut at " << size;
    }
  }
}

// Whatever stands in a result: it decodes or fails, it never reads past the end.
TEST(Decode, EveryResultSurvivesEveryWordBeingHuge) {
  for (const Sample& one : samples()) {
    for (std::size_t at = 0; at + 4 <= one.bytes.size(); at += 4) {
      for (const char* word : {"ffffffff", "7fffffff", "fffffffd", "00000000", "00000fff"}) {
        std::string changed = one.bytes;
        changed.replace(at, 4, hex(word));
        Exact copy(changed, changed.size());
        (void)one.succeeds(copy.text());
      }
    }
  }
}

TEST(Decode, GetfhGivesTheHandle) {
  EXPECT_EQ(decode<Getfh>(hex("00000005 61626364 65000000")).reply.handle, "abcde");
  EXPECT_TRUE(decode<Getfh>(Wire().opaque(std::string(129, 'h')).bytes()).failed);
  EXPECT_FALSE(decode<Getfh>(Wire().opaque(std::string(128, 'h')).bytes()).failed);
}

TEST(Decode, OpenGivesTheStateidWhateverTheDelegation) {
  for (const char* delegation : {"00000000", "00000003 00000000", "00000003 00000001 00000001"}) {
    auto decoded = decode<OpenCreate>(open_result(delegation));
    ASSERT_FALSE(decoded.failed);
    EXPECT_EQ(decoded.reply.stateid.seqid, 7u);
    EXPECT_EQ(to_hex(text_of(decoded.reply.stateid.other)), "a0a1a2a3 a4a5a6a7 a8a9aaab");
  }
  EXPECT_TRUE(decode<OpenCreate>(open_result("00000004")).failed) << "no such delegation";
}

TEST(Decode, ReadGivesDataAndEof) {
  std::string bytes = hex("00000001 00000005 68656c6c 6f000000");
  auto at_end = decode<Read>(bytes);
  EXPECT_TRUE(at_end.reply.eof);
  EXPECT_EQ(text_of(at_end.reply.data), "hello");
  std::string none = hex("00000000 00000000");
  auto empty = decode<Read>(none);
  EXPECT_FALSE(empty.failed);
  EXPECT_FALSE(empty.reply.eof);
  EXPECT_TRUE(empty.reply.data.empty());
  EXPECT_TRUE(decode<Read>(hex("00000002 00000000")).failed) << "eof is 0 or 1";
}

TEST(Decode, WriteGivesCountStabilityAndVerifier) {
  auto decoded = decode<Write>(hex("00001000 00000002 01020304 05060708"));
  EXPECT_EQ(decoded.reply.count, 4096u);
  EXPECT_EQ(decoded.reply.committed, Stable::kFileSync);
  EXPECT_EQ(to_hex(text_of(decoded.reply.verifier)), "01020304 05060708");
  EXPECT_TRUE(decode<Write>(hex("00001000 00000003 01020304 05060708")).failed);
  EXPECT_EQ(to_hex(text_of(decode<Commit>(hex("01020304 05060708")).reply.verifier)),
            "01020304 05060708");
}

TEST(Decode, ReadlinkGivesAnyBytes) {
  std::string bytes = hex("00000004 2e00ff0a");
  EXPECT_EQ(to_hex(decode<Readlink>(bytes).reply.text), "2e00ff0a");
  EXPECT_TRUE(decode<Readlink>(Wire().opaque(std::string(65537, 'x')).bytes()).failed);
}

TEST(Decode, ReaddirGivesEntriesWithCookiesAndAttributes) {
  std::string bytes = samples()[18].bytes;
  auto decoded = decode<Readdir>(bytes);
  ASSERT_FALSE(decoded.failed);
  EXPECT_TRUE(decoded.reply.eof);
  EXPECT_EQ(to_hex(text_of(decoded.reply.verifier)), "01020304 05060708");
  ASSERT_EQ(decoded.reply.entries.size(), 2u);
  EXPECT_EQ(decoded.reply.entries[0].name, "a");
  EXPECT_EQ(decoded.reply.entries[0].cookie, 3u);
  EXPECT_EQ(decoded.reply.entries[1].name, "bc");
  EXPECT_EQ(decoded.reply.entries[1].cookie, 9u);
  EXPECT_EQ(decoded.reply.entries[1].fattr.attributes.size_bytes, 5u);
  EXPECT_EQ(decoded.reply.entries[1].fattr.attributes.fileid, 99u);
  EXPECT_EQ(decoded.reply.entries[1].fattr.attributes.mode, 0644u);
}

TEST(Decode, ReaddirRefusesANameBeyondTheLimit) {
  Wire wire;
  wire.u64(0).u32(1).u64(3).opaque(std::string(4097, 'n')).raw(hex(kEntryAttributes));
  wire.u32(0).u32(1);
  EXPECT_TRUE(decode<Readdir>(wire.bytes()).failed);
}

TEST(Decode, SequenceGivesWhatTheSlotIsCheckedBy) {
  auto decoded = decode<Sequence>(
      hex("00010203 04050607 08090a0b 0c0d0e0f 00000005 00000003 0000003f 0000001f 00000001"));
  EXPECT_EQ(to_hex(text_of(decoded.reply.session)), "00010203 04050607 08090a0b 0c0d0e0f");
  EXPECT_EQ(decoded.reply.sequence_id, 5u);
  EXPECT_EQ(decoded.reply.slot, 3u);
  EXPECT_EQ(decoded.reply.target_highest_slot, 31u);
  EXPECT_EQ(decoded.reply.status_flags, 1u);
}

TEST(Decode, ExchangeIdGivesClientAndServer) {
  auto decoded = decode<ExchangeId>(samples()[21].bytes);
  EXPECT_EQ(decoded.reply.clientid, 0x42u);
  EXPECT_EQ(decoded.reply.sequence_id, 1u);
  EXPECT_EQ(decoded.reply.flags, 0x30000u);
  EXPECT_EQ(decoded.reply.server_owner, "srv");
  EXPECT_EQ(decoded.reply.server_scope, "sco");
}

TEST(Decode, ExchangeIdRefusesStateProtectionThatWasNotAskedFor) {
  std::string bytes = samples()[21].bytes;
  bytes.replace(16, 4, hex("00000001"));
  EXPECT_TRUE(decode<ExchangeId>(bytes).failed);
}

TEST(Decode, BindConnToSessionRefusesAnotherChannelThanWasAskedFor) {
  EXPECT_TRUE(decode<BindConnToSession>(hex(std::string(32, '0') + "00000002 00000000")).failed);
}

TEST(Decode, CreateSessionGivesTheGrantedLimits) {
  auto decoded = decode<CreateSession>(samples()[23].bytes);
  EXPECT_EQ(to_hex(text_of(decoded.reply.session)), "00010203 04050607 08090a0b 0c0d0e0f");
  EXPECT_EQ(decoded.reply.fore.max_request_bytes, 1u << 20);
  EXPECT_EQ(decoded.reply.fore.max_response_bytes, 1u << 20);
  EXPECT_EQ(decoded.reply.fore.max_cached_response_bytes, 8192u);
  EXPECT_EQ(decoded.reply.fore.max_operations, 128u);
  EXPECT_EQ(decoded.reply.fore.max_requests, 64u);
}

}  // namespace
}  // namespace nfsferry::nfs4

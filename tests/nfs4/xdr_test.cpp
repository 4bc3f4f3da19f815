#include "nfs4/xdr.hpp"

#include <gtest/gtest.h>

#include <string>

#include "wire.hpp"

namespace nfsferry::nfs4 {
namespace {

using namespace test;

TEST(XdrWriter, WritesBigEndianNumbers) {
  XdrWriter out;
  out.u32(0x01020304);
  out.u64(0x1112131415161718);
  out.i64(-2);
  out.boolean(true);
  out.boolean(false);
  EXPECT_EQ(to_hex(written(out)), "01020304 11121314 15161718 ffffffff fffffffe 00000001 00000000");
}

TEST(XdrWriter, PadsOpaquesToFourBytesWithZeroes) {
  const char* expected[] = {"00000000",          "00000001 61000000", "00000002 61620000",
                            "00000003 61626300", "00000004 61626364", "00000005 61626364 65000000"};
  for (std::size_t size = 0; size <= 5; ++size) {
    XdrWriter out;
    out.text(std::string_view("abcde").substr(0, size));
    EXPECT_EQ(to_hex(written(out)), expected[size]);
  }
  XdrWriter fixed;
  fixed.fixed(as_bytes("xyz"));
  EXPECT_EQ(to_hex(written(fixed)), "78797a00");
}

// Where the bytes of an earlier writer were.
TEST(XdrWriter, PadsWithZeroesInMemoryThatWasUsedBefore) {
  {
    XdrWriter().fixed(std::vector<std::byte>(5000, std::byte{0xff}));
  }
  XdrWriter out;
  out.text("a");
  out.text("bcd");
  EXPECT_EQ(to_hex(text_of(out.head())), "00000001 61000000 00000003 62636400");
  const std::vector<std::byte> large(2001);
  out.payload(large);
  EXPECT_EQ(to_hex(text_of(out.head().last(7))), "000007d1 000000");
}

TEST(XdrWriter, RefersToLargePayloadsAndKeepsTheirPlace) {
  std::string large(1025, 'p');
  std::string small(1023, 'q');
  XdrWriter out;
  out.u32(1);
  out.payload(as_bytes(large));
  out.u32(2);
  out.payload(as_bytes(small));
  out.payload(as_bytes(large));
  std::string expected = Wire().u32(1).opaque(large).u32(2).opaque(small).opaque(large).bytes();
  EXPECT_EQ(written(out), expected);
  EXPECT_EQ(out.size(), expected.size());

  std::vector<iovec> pieces;
  out.append_pieces(pieces);
  std::size_t referred = 0;
  for (const iovec& piece : pieces) referred += piece.iov_base == large.data() ? 1 : 0;
  EXPECT_EQ(referred, 2u) << "large payloads are not copied";
}

TEST(XdrWriter, WritesTwoPayloadsSideBySide) {
  std::string first(2048, 'a');
  std::string second(4096, 'b');
  XdrWriter out;
  out.payload(as_bytes(first));
  out.payload(as_bytes(second));
  EXPECT_EQ(written(out), Wire().opaque(first).opaque(second).bytes());
}

TEST(XdrWriter, PatchesWhatWasWrittenBefore) {
  XdrWriter out;
  out.u32(0);
  out.u32(7);
  out.patch_u32(0, 0x80000004);
  EXPECT_EQ(to_hex(written(out)), "80000004 00000007");
}

TEST(XdrWriter, IsEmptyAfterItWasMovedFrom) {
  std::vector<std::byte> large(5000, std::byte{1});
  XdrWriter first;
  first.u32(1);
  first.payload(large);
  XdrWriter second = std::move(first);
  EXPECT_EQ(second.size(), 5008u);
  EXPECT_EQ(first.size(), 0u);
  EXPECT_TRUE(first.head().empty());
  first.u32(2);
  EXPECT_EQ(first.size(), 4u);
  second = std::move(first);
  EXPECT_EQ(second.size(), 4u);
  EXPECT_EQ(first.size(), 0u);
}

TEST(XdrReader, ReadsWhatTheStandardSays) {
  std::string bytes =
      hex("01020304 11121314 15161718 ffffffff fffffffe 00000001 00000000"
          "00000005 61626364 65000000 78797a00");
  XdrReader in(as_bytes(bytes));
  EXPECT_EQ(in.u32(), 0x01020304u);
  EXPECT_EQ(in.u64(), 0x1112131415161718u);
  EXPECT_EQ(in.i64(), -2);
  EXPECT_TRUE(in.boolean());
  EXPECT_FALSE(in.boolean());
  EXPECT_EQ(in.text(5), "abcde");
  EXPECT_EQ(text_of(in.fixed(3)), "xyz");
  EXPECT_FALSE(in.failed());
  EXPECT_EQ(in.remaining(), 0u);
}

TEST(XdrReader, ReadsNothingOnceItHasFailed) {
  std::string bytes = hex("00000001 00000002");
  XdrReader in(as_bytes(bytes));
  in.u64();
  EXPECT_FALSE(in.failed());
  EXPECT_EQ(in.u32(), 0u);
  EXPECT_TRUE(in.failed());
  EXPECT_EQ(in.u64(), 0u);
  EXPECT_EQ(in.text(100), "");
  EXPECT_FALSE(in.boolean());
}

TEST(XdrReader, RefusesWhatDoesNotFit) {
  struct {
    const char* what;
    std::string bytes;
  } table[] = {
      {"longer than allowed", hex("00000005 61626364 65000000")},
      {"longer than the rest", hex("00000004 616263")},
      {"without its padding", hex("00000003 616263")},
      {"a length near 2^32", hex("ffffffff 61626364")},
      {"a length that pads over 2^32", hex("fffffffd 61626364")},
  };
  for (const auto& row : table) {
    XdrReader in(as_bytes(row.bytes));
    EXPECT_EQ(in.text(4), "") << row.what;
    EXPECT_TRUE(in.failed()) << row.what;
  }
  std::string two = hex("00000002");
  XdrReader in(as_bytes(two));
  EXPECT_FALSE(in.boolean());
  EXPECT_TRUE(in.failed()) << "a boolean is 0 or 1";
  XdrReader huge(as_bytes(two));
  EXPECT_TRUE(huge.fixed(~std::size_t{0}).empty());
  EXPECT_TRUE(huge.failed());
}

// Cut at every byte, in memory of exactly that size, so that a sanitizer sees a byte too many.
TEST(XdrReader, NeverReadsPastItsSpan) {
  std::string bytes =
      hex("01020304 11121314 15161718 00000001 00000005 61626364 65000000"
          "78797a00 ffffffff ffffffff");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Exact cut(bytes, size);
    XdrReader in(cut.bytes());
    in.u32();
    in.u64();
    in.boolean();
    in.text(16);
    in.fixed(3);
    in.i64();
    EXPECT_TRUE(in.failed()) << size;
  }
}

TEST(XdrReader, OfNothingFailsAtOnce) {
  XdrReader in;
  EXPECT_EQ(in.u32(), 0u);
  EXPECT_TRUE(in.failed());
}

}  // namespace
}  // namespace nfsferry::nfs4

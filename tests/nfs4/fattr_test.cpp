#include "nfs4/fattr.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <vector>

#include "wire.hpp"

namespace nfsferry::nfs4 {
namespace {

using namespace test;

struct Decoded {
  Fattr fattr;
  bool failed = false;
};

AttrMask everything() {
  AttrMask mask = kEntryAttrsAndAcl;
  for (Attr more :
       {Attr::kSupportedAttrs, Attr::kLeaseTime, Attr::kMaxRead, Attr::kMaxWrite, Attr::kFilesAvail,
        Attr::kFilesFree, Attr::kSpaceAvail, Attr::kSpaceFree, Attr::kSpaceTotal}) {
    mask.add(more);
  }
  return mask;
}

Decoded decode(std::string_view bytes, AttrMask asked = everything()) {
  Decoded out;
  XdrReader in(as_bytes(bytes));
  out.fattr.decode(in, asked);
  out.failed = in.failed();
  return out;
}

// fattr4 of one attribute.
std::string one(std::uint32_t number, const std::string& value) {
  Wire wire;
  wire.u32(2);
  wire.u32(number < 32 ? 1u << number : 0).u32(number >= 32 ? 1u << (number - 32) : 0);
  wire.opaque(value);
  return wire.bytes();
}

const std::string kEverything = [] {
  Wire values;
  values.u32(2).u32(0xffffffff).u32(0x7fffffff);     // supported_attrs
  values.u32(1);                                     // type
  values.u64(0x1122334455667788);                    // change
  values.u64(0x100000005);                           // size
  values.u64(3).u64(4);                              // fsid
  values.u32(90);                                    // lease_time
  values.u32(0);                                     // rdattr_error
  values.u32(1).u32(0).u32(0).u32(1).opaque("a@x");  // acl: one entry
  values.opaque("handle");                           // filehandle
  values.u64(77);                                    // fileid
  values.u64(1001).u64(1002);                        // files_avail, files_free
  values.u64(1 << 20).u64(1 << 19);                  // maxread, maxwrite
  values.u32(06751);                                 // mode
  values.u32(3);                                     // numlinks
  values.opaque("1000").opaque("staff@x");           // owner, owner_group
  values.u32(8).u32(17);                             // rawdev
  values.u64(11).u64(12).u64(13);                    // space_avail, space_free, space_total
  values.u64(4096);                                  // space_used
  values.u64(0xffffffffffffffff).u32(5);             // time_access: one second before 1970
  values.u64(1'600'000'000).u32(123'456'789);        // time_modify
  Wire fattr;
  // 0 1 3 4 8 10 11 12 19 20 21 22 30 31; 33 35 36 37 41 42 43 44 45 47 53
  fattr.u32(2).u32(0xc0781d1b).u32(0x0020be3a).opaque(values.bytes());
  return fattr.bytes();
}();

TEST(FattrDecode, GivesEveryAttributeWeKnow) {
  auto [fattr, failed] = decode(kEverything);
  ASSERT_FALSE(failed);
  EXPECT_EQ(fattr.attributes.type, FileType::kRegular);
  EXPECT_EQ(fattr.attributes.change, 0x1122334455667788u);
  EXPECT_EQ(fattr.attributes.size_bytes, 0x100000005u);
  EXPECT_EQ(fattr.attributes.fsid, (FileSystemId{3, 4}));
  EXPECT_EQ(fattr.lease_seconds, 90u);
  EXPECT_TRUE(fattr.acl.says_more_than(06751, false));
  EXPECT_EQ(fattr.attributes.used_bytes, 4096u);
  EXPECT_EQ(fattr.handle, "handle");
  EXPECT_EQ(fattr.attributes.fileid, 77u);
  EXPECT_EQ(fattr.files_available, 1001u);
  EXPECT_EQ(fattr.files_free, 1002u);
  EXPECT_EQ(fattr.max_read, 1u << 20);
  EXPECT_EQ(fattr.max_write, 1u << 19);
  EXPECT_EQ(fattr.attributes.mode, 06751u);
  EXPECT_EQ(fattr.attributes.link_count, 3u);
  EXPECT_EQ(fattr.attributes.owner, (Owner{1000, {}}));
  EXPECT_EQ(fattr.attributes.group, (Owner{0, "staff@x"}));
  EXPECT_EQ(fattr.attributes.device_major, 8u);
  EXPECT_EQ(fattr.attributes.device_minor, 17u);
  EXPECT_EQ(fattr.space_available, 11u);
  EXPECT_EQ(fattr.space_free, 12u);
  EXPECT_EQ(fattr.space_total, 13u);
  EXPECT_EQ(fattr.attributes.atime, (Time{-1, 5}));
  EXPECT_EQ(fattr.attributes.mtime, (Time{1'600'000'000, 123'456'789}));
  EXPECT_TRUE(fattr.supported.has(Attr::kTimeModifySet));
}

TEST(FattrDecode, CutAtAnyByteFails) {
  for (std::size_t size = 0; size < kEverything.size(); ++size) {
    Exact cut(kEverything, size);
    EXPECT_TRUE(decode(cut.text()).failed) << size;
  }
}

TEST(FattrDecode, KnowsEveryFileType) {
  FileType expected[] = {
      FileType::kOther,           FileType::kRegular, FileType::kDirectory, FileType::kBlockDevice,
      FileType::kCharacterDevice, FileType::kSymlink, FileType::kSocket,    FileType::kFifo,
      FileType::kOther,           FileType::kOther};
  for (std::uint32_t type = 0; type < 10; ++type) {
    auto [fattr, failed] = decode(one(1, Wire().u32(type).bytes()));
    EXPECT_FALSE(failed);
    EXPECT_EQ(fattr.attributes.type, expected[type]) << type;
  }
}

TEST(FattrDecode, ReadsOwnersAsNumbersOnlyWhenTheyAre) {
  struct {
    std::string text;
    Owner owner;
  } table[] = {
      {"0", {0, {}}},
      {"4294967294", {4294967294u, {}}},
      {"4294967295", {0, "4294967295"}},  // "no change" to chown
      {"4294967296", {0, "4294967296"}},
      {"-1", {0, "-1"}},
      {"007", {0, "007"}},
      {"root@localdomain", {0, "root@localdomain"}},
      {"1000@x", {0, "1000@x"}},
      {" 5", {0, " 5"}},
      {"", {0, "(empty)"}},
      {std::string("5\0", 2), {0, std::string("5\0", 2)}},
  };
  for (const auto& row : table) {
    auto [fattr, failed] = decode(one(36, Wire().opaque(row.text).bytes()));
    EXPECT_FALSE(failed) << row.text;
    EXPECT_EQ(fattr.attributes.owner, row.owner) << row.text;
  }
}

TEST(FattrDecode, CutsNanosecondsThatNobodyMaySend) {
  auto [fattr, failed] = decode(one(53, Wire().u64(5).u32(1'000'000'000).bytes()));
  EXPECT_FALSE(failed);
  EXPECT_EQ(fattr.attributes.mtime, (Time{5, 999'999'999}));
}

TEST(FattrDecode, KeepsOnlyThePermissionBitsOfAMode) {
  auto [fattr, failed] = decode(one(33, Wire().u32(0100644).bytes()));
  EXPECT_FALSE(failed);
  EXPECT_EQ(fattr.attributes.mode, 0644u);
}

TEST(FattrDecode, RefusesAnAttributeThatWasNotAskedFor) {
  std::string size = one(4, Wire().u64(1).bytes());
  EXPECT_FALSE(decode(size, AttrMask{Attr::kSize}).failed);
  EXPECT_TRUE(decode(size, AttrMask{Attr::kFileid}).failed);
}

TEST(FattrDecode, RefusesAnAttributeThatNobodyDefined) {
  EXPECT_TRUE(decode(one(63, Wire().u32(1).bytes())).failed);
  EXPECT_TRUE(decode(one(2, Wire().u32(1).bytes())).failed);
  EXPECT_TRUE(decode(one(54, Wire().u32(1).u64(1).u32(1).bytes())).failed) << "only for setting";
  std::string third_word = Wire().u32(3).u32(0).u32(0).u32(1 << 17).opaque("").bytes();
  EXPECT_TRUE(decode(third_word).failed);
  std::string empty_third_word = Wire().u32(3).u32(0).u32(0).u32(0).opaque("").bytes();
  EXPECT_FALSE(decode(empty_third_word).failed);
  EXPECT_TRUE(decode(Wire().u32(17).raw(std::string(17 * 4, '\0')).opaque("").bytes()).failed);
}

TEST(FattrDecode, RefusesValuesThatAreTooShortOrTooLong) {
  EXPECT_TRUE(decode(one(4, Wire().u32(1).bytes())).failed) << "half a size";
  EXPECT_TRUE(decode(one(4, Wire().u64(1).u32(0).bytes())).failed) << "bytes behind it";
  EXPECT_TRUE(decode(one(36, Wire().opaque(std::string(1025, '1')).bytes())).failed);
  EXPECT_TRUE(decode(one(19, Wire().opaque(std::string(129, 'h')).bytes())).failed);
  EXPECT_FALSE(decode(one(19, Wire().opaque(std::string(128, 'h')).bytes())).failed);
}

TEST(FattrDecode, OfNothingIsNothing) {
  auto [fattr, failed] = decode(hex("00000000 00000000"));
  EXPECT_FALSE(failed);
  EXPECT_TRUE(fattr.present.empty());
}

TEST(FattrDecode, KeepsTheErrorOfOneEntry) {
  auto [fattr, failed] = decode(one(11, Wire().u32(10008).bytes()));
  EXPECT_FALSE(failed);
  EXPECT_EQ(fattr.rdattr_error, 10008u);
}

TEST(AttrMask, ReadsBitmapsOfAnyLengthOfTheServer) {
  std::string long_mask = hex("00000003 00000012 00000002 ffffffff");
  XdrReader in(as_bytes(long_mask));
  AttrMask mask;
  mask.decode(in, false);
  EXPECT_FALSE(in.failed());
  EXPECT_TRUE(mask.has(Attr::kType));
  EXPECT_TRUE(mask.has(Attr::kMode));
  EXPECT_FALSE(mask.has(Attr::kFileid));
}

}  // namespace
}  // namespace nfsferry::nfs4

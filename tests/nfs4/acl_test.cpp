#include "nfs4/acl.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wire.hpp"

namespace nfsferry::nfs4 {
namespace {

using test::Wire;

constexpr std::uint32_t kReadWrite = 0x7;  // WRITE_DATA and APPEND_DATA are one to a mode
constexpr std::uint32_t kRead = 0x1;
constexpr std::uint32_t kExecute = 0x20;
constexpr std::uint32_t kRemove = 0x40;         // DELETE_CHILD
constexpr std::uint32_t kEveryones = 0x120080;  // to read attributes and the ACL; SYNCHRONIZE
constexpr std::uint32_t kOwners = 0x40100;      // to write them

struct Ace {
  std::uint32_t type = 0;
  std::uint32_t flags = 0;
  std::uint32_t rights = 0;
  std::string who;
};

std::string wire(const std::vector<Ace>& aces) {
  Wire out;
  out.u32(static_cast<std::uint32_t>(aces.size()));
  for (const Ace& ace : aces) out.u32(ace.type).u32(ace.flags).u32(ace.rights).opaque(ace.who);
  return out.bytes();
}

Acl read(const std::string& bytes) {
  XdrReader in(test::as_bytes(bytes));
  Acl acl;
  acl.decode(in);
  EXPECT_FALSE(in.failed());
  EXPECT_EQ(in.remaining(), 0u);
  return acl;
}

struct Row {
  const char* what;
  std::vector<Ace> aces;
  std::uint32_t mode;
  bool says_more;
  bool is_directory = false;
};

const Row kRows[] = {
    {"none at all", {}, 0640, false},
    {"what a Linux server makes of 0640",
     {{0, 0, kReadWrite | kOwners | kEveryones, "OWNER@"},
      {0, 0x40, kRead | kEveryones, "GROUP@"},
      {0, 0, kEveryones, "EVERYONE@"}},
     0640,
     false},
    {"of 0604, where the group has less than everyone",
     {{0, 0, kReadWrite | kOwners | kEveryones, "OWNER@"},
      {1, 0x40, kRead, "GROUP@"},
      {0, 0x40, kEveryones, "GROUP@"},
      {0, 0, kRead | kEveryones, "EVERYONE@"}},
     0604,
     false},
    {"of 0755, a directory",
     {{0, 0, kReadWrite | kExecute | kRemove | kOwners, "OWNER@"},
      {0, 0x40, kRead | kExecute, "GROUP@"},
      {0, 0, kRead | kExecute, "EVERYONE@"}},
     0755,
     false,
     true},
    {"denied by the entry of everyone that comes last",
     {{0, 0, kReadWrite | kOwners, "OWNER@"},
      {0, 0, kRead, "GROUP@"},
      {0, 0, kRead, "EVERYONE@"},
      {1, 0, 0x1f01ff, "EVERYONE@"}},
     0644,
     false},
    {"everyone alone", {{0, 0, kReadWrite | kExecute, "EVERYONE@"}}, 0777, false},
    {"a user", {{0, 0, kReadWrite, "OWNER@"}, {0, 0, kRead, "ann@x"}}, 0600, true},
    {"a user by number", {{0, 0, kReadWrite, "OWNER@"}, {0, 0, kRead, "1000"}}, 0600, true},
    {"a group by number", {{0, 0x40, 0, "1000"}, {0, 0, kReadWrite, "OWNER@"}}, 0600, true},
    {"more than the mode", {{0, 0, kReadWrite, "OWNER@"}, {0, 0, kRead, "GROUP@"}}, 0600, true},
    {"less than the mode", {{0, 0, kRead, "OWNER@"}}, 0600, true},
    {"an entry that comes too late",
     {{1, 0, kRead, "EVERYONE@"}, {0, 0, kReadWrite, "OWNER@"}},
     0600,
     true},
    {"appending alone", {{0, 0, kReadWrite, "OWNER@"}, {0, 0, 0x4, "GROUP@"}}, 0600, true},
    {"the ACL, to be written by the group",
     {{0, 0, kReadWrite, "OWNER@"}, {0, 0, 0x40000, "GROUP@"}},
     0600,
     true},
    {"names of a directory, to be removed without writing to it",
     {{0, 0, kRead | kRemove, "OWNER@"}},
     0400,
     true,
     true},
    {"the same of a file", {{0, 0, kRead | kRemove, "OWNER@"}}, 0400, false},
    {"to be inherited", {{0, 0x3, kReadWrite, "OWNER@"}}, 0600, true, true},
    {"audits", {{0, 0, kReadWrite, "OWNER@"}, {2, 0x10, kRead, "EVERYONE@"}}, 0600, true},
};

TEST(Acl, SaysMoreThanTheModeOrNot) {
  for (const Row& row : kRows) {
    EXPECT_EQ(read(wire(row.aces)).says_more_than(row.mode, row.is_directory), row.says_more)
        << row.what;
  }
}

TEST(Acl, BitsOfTheModeThatAreNoRightsSayNothing) {
  Acl acl = read(wire({{0, 0, kRead | kExecute, "EVERYONE@"}}));
  EXPECT_FALSE(acl.says_more_than(06555, false));
}

TEST(Acl, CutAtAnyByteFails) {
  std::string whole = wire(kRows[2].aces);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    test::Exact cut(whole, size);
    XdrReader in(cut.bytes());
    Acl acl;
    acl.decode(in);
    EXPECT_TRUE(in.failed()) << size;
  }
}

TEST(Acl, ACountThatNoMessageCouldHoldEndsWithTheBytes) {
  std::string bytes = Wire().u32(0xffffffff).u32(0).u32(0).u32(0).opaque("a").bytes();
  XdrReader in(test::as_bytes(bytes));
  Acl acl;
  acl.decode(in);
  EXPECT_TRUE(in.failed());
}

}  // namespace
}  // namespace nfsferry::nfs4

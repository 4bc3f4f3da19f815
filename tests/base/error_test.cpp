#include "base/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

#include "base/nfsstat4.hpp"

namespace nfsferry {
namespace {

Error nfs4(std::uint32_t code) { return Error{Domain::kNfs4, code, "WRITE", "a/b", {}}; }

TEST(Error, IsNamedByItsDomainsTable) {
  EXPECT_EQ(errno_error(ENOENT, "openat").name(), "ENOENT");
  EXPECT_EQ(nfs4(10008).name(), "NFS4ERR_DELAY");
  EXPECT_EQ((Error{Domain::kNfs3, 10008, {}, {}, {}}).name(), "NFS3ERR_JUKEBOX");
  EXPECT_EQ(rpc_error(RpcFailure::kAuthDenied, "RPC").name(), "AUTH_ERROR");
  EXPECT_EQ(own_error(Own::kVerifyMismatch, "READ").name(), "verify_mismatch");
}

TEST(Error, WithAnUnknownCodeNamesTableAndNumber) {
  EXPECT_EQ(nfs4(12345).name(), "nfsstat4 12345");
  EXPECT_EQ((Error{Domain::kNfs3, 4711, {}, {}, {}}).name(), "nfsstat3 4711");
  EXPECT_EQ((Error{Domain::kErrno, 9999, {}, {}, {}}).name(), "errno 9999");
  EXPECT_EQ((Error{Domain::kRpc, 77, {}, {}, {}}).name(), "rpc 77");
  EXPECT_EQ((Error{Domain::kOwn, 200, {}, {}, {}}).name(), "nfsferry 200");
}

TEST(Error, SaysWhatFailedWhereAndWhy) {
  EXPECT_EQ(nfs4(70).message(), "WRITE a/b: NFS4ERR_STALE");
  EXPECT_EQ(errno_error(ENOSPC, "write", "x").message(),
            "write x: ENOSPC (No space left on device)");
  EXPECT_EQ(own_error(Own::kTimeout, "connect").message(), "connect: timeout");
  EXPECT_EQ(own_error(Own::kTimeout, "connect", "no answer").message(), "connect: no answer");
  EXPECT_EQ(rpc_error(RpcFailure::kSystemError, "RPC", "why").message(), "RPC: SYSTEM_ERR: why");
  EXPECT_EQ(own_error(Own::kBadInput, "", "not a size").message(), "not a size");
}

TEST(Error, EscapesThePathInItsMessage) {
  Error error = errno_error(ENOENT, "openat", "a\n\x1b[31m");
  EXPECT_EQ(error.message(), "openat a\\n\\x1b[31m: ENOENT (No such file or directory)");
  EXPECT_EQ(error.path, "a\n\x1b[31m") << "the path itself stays as it is";
}

TEST(Error, KnowsItsOwnCodeOnlyInItsOwnDomain) {
  EXPECT_TRUE(own_error(Own::kTimeout, "x").is(Own::kTimeout));
  EXPECT_FALSE(errno_error(EPERM, "x").is(Own::kTimeout)) << "the same number";
  EXPECT_TRUE(errno_error(EPERM, "x").is_errno(EPERM));
  EXPECT_FALSE(own_error(Own::kTimeout, "x").is_errno(EPERM));
}

// find() searches by halves: a table out of order would hide rows.
TEST(CodeNames, AreFoundForEveryNumberOfTheStandards) {
  std::set<std::string_view> seen;
  auto named = [&](Domain domain, std::uint32_t code) {
    std::string_view name = code_name(domain, code);
    EXPECT_FALSE(name.empty()) << static_cast<int>(domain) << " " << code;
    EXPECT_TRUE(seen.insert(name).second) << name << " twice";
  };
  // RFC 8881 section 15.1 has no 10002 and no 10073 (and 7530 none either).
  for (std::uint32_t code :
       {0, 1, 2, 5, 6, 13, 17, 18, 20, 21, 22, 27, 28, 30, 31, 63, 66, 69, 70}) {
    named(Domain::kNfs4, code);
  }
  for (std::uint32_t code = 10001; code <= 10087; ++code) {
    if (code == 10002 || code == 10073) continue;
    named(Domain::kNfs4, code);
  }
  for (std::uint32_t code :
       {0,  1,  2,  5,  6,  13, 17,    18,    19,    20,    21,    22,    27,    28,   30,
        31, 63, 66, 69, 70, 71, 10001, 10002, 10003, 10004, 10005, 10006, 10007, 10008}) {
    named(Domain::kNfs3, code);
  }
  for (std::uint32_t code : {1, 2, 3, 4, 5, 100, 101}) named(Domain::kRpc, code);
  for (std::uint32_t code = 1; code <= 20; ++code) named(Domain::kOwn, code);
  for (std::uint32_t code = 1; code <= 26; ++code) named(Domain::kSqlite, code);
  for (std::uint32_t code = 1; code <= 11; ++code) named(Domain::kAws, code);
}

TEST(CodeNames, AreEmptyForNumbersThatNobodyDefined) {
  for (std::uint32_t code : {3u, 10000u, 10002u, 10073u, 10088u, 0xffffffffu}) {
    EXPECT_EQ(code_name(Domain::kNfs4, code), "") << code;
  }
  EXPECT_EQ(code_name(Domain::kRpc, 0), "");
  EXPECT_EQ(code_name(Domain::kOwn, 0), "");
  EXPECT_EQ(code_name(Domain::kErrno, 0xffffffffu), "");
}

}  // namespace
}  // namespace nfsferry

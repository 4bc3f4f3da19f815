// The treatment of every code, written down a second time: whoever changes a treatment says so
// here, and a code that gets a name without a row here fails.
#include "base/treatment.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace nfsferry {
namespace {

using enum Treatment;

struct Row {
  std::string_view name;
  Treatment treatment;
};

struct Table {
  std::string_view label;
  Domain domain;
  std::vector<std::uint32_t> codes;  // all that have a name
  std::vector<Row> rows;
};
void PrintTo(const Table& table, std::ostream* out) { *out << table.label; }

std::vector<std::uint32_t> named_codes(Domain domain, std::uint32_t most) {
  std::vector<std::uint32_t> codes;
  for (std::uint32_t code = 0; code <= most; ++code) {
    if (!code_name(domain, code).empty()) codes.push_back(code);
  }
  return codes;
}

const std::vector<Row> kNfs4Rows{
    {"NFS4_OK", kSkipEntry},  // never an error; nothing to do
    {"NFS4ERR_PERM", kSkipEntry},
    {"NFS4ERR_NOENT", kSkipEntry},
    {"NFS4ERR_IO", kSkipEntry},
    {"NFS4ERR_NXIO", kSkipEntry},
    {"NFS4ERR_ACCESS", kSkipEntry},
    {"NFS4ERR_EXIST", kSkipEntry},
    {"NFS4ERR_XDEV", kSkipEntry},
    {"NFS4ERR_NOTDIR", kSkipEntry},
    {"NFS4ERR_ISDIR", kSkipEntry},
    {"NFS4ERR_INVAL", kSkipEntry},
    {"NFS4ERR_FBIG", kSkipEntry},
    {"NFS4ERR_NOSPC", kNoSpace},
    {"NFS4ERR_ROFS", kNoSpace},
    {"NFS4ERR_MLINK", kSkipEntry},
    {"NFS4ERR_NAMETOOLONG", kSkipEntry},
    {"NFS4ERR_NOTEMPTY", kSkipEntry},
    {"NFS4ERR_DQUOT", kNoSpace},
    {"NFS4ERR_STALE", kSkipEntry},
    {"NFS4ERR_BADHANDLE", kSkipEntry},
    {"NFS4ERR_BAD_COOKIE", kSkipEntry},
    {"NFS4ERR_NOTSUPP", kSkipEntry},
    {"NFS4ERR_TOOSMALL", kSendLess},
    {"NFS4ERR_SERVERFAULT", kSkipEntry},
    {"NFS4ERR_BADTYPE", kSkipEntry},
    {"NFS4ERR_DELAY", kRetry},
    {"NFS4ERR_SAME", kSkipEntry},
    {"NFS4ERR_DENIED", kSkipEntry},
    {"NFS4ERR_EXPIRED", kReopen},
    {"NFS4ERR_LOCKED", kSkipEntry},
    {"NFS4ERR_GRACE", kRetry},
    {"NFS4ERR_FHEXPIRED", kSkipEntry},
    {"NFS4ERR_SHARE_DENIED", kSkipEntry},
    {"NFS4ERR_WRONGSEC", kSkipEntry},
    {"NFS4ERR_CLID_INUSE", kFatal},
    {"NFS4ERR_RESOURCE", kSendLess},
    {"NFS4ERR_MOVED", kSkipEntry},
    {"NFS4ERR_NOFILEHANDLE", kSkipEntry},
    {"NFS4ERR_MINOR_VERS_MISMATCH", kFatal},
    {"NFS4ERR_STALE_CLIENTID", kRebuildClient},
    {"NFS4ERR_STALE_STATEID", kReopen},
    {"NFS4ERR_OLD_STATEID", kReopen},
    {"NFS4ERR_BAD_STATEID", kReopen},
    {"NFS4ERR_BAD_SEQID", kReopen},
    {"NFS4ERR_NOT_SAME", kSkipEntry},
    {"NFS4ERR_LOCK_RANGE", kSkipEntry},
    {"NFS4ERR_SYMLINK", kSkipEntry},
    {"NFS4ERR_RESTOREFH", kSkipEntry},
    {"NFS4ERR_LEASE_MOVED", kSkipEntry},
    {"NFS4ERR_ATTRNOTSUPP", kSkipEntry},
    {"NFS4ERR_NO_GRACE", kSkipEntry},
    {"NFS4ERR_RECLAIM_BAD", kSkipEntry},
    {"NFS4ERR_RECLAIM_CONFLICT", kSkipEntry},
    {"NFS4ERR_BADXDR", kSkipEntry},
    {"NFS4ERR_LOCKS_HELD", kSkipEntry},
    {"NFS4ERR_OPENMODE", kSkipEntry},
    {"NFS4ERR_BADOWNER", kSkipEntry},
    {"NFS4ERR_BADCHAR", kSkipEntry},
    {"NFS4ERR_BADNAME", kSkipEntry},
    {"NFS4ERR_BAD_RANGE", kSkipEntry},
    {"NFS4ERR_LOCK_NOTSUPP", kSkipEntry},
    {"NFS4ERR_OP_ILLEGAL", kSkipEntry},
    {"NFS4ERR_DEADLOCK", kSkipEntry},
    {"NFS4ERR_FILE_OPEN", kSkipEntry},
    {"NFS4ERR_ADMIN_REVOKED", kReopen},
    {"NFS4ERR_CB_PATH_DOWN", kSkipEntry},
    {"NFS4ERR_BADIOMODE", kSkipEntry},
    {"NFS4ERR_BADLAYOUT", kSkipEntry},
    {"NFS4ERR_BAD_SESSION_DIGEST", kSkipEntry},
    {"NFS4ERR_BADSESSION", kRebuildSession},
    {"NFS4ERR_BADSLOT", kRebuildSession},
    {"NFS4ERR_COMPLETE_ALREADY", kSkipEntry},
    {"NFS4ERR_CONN_NOT_BOUND_TO_SESSION", kReconnect},
    {"NFS4ERR_DELEG_ALREADY_WANTED", kSkipEntry},
    {"NFS4ERR_BACK_CHAN_BUSY", kRetry},
    {"NFS4ERR_LAYOUTTRYLATER", kSkipEntry},
    {"NFS4ERR_LAYOUTUNAVAILABLE", kSkipEntry},
    {"NFS4ERR_NOMATCHING_LAYOUT", kSkipEntry},
    {"NFS4ERR_RECALLCONFLICT", kSkipEntry},
    {"NFS4ERR_UNKNOWN_LAYOUTTYPE", kSkipEntry},
    {"NFS4ERR_SEQ_MISORDERED", kRebuildSession},
    {"NFS4ERR_SEQUENCE_POS", kSkipEntry},
    {"NFS4ERR_REQ_TOO_BIG", kSendLess},
    {"NFS4ERR_REP_TOO_BIG", kSendLess},
    {"NFS4ERR_REP_TOO_BIG_TO_CACHE", kSendLess},
    {"NFS4ERR_RETRY_UNCACHED_REP", kRedo},
    {"NFS4ERR_UNSAFE_COMPOUND", kSkipEntry},
    {"NFS4ERR_TOO_MANY_OPS", kSendLess},
    {"NFS4ERR_OP_NOT_IN_SESSION", kSkipEntry},
    {"NFS4ERR_HASH_ALG_UNSUPP", kSkipEntry},
    {"NFS4ERR_CLIENTID_BUSY", kSkipEntry},
    {"NFS4ERR_PNFS_IO_HOLE", kSkipEntry},
    {"NFS4ERR_SEQ_FALSE_RETRY", kRebuildSession},
    {"NFS4ERR_BAD_HIGH_SLOT", kRebuildSession},
    {"NFS4ERR_DEADSESSION", kRebuildSession},
    {"NFS4ERR_ENCR_ALG_UNSUPP", kSkipEntry},
    {"NFS4ERR_PNFS_NO_LAYOUT", kSkipEntry},
    {"NFS4ERR_NOT_ONLY_OP", kSkipEntry},
    {"NFS4ERR_WRONG_CRED", kFatal},
    {"NFS4ERR_WRONG_TYPE", kSkipEntry},
    {"NFS4ERR_DIRDELEG_UNAVAIL", kSkipEntry},
    {"NFS4ERR_REJECT_DELEG", kSkipEntry},
    {"NFS4ERR_RETURNCONFLICT", kSkipEntry},
    {"NFS4ERR_DELEG_REVOKED", kReopen},
};

const std::vector<Row> kNfs3Rows{
    {"NFS3_OK", kSkipEntry},
    {"NFS3ERR_PERM", kSkipEntry},
    {"NFS3ERR_NOENT", kSkipEntry},
    {"NFS3ERR_IO", kSkipEntry},
    {"NFS3ERR_NXIO", kSkipEntry},
    {"NFS3ERR_ACCES", kSkipEntry},
    {"NFS3ERR_EXIST", kSkipEntry},
    {"NFS3ERR_XDEV", kSkipEntry},
    {"NFS3ERR_NODEV", kSkipEntry},
    {"NFS3ERR_NOTDIR", kSkipEntry},
    {"NFS3ERR_ISDIR", kSkipEntry},
    {"NFS3ERR_INVAL", kSkipEntry},
    {"NFS3ERR_FBIG", kSkipEntry},
    {"NFS3ERR_NOSPC", kNoSpace},
    {"NFS3ERR_ROFS", kNoSpace},
    {"NFS3ERR_MLINK", kSkipEntry},
    {"NFS3ERR_NAMETOOLONG", kSkipEntry},
    {"NFS3ERR_NOTEMPTY", kSkipEntry},
    {"NFS3ERR_DQUOT", kNoSpace},
    {"NFS3ERR_STALE", kSkipEntry},
    {"NFS3ERR_REMOTE", kSkipEntry},
    {"NFS3ERR_BADHANDLE", kSkipEntry},
    {"NFS3ERR_NOT_SYNC", kSkipEntry},
    {"NFS3ERR_BAD_COOKIE", kSkipEntry},
    {"NFS3ERR_NOTSUPP", kSkipEntry},
    {"NFS3ERR_TOOSMALL", kSkipEntry},
    {"NFS3ERR_SERVERFAULT", kSkipEntry},
    {"NFS3ERR_BADTYPE", kSkipEntry},
    {"NFS3ERR_JUKEBOX", kRetry},
};

const std::vector<Row> kRpcRows{
    {"PROG_UNAVAIL", kFatal},    {"PROG_MISMATCH", kFatal}, {"PROC_UNAVAIL", kFatal},
    {"GARBAGE_ARGS", kSendLess}, {"SYSTEM_ERR", kRetry},    {"RPC_MISMATCH", kFatal},
    {"AUTH_ERROR", kFatal},
};

const std::vector<Row> kOwnRows{
    {"timeout", kFatal},
    {"connection_lost", kReconnect},
    {"bad_reply", kReconnect},
    {"outcome_unknown", kRedo},
    {"request_refused", kSendLess},
    {"cancelled", kFatal},
    {"verify_mismatch", kSkipEntry},
    {"bad_name", kSkipEntry},
    {"changed_during_copy", kSkipEntry},
    {"type_conflict", kSkipEntry},
    {"owner_not_numeric", kSkipEntry},
    {"write_verifier_changed", kReopen},
    {"unsupported", kSkipEntry},
    {"name_resolution", kFatal},
    {"unreachable", kFatal},
    {"bad_input", kFatal},
    {"same_directory", kFatal},
    {"locked", kFatal},
    {"listing_loops", kSkipEntry},
    {"differs", kSkipEntry},
    {"missing", kSkipEntry},
    {"too_many_deletions", kSkipEntry},
    {"short_write", kRedo},
};

const std::vector<Row> kErrnoRows{
    {"EINTR", kRetry},
    {"EAGAIN", kRetry},
    {"ECONNRESET", kReconnect},
    {"ECONNREFUSED", kReconnect},
    {"ECONNABORTED", kReconnect},
    {"EPIPE", kReconnect},
    {"ETIMEDOUT", kReconnect},
    {"ENETUNREACH", kReconnect},
    {"EHOSTUNREACH", kReconnect},
    {"ENETDOWN", kReconnect},
    {"ENOTCONN", kReconnect},
    {"ENOSPC", kNoSpace},
    {"EDQUOT", kNoSpace},
    {"EROFS", kNoSpace},
    {"ENOMEM", kFatal},
    {"EMFILE", kFatal},
    {"ENFILE", kFatal},
    {"EPERM", kSkipEntry},
    {"ENOENT", kSkipEntry},
    {"EIO", kSkipEntry},
    {"EACCES", kSkipEntry},
    {"EEXIST", kSkipEntry},
    {"EXDEV", kSkipEntry},
    {"ENOTDIR", kSkipEntry},
    {"EISDIR", kSkipEntry},
    {"EINVAL", kSkipEntry},
    {"EFBIG", kSkipEntry},
    {"EMLINK", kSkipEntry},
    {"ENAMETOOLONG", kSkipEntry},
    {"ENOTEMPTY", kSkipEntry},
    {"ELOOP", kSkipEntry},
    {"ESTALE", kSkipEntry},
    {"EOPNOTSUPP", kSkipEntry},
    {"EOVERFLOW", kSkipEntry},
};

const std::vector<std::uint32_t> kErrnos{
    EINTR,        EAGAIN,       ECONNRESET, ECONNREFUSED, ECONNABORTED, EPIPE,    ETIMEDOUT,
    ENETUNREACH,  EHOSTUNREACH, ENETDOWN,   ENOTCONN,     ENOSPC,       EDQUOT,   EROFS,
    ENOMEM,       EMFILE,       ENFILE,     EPERM,        ENOENT,       EIO,      EACCES,
    EEXIST,       EXDEV,        ENOTDIR,    EISDIR,       EINVAL,       EFBIG,    EMLINK,
    ENAMETOOLONG, ELOOP,        ENOTEMPTY,  ESTALE,       EOPNOTSUPP,   EOVERFLOW};

class TreatmentTable : public ::testing::TestWithParam<Table> {};

TEST_P(TreatmentTable, HasARowForEveryCode) {
  const Table& table = GetParam();
  std::map<std::string_view, Treatment> expected;
  for (const Row& row : table.rows) {
    EXPECT_TRUE(expected.emplace(row.name, row.treatment).second) << row.name << " twice";
  }
  std::set<std::string_view> seen;
  for (std::uint32_t code : table.codes) {
    std::string_view name = code_name(table.domain, code);
    seen.insert(name);
    auto row = expected.find(name);
    if (row == expected.end()) {
      ADD_FAILURE() << "say in this table how " << name << " is treated";
      continue;
    }
    Treatment got = treatment(Error{table.domain, code, {}, {}, {}});
    EXPECT_EQ(treatment_name(got), treatment_name(row->second)) << name;
  }
  for (const Row& row : table.rows) EXPECT_TRUE(seen.contains(row.name)) << row.name << " is gone";
}

INSTANTIATE_TEST_SUITE_P(
    All, TreatmentTable,
    ::testing::Values(Table{"Nfs4", Domain::kNfs4, named_codes(Domain::kNfs4, 20000), kNfs4Rows},
                      Table{"Nfs3", Domain::kNfs3, named_codes(Domain::kNfs3, 20000), kNfs3Rows},
                      Table{"Rpc", Domain::kRpc, named_codes(Domain::kRpc, 1000), kRpcRows},
                      Table{"Own", Domain::kOwn, named_codes(Domain::kOwn, 1000), kOwnRows},
                      Table{"Errno", Domain::kErrno, kErrnos, kErrnoRows}),
    [](const auto& one) { return std::string(one.param.label); });

TEST(Treatment, OfWhatTheLedgersStoresSayIsFatal) {
  for (Domain store : {Domain::kSqlite, Domain::kAws}) {
    for (std::uint32_t code : named_codes(store, 1000)) {
      EXPECT_EQ(treatment(Error{store, code, {}, {}, {}}), kFatal) << code;
    }
  }
}

// A new code of ours must get a name, and with it a row above. The switch has no default, so that
// the compiler asks for the new code here.
bool is_known(Own own) {
  switch (own) {
    case Own::kTimeout:
    case Own::kConnectionLost:
    case Own::kBadReply:
    case Own::kOutcomeUnknown:
    case Own::kRequestRefused:
    case Own::kCancelled:
    case Own::kVerifyMismatch:
    case Own::kBadName:
    case Own::kChangedDuringCopy:
    case Own::kTypeConflict:
    case Own::kOwnerNotNumeric:
    case Own::kWriteVerifierChanged:
    case Own::kUnsupported:
    case Own::kNameResolution:
    case Own::kUnreachable:
    case Own::kBadInput:
    case Own::kSameDirectory:
    case Own::kLocked:
    case Own::kListingLoops:
    case Own::kShortWrite:
    case Own::kDiffers:
    case Own::kMissing:
    case Own::kTooManyDeletions: return true;
  }
  return false;
}

TEST(Treatment, OwnCodesAndTheirNamesAreTheSame) {
  for (std::uint32_t code = 0; code < 100; ++code) {
    EXPECT_EQ(is_known(static_cast<Own>(code)), !code_name(Domain::kOwn, code).empty()) << code;
  }
}

TEST(Treatment, OfAnUnknownServerCodeSkipsTheEntry) {
  EXPECT_EQ(treatment(Error{Domain::kNfs4, 12345, {}, {}, {}}), kSkipEntry);
  EXPECT_EQ(treatment(Error{Domain::kNfs3, 12345, {}, {}, {}}), kSkipEntry);
  EXPECT_EQ(treatment(Error{Domain::kErrno, 12345, {}, {}, {}}), kSkipEntry);
}

TEST(Treatment, StartsOverWhereSomethingWasLostAndNothingRefused) {
  for (Treatment one : {kReconnect, kRebuildSession, kRebuildClient, kReopen, kRedo}) {
    EXPECT_TRUE(starts_over(one)) << treatment_name(one);
  }
  for (Treatment one : {kRetry, kSendLess, kSkipEntry, kNoSpace, kFatal}) {
    EXPECT_FALSE(starts_over(one)) << treatment_name(one);
  }
}

TEST(Treatment, MeansAwayWhereTheOtherSideMayBeThereAgain) {
  for (Own one : {Own::kUnreachable, Own::kTimeout, Own::kConnectionLost}) {
    EXPECT_TRUE(means_away(own_error(one, "call")))
        << code_name(Domain::kOwn, static_cast<std::uint32_t>(one));
  }
  EXPECT_TRUE(means_away(errno_error(ECONNREFUSED, "connect")));
  for (Own one : {Own::kLocked, Own::kCancelled, Own::kNameResolution, Own::kBadInput}) {
    EXPECT_FALSE(means_away(own_error(one, "call")));
  }
  EXPECT_FALSE(means_away(errno_error(ENOSPC, "write")));
}

TEST(Treatment, HasANameEach) {
  std::set<std::string_view> names;
  for (Treatment one : {kRetry, kReconnect, kRebuildSession, kRebuildClient, kSendLess, kReopen,
                        kRedo, kSkipEntry, kNoSpace, kFatal}) {
    EXPECT_TRUE(names.insert(treatment_name(one)).second) << treatment_name(one);
  }
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(MoreHopeful, IsTheErrorOfAnAddressThatMayPass) {
  Error refused = errno_error(ECONNREFUSED, "connect");
  Error unsupported = errno_error(EAFNOSUPPORT, "connect");
  EXPECT_TRUE(more_hopeful(refused, unsupported).is_errno(ECONNREFUSED));
  EXPECT_TRUE(more_hopeful(unsupported, refused).is_errno(ECONNREFUSED));
  EXPECT_TRUE(more_hopeful(errno_error(ETIMEDOUT, "connect"), refused).is_errno(ECONNREFUSED));
  EXPECT_TRUE(more_hopeful(own_error(Own::kTimeout, "connect"), unsupported).is(Own::kTimeout));
}

}  // namespace
}  // namespace nfsferry

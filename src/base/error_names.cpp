// Name tables of the error domains: nfsstat4 (RFC 8881 section 15.1, RFC 7530 section 13.1),
// nfsstat3 (RFC 1813 section 2.6), errno, RPC failures, SQLite's result codes and our own.
#include <algorithm>
#include <cstring>
#include <iterator>

#include "base/error.hpp"

namespace nfsferry {
namespace {

struct CodeName {
  std::uint32_t code;
  std::string_view name;
};

// clang-format off
constexpr CodeName kNfs4Names[] = {
    {0, "NFS4_OK"}, {1, "NFS4ERR_PERM"}, {2, "NFS4ERR_NOENT"}, {5, "NFS4ERR_IO"},
    {6, "NFS4ERR_NXIO"}, {13, "NFS4ERR_ACCESS"}, {17, "NFS4ERR_EXIST"}, {18, "NFS4ERR_XDEV"},
    {20, "NFS4ERR_NOTDIR"}, {21, "NFS4ERR_ISDIR"}, {22, "NFS4ERR_INVAL"}, {27, "NFS4ERR_FBIG"},
    {28, "NFS4ERR_NOSPC"}, {30, "NFS4ERR_ROFS"}, {31, "NFS4ERR_MLINK"},
    {63, "NFS4ERR_NAMETOOLONG"}, {66, "NFS4ERR_NOTEMPTY"}, {69, "NFS4ERR_DQUOT"},
    {70, "NFS4ERR_STALE"}, {10001, "NFS4ERR_BADHANDLE"}, {10003, "NFS4ERR_BAD_COOKIE"},
    {10004, "NFS4ERR_NOTSUPP"}, {10005, "NFS4ERR_TOOSMALL"}, {10006, "NFS4ERR_SERVERFAULT"},
    {10007, "NFS4ERR_BADTYPE"}, {10008, "NFS4ERR_DELAY"}, {10009, "NFS4ERR_SAME"},
    {10010, "NFS4ERR_DENIED"}, {10011, "NFS4ERR_EXPIRED"}, {10012, "NFS4ERR_LOCKED"},
    {10013, "NFS4ERR_GRACE"}, {10014, "NFS4ERR_FHEXPIRED"}, {10015, "NFS4ERR_SHARE_DENIED"},
    {10016, "NFS4ERR_WRONGSEC"}, {10017, "NFS4ERR_CLID_INUSE"}, {10018, "NFS4ERR_RESOURCE"},
    {10019, "NFS4ERR_MOVED"}, {10020, "NFS4ERR_NOFILEHANDLE"},
    {10021, "NFS4ERR_MINOR_VERS_MISMATCH"}, {10022, "NFS4ERR_STALE_CLIENTID"},
    {10023, "NFS4ERR_STALE_STATEID"}, {10024, "NFS4ERR_OLD_STATEID"},
    {10025, "NFS4ERR_BAD_STATEID"}, {10026, "NFS4ERR_BAD_SEQID"}, {10027, "NFS4ERR_NOT_SAME"},
    {10028, "NFS4ERR_LOCK_RANGE"}, {10029, "NFS4ERR_SYMLINK"}, {10030, "NFS4ERR_RESTOREFH"},
    {10031, "NFS4ERR_LEASE_MOVED"}, {10032, "NFS4ERR_ATTRNOTSUPP"}, {10033, "NFS4ERR_NO_GRACE"},
    {10034, "NFS4ERR_RECLAIM_BAD"}, {10035, "NFS4ERR_RECLAIM_CONFLICT"},
    {10036, "NFS4ERR_BADXDR"}, {10037, "NFS4ERR_LOCKS_HELD"}, {10038, "NFS4ERR_OPENMODE"},
    {10039, "NFS4ERR_BADOWNER"}, {10040, "NFS4ERR_BADCHAR"}, {10041, "NFS4ERR_BADNAME"},
    {10042, "NFS4ERR_BAD_RANGE"}, {10043, "NFS4ERR_LOCK_NOTSUPP"}, {10044, "NFS4ERR_OP_ILLEGAL"},
    {10045, "NFS4ERR_DEADLOCK"}, {10046, "NFS4ERR_FILE_OPEN"}, {10047, "NFS4ERR_ADMIN_REVOKED"},
    {10048, "NFS4ERR_CB_PATH_DOWN"}, {10049, "NFS4ERR_BADIOMODE"}, {10050, "NFS4ERR_BADLAYOUT"},
    {10051, "NFS4ERR_BAD_SESSION_DIGEST"}, {10052, "NFS4ERR_BADSESSION"},
    {10053, "NFS4ERR_BADSLOT"}, {10054, "NFS4ERR_COMPLETE_ALREADY"},
    {10055, "NFS4ERR_CONN_NOT_BOUND_TO_SESSION"}, {10056, "NFS4ERR_DELEG_ALREADY_WANTED"},
    {10057, "NFS4ERR_BACK_CHAN_BUSY"}, {10058, "NFS4ERR_LAYOUTTRYLATER"},
    {10059, "NFS4ERR_LAYOUTUNAVAILABLE"}, {10060, "NFS4ERR_NOMATCHING_LAYOUT"},
    {10061, "NFS4ERR_RECALLCONFLICT"}, {10062, "NFS4ERR_UNKNOWN_LAYOUTTYPE"},
    {10063, "NFS4ERR_SEQ_MISORDERED"}, {10064, "NFS4ERR_SEQUENCE_POS"},
    {10065, "NFS4ERR_REQ_TOO_BIG"}, {10066, "NFS4ERR_REP_TOO_BIG"},
    {10067, "NFS4ERR_REP_TOO_BIG_TO_CACHE"}, {10068, "NFS4ERR_RETRY_UNCACHED_REP"},
    {10069, "NFS4ERR_UNSAFE_COMPOUND"}, {10070, "NFS4ERR_TOO_MANY_OPS"},
    {10071, "NFS4ERR_OP_NOT_IN_SESSION"}, {10072, "NFS4ERR_HASH_ALG_UNSUPP"},
    {10074, "NFS4ERR_CLIENTID_BUSY"}, {10075, "NFS4ERR_PNFS_IO_HOLE"},
    {10076, "NFS4ERR_SEQ_FALSE_RETRY"}, {10077, "NFS4ERR_BAD_HIGH_SLOT"},
    {10078, "NFS4ERR_DEADSESSION"}, {10079, "NFS4ERR_ENCR_ALG_UNSUPP"},
    {10080, "NFS4ERR_PNFS_NO_LAYOUT"}, {10081, "NFS4ERR_NOT_ONLY_OP"},
    {10082, "NFS4ERR_WRONG_CRED"}, {10083, "NFS4ERR_WRONG_TYPE"},
    {10084, "NFS4ERR_DIRDELEG_UNAVAIL"}, {10085, "NFS4ERR_REJECT_DELEG"},
    {10086, "NFS4ERR_RETURNCONFLICT"}, {10087, "NFS4ERR_DELEG_REVOKED"},
};

constexpr CodeName kNfs3Names[] = {
    {0, "NFS3_OK"}, {1, "NFS3ERR_PERM"}, {2, "NFS3ERR_NOENT"}, {5, "NFS3ERR_IO"},
    {6, "NFS3ERR_NXIO"}, {13, "NFS3ERR_ACCES"}, {17, "NFS3ERR_EXIST"}, {18, "NFS3ERR_XDEV"},
    {19, "NFS3ERR_NODEV"}, {20, "NFS3ERR_NOTDIR"}, {21, "NFS3ERR_ISDIR"}, {22, "NFS3ERR_INVAL"},
    {27, "NFS3ERR_FBIG"}, {28, "NFS3ERR_NOSPC"}, {30, "NFS3ERR_ROFS"}, {31, "NFS3ERR_MLINK"},
    {63, "NFS3ERR_NAMETOOLONG"}, {66, "NFS3ERR_NOTEMPTY"}, {69, "NFS3ERR_DQUOT"},
    {70, "NFS3ERR_STALE"}, {71, "NFS3ERR_REMOTE"}, {10001, "NFS3ERR_BADHANDLE"},
    {10002, "NFS3ERR_NOT_SYNC"}, {10003, "NFS3ERR_BAD_COOKIE"}, {10004, "NFS3ERR_NOTSUPP"},
    {10005, "NFS3ERR_TOOSMALL"}, {10006, "NFS3ERR_SERVERFAULT"}, {10007, "NFS3ERR_BADTYPE"},
    {10008, "NFS3ERR_JUKEBOX"},
};

constexpr CodeName kRpcNames[] = {
    {1, "PROG_UNAVAIL"}, {2, "PROG_MISMATCH"}, {3, "PROC_UNAVAIL"}, {4, "GARBAGE_ARGS"},
    {5, "SYSTEM_ERR"}, {100, "RPC_MISMATCH"}, {101, "AUTH_ERROR"},
};

constexpr CodeName kOwnNames[] = {
    {1, "timeout"}, {2, "connection_lost"}, {3, "bad_reply"}, {4, "outcome_unknown"},
    {5, "request_refused"}, {6, "cancelled"}, {7, "verify_mismatch"}, {8, "bad_name"},
    {9, "changed_during_copy"}, {10, "type_conflict"}, {11, "owner_not_numeric"},
    {12, "write_verifier_changed"}, {13, "unsupported"}, {14, "name_resolution"},
    {15, "unreachable"}, {16, "bad_input"}, {17, "same_directory"}, {18, "locked"},
    {19, "listing_loops"}, {20, "short_write"}, {21, "differs"}, {22, "missing"},
    {23, "too_many_deletions"},
};

constexpr CodeName kSqliteNames[] = {
    {1, "SQLITE_ERROR"}, {2, "SQLITE_INTERNAL"}, {3, "SQLITE_PERM"}, {4, "SQLITE_ABORT"},
    {5, "SQLITE_BUSY"}, {6, "SQLITE_LOCKED"}, {7, "SQLITE_NOMEM"}, {8, "SQLITE_READONLY"},
    {9, "SQLITE_INTERRUPT"}, {10, "SQLITE_IOERR"}, {11, "SQLITE_CORRUPT"}, {12, "SQLITE_NOTFOUND"},
    {13, "SQLITE_FULL"}, {14, "SQLITE_CANTOPEN"}, {15, "SQLITE_PROTOCOL"}, {16, "SQLITE_EMPTY"},
    {17, "SQLITE_SCHEMA"}, {18, "SQLITE_TOOBIG"}, {19, "SQLITE_CONSTRAINT"},
    {20, "SQLITE_MISMATCH"}, {21, "SQLITE_MISUSE"}, {22, "SQLITE_NOLFS"}, {23, "SQLITE_AUTH"},
    {24, "SQLITE_FORMAT"}, {25, "SQLITE_RANGE"}, {26, "SQLITE_NOTADB"},
};

constexpr CodeName kAwsNames[] = {
    {1, "TaskTimedOut"}, {2, "TaskDoesNotExist"}, {3, "InvalidToken"},
    {4, "ConditionalCheckFailedException"}, {5, "AccessDeniedException"},
    {6, "ResourceNotFoundException"}, {7, "ExpiredTokenException"}, {8, "ThrottlingException"},
    {9, "ProvisionedThroughputExceededException"}, {10, "RequestLimitExceeded"},
    {11, "TransactionConflictException"},
};
// clang-format on

template <std::size_t N>
std::string_view find(const CodeName (&table)[N], std::uint32_t code) {
  auto row = std::lower_bound(std::begin(table), std::end(table), code,
                              [](const CodeName& a, std::uint32_t b) { return a.code < b; });
  return row != std::end(table) && row->code == code ? row->name : std::string_view{};
}

}  // namespace

std::string_view code_name(Domain domain, std::uint32_t code) {
  switch (domain) {
    case Domain::kErrno: {
      const char* name = strerrorname_np(static_cast<int>(code));
      return name ? std::string_view(name) : std::string_view{};
    }
    case Domain::kNfs4: return find(kNfs4Names, code);
    case Domain::kNfs3: return find(kNfs3Names, code);
    case Domain::kRpc: return find(kRpcNames, code);
    case Domain::kOwn: return find(kOwnNames, code);
    case Domain::kSqlite: return find(kSqliteNames, code);
    case Domain::kAws: return find(kAwsNames, code);
  }
  return {};
}

}  // namespace nfsferry

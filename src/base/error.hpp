#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nfsferry {

// Which table a code belongs to.
enum class Domain : std::uint8_t {
  kErrno,   // errno of a system call
  kNfs4,    // nfsstat4, RFC 8881 section 15
  kNfs3,    // nfsstat3, RFC 1813 section 2.6
  kRpc,     // RpcFailure below, RFC 5531 section 9
  kOwn,     // Own below: what nfsferry itself found
  kSqlite,  // primary result codes of SQLite, of the recovery ledger
  kAws,     // AwsFailure below; for an error that has no row there, the status of HTTP
};

// Ways in which a remote procedure call fails (RFC 5531 section 9: reply_stat and its arms).
enum class RpcFailure : std::uint32_t {
  kProgramUnavailable = 1,
  kProgramMismatch = 2,
  kProcedureUnavailable = 3,
  kGarbageArguments = 4,
  kSystemError = 5,
  kVersionMismatch = 100,
  kAuthDenied = 101,
};

// Conditions that no server code names.
enum class Own : std::uint32_t {
  kTimeout = 1,           // a bounded wait ended
  kConnectionLost,        // the TCP connection ended before the reply
  kBadReply,              // a reply that does not fit its request or its definition
  kOutcomeUnknown,        // executed or not cannot be told: the caller looks and does it again
  kRequestRefused,        // lost with its connection again and again: send less at once
  kCancelled,             // asked to stop
  kVerifyMismatch,        // what was read back is not what was sent
  kBadName,               // a name that must never be used (empty, ".", "..", "/", NUL)
  kChangedDuringCopy,     // size or mtime moved while it was read
  kTypeConflict,          // another type stands where the entry should be
  kOwnerNotNumeric,       // an owner that is not a decimal id
  kWriteVerifierChanged,  // the server lost uncommitted data
  kUnsupported,           // the tree cannot hold such an entry, or do such a thing
  kNameResolution,        // host name not resolved
  kUnreachable,           // server stayed away past the timeout
  kBadInput,              // an option, URL or path that cannot be used
  kSameDirectory,         // source and target are the same, or one holds the other
  kLocked,                // another run holds the target
  kListingLoops,          // a directory listing that does not advance
  kShortWrite,            // the server took fewer bytes than it was sent
  kDiffers,               // an entry of the target is not what the source's copy should be
  kMissing,               // an entry of the source has no copy in the target
  kTooManyDeletions,      // more entries would be deleted than is allowed
};

// What the recovery workflow's services answer, as far as it is told apart; the names are theirs.
enum class AwsFailure : std::uint32_t {
  kTaskTimedOut = 1,
  kTaskDoesNotExist,
  kInvalidToken,
  kConditionFailed,
  kAccessDenied,
  kNoSuchTable,
  kExpiredCredentials,
  kThrottled,
  kThroughputExceeded,
  kRequestLimit,
  kTransactionConflict,
};

// What failed, where and why. The original code is kept, never flattened.
struct Error {
  Domain domain = Domain::kOwn;
  std::uint32_t code = 0;
  std::string operation;  // "WRITE", "openat", "connect"
  std::string path;       // bytes; what it was about, may be empty
  std::string detail;     // a sentence for people, may be empty

  bool is(Own own) const {
    return domain == Domain::kOwn && code == static_cast<std::uint32_t>(own);
  }
  bool is(AwsFailure failure) const {
    return domain == Domain::kAws && code == static_cast<std::uint32_t>(failure);
  }
  bool is_errno(int number) const {
    return domain == Domain::kErrno && code == static_cast<std::uint32_t>(number);
  }

  // Another part of a sentence.
  void add_detail(std::string_view more) { detail.append(detail.empty() ? "" : "; ").append(more); }

  // The code's name: "NFS4ERR_NOENT", "ENOENT", "verify_mismatch"; "nfsstat4 12345" if unknown.
  std::string name() const;
  // "operation path: NAME (meaning): detail", names escaped for a terminal.
  std::string message() const;
};

Error errno_error(int number, std::string_view operation, std::string_view path = {});
Error own_error(Own own, std::string_view operation, std::string_view detail = {});
Error rpc_error(RpcFailure failure, std::string_view operation, std::string_view detail = {});

// The name of a code ("EPERM", "NFS4ERR_DELAY"), empty if the table has none.
std::string_view code_name(Domain domain, std::uint32_t code);

}  // namespace nfsferry

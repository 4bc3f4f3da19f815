#include "base/treatment.hpp"

#include <cerrno>

#include "base/nfsstat4.hpp"

namespace nfsferry {
namespace {

Treatment treat_nfs4(Nfsstat4 status) {
  switch (status) {
    case Nfsstat4::kDelay:
    case Nfsstat4::kGrace:
    case Nfsstat4::kBackChanBusy: return Treatment::kRetry;
    case Nfsstat4::kConnNotBoundToSession: return Treatment::kReconnect;
    case Nfsstat4::kBadsession:
    case Nfsstat4::kDeadsession:
    case Nfsstat4::kBadslot:
    case Nfsstat4::kBadHighSlot:
    case Nfsstat4::kSeqMisordered:
    case Nfsstat4::kSeqFalseRetry: return Treatment::kRebuildSession;
    case Nfsstat4::kStaleClientid: return Treatment::kRebuildClient;
    case Nfsstat4::kResource:
    case Nfsstat4::kTooManyOps:
    case Nfsstat4::kReqTooBig:
    case Nfsstat4::kRepTooBig:
    case Nfsstat4::kRepTooBigToCache:
    case Nfsstat4::kToosmall: return Treatment::kSendLess;
    case Nfsstat4::kExpired:
    case Nfsstat4::kStaleStateid:
    case Nfsstat4::kOldStateid:
    case Nfsstat4::kBadStateid:
    case Nfsstat4::kBadSeqid:
    case Nfsstat4::kAdminRevoked:
    case Nfsstat4::kDelegRevoked: return Treatment::kReopen;
    case Nfsstat4::kRetryUncachedRep: return Treatment::kRedo;
    case Nfsstat4::kNospc:
    case Nfsstat4::kDquot:
    case Nfsstat4::kRofs: return Treatment::kNoSpace;
    case Nfsstat4::kMinorVersMismatch:
    case Nfsstat4::kWrongCred:
    case Nfsstat4::kClidInuse: return Treatment::kFatal;
    default: return Treatment::kSkipEntry;
  }
}

Treatment treat_errno(std::uint32_t code) {
  switch (code) {
    case EINTR:
    case EAGAIN: return Treatment::kRetry;
    case ECONNRESET:
    case ECONNREFUSED:
    case ECONNABORTED:
    case EPIPE:
    case ETIMEDOUT:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENOTCONN: return Treatment::kReconnect;
    case ENOSPC:
    case EDQUOT:
    case EROFS: return Treatment::kNoSpace;
    case ENOMEM:
    case EMFILE:
    case ENFILE: return Treatment::kFatal;
    default: return Treatment::kSkipEntry;
  }
}

Treatment treat_own(Own own) {
  switch (own) {
    case Own::kConnectionLost: return Treatment::kReconnect;
    case Own::kBadReply: return Treatment::kReconnect;
    case Own::kOutcomeUnknown:
    case Own::kShortWrite: return Treatment::kRedo;
    case Own::kRequestRefused: return Treatment::kSendLess;
    case Own::kWriteVerifierChanged: return Treatment::kReopen;
    case Own::kVerifyMismatch:
    case Own::kBadName:
    case Own::kChangedDuringCopy:
    case Own::kTypeConflict:
    case Own::kOwnerNotNumeric:
    case Own::kListingLoops:
    case Own::kDiffers:
    case Own::kMissing:
    case Own::kTooManyDeletions:
    case Own::kUnsupported: return Treatment::kSkipEntry;
    case Own::kTimeout:
    case Own::kCancelled:
    case Own::kNameResolution:
    case Own::kUnreachable:
    case Own::kBadInput:
    case Own::kSameDirectory:
    case Own::kLocked: return Treatment::kFatal;
  }
  return Treatment::kFatal;
}

Treatment treat_rpc(RpcFailure failure) {
  switch (failure) {
    case RpcFailure::kSystemError: return Treatment::kRetry;
    case RpcFailure::kGarbageArguments: return Treatment::kSendLess;
    default: return Treatment::kFatal;
  }
}

Treatment treat_nfs3(std::uint32_t code) {
  switch (code) {
    case 10008: return Treatment::kRetry;  // JUKEBOX
    case 28:                               // NOSPC
    case 30:                               // ROFS
    case 69: return Treatment::kNoSpace;   // DQUOT
    default: return Treatment::kSkipEntry;
  }
}

}  // namespace

Treatment treatment(const Error& error) {
  switch (error.domain) {
    case Domain::kErrno: return treat_errno(error.code);
    case Domain::kNfs4: return treat_nfs4(static_cast<Nfsstat4>(error.code));
    case Domain::kNfs3: return treat_nfs3(error.code);
    case Domain::kRpc: return treat_rpc(static_cast<RpcFailure>(error.code));
    case Domain::kOwn: return treat_own(static_cast<Own>(error.code));
    case Domain::kSqlite:                         // SQLite has waited for other writers itself
    case Domain::kAws: return Treatment::kFatal;  // the call was repeated already
  }
  return Treatment::kFatal;
}

bool starts_over(Treatment treatment) {
  switch (treatment) {
    case Treatment::kReconnect:
    case Treatment::kRebuildSession:
    case Treatment::kRebuildClient:
    case Treatment::kReopen:
    case Treatment::kRedo: return true;
    default: return false;
  }
}

bool means_away(const Error& error) {
  return error.is(Own::kUnreachable) || error.is(Own::kTimeout) ||
         treatment(error) == Treatment::kReconnect;
}

Error more_hopeful(Error earlier, Error later) {
  return means_away(earlier) && !means_away(later) ? earlier : later;
}

std::string_view treatment_name(Treatment treatment) {
  switch (treatment) {
    case Treatment::kRetry: return "retry";
    case Treatment::kReconnect: return "reconnect";
    case Treatment::kRebuildSession: return "rebuild session";
    case Treatment::kRebuildClient: return "rebuild client";
    case Treatment::kSendLess: return "send less";
    case Treatment::kReopen: return "reopen";
    case Treatment::kRedo: return "redo";
    case Treatment::kSkipEntry: return "skip entry";
    case Treatment::kNoSpace: return "no space";
    case Treatment::kFatal: return "fatal";
  }
  return "unknown";
}

}  // namespace nfsferry

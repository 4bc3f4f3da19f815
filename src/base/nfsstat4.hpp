#pragma once

#include <cerrno>
#include <cstdint>

#include "base/error.hpp"

namespace nfsferry {

// nfsstat4 (RFC 8881 section 15.1; RFC 7530 section 13.1), in base so that the treatment table
// can name every code.
enum class Nfsstat4 : std::uint32_t {
  kOk = 0,
  kPerm = 1,
  kNoent = 2,
  kIo = 5,
  kNxio = 6,
  kAccess = 13,
  kExist = 17,
  kXdev = 18,
  kNotdir = 20,
  kIsdir = 21,
  kInval = 22,
  kFbig = 27,
  kNospc = 28,
  kRofs = 30,
  kMlink = 31,
  kNametoolong = 63,
  kNotempty = 66,
  kDquot = 69,
  kStale = 70,
  kBadhandle = 10001,
  kBadCookie = 10003,
  kNotsupp = 10004,
  kToosmall = 10005,
  kServerfault = 10006,
  kBadtype = 10007,
  kDelay = 10008,
  kSame = 10009,
  kDenied = 10010,
  kExpired = 10011,
  kLocked = 10012,
  kGrace = 10013,
  kFhexpired = 10014,
  kShareDenied = 10015,
  kWrongsec = 10016,
  kClidInuse = 10017,
  kResource = 10018,
  kMoved = 10019,
  kNofilehandle = 10020,
  kMinorVersMismatch = 10021,
  kStaleClientid = 10022,
  kStaleStateid = 10023,
  kOldStateid = 10024,
  kBadStateid = 10025,
  kBadSeqid = 10026,
  kNotSame = 10027,
  kLockRange = 10028,
  kSymlink = 10029,
  kRestorefh = 10030,
  kLeaseMoved = 10031,
  kAttrnotsupp = 10032,
  kNoGrace = 10033,
  kReclaimBad = 10034,
  kReclaimConflict = 10035,
  kBadxdr = 10036,
  kLocksHeld = 10037,
  kOpenmode = 10038,
  kBadowner = 10039,
  kBadchar = 10040,
  kBadname = 10041,
  kBadRange = 10042,
  kLockNotsupp = 10043,
  kOpIllegal = 10044,
  kDeadlock = 10045,
  kFileOpen = 10046,
  kAdminRevoked = 10047,
  kCbPathDown = 10048,
  kBadiomode = 10049,
  kBadlayout = 10050,
  kBadSessionDigest = 10051,
  kBadsession = 10052,
  kBadslot = 10053,
  kCompleteAlready = 10054,
  kConnNotBoundToSession = 10055,
  kDelegAlreadyWanted = 10056,
  kBackChanBusy = 10057,
  kLayouttrylater = 10058,
  kLayoutunavailable = 10059,
  kNomatchingLayout = 10060,
  kRecallconflict = 10061,
  kUnknownLayouttype = 10062,
  kSeqMisordered = 10063,
  kSequencePos = 10064,
  kReqTooBig = 10065,
  kRepTooBig = 10066,
  kRepTooBigToCache = 10067,
  kRetryUncachedRep = 10068,
  kUnsafeCompound = 10069,
  kTooManyOps = 10070,
  kOpNotInSession = 10071,
  kHashAlgUnsupp = 10072,
  kClientidBusy = 10074,
  kPnfsIoHole = 10075,
  kSeqFalseRetry = 10076,
  kBadHighSlot = 10077,
  kDeadsession = 10078,
  kEncrAlgUnsupp = 10079,
  kPnfsNoLayout = 10080,
  kNotOnlyOp = 10081,
  kWrongCred = 10082,
  kWrongType = 10083,
  kDirdelegUnavail = 10084,
  kRejectDeleg = 10085,
  kReturnconflict = 10086,
  kDelegRevoked = 10087,
};

inline bool is_status(const Error& error, Nfsstat4 status) {
  return error.domain == Domain::kNfs4 && error.code == static_cast<std::uint32_t>(status);
}
// The same of either version, for the codes that both have: they have the same numbers.
inline bool is_nfs_status(const Error& error, Nfsstat4 status) {
  return is_status(error, status) ||
         (error.domain == Domain::kNfs3 && error.code == static_cast<std::uint32_t>(status));
}
// The name is not there, whatever the tree calls it.
inline bool means_no_entry(const Error& error) {
  return error.is_errno(ENOENT) || is_nfs_status(error, Nfsstat4::kNoent);
}
// The handle is of something that is gone, or that the server has forgotten.
inline bool means_stale(const Error& error) {
  return error.is_errno(ESTALE) || is_nfs_status(error, Nfsstat4::kStale);
}

}  // namespace nfsferry

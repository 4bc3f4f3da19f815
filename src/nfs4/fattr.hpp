// fattr4: encode what we set, decode what we asked for (RFC 8881 section 5).
#pragma once

#include <optional>

#include "nfs4/acl.hpp"
#include "nfs4/types.hpp"
#include "tree/attributes.hpp"
#include "tree/tree.hpp"

namespace nfsferry::nfs4 {

// Everything a GETATTR or READDIR of ours can bring.
struct Fattr {
  AttrMask present;
  Attributes attributes;
  Acl acl;
  FileHandle handle;
  AttrMask supported;
  std::uint32_t rdattr_error = 0;
  std::uint32_t lease_seconds = 0;
  std::uint64_t max_read = 0;
  std::uint64_t max_write = 0;
  std::uint64_t files_available = 0;
  std::uint64_t files_free = 0;
  std::uint64_t space_available = 0;
  std::uint64_t space_free = 0;
  std::uint64_t space_total = 0;
  Time ctime;

  // Fails the reader on an attribute that was not asked for or a length that does not fit.
  void decode(XdrReader& in, AttrMask asked);
};

// What a listing asks for; intersected with SUPPORTED_ATTRS before use.
inline constexpr AttrMask kEntryAttrs{
    Attr::kType,       Attr::kChange, Attr::kSize,      Attr::kFsid,       Attr::kRdattrError,
    Attr::kFilehandle, Attr::kFileid, Attr::kMode,      Attr::kNumlinks,   Attr::kOwner,
    Attr::kOwnerGroup, Attr::kRawdev, Attr::kSpaceUsed, Attr::kTimeAccess, Attr::kTimeModify};
// And where ACLs are to be told: only of a server that has them, since replies grow.
inline constexpr AttrMask kEntryAttrsAndAcl = [] {
  AttrMask mask = kEntryAttrs;
  mask.add(Attr::kAcl);
  return mask;
}();
// What is asked of the root, once: of the server and its file system as well.
inline constexpr AttrMask kRootAttrs = [] {
  AttrMask mask = kEntryAttrs;
  for (Attr attribute :
       {Attr::kSupportedAttrs, Attr::kLeaseTime, Attr::kMaxRead, Attr::kMaxWrite, Attr::kFilesFree,
        Attr::kSpaceAvail, Attr::kSpaceFree, Attr::kSpaceTotal, Attr::kTimeMetadata}) {
    mask.add(attribute);
  }
  return mask;
}();
inline constexpr AttrMask kFileidMask{Attr::kFileid};
inline constexpr AttrMask kSizeMask{Attr::kSize};
// Without these an entry cannot be copied faithfully.
inline constexpr AttrMask kNeededAttrs{Attr::kType,      Attr::kSize,  Attr::kFilehandle,
                                       Attr::kMode,      Attr::kOwner, Attr::kOwnerGroup,
                                       Attr::kTimeModify};

// Which of NewAttributes to put into one createattrs or SETATTR.
struct AttrChoice {
  bool mode = false;
  bool owner = false;
  bool times = false;
};
inline constexpr AttrChoice kChooseOwner{false, true, false};
inline constexpr AttrChoice kChooseModeAndTimes{true, false, true};

// Owners are sent as checked decimals only (nfs-ganesha turns 4294967296 into uid 0).
void encode_fattr(XdrWriter& out, const NewAttributes& attributes, AttrChoice choice,
                  std::optional<std::uint32_t> mode_override = {},
                  std::optional<std::uint64_t> size = {});

}  // namespace nfsferry::nfs4

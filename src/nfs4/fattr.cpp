#include "nfs4/fattr.hpp"

#include <bit>
#include <string>

namespace nfsferry::nfs4 {
namespace {

FileType decode_type(XdrReader& in) {
  switch (in.u32()) {  // nfs_ftype4
    case 1: return FileType::kRegular;
    case 2: return FileType::kDirectory;
    case 3: return FileType::kBlockDevice;
    case 4: return FileType::kCharacterDevice;
    case 5: return FileType::kSymlink;
    case 6: return FileType::kSocket;
    case 7: return FileType::kFifo;
    default: return FileType::kOther;
  }
}

// nfstime4. Nanoseconds of 10^9 and more, which a server must not send, are cut.
Time decode_time(XdrReader& in) {
  Time time;
  time.seconds = in.i64();
  time.nanoseconds = std::min<std::uint32_t>(in.u32(), 999'999'999);
  return time;
}

void encode_time_set(XdrWriter& out, const Time& time) {
  out.u32(1);  // SET_TO_CLIENT_TIME4
  out.i64(time.seconds);
  out.u32(time.nanoseconds);
}

void encode_id(XdrWriter& out, std::uint32_t id) {
  check(id != 0xffffffff, "an owner id is below 4294967295");
  out.text(std::to_string(id));
}

// One attribute's value, in the order of the attribute numbers.
void decode_one(XdrReader& in, Attr attribute, Fattr& out) {
  Attributes& a = out.attributes;
  switch (attribute) {
    case Attr::kSupportedAttrs: return out.supported.decode(in, false);
    case Attr::kType: a.type = decode_type(in); return;
    case Attr::kChange: a.change = in.u64(); return;
    case Attr::kSize: a.size_bytes = in.u64(); return;
    case Attr::kFsid:
      a.fsid.major = in.u64();
      a.fsid.minor = in.u64();
      return;
    case Attr::kLeaseTime: out.lease_seconds = in.u32(); return;
    case Attr::kRdattrError: out.rdattr_error = in.u32(); return;
    case Attr::kAcl: return out.acl.decode(in);
    case Attr::kFilehandle: out.handle = in.text(kFileHandleMost); return;
    case Attr::kFileid: a.fileid = in.u64(); return;
    case Attr::kFilesAvail: out.files_available = in.u64(); return;
    case Attr::kFilesFree: out.files_free = in.u64(); return;
    case Attr::kMaxRead: out.max_read = in.u64(); return;
    case Attr::kMaxWrite: out.max_write = in.u64(); return;
    case Attr::kMode: a.mode = in.u32() & 07777; return;
    case Attr::kNumlinks: a.link_count = in.u32(); return;
    case Attr::kOwner: a.owner = parse_owner(in.text(kOpaqueMost)); return;
    case Attr::kOwnerGroup: a.group = parse_owner(in.text(kOpaqueMost)); return;
    case Attr::kRawdev:
      a.device_major = in.u32();
      a.device_minor = in.u32();
      return;
    case Attr::kSpaceAvail: out.space_available = in.u64(); return;
    case Attr::kSpaceFree: out.space_free = in.u64(); return;
    case Attr::kSpaceTotal: out.space_total = in.u64(); return;
    case Attr::kSpaceUsed: a.used_bytes = in.u64(); return;
    case Attr::kTimeAccess: a.atime = decode_time(in); return;
    case Attr::kTimeMetadata: out.ctime = decode_time(in); return;
    case Attr::kTimeModify: a.mtime = decode_time(in); return;
    case Attr::kTimeAccessSet:
    case Attr::kTimeModifySet: break;
  }
  in.fail();
}

}  // namespace

void Fattr::decode(XdrReader& in, AttrMask asked) {
  present.decode(in, true);
  XdrReader values(in.opaque(kReplyPayloadMost));
  if (in.failed() || present.without(asked) != 0) return in.fail();
  for (std::uint64_t rest = present.bits(); rest != 0; rest &= rest - 1) {
    decode_one(values, static_cast<Attr>(std::countr_zero(rest)), *this);
  }
  if (values.failed() || values.remaining() != 0) in.fail();
}

void encode_fattr(XdrWriter& out, const NewAttributes& attributes, AttrChoice choice,
                  std::optional<std::uint32_t> mode_override, std::optional<std::uint64_t> size) {
  std::optional<std::uint32_t> mode = mode_override ? mode_override
                                      : choice.mode ? attributes.mode
                                                    : std::nullopt;
  bool owner = choice.owner && attributes.owner;
  bool group = choice.owner && attributes.group;
  bool atime = choice.times && attributes.atime;
  bool mtime = choice.times && attributes.mtime;

  AttrMask mask;
  if (size) mask.add(Attr::kSize);
  if (mode) mask.add(Attr::kMode);
  if (owner) mask.add(Attr::kOwner);
  if (group) mask.add(Attr::kOwnerGroup);
  if (atime) mask.add(Attr::kTimeAccessSet);
  if (mtime) mask.add(Attr::kTimeModifySet);
  mask.encode(out);
  std::size_t at = out.head().size();
  out.u32(0);  // the values' length, once they are there
  std::size_t begin = out.head().size();
  if (size) out.u64(*size);
  if (mode) out.u32(*mode);
  if (owner) encode_id(out, *attributes.owner);
  if (group) encode_id(out, *attributes.group);
  if (atime) encode_time_set(out, *attributes.atime);
  if (mtime) encode_time_set(out, *attributes.mtime);
  out.patch_u32(at, static_cast<std::uint32_t>(out.head().size() - begin));
}

}  // namespace nfsferry::nfs4

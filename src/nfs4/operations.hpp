// The operations of a COMPOUND: each with its arguments' encoding and its result's decoding side
// by side (RFC 8881 section 18, the section of each is named). A result is decoded only when its
// status is NFS4_OK; kReplyBytes is what it takes in a reply without its variable payload.
//
// 4.0 has the same operations but for the last ones, with a few fields that 4.1 has no use for
// (sequence ids, client id, the owner's name): StateOwners fills them in.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nfs4/fattr.hpp"
#include "nfs4/types.hpp"

namespace nfsferry::nfs4 {

// Who opens and locks. Eight bytes, in whose place 4.0 has names of its own.
inline constexpr std::string_view kOwnerName = "nfsferry";

inline constexpr std::uint32_t kResultHeader = 8;  // operation number, status

struct NoReply {};

// An operation whose result holds nothing that we use.
template <Op number, std::uint32_t body_bytes = 0>
struct Plain {
  static constexpr Op kNumber = number;
  static constexpr std::uint32_t kReplyBytes = kResultHeader + body_bytes;
  using Reply = NoReply;
  static void decode(XdrReader& in, Reply&) {
    if constexpr (body_bytes > 0) in.fixed(body_bytes);
  }
};

struct ChangeInfo {
  static constexpr std::uint32_t kBytes = 20;  // atomic, before, after
};

struct Putrootfh : Plain<Op::kPutrootfh> {  // 18.21
  void encode(XdrWriter&) const {}
};
// Asks what became of another request; see Session. Nothing else begins with it.
struct Putpubfh : Plain<Op::kPutpubfh> {  // 18.20
  void encode(XdrWriter&) const {}
};
struct Putfh : Plain<Op::kPutfh> {  // 18.19
  std::string_view handle;
  void encode(XdrWriter& out) const { out.text(handle); }
};
struct Savefh : Plain<Op::kSavefh> {  // 18.28
  void encode(XdrWriter&) const {}
};
struct Restorefh : Plain<Op::kRestorefh> {  // 18.27
  void encode(XdrWriter&) const {}
};
struct Lookup : Plain<Op::kLookup> {  // 18.13
  std::string_view name;
  void encode(XdrWriter& out) const { out.text(name); }
};

struct Getfh {  // 18.8
  static constexpr Op kNumber = Op::kGetfh;
  static constexpr std::uint32_t kReplyBytes = kResultHeader + 4 + kFileHandleMost;
  struct Reply {
    FileHandle handle;
  };
  void encode(XdrWriter&) const {}
  static void decode(XdrReader& in, Reply& reply) { reply.handle = in.text(kFileHandleMost); }
};

struct Getattr {  // 18.7
  static constexpr Op kNumber = Op::kGetattr;
  static constexpr std::uint32_t kReplyBytes = kResultHeader + 432;
  AttrMask mask;
  struct Reply {
    Fattr fattr;
  };
  void encode(XdrWriter& out) const { mask.encode(out); }
  static void decode(XdrReader& in, Reply& reply) {
    AttrMask all = kRootAttrs;
    all.add(Attr::kFilesAvail);
    reply.fattr.decode(in, all);
  }
};

struct Verify : Plain<Op::kVerify> {  // 18.31: NOT_SAME unless the size is this
  std::uint64_t size_bytes = 0;
  void encode(XdrWriter& out) const { encode_fattr(out, {}, {}, {}, size_bytes); }
};

struct Setattr : Plain<Op::kSetattr> {  // 18.30; attrset is no proof and is not read
  Stateid stateid;
  NewAttributes attributes;
  AttrChoice choice;
  std::optional<std::uint64_t> size;
  void encode(XdrWriter& out) const {
    stateid.encode(out);
    encode_fattr(out, attributes, choice, {}, size);
  }
  static constexpr std::uint32_t kReplyBytes = kResultHeader + 12;
  static void decode(XdrReader& in, Reply&) {
    AttrMask set;
    set.decode(in, false);
  }
};

// OPEN of a new file (18.16), never EXCLUSIVE4_1; with WANT_NO_DELEG.
struct OpenCreate {
  static constexpr Op kNumber = Op::kOpen;
  static constexpr std::uint32_t kReplyBytes =
      kResultHeader + 16 + ChangeInfo::kBytes + 4 + 16 + 16;
  std::string_view name;
  NewAttributes attributes;  // owner and group, where choice says so; mode is 0600
  AttrChoice choice;
  bool read_access = false;
  bool guarded = true;  // EXIST when the name is taken; else what is there is opened as it is
  struct Reply {
    Stateid stateid;
    bool confirm = false;  // 4.0: the owner is new and wants OPEN_CONFIRM
  };
  void encode(XdrWriter& out) const;
  static void decode(XdrReader& in, Reply& reply);
};

// OPEN of an existing file for reading: of the current one (CLAIM_FH, 18.16), or by its name, since
// 4.0 knows no other way.
struct OpenExisting {
  static constexpr Op kNumber = Op::kOpen;
  static constexpr std::uint32_t kReplyBytes = OpenCreate::kReplyBytes;
  std::string_view name;
  bool write_access = false;  // as well
  using Reply = OpenCreate::Reply;
  void encode(XdrWriter& out) const;
  static void decode(XdrReader& in, Reply& reply) { OpenCreate::decode(in, reply); }
};

struct Close : Plain<Op::kClose, 16> {  // 18.2
  Stateid stateid;
  void encode(XdrWriter& out) const {
    out.u32(0);  // seqid, unused in 4.1
    stateid.encode(out);
  }
};

inline constexpr std::uint64_t kWholeFile = ~std::uint64_t{0};

enum class LockType : std::uint32_t { kRead = 1, kWrite = 2 };

// A lock on the whole file, not waited for (18.10); a session's locks have one owner.
struct Lock {
  static constexpr Op kNumber = Op::kLock;
  static constexpr std::uint32_t kReplyBytes = kResultHeader + 32 + kOpaqueMost;  // DENIED's owner
  LockType type = LockType::kRead;
  Stateid stateid;         // of the OPEN for a new owner, else of the lock that changes its type
  bool new_owner = false;  // the first lock on this OPEN
  struct Reply {
    Stateid stateid;
  };
  void encode(XdrWriter& out) const;
  static void decode(XdrReader& in, Reply& reply) { reply.stateid.decode(in); }
};

struct Locku : Plain<Op::kLocku, 16> {  // 18.12: of the whole file
  Stateid stateid;
  void encode(XdrWriter& out) const;
};

struct Read {  // 18.22
  static constexpr Op kNumber = Op::kRead;
  static constexpr std::uint32_t kReplyBytes = kResultHeader + 8 + 3;
  Stateid stateid;
  std::uint64_t offset_bytes = 0;
  std::uint32_t count = 0;
  struct Reply {
    bool eof = false;
    std::span<const std::byte> data;
  };
  void encode(XdrWriter& out) const {
    stateid.encode(out);
    out.u64(offset_bytes);
    out.u32(count);
  }
  static void decode(XdrReader& in, Reply& reply) {
    reply.eof = in.boolean();
    reply.data = in.opaque(kReplyPayloadMost);
  }
};

enum class Stable : std::uint32_t { kUnstable = 0, kDataSync = 1, kFileSync = 2 };

struct Write {  // 18.32
  static constexpr Op kNumber = Op::kWrite;
  static constexpr std::uint32_t kReplyBytes = kResultHeader + 16;
  Stateid stateid;
  std::uint64_t offset_bytes = 0;
  std::span<const std::byte> data;
  struct Reply {
    std::uint32_t count = 0;
    Stable committed = Stable::kUnstable;
    Verifier verifier{};
  };
  void encode(XdrWriter& out) const {
    stateid.encode(out);
    out.u64(offset_bytes);
    out.u32(static_cast<std::uint32_t>(Stable::kUnstable));
    out.payload(data);
  }
  static void decode(XdrReader& in, Reply& reply);
};

struct Commit {  // 18.3: the whole file
  static constexpr Op kNumber = Op::kCommit;
  static constexpr std::uint32_t kReplyBytes = kResultHeader + 8;
  struct Reply {
    Verifier verifier{};
  };
  void encode(XdrWriter& out) const {
    out.u64(0);
    out.u32(0);
  }
  static void decode(XdrReader& in, Reply& reply);
};

struct Rename : Plain<Op::kRename, 2 * ChangeInfo::kBytes> {  // 18.26: saved dir to current dir
  std::string_view from;
  std::string_view to;
  void encode(XdrWriter& out) const {
    out.text(from);
    out.text(to);
  }
};
struct Remove : Plain<Op::kRemove, ChangeInfo::kBytes> {  // 18.25
  std::string_view name;
  void encode(XdrWriter& out) const { out.text(name); }
};
struct Link : Plain<Op::kLink, ChangeInfo::kBytes> {  // 18.9: saved file into current dir
  std::string_view name;
  void encode(XdrWriter& out) const { out.text(name); }
};

struct Create : Plain<Op::kCreate> {  // 18.4: everything but regular files
  std::string_view name;
  FileType type = FileType::kDirectory;
  std::string_view link_text;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  NewAttributes attributes;
  AttrChoice choice;
  std::optional<std::uint32_t> mode;
  static constexpr std::uint32_t kReplyBytes = kResultHeader + ChangeInfo::kBytes + 16;
  void encode(XdrWriter& out) const;
  static void decode(XdrReader& in, Reply&);
};

struct Readlink {  // 18.24
  static constexpr Op kNumber = Op::kReadlink;
  static constexpr std::uint32_t kReplyBytes = kResultHeader + 4 + 4096;
  struct Reply {
    std::string_view text;
  };
  void encode(XdrWriter&) const {}
  static void decode(XdrReader& in, Reply& reply) { reply.text = in.text(kLinkTextMost); }
};

struct Readdir {  // 18.23; dircount = maxcount, a number of entries on some servers
  static constexpr Op kNumber = Op::kReaddir;
  static constexpr std::uint32_t kReplyBytes = kResultHeader + 16;
  std::uint64_t cookie = 0;
  Verifier verifier{};
  std::uint32_t maxcount = 0;
  AttrMask mask;
  struct RawEntry {
    std::uint64_t cookie = 0;
    std::string_view name;
    Fattr fattr;
  };
  struct Reply {
    Verifier verifier{};
    std::vector<RawEntry> entries;
    bool eof = false;
  };
  void encode(XdrWriter& out) const;
  static void decode(XdrReader& in, Reply& reply);
};

struct Sequence {  // 18.46
  static constexpr Op kNumber = Op::kSequence;
  static constexpr std::uint32_t kReplyBytes = kResultHeader + 36;
  SessionId session{};
  std::uint32_t sequence_id = 0;
  std::uint32_t slot = 0;
  std::uint32_t highest_slot = 0;
  bool cache_this = false;
  struct Reply {
    SessionId session{};
    std::uint32_t sequence_id = 0;
    std::uint32_t slot = 0;
    std::uint32_t target_highest_slot = 0;
    std::uint32_t status_flags = 0;
  };
  void encode(XdrWriter& out) const;
  static void decode(XdrReader& in, Reply& reply);
};

struct ExchangeId {  // 18.35, SP4_NONE
  static constexpr Op kNumber = Op::kExchangeId;
  static constexpr std::uint32_t kReplyBytes = 4096;
  Verifier verifier{};
  std::string_view owner;
  struct Reply {
    std::uint64_t clientid = 0;
    std::uint32_t sequence_id = 0;
    std::uint32_t flags = 0;
    std::string server_owner;
    std::string server_scope;
  };
  void encode(XdrWriter& out) const;
  static void decode(XdrReader& in, Reply& reply);
};

struct ChannelAttributes {
  std::uint32_t max_request_bytes = 0;
  std::uint32_t max_response_bytes = 0;
  std::uint32_t max_cached_response_bytes = 0;
  std::uint32_t max_operations = 0;
  std::uint32_t max_requests = 0;
  void encode(XdrWriter& out) const;
  void decode(XdrReader& in);
};

struct CreateSession {  // 18.36, without a back channel
  static constexpr Op kNumber = Op::kCreateSession;
  static constexpr std::uint32_t kReplyBytes = 256;
  std::uint64_t clientid = 0;
  std::uint32_t sequence_id = 0;
  ChannelAttributes fore;
  struct Reply {
    SessionId session{};
    ChannelAttributes fore;
  };
  void encode(XdrWriter& out) const;
  static void decode(XdrReader& in, Reply& reply);
};

struct BindConnToSession {  // 18.34, to the fore channel
  static constexpr Op kNumber = Op::kBindConnToSession;
  static constexpr std::uint32_t kReplyBytes = kResultHeader + 24;
  SessionId session{};
  struct Reply {
    SessionId session{};
  };
  void encode(XdrWriter& out) const;
  static void decode(XdrReader& in, Reply& reply);
};

struct DestroySession : Plain<Op::kDestroySession> {  // 18.37
  SessionId session{};
  void encode(XdrWriter& out) const { out.fixed(session); }
};
struct DestroyClientid : Plain<Op::kDestroyClientid> {  // 18.50
  std::uint64_t clientid = 0;
  void encode(XdrWriter& out) const { out.u64(clientid); }
};
struct ReclaimComplete : Plain<Op::kReclaimComplete> {  // 18.51: for all file systems
  void encode(XdrWriter& out) const { out.boolean(false); }
};

// NFSv4.0 (RFC 7530, section 16).
struct Setclientid {  // 16.33; no callbacks are answered, so nobody gives us a delegation
  static constexpr Op kNumber = Op::kSetclientid;
  static constexpr std::uint32_t kReplyBytes = kResultHeader + 16;
  Verifier verifier{};
  std::string_view id;
  struct Reply {
    std::uint64_t clientid = 0;
    Verifier confirm{};
  };
  void encode(XdrWriter& out) const;
  static void decode(XdrReader& in, Reply& reply);
};
struct SetclientidConfirm : Plain<Op::kSetclientidConfirm> {  // 16.34
  std::uint64_t clientid = 0;
  Verifier confirm{};
  void encode(XdrWriter& out) const {
    out.u64(clientid);
    out.fixed(confirm);
  }
};
struct Renew : Plain<Op::kRenew> {  // 16.28
  std::uint64_t clientid = 0;
  void encode(XdrWriter& out) const { out.u64(clientid); }
};
struct OpenConfirm {  // 16.18
  static constexpr Op kNumber = Op::kOpenConfirm;
  static constexpr std::uint32_t kReplyBytes = kResultHeader + 16;
  Stateid stateid;
  struct Reply {
    Stateid stateid;
  };
  void encode(XdrWriter& out) const {
    stateid.encode(out);
    out.u32(0);  // seqid
  }
  static void decode(XdrReader& in, Reply& reply) { reply.stateid.decode(in); }
};

std::string_view operation_name(Op op);

}  // namespace nfsferry::nfs4

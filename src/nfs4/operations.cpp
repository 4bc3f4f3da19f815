#include "nfs4/operations.hpp"

#include <algorithm>

namespace nfsferry::nfs4 {
namespace {

constexpr std::uint32_t kShareAccessRead = 1;
constexpr std::uint32_t kShareAccessWrite = 2;
constexpr std::uint32_t kWantNoDelegation = 0x0400;
constexpr std::uint32_t kResultConfirm = 2;
constexpr std::uint32_t kOpenNoCreate = 0;
constexpr std::uint32_t kOpenCreate = 1;
constexpr std::uint32_t kUnchecked = 0;
constexpr std::uint32_t kGuarded = 1;
constexpr std::uint32_t kClaimNull = 0;
constexpr std::uint32_t kClaimFh = 4;
constexpr std::uint32_t kForeChannel = 1;

template <std::size_t N>
void decode_array(XdrReader& in, std::array<std::byte, N>& out) {
  auto bytes = in.fixed(N);
  if (bytes.size() == N) std::copy(bytes.begin(), bytes.end(), out.begin());
}

void encode_open_head(XdrWriter& out, std::uint32_t access) {
  out.u32(0);  // seqid, unused in 4.1
  out.u32(access | kWantNoDelegation);
  out.u32(0);  // own OPENs deny nothing
  out.u64(0);  // clientid: taken from the session
  out.text(kOwnerName);
}

void skip_ace(XdrReader& in) {
  in.u32();
  in.u32();
  in.u32();
  in.text(kOpaqueMost);
}

// open_delegation4: none is wanted; what comes all the same is read past.
void skip_delegation(XdrReader& in) {
  Stateid stateid;
  switch (in.u32()) {
    case 0: return;  // OPEN_DELEGATE_NONE
    case 1:          // OPEN_DELEGATE_READ
      stateid.decode(in);
      in.boolean();
      return skip_ace(in);
    case 2:  // OPEN_DELEGATE_WRITE
      stateid.decode(in);
      in.boolean();
      in.u32();
      in.u64();
      return skip_ace(in);
    case 3: {  // OPEN_DELEGATE_NONE_EXT
      std::uint32_t why = in.u32();
      if (why == 1 || why == 2) in.boolean();  // WND4_CONTENTION, WND4_RESOURCE
      return;
    }
    default: in.fail();
  }
}

}  // namespace

void OpenCreate::encode(XdrWriter& out) const {
  encode_open_head(out, kShareAccessWrite | (read_access ? kShareAccessRead : 0));
  out.u32(kOpenCreate);
  out.u32(guarded ? kGuarded : kUnchecked);
  encode_fattr(out, attributes, choice, 0600u);
  out.u32(kClaimNull);
  out.text(name);
}

void OpenCreate::decode(XdrReader& in, Reply& reply) {
  reply.stateid.decode(in);
  in.fixed(ChangeInfo::kBytes);
  reply.confirm = (in.u32() & kResultConfirm) != 0;
  AttrMask set;
  set.decode(in, false);
  skip_delegation(in);
}

void OpenExisting::encode(XdrWriter& out) const {
  encode_open_head(out, kShareAccessRead | (write_access ? kShareAccessWrite : 0));
  out.u32(kOpenNoCreate);
  if (name.empty()) return out.u32(kClaimFh);
  out.u32(kClaimNull);
  out.text(name);
}

void Lock::encode(XdrWriter& out) const {
  out.u32(static_cast<std::uint32_t>(type));
  out.boolean(false);  // reclaim
  out.u64(0);
  out.u64(kWholeFile);
  out.boolean(new_owner);
  if (new_owner) {
    out.u32(0);  // open_seqid, unused in 4.1
    stateid.encode(out);
    out.u32(0);  // lock_seqid, unused in 4.1
    out.u64(0);  // clientid: taken from the session
    out.text(kOwnerName);
  } else {
    stateid.encode(out);
    out.u32(0);  // lock_seqid, unused in 4.1
  }
}

void Locku::encode(XdrWriter& out) const {
  out.u32(static_cast<std::uint32_t>(LockType::kWrite));  // a server must not care
  out.u32(0);                                             // seqid, unused in 4.1
  stateid.encode(out);
  out.u64(0);
  out.u64(kWholeFile);
}

void Write::decode(XdrReader& in, Reply& reply) {
  reply.count = in.u32();
  std::uint32_t committed = in.u32();
  if (committed > 2) return in.fail();
  reply.committed = static_cast<Stable>(committed);
  decode_array(in, reply.verifier);
}

void Commit::decode(XdrReader& in, Reply& reply) { decode_array(in, reply.verifier); }

void Create::encode(XdrWriter& out) const {
  switch (type) {
    case FileType::kSymlink:
      out.u32(5);
      out.text(link_text);
      break;
    case FileType::kBlockDevice:
    case FileType::kCharacterDevice:
      out.u32(type == FileType::kBlockDevice ? 3 : 4);
      out.u32(device_major);
      out.u32(device_minor);
      break;
    case FileType::kSocket: out.u32(6); break;
    case FileType::kFifo: out.u32(7); break;
    case FileType::kDirectory: out.u32(2); break;
    case FileType::kRegular:
    case FileType::kOther: check(false, "CREATE makes no regular files");
  }
  out.text(name);
  encode_fattr(out, attributes, choice, mode);
}

void Create::decode(XdrReader& in, Reply&) {
  in.fixed(ChangeInfo::kBytes);
  AttrMask set;
  set.decode(in, false);
}

void Readdir::encode(XdrWriter& out) const {
  out.u64(cookie);
  out.fixed(verifier);
  out.u32(maxcount);
  out.u32(maxcount);
  mask.encode(out);
}

void Readdir::decode(XdrReader& in, Reply& reply) {
  decode_array(in, reply.verifier);
  while (in.boolean() && !in.failed()) {
    RawEntry entry;
    entry.cookie = in.u64();
    entry.name = in.text(kNameMost);
    entry.fattr.decode(in, kEntryAttrsAndAcl);
    if (in.failed()) return;
    reply.entries.push_back(std::move(entry));
  }
  reply.eof = in.boolean();
}

void Sequence::encode(XdrWriter& out) const {
  out.fixed(session);
  out.u32(sequence_id);
  out.u32(slot);
  out.u32(highest_slot);
  out.boolean(cache_this);
}

void Sequence::decode(XdrReader& in, Reply& reply) {
  decode_array(in, reply.session);
  reply.sequence_id = in.u32();
  reply.slot = in.u32();
  in.u32();  // highest slot
  reply.target_highest_slot = in.u32();
  reply.status_flags = in.u32();
}

void ExchangeId::encode(XdrWriter& out) const {
  out.fixed(verifier);
  out.text(owner);
  out.u32(0);  // flags
  out.u32(0);  // SP4_NONE
  out.u32(0);  // no implementation id
}

void ExchangeId::decode(XdrReader& in, Reply& reply) {
  reply.clientid = in.u64();
  reply.sequence_id = in.u32();
  reply.flags = in.u32();
  if (in.u32() != 0) return in.fail();  // SP4_NONE was asked for
  in.u64();                             // so_minor_id
  reply.server_owner = in.text(kOpaqueMost);
  reply.server_scope = in.text(kOpaqueMost);
  std::uint32_t implementations = in.u32();
  if (implementations > 1) return in.fail();
  if (implementations == 1) {
    in.text(kOpaqueMost);
    in.text(kOpaqueMost);
    in.i64();
    in.u32();
  }
}

void ChannelAttributes::encode(XdrWriter& out) const {
  out.u32(0);  // header padding
  out.u32(max_request_bytes);
  out.u32(max_response_bytes);
  out.u32(max_cached_response_bytes);
  out.u32(max_operations);
  out.u32(max_requests);
  out.u32(0);  // no RDMA
}

void ChannelAttributes::decode(XdrReader& in) {
  in.u32();
  max_request_bytes = in.u32();
  max_response_bytes = in.u32();
  max_cached_response_bytes = in.u32();
  max_operations = in.u32();
  max_requests = in.u32();
  std::uint32_t rdma = in.u32();
  if (rdma > 1) return in.fail();
  if (rdma == 1) in.u32();
}

void CreateSession::encode(XdrWriter& out) const {
  out.u64(clientid);
  out.u32(sequence_id);
  out.u32(0);  // neither persistent nor a back channel
  fore.encode(out);
  ChannelAttributes back{4096, 4096, 0, 2, 1};
  back.encode(out);
  out.u32(0x40000000);  // callback program, unused
  out.u32(1);
  out.u32(0);  // AUTH_NONE
}

void CreateSession::decode(XdrReader& in, Reply& reply) {
  decode_array(in, reply.session);
  in.u32();  // sequence id
  in.u32();  // flags
  reply.fore.decode(in);
  ChannelAttributes back;
  back.decode(in);
}

void BindConnToSession::encode(XdrWriter& out) const {
  out.fixed(session);
  out.u32(kForeChannel);
  out.u32(0);  // no RDMA
}

void BindConnToSession::decode(XdrReader& in, Reply& reply) {
  decode_array(in, reply.session);
  if (in.u32() != kForeChannel) return in.fail();  // was asked for
  in.u32();                                        // RDMA
}

void Setclientid::encode(XdrWriter& out) const {
  out.fixed(verifier);
  out.text(id);
  out.u32(0x40000000);  // callback program, unused
  out.text("tcp");
  out.text("0.0.0.0.0.0");
  out.u32(0);  // callback ident
}

void Setclientid::decode(XdrReader& in, Reply& reply) {
  reply.clientid = in.u64();
  decode_array(in, reply.confirm);
}

std::string_view operation_name(Op op) {
  switch (op) {
    case Op::kAccess: return "ACCESS";
    case Op::kClose: return "CLOSE";
    case Op::kCommit: return "COMMIT";
    case Op::kCreate: return "CREATE";
    case Op::kGetattr: return "GETATTR";
    case Op::kGetfh: return "GETFH";
    case Op::kLink: return "LINK";
    case Op::kLock: return "LOCK";
    case Op::kLocku: return "LOCKU";
    case Op::kLookup: return "LOOKUP";
    case Op::kOpen: return "OPEN";
    case Op::kOpenConfirm: return "OPEN_CONFIRM";
    case Op::kPutfh: return "PUTFH";
    case Op::kPutpubfh: return "PUTPUBFH";
    case Op::kPutrootfh: return "PUTROOTFH";
    case Op::kRead: return "READ";
    case Op::kReaddir: return "READDIR";
    case Op::kReadlink: return "READLINK";
    case Op::kRemove: return "REMOVE";
    case Op::kRename: return "RENAME";
    case Op::kRenew: return "RENEW";
    case Op::kRestorefh: return "RESTOREFH";
    case Op::kSavefh: return "SAVEFH";
    case Op::kSetattr: return "SETATTR";
    case Op::kSetclientid: return "SETCLIENTID";
    case Op::kSetclientidConfirm: return "SETCLIENTID_CONFIRM";
    case Op::kVerify: return "VERIFY";
    case Op::kWrite: return "WRITE";
    case Op::kBindConnToSession: return "BIND_CONN_TO_SESSION";
    case Op::kExchangeId: return "EXCHANGE_ID";
    case Op::kCreateSession: return "CREATE_SESSION";
    case Op::kDestroySession: return "DESTROY_SESSION";
    case Op::kSequence: return "SEQUENCE";
    case Op::kDestroyClientid: return "DESTROY_CLIENTID";
    case Op::kReclaimComplete: return "RECLAIM_COMPLETE";
    case Op::kIllegal: return "ILLEGAL";
  }
  return "operation";
}

}  // namespace nfsferry::nfs4

#include "nfs4/rpc.hpp"

#include <algorithm>
#include <span>

namespace nfsferry::nfs4 {
namespace {

constexpr std::uint32_t kCall = 0;
constexpr std::uint32_t kReply = 1;
constexpr std::uint32_t kRpcVersion = 2;
constexpr std::uint32_t kAuthNone = 0;
constexpr std::uint32_t kAuthSys = 1;
constexpr std::size_t kAuthBodyMost = 400;
constexpr std::size_t kMachineNameMost = 255;

Status decode_denied(XdrReader& in) {
  std::uint32_t why = in.u32();
  std::uint32_t auth = in.u32();  // or the lowest RPC version
  if (in.failed() || why > 1) return own_error(Own::kBadReply, "RPC", "a denial that is none");
  if (why == 0) {
    return rpc_error(RpcFailure::kVersionMismatch, "RPC", "the server speaks another RPC version");
  }
  return rpc_error(RpcFailure::kAuthDenied, "RPC",
                   "the server refuses AUTH_SYS credentials (auth_stat " + std::to_string(auth) +
                       "); it may ask for a privileged port, Kerberos or TLS");
}

}  // namespace

void encode_call(XdrWriter& out, std::uint32_t xid, std::uint32_t program, std::uint32_t version,
                 std::uint32_t procedure, const Credentials& credentials) {
  out.u32(0);  // record mark
  out.u32(xid);
  out.u32(kCall);
  out.u32(kRpcVersion);
  out.u32(program);
  out.u32(version);
  out.u32(procedure);

  XdrWriter body;
  body.u32(0);  // stamp
  body.text(std::string_view(credentials.machine_name).substr(0, kMachineNameMost));
  body.u32(credentials.uid);
  body.u32(credentials.gid);
  std::size_t groups = std::min(credentials.groups.size(), kAuthSysGroupsMost);
  body.u32(static_cast<std::uint32_t>(groups));
  for (std::size_t i = 0; i < groups; ++i) body.u32(credentials.groups[i]);

  out.u32(kAuthSys);
  out.opaque(body.head());
  out.u32(kAuthNone);  // verifier
  out.u32(0);
}

void patch_record_mark(XdrWriter& out, std::size_t record_bytes) {
  out.patch_u32(0, kLastFragment | static_cast<std::uint32_t>(record_bytes));
}

Status decode_reply_header(XdrReader& in) {
  if (in.u32() != kReply) return own_error(Own::kBadReply, "RPC", "not a reply");
  std::uint32_t state = in.u32();
  if (state == 1) return decode_denied(in);
  in.u32();  // verifier flavor
  in.opaque(kAuthBodyMost);
  std::uint32_t accepted = in.u32();
  if (state != 0 || in.failed()) return own_error(Own::kBadReply, "RPC", "a header cut short");
  switch (accepted) {
    case 0: return ok();
    case 1: return rpc_error(RpcFailure::kProgramUnavailable, "RPC", "no NFS at this port");
    case 2: return rpc_error(RpcFailure::kProgramMismatch, "RPC", "no NFSv4 at this port");
    case 3: return rpc_error(RpcFailure::kProcedureUnavailable, "RPC");
    case 4: return rpc_error(RpcFailure::kGarbageArguments, "RPC");
    case 5: return rpc_error(RpcFailure::kSystemError, "RPC");
    default: return own_error(Own::kBadReply, "RPC", "an unknown accept_stat");
  }
}

}  // namespace nfsferry::nfs4

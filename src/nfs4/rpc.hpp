// ONC RPC (RFC 5531): call headers with AUTH_SYS, reply headers, record marks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "nfs4/xdr.hpp"

namespace nfsferry::nfs4 {

inline constexpr std::uint32_t kLastFragment = 0x80000000u;
inline constexpr std::size_t kAuthSysGroupsMost = 16;

// AUTH_SYS (RFC 5531 appendix A): who the server takes us for.
struct Credentials {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;  // the first 16 are sent
  std::string machine_name;
};

// Writes a record mark (patched later, see patch_record_mark) and a call header.
void encode_call(XdrWriter& out, std::uint32_t xid, std::uint32_t program, std::uint32_t version,
                 std::uint32_t procedure, const Credentials& credentials);
// The mark of a record in one fragment; `record_bytes` without the mark itself.
void patch_record_mark(XdrWriter& out, std::size_t record_bytes);

// Reads a reply header after its xid. Errors: RpcFailure of what was denied, kBadReply.
Status decode_reply_header(XdrReader& in);

}  // namespace nfsferry::nfs4

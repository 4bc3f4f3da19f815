// Where a tree is: an nfs:// URL in libnfs's grammar, or a path.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace nfsferry {

struct Location {
  enum class Kind : std::uint8_t { kLocal, kNfs };
  enum class Version : std::uint8_t { kAutomatic, k3, k40, k41 };

  Kind kind = Kind::kLocal;
  std::string text;  // as given
  std::string path;  // absolute for NFS, percent escapes undone; bytes
  // NFS only:
  std::string host;
  Version version = Version::kAutomatic;
  std::uint16_t nfs_port = 2049;
  std::optional<std::uint16_t> mount_port;
  std::optional<std::uint32_t> uid;  // of AUTH_SYS; the process's when unset
  std::optional<std::uint32_t> gid;
  std::vector<std::uint32_t> groups;  // at most 16 (RFC 5531 appendix A)

  // Path components without empty ones and "."; on a server none is "..".
  std::vector<std::string> components() const;
};

// nfs://host[:port]/path[?version=3|4|4.0|4.1&nfsport=N&mountport=N&uid=N&gid=N&groups=a,b], or a
// path without a scheme. IPv6 hosts in brackets. Errors: kBadInput that names the part.
Result<Location> parse_location(std::string_view text);

}  // namespace nfsferry

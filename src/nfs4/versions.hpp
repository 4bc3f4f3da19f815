#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nfs4/connection.hpp"
#include "nfs4/rpc.hpp"

namespace nfsferry::nfs4 {

struct VersionAnswer {
  std::string version;  // "4.0", "4.1", "4.2", "3"
  bool offered = false;
  std::string answer;  // the status's name, or why there was none
};

// Asks a server what it speaks: an empty COMPOUND of each minor version (RFC 8881 section 16.2.3:
// a server answers MINOR_VERS_MISMATCH to what it does not know) and version 3's NULL.
// Errors: of resolving and connecting.
Task<Result<std::vector<VersionAnswer>>> ask_versions(Loop& loop, std::string host,
                                                      std::uint16_t port, Credentials credentials,
                                                      std::uint64_t timeout_ms);

}  // namespace nfsferry::nfs4

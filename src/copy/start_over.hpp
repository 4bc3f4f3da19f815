#pragma once

#include "base/nfsstat4.hpp"

namespace nfsferry::copy {

// The server has forgotten where the listing was: another one is begun, so often at most.
inline bool means_start_over(const Error& error) { return is_status(error, Nfsstat4::kBadCookie); }
inline constexpr unsigned kRestartsMost = 5;

}  // namespace nfsferry::copy

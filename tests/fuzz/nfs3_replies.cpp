#include <algorithm>

#include "nfs3/long_symlink.hpp"
#include "targets.hpp"

namespace nfsferry::fuzz {

void nfs3_replies(Bytes input) {
  std::uint32_t xid = 0;
  for (std::byte byte : input.first(std::min<std::size_t>(input.size(), 4))) {
    xid = xid << 8 | std::to_integer<std::uint32_t>(byte);
  }
  auto status = nfs3::status_of_reply(input, xid);
  if (status) check(input.size() >= 28, "a status from a reply that is too short");
}

}  // namespace nfsferry::fuzz

// A server that lies: stretches of its replies are replaced by others of the same length.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy_filter.hpp"

namespace nfsferry::test {

struct FalseBytes {
  std::string truth;
  std::string lie;                                          // as long
  unsigned replies = std::numeric_limits<unsigned>::max();  // so many of each connection, then none
};
// A name as XDR writes it, which in replies of NFS stands in listings alone.
FalseBytes false_name(const std::string& truth, const std::string& lie);
// A size that is found nowhere else.
FalseBytes false_size(std::uint64_t truth, std::uint64_t lie);

// For ProxyOptions.
MakeFilter false_bytes_filters(std::vector<FalseBytes> lies);

}  // namespace nfsferry::test

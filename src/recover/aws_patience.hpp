#pragma once

#include <cstdint>

namespace nfsferry::recover {

// How long a call of AWS may take, and how often it is sent while it may_pass().
struct AwsPatience {
  std::uint64_t timeout_ms = 10'000;  // of each attempt
  unsigned attempts = 10;
  std::uint64_t first_pause_ms = 100;  // doubles, and is cut by chance to between half and all
  std::uint64_t longest_pause_ms = 10'000;
};

}  // namespace nfsferry::recover

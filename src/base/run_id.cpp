#include "base/run_id.hpp"

#include <sys/random.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>

namespace nfsferry {

std::string random_run_id() {
  std::uint64_t bits = 0;
  if (::getrandom(&bits, sizeof bits, 0) != sizeof bits) {  // a kernel that forbids it
    auto now = std::chrono::system_clock::now().time_since_epoch().count();
    bits = static_cast<std::uint64_t>(now) ^ static_cast<std::uint64_t>(::getpid()) << 44;
  }
  char out[24];
  std::snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(bits));
  return out;
}

}  // namespace nfsferry

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "nfsferry/observer.hpp"

namespace nfsferry {

// Turns successive counts of one run into a line for people. Rates are those of the last seconds.
// One thread.
class ProgressMeter {
 public:
  // "1,200 of 10,000 files, 1.2 of 5.0 GiB, 361.0 MiB/s, 2,941 files/s, 1m02s left, 3 failed":
  // plain ASCII of at most `columns` characters, without a newline. Files found are marked with
  // "so far" and nothing is said of the time left while the walk goes on.
  std::string line(const Progress& now, std::size_t columns);

 private:
  static constexpr std::uint64_t kWindowMs = 10'000;
  static constexpr std::size_t kSamplesMax = 256;

  std::deque<Progress> samples_;  // oldest first, over about kWindowMs
};

}  // namespace nfsferry

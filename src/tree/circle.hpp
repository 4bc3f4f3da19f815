#pragma once

#include <cstdint>
#include <optional>

namespace nfsferry {

// Tells whether a sequence, in which each value makes the next one, goes round (Brent's way: the
// value that is remembered is taken anew at ever greater distances, so it falls into any circle).
class Circle {
 public:
  bool closed_by(std::uint64_t value) {
    if (mark_ == value) return true;
    if (++steps_ == distance_) {
      mark_ = value;
      distance_ *= 2;
      steps_ = 0;
    }
    return false;
  }

 private:
  std::optional<std::uint64_t> mark_;
  std::uint64_t distance_ = 1;
  std::uint64_t steps_ = 0;
};

}  // namespace nfsferry

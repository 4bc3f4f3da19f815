#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "loop/pace.hpp"

namespace nfsferry::test {

// Moves only when the test lets time pass; may be moved and read from any thread. Outlives the
// limits that go by it.
class MadeUpClock {
 public:
  void pass(std::chrono::milliseconds time) { milliseconds_ += time.count(); }
  std::chrono::milliseconds passed() const { return std::chrono::milliseconds(milliseconds_); }
  RateLimit::Now now() const {
    return [this] { return Clock::time_point(std::chrono::hours(1)) + passed(); };
  }

 private:
  std::atomic<std::int64_t> milliseconds_{0};
};

}  // namespace nfsferry::test

#pragma once

#include <chrono>
#include <cstdint>

namespace nfsferry {

// So many units a second, in the order in which they are asked for. A unit may go once all that
// were asked for before it are paid for; so a large request is never refused, and those behind it
// pay for it by waiting. What nobody asked for is kept for a tenth of a second, at least one unit.
// Knows no clock: whoever calls says what time it is. Not thread-safe.
class TokenBucket {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Units a second, from now on, at most kRateMost: no product overflows. 0: no limit, and debts
  // are forgotten; they outlive other changes.
  void set_rate(std::uint64_t rate, Time now);

  // The end of the line: all units that were asked for before.
  using Place = std::uint64_t;
  Place enter(std::uint64_t units, Time now);
  // How long it takes until that place's turn, zero when it may go; at most some days.
  std::chrono::microseconds wait(Place place, Time now);
  // Units that were asked for and are not used.
  void give_back(std::uint64_t units, Time now);

 private:
  void advance(Time now);
  void cut_savings();

  std::uint64_t rate_ = 0;
  std::uint64_t asked_ = 0;       // units, since the beginning
  std::uint64_t paid_ = 0;        // of them, or ahead of them
  std::uint64_t millionths_ = 0;  // of the next unit, paid
  Time as_of_{};
};

}  // namespace nfsferry

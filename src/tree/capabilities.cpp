#include "tree/tree.hpp"

namespace nfsferry {
namespace {

constexpr std::int64_t kYear2038 = 0x7fffffff;  // no file system ends earlier
constexpr std::uint32_t kSecond = 1'000'000'000;

}  // namespace

Time Capabilities::kept(Time time) const {
  // At the ends of their range file systems keep whole seconds.
  if (time.seconds <= least_seconds) return Time{least_seconds, 0};
  if (time.seconds >= most_seconds) return Time{most_seconds, 0};
  if (time_granularity_ns > 1) time.nanoseconds -= time.nanoseconds % time_granularity_ns;
  return time;
}

std::uint32_t granularity_shown(std::uint32_t nanoseconds) {
  std::uint32_t step = 1;
  while (step < kSecond && nanoseconds % (step * 10) == 0) step *= 10;
  return step;
}

bool Capabilities::is_kept_as(Time time, Time there) const {
  Time cut = kept(time);
  for (std::uint32_t step = 1; step <= granularity_at_most_ns && step <= kSecond; step *= 10) {
    if (Time{cut.seconds, cut.nanoseconds - cut.nanoseconds % step} == there) return true;
  }
  return false;
}

Time Capabilities::told_from_later(Time time) const {
  if (time_granularity_ns <= 1) return time;
  if (time.nanoseconds < time_granularity_ns) {
    --time.seconds;
    time.nanoseconds += kSecond;
  }
  time.nanoseconds -= time_granularity_ns;
  return time;
}

// 1 where no step explains it: then it was changed in another way.
void Capabilities::learn_granularity(Time became) {
  time_granularity_ns = granularity_at_most_ns = 1;
  if (became.seconds != kOddTime.seconds) return;
  for (std::uint32_t step = 1; step <= kSecond; step *= 10) {
    if (kOddTime.nanoseconds - kOddTime.nanoseconds % step != became.nanoseconds) continue;
    time_granularity_ns = step;
    return;
  }
}

// A time that was cut to fewer bits instead is no end of a range, and keeps nothing equal.
void Capabilities::learn_least_time(Time became) {
  if (became.seconds > kFarPast.seconds && became.seconds <= 0) least_seconds = became.seconds;
}

void Capabilities::learn_most_time(Time became) {
  if (became.seconds < kFarFuture.seconds && became.seconds >= kYear2038) {
    most_seconds = became.seconds;
  }
}

}  // namespace nfsferry

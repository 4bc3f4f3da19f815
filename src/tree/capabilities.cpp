#include "tree/tree.hpp"

namespace nfsferry {
namespace {

constexpr std::int64_t kYear2038 = 0x7fffffff;  // no file system ends earlier

}  // namespace

Time Capabilities::kept(Time time) const {
  // At the ends of their range file systems keep whole seconds.
  if (time.seconds <= least_seconds) return Time{least_seconds, 0};
  if (time.seconds >= most_seconds) return Time{most_seconds, 0};
  if (time_granularity_ns > 1) time.nanoseconds -= time.nanoseconds % time_granularity_ns;
  return time;
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

#include "loop/token_bucket.hpp"

#include <algorithm>

namespace nfsferry {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

constexpr std::uint64_t kMillion = 1'000'000;
constexpr std::uint64_t kSecondsMost = 1'000'000;

}  // namespace

void TokenBucket::set_rate(std::uint64_t rate, Time now) {
  if (rate_ == 0) {
    paid_ = asked_;
    millionths_ = 0;
    as_of_ = now;
  }
  advance(now);
  rate_ = rate;
  cut_savings();
}

TokenBucket::Place TokenBucket::enter(std::uint64_t units, Time now) {
  advance(now);
  Place place = asked_;
  asked_ += units;
  return place;
}

microseconds TokenBucket::wait(Place place, Time now) {
  advance(now);
  if (rate_ == 0 || paid_ >= place) return microseconds(0);
  std::uint64_t missing = place - paid_;
  std::uint64_t whole_seconds = std::min(missing / rate_, kSecondsMost);
  std::uint64_t rest = missing % rate_ * kMillion;
  rest -= std::min(rest, millionths_);
  auto rounded_up = static_cast<std::int64_t>((rest + rate_ - 1) / rate_);
  return seconds(static_cast<std::int64_t>(whole_seconds)) + microseconds(rounded_up);
}

void TokenBucket::give_back(std::uint64_t units, Time now) {
  advance(now);
  paid_ += units;
  cut_savings();
}

// In whole microseconds, so that nothing is lost by rounding.
void TokenBucket::advance(Time now) {
  if (now <= as_of_) return;
  auto passed = std::chrono::duration_cast<microseconds>(now - as_of_);
  as_of_ += passed;
  auto whole_seconds = static_cast<std::uint64_t>(passed / seconds(1));
  auto rest = static_cast<std::uint64_t>((passed % seconds(1)).count());
  std::uint64_t millionths = rest * rate_ + millionths_;
  paid_ += whole_seconds * rate_ + millionths / kMillion;
  millionths_ = millionths % kMillion;
  cut_savings();
}

void TokenBucket::cut_savings() {
  std::uint64_t most = asked_ + std::max<std::uint64_t>(rate_ / 10, 1);
  if (paid_ < most) return;
  paid_ = most;
  millionths_ = 0;
}

}  // namespace nfsferry

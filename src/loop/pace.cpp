#include "loop/pace.hpp"

#include <algorithm>

#include "base/units.hpp"

namespace nfsferry {
namespace {

// Whoever waits looks again so often: the limit may be another one, or the run over.
constexpr std::chrono::microseconds kLook = std::chrono::milliseconds(50);

}  // namespace

void RateLimit::set_rate(std::uint64_t rate) {
  std::lock_guard lock(mutex_);
  rate_ = std::min(rate, kRateMost);
  bucket_.set_rate(rate_, now_());
}

TokenBucket::Place RateLimit::enter(std::uint64_t units) {
  std::lock_guard lock(mutex_);
  return bucket_.enter(units, now_());
}

std::chrono::microseconds RateLimit::wait(TokenBucket::Place place) {
  std::lock_guard lock(mutex_);
  return bucket_.wait(place, now_());
}

void RateLimit::give_back(std::uint64_t units) {
  std::lock_guard lock(mutex_);
  bucket_.give_back(units, now_());
}

Task<void> Pace::await_bytes(Loop& loop, std::uint64_t count) {
  return take(limits_->bytes, loop, count, nullptr);
}

Task<void> Pace::await_request(Loop& loop, CancelToken* cancel) {
  return take(limits_->requests, loop, 1, cancel);
}

void Pace::give_back_bytes(std::uint64_t count) {
  if (limits_->bytes.rate() > 0) limits_->bytes.give_back(count);
}

Task<void> Pace::take(RateLimit& limit, Loop& loop, std::uint64_t units, CancelToken* cancel) {
  if (limit.rate() == 0 || units == 0 || is_over()) co_return;
  TokenBucket::Place place = limit.enter(units);
  Clock::time_point since = limit.now();
  for (auto wait = limit.wait(place); wait.count() > 0; wait = limit.wait(place)) {
    if (is_over() || (cancel != nullptr && cancel->is_cancelled())) {
      limit.give_back(units);
      break;
    }
    (void)co_await loop.sleep_for(std::min(wait, kLook), cancel);
    auto waited = std::chrono::duration_cast<std::chrono::microseconds>(limit.now() - since);
    waited_us_ += static_cast<std::uint64_t>(waited.count());
    since += waited;
  }
}

std::string Pace::describe() const {
  std::string text;
  Rates now = rates();
  if (now.bytes_per_second > 0) text += format_size(now.bytes_per_second) + " a second";
  if (now.requests_per_second > 0) {
    text +=
        (text.empty() ? "" : ", ") + std::to_string(now.requests_per_second) + " requests a second";
  }
  if (text.empty()) return text;
  return "limits: " + text + "; waited " + format_duration(waited_ms()) + " in all";
}

}  // namespace nfsferry

// How fast runs may go: limits that several runs share, with all their threads, and that may be
// changed while they run. Promises that nobody waits for ever and nobody is overtaken; not that a
// second never holds more than the limit: what was saved for a tenth of a second, and one request
// more, may go at once. Without a limit no lock is taken.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "loop/loop.hpp"
#include "loop/token_bucket.hpp"
#include "nfsferry/options.hpp"

namespace nfsferry {

// A token bucket and its clock. Thread-safe.
class RateLimit {
 public:
  using Now = std::function<Clock::time_point()>;

  explicit RateLimit(Now now = &Clock::now) : now_(std::move(now)) {}

  // 0: no limit.
  std::uint64_t rate() const { return rate_.load(std::memory_order_relaxed); }
  void set_rate(std::uint64_t rate);
  Clock::time_point now() const { return now_(); }

  TokenBucket::Place enter(std::uint64_t units);
  std::chrono::microseconds wait(TokenBucket::Place place);
  void give_back(std::uint64_t units);

 private:
  const Now now_;
  std::atomic<std::uint64_t> rate_{0};
  std::mutex mutex_;
  TokenBucket bucket_;
};

// What the runs that are given the same one may do together.
struct RateLimits {
  explicit RateLimits(const Rates& rates, const RateLimit::Now& now = &Clock::now)
      : bytes(now), requests(now) {
    set(rates);
  }
  void set(const Rates& rates) {
    bytes.set_rate(rates.bytes_per_second);
    requests.set_rate(rates.requests_per_second);
  }
  Rates rates() const { return {bytes.rate(), requests.rate()}; }

  RateLimit bytes;     // of content, read from the source
  RateLimit requests;  // to source and target
};

// One run's part in its limits. A run that ends, by a stop or by end(), waits no more: what it
// still does is cleaning up. Thread-safe.
class Pace {
 public:
  Pace(std::shared_ptr<RateLimits> limits, const StopFlag& stop)
      : limits_(std::move(limits)), stop_(stop) {}

  // Until so many bytes may be read, a request may be sent. A cancelled one goes at once.
  Task<void> await_bytes(Loop& loop, std::uint64_t count);
  Task<void> await_request(Loop& loop, CancelToken* cancel = nullptr);
  // Bytes that were waited for and are not read.
  void give_back_bytes(std::uint64_t count);
  void end() { ended_ = true; }

  Rates rates() const { return limits_->rates(); }
  // Of all who waited, added up.
  std::uint64_t waited_ms() const { return waited_us_ / 1000; }
  std::string describe() const;  // for people; empty without a limit
  bool is_over() const { return ended_ || stop_.load() != 0; }

 private:
  Task<void> take(RateLimit& limit, Loop& loop, std::uint64_t units, CancelToken* cancel);
  const std::shared_ptr<RateLimits> limits_;
  const StopFlag& stop_;
  std::atomic<bool> ended_{false};
  std::atomic<std::uint64_t> waited_us_{0};
};

}  // namespace nfsferry

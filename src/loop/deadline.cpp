#include "loop/deadline.hpp"

#include <utility>

namespace nfsferry {

Deadline::Deadline(Loop& loop, std::chrono::milliseconds time, std::function<void()> late)
    : loop_(loop), late_(std::move(late)) {
  timer_.spawn(run(time));
}

Task<void> Deadline::end() {
  stop_.cancel();
  co_await timer_.join();
}

Task<void> Deadline::run(std::chrono::milliseconds time) {
  Status slept = co_await loop_.sleep_for(time, &stop_);
  if (!slept) co_return;
  passed_ = true;
  late_();
}

}  // namespace nfsferry

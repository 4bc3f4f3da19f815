#pragma once

#include <chrono>
#include <functional>

#include "loop/loop.hpp"
#include "loop/sync.hpp"

namespace nfsferry {

// Bounds what is waited for: unless it is ended before its time, it ends that.
class Deadline {
 public:
  // `late` is called once, on the loop, when `time` has passed.
  Deadline(Loop& loop, std::chrono::milliseconds time, std::function<void()> late);
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  // To be awaited before it goes.
  Task<void> end();
  bool passed() const { return passed_; }

 private:
  Task<void> run(std::chrono::milliseconds time);

  Loop& loop_;
  std::function<void()> late_;
  bool passed_ = false;
  CancelToken stop_;
  TaskGroup timer_;
};

}  // namespace nfsferry

#include "loop/sync.hpp"

namespace nfsferry {

void Event::set() {
  set_ = true;
  pulse();
}

void Event::pulse() {
  for (std::coroutine_handle<> waiter : waiters_) resume_later(waiter);
  waiters_.clear();
}

bool Semaphore::try_acquire(std::uint64_t units) {
  if (!waiters_.empty() || !fits(units)) return false;
  out_ += units;
  return true;
}

void Semaphore::release(std::uint64_t units) {
  check(units <= out_, "a semaphore is released more than acquired");
  out_ -= units;
  wake();
}

void Semaphore::set_limit(std::uint64_t limit) {
  limit_ = limit;
  wake();
}

void Semaphore::wake() {
  while (!waiters_.empty() && fits(waiters_.front()->units)) {
    Waiter* waiter = waiters_.front();
    waiters_.pop_front();
    out_ += waiter->units;
    resume_later(waiter->handle);
  }
}

// A coroutine that owns its task, frees itself at its end and tells the group.
struct DetachedTask {
  struct promise_type {
    DetachedTask get_return_object() {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;

  static DetachedTask run(TaskGroup* group, Task<void> task) {
    {
      Task<void> owned = std::move(task);
      co_await owned;
    }
    if (--group->running_ == 0) group->idle_.pulse();
  }
};

void TaskGroup::spawn(Task<void> task) {
  ++running_;
  resume_later(DetachedTask::run(this, std::move(task)).handle);
}

Task<void> TaskGroup::join() {
  while (running_ > 0) co_await idle_.wait();
}

}  // namespace nfsferry

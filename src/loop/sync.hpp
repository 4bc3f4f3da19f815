// Waiting for one another on one loop: groups, semaphores, events. Nothing here is shared between
// threads. Waiters are resumed by the loop, in the order in which they came.
#pragma once

#include <coroutine>
#include <cstdint>
#include <deque>
#include <vector>

#include "loop/task.hpp"

namespace nfsferry {

// Set once or many times; wait() returns at once while it is set.
class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  bool is_set() const { return set_; }
  void set();
  void reset() { set_ = false; }
  // Wakes all who wait now, without staying set.
  void pulse();

  struct Awaiter {
    Event& event;
    bool await_ready() const noexcept { return event.set_; }
    void await_suspend(std::coroutine_handle<> waiter) const { event.waiters_.push_back(waiter); }
    void await_resume() const noexcept {}
  };
  Awaiter wait() { return Awaiter{*this}; }

 private:
  bool set_ = false;
  std::vector<std::coroutine_handle<>> waiters_;
};

// Counts units (requests, bytes). A waiter that wants many is not overtaken by later small ones.
// acquire(n) with n over the limit waits until nothing is out, and then has the whole of it to
// itself. Release the n that was acquired, whatever the limit has become meanwhile.
class Semaphore {
 public:
  explicit Semaphore(std::uint64_t limit) : limit_(limit) {}
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  struct Waiter {
    Semaphore& semaphore;
    std::uint64_t units;
    std::coroutine_handle<> handle;
    bool await_ready() noexcept { return semaphore.try_acquire(units); }
    void await_suspend(std::coroutine_handle<> waiter) {
      handle = waiter;
      semaphore.waiters_.push_back(this);
    }
    void await_resume() const noexcept {}
  };
  Waiter acquire(std::uint64_t units = 1) { return Waiter{*this, units, {}}; }
  bool try_acquire(std::uint64_t units = 1);
  void release(std::uint64_t units = 1);
  std::uint64_t free() const { return limit_ > out_ ? limit_ - out_ : 0; }
  std::uint64_t limit() const { return limit_; }
  bool has_waiters() const { return !waiters_.empty(); }
  // Learned limits: what is out stays out, so a lower one takes effect as units come back.
  void set_limit(std::uint64_t limit);

 private:
  bool fits(std::uint64_t units) const { return out_ == 0 || units <= free(); }
  void wake();

  std::uint64_t limit_;
  std::uint64_t out_ = 0;  // may be over the limit: a large request, or a limit that was lowered
  std::deque<Waiter*> waiters_;
};

// Children that run side by side; joined before the scope ends.
class TaskGroup {
 public:
  TaskGroup() = default;
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup() { check(running_ == 0, "a task group ends before its tasks"); }

  // The task starts when the loop gets to it.
  void spawn(Task<void> task);
  std::uint64_t running() const { return running_; }
  // Waits until nothing runs, tasks spawned meanwhile included.
  Task<void> join();

 private:
  friend struct DetachedTask;
  std::uint64_t running_ = 0;
  Event idle_;
};

}  // namespace nfsferry

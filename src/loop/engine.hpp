// The seam between the loop and the kernel: what io_uring and epoll each do in their own way.
// Internal to the loop folder.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "loop/operation.hpp"

namespace nfsferry {

class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;

  virtual std::string_view name() const = 0;
  // On the thread of the loop, at the start of every run.
  virtual void enter_thread() {}
  // Either finishes the operation at once (its result is stored) and returns true, or keeps it
  // until complete() is called.
  virtual bool start(Operation& operation) = 0;
  // Asks for an early end of a kept operation, whose completion follows, now or later.
  virtual void cancel(Operation& operation) = 0;
  virtual void forget_socket(int fd) = 0;
  // Hands over what was started and waits for completions: not at all (0), at most so long, or
  // for ever (none). Returns true when the wake-up fd was signalled (and has been drained).
  virtual bool wait(std::optional<std::chrono::nanoseconds> timeout) = 0;

 protected:
  // Stores the result and queues the waiter. Nothing is resumed from inside the call.
  static void complete(Operation& operation, std::int64_t result);
};

// Makes the eventfd readable, and unreadable again.
void signal_wake(int wake_fd);
void drain_wake(int wake_fd);

// `wake_fd` is an eventfd, owned by the loop, that ends a wait.
// Errors: errno of epoll_create1.
Result<std::unique_ptr<Engine>> make_epoll_engine(int wake_fd);
// Errors: errno of io_uring_setup (EPERM, ENOSYS, ...), or ENOSYS with the operation that the
// kernel lacks in `detail`.
Result<std::unique_ptr<Engine>> make_io_uring_engine(int wake_fd);

}  // namespace nfsferry

// Operation: one request to the kernel, to a file thread or to the timers. It lives in the frame of
// the coroutine that awaits it, so starting one allocates nothing, and it stays there, at the same
// address, until it has completed. CancelToken ends the operations that were started with it.
#pragma once

#include <linux/openat2.h>
#include <sys/socket.h>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>

#include "base/result.hpp"

namespace nfsferry {

using Clock = std::chrono::steady_clock;

class CancelToken;
class Loop;
struct Operation;

enum class OperationKind : std::uint8_t {
  kConnect,
  kAccept,
  kRecv,
  kSend,
  kReadable,  // readiness alone, for who makes the calls himself
  kWritable,
  kOpenat2,
  kRead,
  kWrite,
  kSyncData,
  kClose,
  kCall,   // a function for a file thread
  kSleep,  // a timer
};

struct OperationLink {
  Operation* previous = nullptr;
  Operation* next = nullptr;
};

// A first-in, first-out list through the operations themselves; each may be taken out of the
// middle.
template <OperationLink Operation::* kLink>
class OperationList {
 public:
  bool empty() const { return first_ == nullptr; }
  Operation* first() const { return first_; }
  inline void push_back(Operation& operation);
  inline void remove(Operation& operation);
  inline Operation* pop_front();  // nullptr when empty

 private:
  Operation* first_ = nullptr;
  Operation* last_ = nullptr;
};

struct Operation {
  explicit Operation(OperationKind what, int descriptor = -1) : kind(what), fd(descriptor) {}
  ~Operation() { check(!pending, "an operation ends before the kernel has given it back"); }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  // The request; each kind reads its own fields.
  OperationKind kind;
  int fd;
  const sockaddr* address = nullptr;  // kConnect
  socklen_t address_length = 0;
  msghdr message{};            // kRecv, kSend
  bool all = false;            // kRecv: wait until it is full, where the engine can
  const char* path = nullptr;  // kOpenat2
  open_how how{};              // kOpenat2
  std::byte* bytes = nullptr;  // kRead, kWrite (which only reads them)
  std::size_t size_bytes = 0;
  std::uint64_t offset_bytes = 0;
  void (*call)(void*) = nullptr;  // kCall
  void* argument = nullptr;
  Clock::time_point when;  // kSleep

  // The answer: 0 or more, or a negated errno.
  std::int64_t result = 0;

  // The loop's book-keeping, from start to completion.
  Loop* loop = nullptr;
  std::coroutine_handle<> waiter;
  CancelToken* token = nullptr;
  OperationLink token_link;
  OperationLink queue_link;       // the lists of FileThreads
  std::size_t timer_index = 0;    // kSleep: the place in the heap
  std::uint32_t kernel_refs = 0;  // io_uring: completions that are still to come
  bool pending = false;
  bool parked = false;     // epoll: waits for readiness, so the call was made once already
  bool cancelled = false;  // io_uring: a cancellation is under way
  bool queued = false;     // waits for a file thread; behind the mutex of FileThreads
};

template <OperationLink Operation::* kLink>
void OperationList<kLink>::push_back(Operation& operation) {
  operation.*kLink = OperationLink{last_, nullptr};
  (last_ ? (last_->*kLink).next : first_) = &operation;
  last_ = &operation;
}

template <OperationLink Operation::* kLink>
void OperationList<kLink>::remove(Operation& operation) {
  OperationLink link = operation.*kLink;
  (link.previous ? (link.previous->*kLink).next : first_) = link.next;
  (link.next ? (link.next->*kLink).previous : last_) = link.previous;
  operation.*kLink = OperationLink{};
}

template <OperationLink Operation::* kLink>
Operation* OperationList<kLink>::pop_front() {
  Operation* operation = first_;
  if (operation) remove(*operation);
  return operation;
}

// Ends operations early. An operation started with a token that is cancelled already completes at
// once with ECANCELED; a pending one completes with ECANCELED, or with its real result when it was
// done first or a file thread is carrying it out. Lives on the loop's thread; token and operations
// may end in either order.
class CancelToken {
 public:
  CancelToken() = default;
  ~CancelToken();
  CancelToken(const CancelToken&) = delete;
  CancelToken& operator=(const CancelToken&) = delete;

  // For good: a token is not used again. Nothing is resumed from inside the call.
  void cancel();
  bool is_cancelled() const { return cancelled_; }

 private:
  friend class Loop;
  OperationList<&Operation::token_link> operations_;
  bool cancelled_ = false;
};

// What `co_await` on an operation does; made by Loop::perform. Gives the operation's result.
struct OperationAwaiter {
  Loop& loop;
  Operation& operation;

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiter) const;
  std::int64_t await_resume() const noexcept { return operation.result; }
};

}  // namespace nfsferry

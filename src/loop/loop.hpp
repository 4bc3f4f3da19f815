// loop: one event loop per thread, with two engines behind one interface (io_uring, epoll).
// Coroutines await operations; a completion stores its result and queues the coroutine, and the
// loop resumes it. Promises no fairness beyond: a coroutine that awaits ready operations for ever
// does not starve timers and sockets. Not thread-safe but for post() and wake-ups.
#pragma once

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "loop/buffer.hpp"
#include "loop/operation.hpp"
#include "loop/ready_queue.hpp"
#include "loop/sync.hpp"
#include "loop/task.hpp"
#include "loop/timer_heap.hpp"

namespace nfsferry {

enum class EngineChoice : std::uint8_t { kAuto, kIoUring, kEpoll };

class Engine;
class FileThreads;

class Loop {
 public:
  // kAuto probes io_uring and falls back to epoll (EPERM, ENOSYS, EACCES, ENOMEM or missing
  // operations). Errors: kIoUring asked for and not to be had.
  static Result<std::unique_ptr<Loop>> create(EngineChoice choice);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  static Loop& current();  // the calling thread's loop, while it runs
  bool runs_here() const;  // in the calling thread

  std::string_view engine_name() const;                            // "io_uring" or "epoll"
  const std::string& engine_note() const { return engine_note_; }  // why not io_uring, or empty
  BufferPool& buffers() { return buffers_; }

  // Runs until the task has finished. Everything it spawned must have been joined by then.
  template <typename T>
  T run(Task<T> task);

  // Sockets. Lengths in bytes; all sockets must be non-blocking (open_socket makes them so).
  // A connected stream socket. Errors: errno of connect, ETIMEDOUT, ECANCELED.
  Task<Status> connect(int fd, const sockaddr* address, socklen_t length,
                       CancelToken* cancel = nullptr);
  Task<Result<UniqueFd>> accept(int fd, CancelToken* cancel = nullptr);
  // At least one byte, or 0 at the end of the stream.
  Task<Result<std::size_t>> recv(int fd, std::span<const iovec> into,
                                 CancelToken* cancel = nullptr);
  // Fills `into` unless the stream ends before: fewer bytes mean its end. A known rest is received
  // with one completion on io_uring, however many segments it comes in.
  Task<Result<std::size_t>> recv_all(int fd, std::span<std::byte> into,
                                     CancelToken* cancel = nullptr);
  // All bytes; the iovecs are used up (changed) on the way.
  Task<Status> send(int fd, std::span<iovec> from, CancelToken* cancel = nullptr);
  // Waits until a call of that direction would not block, an error and the end of the stream
  // included; for libraries that make the calls on their sockets themselves.
  Task<Status> readable(int fd, CancelToken* cancel = nullptr);
  Task<Status> writable(int fd, CancelToken* cancel = nullptr);
  // Before a socket is closed: nothing may be pending on it.
  void forget_socket(int fd);

  // Files, by the file threads. Offsets in bytes.
  Task<Result<UniqueFd>> openat2(int directory_fd, std::string path, std::uint64_t flags,
                                 std::uint32_t mode, std::uint64_t resolve,
                                 CancelToken* cancel = nullptr);
  Task<Result<std::size_t>> read_at(int fd, std::span<std::byte> into, std::uint64_t offset_bytes,
                                    CancelToken* cancel = nullptr);
  Task<Result<std::size_t>> write_at(int fd, std::span<const std::byte> from,
                                     std::uint64_t offset_bytes, CancelToken* cancel = nullptr);
  Task<Status> sync_data(int fd, CancelToken* cancel = nullptr);  // fdatasync
  Task<Status> close_file(UniqueFd fd);                           // close, checked

  // Runs a call that may block on a file thread (both engines). `work` must not touch the loop.
  // Name the lambda before the co_await (g++ 12).
  template <typename Work>
  auto offload(Work work) -> Task<decltype(work())>;
  // The same, not carried out at all when it is cancelled while it waits for a thread: ECANCELED.
  // What a thread has begun ends with its own result.
  template <typename Work>
  auto offload(Work work, CancelToken& cancel) -> Task<Result<decltype(work())>>;

  Task<Status> sleep_until(Clock::time_point when, CancelToken* cancel = nullptr);
  Task<Status> sleep_for(std::chrono::nanoseconds duration, CancelToken* cancel = nullptr);

  // Thread-safe: runs `function` on the loop's thread, soon.
  void post(std::function<void()> function);
  void resume_later(std::coroutine_handle<> handle) { ready_.push_back(handle); }

 private:
  friend struct OperationAwaiter;
  friend class CancelToken;
  friend class Engine;

  // After so many coroutines (or operations that were done at once) the kernel is asked again.
  static constexpr std::uint32_t kResumesPerWait = 256;

  explicit Loop(UniqueFd wake_fd);

  OperationAwaiter perform(Operation& operation, CancelToken* cancel);
  enum class Started : std::uint8_t { kFinished, kPending };
  Started start(Operation& operation);
  bool finishes_at_once(Operation& operation);
  void cancel(Operation& operation);
  void complete(Operation& operation, std::int64_t result);

  void drive(std::coroutine_handle<> root);
  void wait();
  void take_wakeups();
  void fire_timers();

  UniqueFd wake_fd_;  // an eventfd: post() and the file threads
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<FileThreads> file_threads_;
  std::string engine_note_;
  BufferPool buffers_;
  ReadyQueue ready_;
  TimerHeap timers_;
  std::uint64_t pending_ = 0;  // operations that have not completed
  std::uint32_t resumes_ = 0;  // since the last wait
  std::thread::id thread_;     // the one that runs it, from the first run on

  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
};

template <typename T>
T Loop::run(Task<T> task) {
  auto root = task.operator co_await();
  drive(root.child);
  return root.await_resume();
}

namespace detail {

// The function and the result of one offload(), in the frame of the coroutine that awaits it.
template <typename Work>
struct OffloadCall {
  using Value = decltype(std::declval<Work&>()());
  Work& work;
  std::optional<std::conditional_t<std::is_void_v<Value>, Ok, Value>> value;

  static void carry_out(void* argument) {
    auto* self = static_cast<OffloadCall*>(argument);
    if constexpr (std::is_void_v<Value>) {
      self->work();
    } else {
      self->value.emplace(self->work());
    }
  }
};

}  // namespace detail

template <typename Work>
auto Loop::offload(Work work) -> Task<decltype(work())> {
  detail::OffloadCall<Work> offloaded{work, {}};
  Operation operation(OperationKind::kCall);
  operation.call = &detail::OffloadCall<Work>::carry_out;
  operation.argument = &offloaded;
  co_await perform(operation, nullptr);
  if constexpr (!std::is_void_v<decltype(work())>) co_return *std::move(offloaded.value);
}

template <typename Work>
auto Loop::offload(Work work, CancelToken& cancel) -> Task<Result<decltype(work())>> {
  detail::OffloadCall<Work> offloaded{work, {}};
  Operation operation(OperationKind::kCall);
  operation.call = &detail::OffloadCall<Work>::carry_out;
  operation.argument = &offloaded;
  std::int64_t result = co_await perform(operation, &cancel);
  if (result < 0) co_return errno_error(static_cast<int>(-result), "offload");
  co_return *std::move(offloaded.value);
}

}  // namespace nfsferry

#include "loop/loop.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <system_error>

#include "base/log.hpp"
#include "loop/engine.hpp"
#include "loop/file_threads.hpp"

namespace nfsferry {
namespace {

using std::chrono::nanoseconds;

thread_local Loop* current_loop = nullptr;

bool uses_file_thread(OperationKind kind) {
  switch (kind) {
    case OperationKind::kOpenat2:
    case OperationKind::kRead:
    case OperationKind::kWrite:
    case OperationKind::kSyncData:
    case OperationKind::kClose:
    case OperationKind::kCall: return true;
    default: return false;
  }
}

void log_once(const std::string& text) {
  static std::atomic_flag logged;
  if (!logged.test_and_set()) log(LogLevel::kInfo, text);
}

// "EPERM: Operation not permitted"
std::string reason(const Error& error) {
  const int number = static_cast<int>(error.code);
  return error.name() + ": " +
         (error.detail.empty() ? std::generic_category().message(number) : error.detail);
}

Result<std::size_t> size_or_error(std::int64_t result, std::string_view operation) {
  if (result < 0) return errno_error(static_cast<int>(-result), operation);
  return static_cast<std::size_t>(result);
}

Result<UniqueFd> fd_or_error(std::int64_t result, std::string_view operation,
                             std::string_view path = {}) {
  if (result < 0) return errno_error(static_cast<int>(-result), operation, path);
  return UniqueFd(static_cast<int>(result));
}

Status status_or_error(std::int64_t result, std::string_view operation) {
  if (result < 0) return errno_error(static_cast<int>(-result), operation);
  return ok();
}

// Takes `sent` bytes off the front, and what is empty after them.
std::span<iovec> skip_sent(std::span<iovec> from, std::size_t sent) {
  while (!from.empty() && from.front().iov_len <= sent) {
    sent -= from.front().iov_len;
    from = from.subspan(1);
  }
  if (sent > 0) {
    check(!from.empty(), "the kernel sent more than it was given");
    from.front().iov_base = static_cast<std::byte*>(from.front().iov_base) + sent;
    from.front().iov_len -= sent;
  }
  return from;
}

}  // namespace

void resume_later(std::coroutine_handle<> handle) { Loop::current().resume_later(handle); }

void signal_wake(int wake_fd) {
  const std::uint64_t one = 1;
  // EAGAIN: the counter is full, so the fd is readable anyway.
  [[maybe_unused]] ssize_t written = ::write(wake_fd, &one, sizeof one);
}

void drain_wake(int wake_fd) {
  std::uint64_t count = 0;
  [[maybe_unused]] ssize_t taken = ::read(wake_fd, &count, sizeof count);
}

// ---- operations and tokens

void Engine::complete(Operation& operation, std::int64_t result) {
  operation.loop->complete(operation, result);
}

bool OperationAwaiter::await_suspend(std::coroutine_handle<> waiter) const {
  operation.waiter = waiter;
  return loop.start(operation) == Loop::Started::kPending;
}

CancelToken::~CancelToken() {
  while (Operation* operation = operations_.pop_front()) operation->token = nullptr;
}

void CancelToken::cancel() {
  cancelled_ = true;
  while (Operation* operation = operations_.pop_front()) {
    operation->token = nullptr;
    operation->loop->cancel(*operation);
  }
}

OperationAwaiter Loop::perform(Operation& operation, CancelToken* cancel) {
  operation.loop = this;
  operation.token = cancel;
  return OperationAwaiter{*this, operation};
}

bool Loop::finishes_at_once(Operation& operation) {
  if (operation.token && operation.token->is_cancelled()) {
    operation.result = -ECANCELED;
    return true;
  }
  if (operation.kind == OperationKind::kSleep) {
    timers_.add(operation);
    return false;
  }
  if (!uses_file_thread(operation.kind)) return engine_->start(operation);
  if (file_threads_->submit(operation)) return false;
  // No thread is to be had: better a loop that stands still for a moment than a failed file.
  operation.result = FileThreads::carry_out(operation);
  return true;
}

Loop::Started Loop::start(Operation& operation) {
  check(current_loop == this, "an operation is started outside the run of its loop");
  if (finishes_at_once(operation)) {
    operation.token = nullptr;
    if (++resumes_ < kResumesPerWait) return Started::kFinished;
    ready_.push_back(operation.waiter);  // others first: the kernel, timers, who else is ready
    return Started::kPending;
  }
  operation.pending = true;
  ++pending_;
  if (operation.token) operation.token->operations_.push_back(operation);
  return Started::kPending;
}

void Loop::cancel(Operation& operation) {
  if (operation.kind == OperationKind::kSleep) {
    timers_.remove(operation);
    complete(operation, -ECANCELED);
  } else if (!uses_file_thread(operation.kind)) {
    engine_->cancel(operation);
  } else if (file_threads_->withdraw(operation)) {
    complete(operation, -ECANCELED);
  }
}

void Loop::complete(Operation& operation, std::int64_t result) {
  operation.result = result;
  operation.pending = false;
  --pending_;
  if (operation.token) operation.token->operations_.remove(operation);
  operation.token = nullptr;
  ready_.push_back(operation.waiter);
}

// ---- the loop

Loop::Loop(UniqueFd wake_fd)
    : wake_fd_(std::move(wake_fd)), file_threads_(std::make_unique<FileThreads>(wake_fd_.get())) {}

Loop::~Loop() {
  check(current_loop != this, "a loop ends inside its run");
  check(pending_ == 0, "a loop ends while operations are pending");
}

Result<std::unique_ptr<Loop>> Loop::create(EngineChoice choice) {
  UniqueFd wake_fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake_fd) return errno_error(errno, "eventfd");
  std::unique_ptr<Loop> loop(new Loop(std::move(wake_fd)));
  if (choice != EngineChoice::kEpoll) {
    auto engine = make_io_uring_engine(loop->wake_fd_.get());
    if (engine) {
      loop->engine_ = *std::move(engine);
      return loop;
    }
    if (choice == EngineChoice::kIoUring) return std::move(engine).error();
    loop->engine_note_ = "io_uring not available (" + reason(engine.error()) + ")";
    log_once(loop->engine_note_ + ": using epoll");
  }
  NFSFERRY_TRY(auto engine, make_epoll_engine(loop->wake_fd_.get()), return);
  loop->engine_ = std::move(engine);
  return loop;
}

Loop& Loop::current() {
  check(current_loop != nullptr, "no loop runs on this thread");
  return *current_loop;
}

bool Loop::runs_here() const { return current_loop == this; }

std::string_view Loop::engine_name() const { return engine_->name(); }

void Loop::drive(std::coroutine_handle<> root) {
  check(current_loop == nullptr, "a loop is run inside a run");
  if (thread_ == std::thread::id()) thread_ = std::this_thread::get_id();
  check(thread_ == std::this_thread::get_id(), "a loop is run on two threads");
  current_loop = this;
  engine_->enter_thread();
  ready_.push_back(root);
  while (true) {
    while (!ready_.empty() && resumes_ < kResumesPerWait) {
      ++resumes_;
      ready_.pop_front().resume();
    }
    if (root.done()) break;
    wait();
  }
  current_loop = nullptr;
}

void Loop::wait() {
  resumes_ = 0;
  std::optional<nanoseconds> timeout;
  if (!ready_.empty()) {
    timeout = nanoseconds(0);
  } else if (!timers_.empty()) {
    timeout = std::max(nanoseconds(timers_.nearest() - Clock::now()), nanoseconds(0));
  }
  if (engine_->wait(timeout)) take_wakeups();
  fire_timers();
}

void Loop::take_wakeups() {
  auto finished = file_threads_->take_finished();
  while (Operation* operation = finished.pop_front()) complete(*operation, operation->result);
  std::vector<std::function<void()>> posted;
  {
    std::lock_guard lock(posted_mutex_);
    posted.swap(posted_);
  }
  for (auto& function : posted) function();
}

void Loop::fire_timers() {
  if (timers_.empty()) return;
  const Clock::time_point now = Clock::now();
  while (!timers_.empty() && timers_.nearest() <= now) {
    Operation& operation = *timers_.first();
    timers_.remove(operation);
    complete(operation, 0);
  }
}

void Loop::post(std::function<void()> function) {
  std::lock_guard lock(posted_mutex_);
  bool first = posted_.empty();
  posted_.push_back(std::move(function));
  if (first) signal_wake(wake_fd_.get());
}

// ---- sockets

Task<Status> Loop::connect(int fd, const sockaddr* address, socklen_t length, CancelToken* cancel) {
  Operation operation(OperationKind::kConnect, fd);
  operation.address = address;
  operation.address_length = length;
  std::int64_t result = co_await perform(operation, cancel);
  co_return status_or_error(result, "connect");
}

Task<Result<UniqueFd>> Loop::accept(int fd, CancelToken* cancel) {
  Operation operation(OperationKind::kAccept, fd);
  std::int64_t result = co_await perform(operation, cancel);
  co_return fd_or_error(result, "accept");
}

Task<Result<std::size_t>> Loop::recv(int fd, std::span<const iovec> into, CancelToken* cancel) {
  Operation operation(OperationKind::kRecv, fd);
  operation.message.msg_iov = const_cast<iovec*>(into.data());
  operation.message.msg_iovlen = std::min<std::size_t>(into.size(), IOV_MAX);
  std::int64_t result = co_await perform(operation, cancel);
  co_return size_or_error(result, "recv");
}

Task<Result<std::size_t>> Loop::recv_all(int fd, std::span<std::byte> into, CancelToken* cancel) {
  std::size_t received = 0;
  while (received < into.size()) {
    iovec rest{into.data() + received, into.size() - received};
    Operation operation(OperationKind::kRecv, fd);
    operation.message.msg_iov = &rest;
    operation.message.msg_iovlen = 1;
    operation.all = true;
    std::int64_t result = co_await perform(operation, cancel);
    if (result < 0) co_return errno_error(static_cast<int>(-result), "recv");
    if (result == 0) break;
    received += static_cast<std::size_t>(result);
  }
  co_return received;
}

Task<Status> Loop::send(int fd, std::span<iovec> from, CancelToken* cancel) {
  from = skip_sent(from, 0);
  while (!from.empty()) {
    Operation operation(OperationKind::kSend, fd);
    operation.message.msg_iov = from.data();
    operation.message.msg_iovlen = std::min<std::size_t>(from.size(), IOV_MAX);
    std::int64_t result = co_await perform(operation, cancel);
    if (result < 0) co_return errno_error(static_cast<int>(-result), "send");
    from = skip_sent(from, static_cast<std::size_t>(result));
  }
  co_return ok();
}

Task<Status> Loop::readable(int fd, CancelToken* cancel) {
  Operation operation(OperationKind::kReadable, fd);
  std::int64_t result = co_await perform(operation, cancel);
  co_return status_or_error(result, "poll");
}

Task<Status> Loop::writable(int fd, CancelToken* cancel) {
  Operation operation(OperationKind::kWritable, fd);
  std::int64_t result = co_await perform(operation, cancel);
  co_return status_or_error(result, "poll");
}

void Loop::forget_socket(int fd) { engine_->forget_socket(fd); }

// ---- files

Task<Result<UniqueFd>> Loop::openat2(int directory_fd, std::string path, std::uint64_t flags,
                                     std::uint32_t mode, std::uint64_t resolve,
                                     CancelToken* cancel) {
  Operation operation(OperationKind::kOpenat2, directory_fd);
  operation.path = path.c_str();
  operation.how.flags = flags | O_CLOEXEC;
  operation.how.mode = mode;
  operation.how.resolve = resolve;
  std::int64_t result = co_await perform(operation, cancel);
  co_return fd_or_error(result, "openat2", path);
}

Task<Result<std::size_t>> Loop::read_at(int fd, std::span<std::byte> into,
                                        std::uint64_t offset_bytes, CancelToken* cancel) {
  Operation operation(OperationKind::kRead, fd);
  operation.bytes = into.data();
  operation.size_bytes = into.size();
  operation.offset_bytes = offset_bytes;
  std::int64_t result = co_await perform(operation, cancel);
  co_return size_or_error(result, "read");
}

Task<Result<std::size_t>> Loop::write_at(int fd, std::span<const std::byte> from,
                                         std::uint64_t offset_bytes, CancelToken* cancel) {
  Operation operation(OperationKind::kWrite, fd);
  operation.bytes = const_cast<std::byte*>(from.data());
  operation.size_bytes = from.size();
  operation.offset_bytes = offset_bytes;
  std::int64_t result = co_await perform(operation, cancel);
  co_return size_or_error(result, "write");
}

Task<Status> Loop::sync_data(int fd, CancelToken* cancel) {
  Operation operation(OperationKind::kSyncData, fd);
  std::int64_t result = co_await perform(operation, cancel);
  co_return status_or_error(result, "fdatasync");
}

Task<Status> Loop::close_file(UniqueFd fd) {
  Operation operation(OperationKind::kClose, fd.release());
  std::int64_t result = co_await perform(operation, nullptr);
  co_return status_or_error(result, "close");
}

// ---- timers

Task<Status> Loop::sleep_until(Clock::time_point when, CancelToken* cancel) {
  Operation operation(OperationKind::kSleep);
  operation.when = when;
  std::int64_t result = co_await perform(operation, cancel);
  co_return status_or_error(result, "sleep");
}

Task<Status> Loop::sleep_for(nanoseconds duration, CancelToken* cancel) {
  const Clock::time_point now = Clock::now();
  const bool for_ever = duration > Clock::time_point::max() - now;
  return sleep_until(for_ever ? Clock::time_point::max() : now + duration, cancel);
}

}  // namespace nfsferry

#include "loop/file_threads.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "loop/engine.hpp"

namespace nfsferry {
namespace {

std::int64_t file_call(Operation& operation) {
  const auto offset = static_cast<off_t>(operation.offset_bytes);
  switch (operation.kind) {
    case OperationKind::kOpenat2:
      return ::syscall(SYS_openat2, operation.fd, operation.path, &operation.how,
                       sizeof operation.how);
    case OperationKind::kRead:
      return ::pread(operation.fd, operation.bytes, operation.size_bytes, offset);
    case OperationKind::kWrite:
      return ::pwrite(operation.fd, operation.bytes, operation.size_bytes, offset);
    case OperationKind::kSyncData: return ::fdatasync(operation.fd);
    case OperationKind::kClose: return ::close(operation.fd);
    default: check(false, "not an operation for a file thread"); return -1;
  }
}

}  // namespace

std::int64_t FileThreads::carry_out(Operation& operation) {
  if (operation.kind == OperationKind::kCall) {
    operation.call(operation.argument);
    return 0;
  }
  std::int64_t result = file_call(operation);
  // An interrupted close has closed: the fd may be another's by now (close(2)).
  while (result < 0 && errno == EINTR && operation.kind != OperationKind::kClose) {
    result = file_call(operation);
  }
  return result < 0 ? -errno : result;
}

FileThreads::~FileThreads() {
  {
    std::lock_guard lock(mutex_);
    check(queue_.empty() && finished_.empty(), "file threads end before their operations");
    stop_ = true;
  }
  work_or_stop_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool FileThreads::submit(Operation& operation) {
  std::unique_lock lock(mutex_);
  queue_.push_back(operation);
  operation.queued = true;
  ++queued_;
  bool all_busy = queued_ > idle_;
  if (all_busy && threads_.size() < kThreadsMax && !start_thread() && threads_.empty()) {
    queue_.remove(operation);
    operation.queued = false;
    --queued_;
    return false;
  }
  lock.unlock();
  work_or_stop_.notify_one();
  return true;
}

bool FileThreads::withdraw(Operation& operation) {
  std::lock_guard lock(mutex_);
  if (!operation.queued) return false;
  queue_.remove(operation);
  operation.queued = false;
  --queued_;
  return true;
}

OperationList<&Operation::queue_link> FileThreads::take_finished() {
  std::lock_guard lock(mutex_);
  return std::exchange(finished_, {});
}

bool FileThreads::start_thread() {
  try {
    threads_.emplace_back([this] { serve(); });
    return true;
  } catch (const std::system_error&) {  // EAGAIN: the limit on processes
    return false;
  }
}

void FileThreads::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    work_or_stop_.wait(lock, [this] { return stop_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    Operation& operation = *queue_.pop_front();
    operation.queued = false;
    --queued_;
    lock.unlock();
    operation.result = carry_out(operation);
    lock.lock();
    bool first = finished_.empty();
    finished_.push_back(operation);
    if (first) signal_wake(wake_fd_);
  }
}

}  // namespace nfsferry

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "loop/engine.hpp"

namespace nfsferry {
namespace {

using std::chrono::nanoseconds;

constexpr std::uint32_t kReadable = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr std::uint32_t kWritable = EPOLLOUT | EPOLLHUP | EPOLLERR;
constexpr std::size_t kEventsPerWait = 256;

bool writes(const Operation& operation) {
  switch (operation.kind) {
    case OperationKind::kSend:
    case OperationKind::kConnect:
    case OperationKind::kWritable: return true;
    default: return false;
  }
}

int readiness(int fd, short events) {
  pollfd asked{fd, events, 0};
  int ready = ::poll(&asked, 1, 0);
  if (ready == 0) errno = EAGAIN;
  return ready > 0 ? 0 : -1;
}

std::int64_t connect_call(const Operation& operation) {
  int status = ::connect(operation.fd, operation.address, operation.address_length);
  if (status == 0) return 0;
  // Asked again when the socket became writable, connect tells how the attempt ended.
  if (operation.parked && errno == EISCONN) return 0;
  return errno == EINPROGRESS || errno == EALREADY ? -EINPROGRESS : -errno;
}

// The call itself; -EAGAIN or -EINPROGRESS when it must wait for the socket.
std::int64_t socket_call(Operation& operation) {
  std::int64_t result = -1;
  do {
    switch (operation.kind) {
      case OperationKind::kConnect: return connect_call(operation);
      case OperationKind::kAccept:
        result = ::accept4(operation.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        break;
      case OperationKind::kRecv:
        result = ::recvmsg(operation.fd, &operation.message, MSG_DONTWAIT);
        break;
      case OperationKind::kSend:
        result = ::sendmsg(operation.fd, &operation.message, MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
      case OperationKind::kReadable: result = readiness(operation.fd, POLLIN | POLLRDHUP); break;
      case OperationKind::kWritable: result = readiness(operation.fd, POLLOUT); break;
      default: check(false, "not an operation for the epoll engine");
    }
  } while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

// Every socket is registered once, edge-triggered, when an operation first has to wait for it. The
// call is always tried before it is parked, so an edge that nobody waited for is never missed.
class EpollEngine final : public Engine {
 public:
  EpollEngine(UniqueFd epoll_fd, int wake_fd) : epoll_fd_(std::move(epoll_fd)), wake_fd_(wake_fd) {}

  std::string_view name() const override { return "epoll"; }

  bool start(Operation& operation) override;
  void cancel(Operation& operation) override;
  void forget_socket(int fd) override;
  bool wait(std::optional<nanoseconds> timeout) override;

 private:
  struct Row {
    Operation* reader = nullptr;
    Operation* writer = nullptr;
    bool registered = false;
  };

  Operation*& slot(const Operation& operation) {
    Row& row = rows_[static_cast<std::size_t>(operation.fd)];
    return writes(operation) ? row.writer : row.reader;
  }
  int register_socket(int fd);
  void retry(Operation*& parked);
  int wait_for_events(std::optional<nanoseconds> timeout);

  UniqueFd epoll_fd_;
  const int wake_fd_;
  bool has_pwait2_ = true;
  std::vector<Row> rows_;  // by fd
  std::array<epoll_event, kEventsPerWait> events_;
};

bool EpollEngine::start(Operation& operation) {
  if (operation.fd < 0) {
    operation.result = -EBADF;
    return true;
  }
  auto row = static_cast<std::size_t>(operation.fd);
  if (row >= rows_.size()) rows_.resize(std::max(row + 1, rows_.size() * 2));
  check(slot(operation) == nullptr, "two operations of one direction on one socket");
  operation.result = socket_call(operation);
  if (operation.result != -EAGAIN && operation.result != -EINPROGRESS) return true;
  // A Unix socket whose peer's queue is full: no readiness tells when there is room again.
  if (operation.kind == OperationKind::kConnect && operation.result == -EAGAIN) return true;
  if (int error = register_socket(operation.fd); error != 0) {
    operation.result = -error;
    return true;
  }
  operation.parked = true;
  slot(operation) = &operation;
  return false;
}

int EpollEngine::register_socket(int fd) {
  Row& row = rows_[static_cast<std::size_t>(fd)];
  if (row.registered) return 0;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return errno;
  row.registered = true;
  return 0;
}

void EpollEngine::cancel(Operation& operation) {
  slot(operation) = nullptr;
  complete(operation, -ECANCELED);
}

void EpollEngine::forget_socket(int fd) {
  if (fd < 0 || static_cast<std::size_t>(fd) >= rows_.size()) return;
  Row& row = rows_[static_cast<std::size_t>(fd)];
  check(!row.reader && !row.writer, "a socket is forgotten while an operation is pending on it");
  if (row.registered) ::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_DEL, fd, nullptr);
  row = Row{};
}

void EpollEngine::retry(Operation*& parked) {
  if (!parked) return;
  std::int64_t result = socket_call(*parked);
  if (result == -EAGAIN || result == -EINPROGRESS) return;
  complete(*std::exchange(parked, nullptr), result);
}

int EpollEngine::wait_for_events(std::optional<nanoseconds> timeout) {
  constexpr int kMost = static_cast<int>(kEventsPerWait);
  if (has_pwait2_ && timeout && *timeout > nanoseconds(0)) {
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*timeout);
    timespec limit{};
    limit.tv_sec = seconds.count();
    limit.tv_nsec = (*timeout - seconds).count();
    int count = ::epoll_pwait2(epoll_fd_.get(), events_.data(), kMost, &limit, nullptr);
    // Kernels before 5.11, and seccomp filters that do not know the call: whole milliseconds then.
    if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
    has_pwait2_ = false;
  }
  int limit_ms = -1;
  if (timeout) {
    auto whole = std::chrono::ceil<std::chrono::milliseconds>(*timeout).count();
    limit_ms = static_cast<int>(std::min<std::int64_t>(whole, 3'600'000));
  }
  return ::epoll_wait(epoll_fd_.get(), events_.data(), kMost, limit_ms);
}

bool EpollEngine::wait(std::optional<nanoseconds> timeout) {
  int count = wait_for_events(timeout);
  check(count >= 0 || errno == EINTR, "epoll_wait fails");
  bool woken = false;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (event.data.fd == wake_fd_) {
      drain_wake(wake_fd_);
      woken = true;
      continue;
    }
    Row& row = rows_[static_cast<std::size_t>(event.data.fd)];
    if (event.events & kReadable) retry(row.reader);
    if (event.events & kWritable) retry(row.writer);
  }
  return woken;
}

}  // namespace

Result<std::unique_ptr<Engine>> make_epoll_engine(int wake_fd) {
  UniqueFd epoll_fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_fd) return errno_error(errno, "epoll_create1");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_fd;
  if (::epoll_ctl(epoll_fd.get(), EPOLL_CTL_ADD, wake_fd, &event) != 0) {
    return errno_error(errno, "epoll_ctl");
  }
  return std::unique_ptr<Engine>(std::make_unique<EpollEngine>(std::move(epoll_fd), wake_fd));
}

}  // namespace nfsferry

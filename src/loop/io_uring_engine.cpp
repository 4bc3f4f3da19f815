#include <liburing.h>
#include <poll.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <utility>

#include "loop/engine.hpp"

namespace nfsferry {
namespace {

using std::chrono::nanoseconds;

constexpr unsigned kSubmissions = 256;
constexpr unsigned kCompletions = 4096;

// A completion's user_data: 0 is the wake-up fd, else the address of its operation, with the low
// bit set when it answers the cancellation of that operation.
constexpr std::uint64_t kWakeUp = 0;
constexpr std::uint64_t kCancelBit = 1;
static_assert(alignof(Operation) > kCancelBit);

struct NeededCall {
  int opcode;
  const char* name;
};
constexpr std::array<NeededCall, 7> kNeeded{{
    {IORING_OP_POLL_ADD, "poll"},
    {IORING_OP_ASYNC_CANCEL, "cancel"},
    {IORING_OP_CONNECT, "connect"},
    {IORING_OP_ACCEPT, "accept"},
    {IORING_OP_RECVMSG, "recvmsg"},
    {IORING_OP_SENDMSG, "sendmsg"},
    // Not used: it tells a kernel of 6.0 or later. Before, an accept on a non-blocking socket comes
    // back with EAGAIN instead of waiting, and IORING_SETUP_SINGLE_ISSUER is missing.
    {IORING_OP_SEND_ZC, "send_zc (Linux 6.0)"},
}};

void prepare(io_uring_sqe* sqe, Operation& operation) {
  switch (operation.kind) {
    case OperationKind::kConnect:
      io_uring_prep_connect(sqe, operation.fd, operation.address, operation.address_length);
      return;
    case OperationKind::kAccept:
      io_uring_prep_accept(sqe, operation.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      return;
    case OperationKind::kRecv:
      io_uring_prep_recvmsg(sqe, operation.fd, &operation.message, operation.all ? MSG_WAITALL : 0);
      return;
    case OperationKind::kSend:
      // MSG_WAITALL: the kernel goes on after a short send, without a turn of the loop.
      io_uring_prep_sendmsg(sqe, operation.fd, &operation.message, MSG_NOSIGNAL | MSG_WAITALL);
      return;
    case OperationKind::kReadable:
      io_uring_prep_poll_add(sqe, operation.fd, POLLIN | POLLRDHUP);
      return;
    case OperationKind::kWritable: io_uring_prep_poll_add(sqe, operation.fd, POLLOUT); return;
    default: check(false, "not an operation for the io_uring engine");
  }
}

// Rings that were unmapped. liburing maps and unmaps them by system calls that the thread sanitizer
// does not see, so it takes a ring for one of another thread that was at the same address before.
// The kernel orders the two; this tells the sanitizer.
std::atomic<std::uint32_t> rings_unmapped{0};

// For sockets alone; docs/decisions/0004 says why files go another way. What is started during a
// turn of the loop is handed over together, by the wait that ends it.
class IoUringEngine final : public Engine {
 public:
  explicit IoUringEngine(int wake_fd) : wake_fd_(wake_fd) {}
  ~IoUringEngine() override {
    if (!set_up_) return;
    rings_unmapped.fetch_add(1, std::memory_order_release);
    io_uring_queue_exit(&ring_);
  }

  Status set_up();

  std::string_view name() const override { return "io_uring"; }
  void enter_thread() override;
  bool start(Operation& operation) override;
  void cancel(Operation& operation) override;
  void forget_socket(int) override {}
  bool wait(std::optional<nanoseconds> timeout) override;

 private:
  io_uring_sqe* next_submission();
  void arm_wake_up();
  int enter(std::optional<nanoseconds> timeout);
  void reap();
  void take(std::uint64_t user_data, std::int32_t result);

  io_uring ring_{};
  const int wake_fd_;
  bool set_up_ = false;
  bool disabled_ = false;  // until the thread that runs the loop is known
  bool wake_up_armed_ = false;
  bool woken_ = false;
  bool reaped_early_ = false;  // somebody is ready already: the next wait must not sleep
};

Status IoUringEngine::set_up() {
  constexpr unsigned kPlain = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL;
  // Made disabled, the ring belongs to the thread that enables it, not to the one that makes it.
  constexpr unsigned kBest =
      kPlain | IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  int status = -EINVAL;
  for (unsigned flags : {kBest, kPlain}) {  // Linux 6.0 does not know DEFER_TASKRUN
    io_uring_params params{};
    params.flags = flags;
    params.cq_entries = kCompletions;
    status = io_uring_queue_init_params(kSubmissions, &ring_, &params);
    disabled_ = status == 0 && (flags & IORING_SETUP_R_DISABLED);
    if (status != -EINVAL) break;
  }
  if (status < 0) return errno_error(-status, "io_uring_setup");
  set_up_ = true;
  [[maybe_unused]] auto ordered = rings_unmapped.load(std::memory_order_acquire);

  const char* missing = "IORING_REGISTER_PROBE";
  io_uring_probe* probe = io_uring_get_probe_ring(&ring_);
  if (probe) missing = nullptr;
  for (const NeededCall& call : kNeeded) {
    if (probe && !io_uring_opcode_supported(probe, call.opcode)) missing = call.name;
  }
  io_uring_free_probe(probe);
  if (missing) {
    Error error = errno_error(ENOSYS, "io_uring_setup");
    error.detail = std::string("the kernel has no ") + missing;
    return error;
  }
  return ok();
}

void IoUringEngine::enter_thread() {
  if (!std::exchange(disabled_, false)) return;
  // io_uring_enable_rings(), which the shared library of liburing 2.3 forgets to export.
  const auto fd = static_cast<unsigned>(ring_.ring_fd);
  int status = io_uring_register(fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
  check(status == 0, "an io_uring cannot be enabled");
}

// A free SQE. When the queue is full it is handed over first, so that a turn may start any number
// of operations.
io_uring_sqe* IoUringEngine::next_submission() {
  while (true) {
    if (io_uring_sqe* sqe = io_uring_get_sqe(&ring_)) return sqe;
    int status = io_uring_submit(&ring_);
    if (status >= 0) continue;
    // Completions must be taken first, or memory is short for a moment.
    check(status == -EBUSY || status == -EAGAIN || status == -EINTR, "io_uring_submit fails");
    io_uring_get_events(&ring_);
    reap();
    reaped_early_ = true;
  }
}

bool IoUringEngine::start(Operation& operation) {
  operation.kernel_refs = 1;
  operation.cancelled = false;
  io_uring_sqe* sqe = next_submission();
  prepare(sqe, operation);
  io_uring_sqe_set_data64(sqe, reinterpret_cast<std::uintptr_t>(&operation));
  return false;
}

// The operation stays until both its own answer and that of the cancellation have come: its address
// is what the kernel looks for, so no other operation may live there meanwhile.
void IoUringEngine::cancel(Operation& operation) {
  operation.cancelled = true;
  ++operation.kernel_refs;
  io_uring_sqe* sqe = next_submission();
  const std::uint64_t address = reinterpret_cast<std::uintptr_t>(&operation);
  io_uring_prep_cancel64(sqe, address, 0);
  io_uring_sqe_set_data64(sqe, address | kCancelBit);
}

void IoUringEngine::arm_wake_up() {
  io_uring_sqe* sqe = next_submission();
  io_uring_prep_poll_add(sqe, wake_fd_, POLLIN);
  io_uring_sqe_set_data64(sqe, kWakeUp);
  wake_up_armed_ = true;
}

bool IoUringEngine::wait(std::optional<nanoseconds> timeout) {
  if (!wake_up_armed_) arm_wake_up();
  if (std::exchange(reaped_early_, false)) timeout = nanoseconds(0);
  int status = enter(timeout);
  bool expected =
      status >= 0 || status == -ETIME || status == -EINTR || status == -EAGAIN || status == -EBUSY;
  check(expected, "io_uring_enter fails");
  // Answers that found the completion queue full are kept by the kernel for the next wait, which
  // liburing then makes without sleeping.
  reap();
  return std::exchange(woken_, false);
}

int IoUringEngine::enter(std::optional<nanoseconds> timeout) {
  if (timeout && *timeout <= nanoseconds(0)) return io_uring_submit_and_get_events(&ring_);
  io_uring_cqe* first = nullptr;
  if (!timeout) return io_uring_submit_and_wait_timeout(&ring_, &first, 1, nullptr, nullptr);
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*timeout);
  __kernel_timespec limit{};
  limit.tv_sec = seconds.count();
  limit.tv_nsec = (*timeout - seconds).count();
  return io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr);
}

void IoUringEngine::reap() {
  unsigned head = 0;
  unsigned taken = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    take(cqe->user_data, cqe->res);
    ++taken;
  }
  io_uring_cq_advance(&ring_, taken);
}

void IoUringEngine::take(std::uint64_t user_data, std::int32_t result) {
  if (user_data == kWakeUp) {
    drain_wake(wake_fd_);
    wake_up_armed_ = false;
    woken_ = true;
    return;
  }
  auto& operation = *reinterpret_cast<Operation*>(user_data & ~kCancelBit);
  --operation.kernel_refs;
  // How the cancellation went does not matter: the operation's own answer comes in any case. It
  // interrupts what waits in the kernel's worker thread.
  if (!(user_data & kCancelBit)) {
    operation.result = operation.cancelled && result == -EINTR ? -ECANCELED : result;
  }
  if (operation.kernel_refs == 0) complete(operation, operation.result);
}

}  // namespace

Result<std::unique_ptr<Engine>> make_io_uring_engine(int wake_fd) {
  auto engine = std::make_unique<IoUringEngine>(wake_fd);
  if (auto status = engine->set_up(); !status) return std::move(status).error();
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace nfsferry

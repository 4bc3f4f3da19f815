#include "nfs3/connection.hpp"

#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <random>

#include "loop/deadline.hpp"
#include "nfs3/libnfs_api.hpp"

namespace nfsferry::nfs3 {
namespace {

// A privileged local port that libnfs picks may be one whose last connection to the same server is
// not forgotten yet.
constexpr int kPortsTried = 8;

// libnfs numbers its contexts in a variable that no lock guards.
std::mutex making_contexts;

// libnfs (4 and 5) allocates the data of every READ and WRITE anew. Left to itself glibc gives such
// pieces back to the kernel each time, and every page of the next one is a fault. Of the whole
// process; at most so much is kept in each arena.
void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kAllocatedFromHeap = 32 << 20;
  constexpr int kKeptBytes = 64 << 20;
  ::mallopt(M_MMAP_THRESHOLD, kAllocatedFromHeap);
  ::mallopt(M_TRIM_THRESHOLD, kKeptBytes);
#endif
}

rpc_context* make_context(const Credentials& credentials) {
  std::lock_guard lock(making_contexts);
  keep_freed_memory();
  rpc_context* rpc = rpc_init_context();
  if (rpc == nullptr) return nullptr;
  std::random_device random;
  rpc_set_next_xid(rpc, random());  // it would begin with the time: the same for two runs
  std::vector<std::uint32_t> groups = credentials.groups;
  groups.resize(std::min(groups.size(), kGroupsMost));
  AUTH* auth = libnfs_authunix_create("nfsferry", credentials.uid, credentials.gid,
                                      static_cast<std::uint32_t>(groups.size()), groups.data());
  if (auth != nullptr) rpc_set_auth(rpc, auth);
  return rpc;
}

Result<std::pair<std::string, int>> numeric(const Address& address) {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  const auto* generic = reinterpret_cast<const sockaddr*>(&address.storage);
  int status = ::getnameinfo(generic, address.length, host, sizeof host, port, sizeof port,
                             NI_NUMERICHOST | NI_NUMERICSERV);
  if (status != 0) return own_error(Own::kNameResolution, "connect", ::gai_strerror(status));
  return std::pair(std::string(host), std::stoi(port));
}

// libnfs tells of connecting by a callback; what it says is seen at the socket.
void on_connected(rpc_context*, int, void*, void*) {}

// What libnfs says in words alone.
Error rpc_failure(std::string_view kind, const std::string& words) {
  struct Row {
    std::string_view word;
    RpcFailure failure;
  };
  constexpr Row kRows[] = {{"Program version", RpcFailure::kProgramMismatch},
                           {"Program not available", RpcFailure::kProgramUnavailable},
                           {"rocedure not available", RpcFailure::kProcedureUnavailable},
                           {"arbage", RpcFailure::kGarbageArguments},
                           {"ystem", RpcFailure::kSystemError},
                           {"not accepted", RpcFailure::kAuthDenied},
                           {"uth", RpcFailure::kAuthDenied}};
  for (const Row& row : kRows) {
    if (words.find(row.word) != std::string::npos) return rpc_error(row.failure, kind, words);
  }
  return own_error(Own::kBadReply, kind, words);
}

}  // namespace

Task<Status> Call::perform_alone(bool&) { co_return own_error(Own::kUnsupported, kind_); }

void Call::on_reply(rpc_context*, int status, void* data, void* private_data) {
  auto& call = *static_cast<Call*>(private_data);
  Connection& connection = *call.connection_;
  std::erase(connection.pending_, &call);
  if (status == RPC_STATUS_SUCCESS) {
    call.outcome_ = call.take(data);
  } else {
    const char* words = status == RPC_STATUS_ERROR ? static_cast<const char*>(data) : nullptr;
    call.outcome_ = connection.failure(call, words == nullptr ? "" : words);
  }
  call.done_.set();
}

Connection::~Connection() { check(tasks_.running() == 0, "a connection ends before its tasks"); }

Task<Status> Connection::connect(const Address& address, std::uint64_t timeout_ms,
                                 const Credentials& credentials) {
  Status begun = ok();
  for (int tried = 0; tried < kPortsTried; ++tried) {
    begun = begin(address, credentials);
    if (begun) break;
  }
  if (!begun) {
    ended_ = begun.error();
    co_return begun;
  }
  Deadline deadline(loop_, std::chrono::milliseconds(timeout_ms), [this] { cancel_.cancel(); });
  Status connected = co_await await_connected();
  co_await deadline.end();
  if (deadline.passed())  // even if it was connected just then: what would wait next is cancelled
    connected = own_error(Own::kTimeout, "connect", "no answer in time");
  if (ended_) connected = *ended_;
  if (!connected) {
    ended_ = connected.error();
    destroy();
    co_return connected;
  }
  int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  Silence::set_up(fd_);
  running_ = true;
  connected_since_ = Clock::now();
  tasks_.spawn(run());
  co_return ok();
}

Status Connection::begin(const Address& address, const Credentials& credentials) {
  auto there = numeric(address);
  if (!there) return std::move(there).error();
  rpc_ = make_context(credentials);
  if (rpc_ == nullptr) return errno_error(ENOMEM, "connect");
  errno = 0;
  if (rpc_connect_async(rpc_, there->first.c_str(), there->second, &on_connected, this) == 0) {
    fd_ = rpc_get_fd(rpc_);
    return ok();
  }
  int number = errno != 0 ? errno : EHOSTUNREACH;
  Error error = errno_error(number, "connect");
  if (const char* words = rpc_get_error(rpc_)) error.detail = words;
  destroy();
  return error;
}

Task<Status> Connection::await_connected() {
  Status ready = co_await loop_.writable(fd_, &cancel_);
  if (!ready) co_return ready;
  int number = 0;
  socklen_t size = sizeof number;
  if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &number, &size) != 0) number = errno;
  if (number != 0) co_return errno_error(number, "connect");
  if (rpc_service(rpc_, POLLOUT) != 0) co_return own_error(Own::kConnectionLost, "connect");
  co_return ok();
}

Task<Status> Connection::perform(Call& call) {
  if (!stands()) co_return ended_ ? *ended_ : own_error(Own::kConnectionLost, "send");
  call.connection_ = this;
  call.outcome_.reset();
  call.done_.reset();
  call.since_ = Clock::now();
  pending_.push_back(&call);
  if (!call.queue(rpc_)) {
    std::erase(pending_, &call);
    const char* words = rpc_get_error(rpc_);
    co_return own_error(Own::kUnsupported, call.kind_,
                        words == nullptr ? "libnfs cannot send it" : words);
  }
  work_.set();
  co_await call.done_.wait();
  Status outcome = *std::move(call.outcome_);
  if (!outcome && outcome.error().is(Own::kBadReply)) abort(outcome.error());
  co_return outcome;
}

// Of a call that was not answered.
Error Connection::failure(const Call& call, const std::string& words) {
  if (ended_) return *ended_;
  // libnfs fails all calls before it tells us that the stream has ended.
  std::string_view text = words;
  bool lost = text.empty() || text.find("reconnect") != text.npos || text.find("lost") != text.npos;
  if (lost) return own_error(Own::kConnectionLost, call.kind_, words);
  return rpc_failure(call.kind_, words);
}

void Connection::abort(Error why) {
  if (ended_) return;
  ended_ = std::move(why);
  cancel_.cancel();
  work_.set();
}

Task<void> Connection::join() { co_await tasks_.join(); }

const Silence::Times& Connection::watch(Silence::Time passed) {
  std::optional<Silence::Waiting> waiting;
  if (stands() && !pending_.empty()) {
    const Call* oldest = pending_.front();
    waiting = Silence::Waiting{reinterpret_cast<std::uintptr_t>(oldest), oldest->since_};
  }
  return silence_.look(fd_, passed, waiting);
}

std::optional<Connection::Waiting> Connection::oldest_pending() const {
  if (pending_.empty()) return std::nullopt;
  return Waiting{pending_.front()->kind_, pending_.front()->since_};
}

Task<void> Connection::run() {
  TaskGroup directions;
  directions.spawn(receive());
  directions.spawn(transmit());
  co_await directions.join();
  running_ = false;
  destroy();
}

Task<void> Connection::receive() {
  while (!ended_) {
    Status ready = co_await loop_.readable(fd_, &cancel_);
    if (ready)
      service(POLLIN);
    else
      abort(ready.error());
  }
}

Task<void> Connection::transmit() {
  while (!ended_) {
    if (rpc_which_events(rpc_) & POLLOUT) service(POLLOUT);
    if (ended_) break;
    if (rpc_which_events(rpc_) & POLLOUT) {
      (void)co_await loop_.writable(fd_, &cancel_);
    } else {
      work_.reset();
      co_await work_.wait();
    }
  }
}

void Connection::service(int events) {
  if (ended_) return;
  if (rpc_service(rpc_, events) == 0) return;
  const char* words = rpc_get_error(rpc_);
  abort(own_error(Own::kConnectionLost, "receive", words == nullptr ? "" : words));
}

// libnfs closes its socket and calls back for everything that is pending.
void Connection::destroy() {
  if (rpc_ == nullptr) return;
  if (fd_ >= 0) loop_.forget_socket(fd_);
  rpc_destroy_context(std::exchange(rpc_, nullptr));
  fd_ = -1;
}

}  // namespace nfsferry::nfs3

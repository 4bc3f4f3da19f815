#include "proxy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "deaf_socket.hpp"
#include "proxy_connection.hpp"

namespace nfsferry::test {
namespace {

using std::chrono::nanoseconds;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

Result<UniqueFd> open_socket() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno_error(errno, "socket");
  return fd;
}

// Bound to the port but not listening: nobody else gets the port, and who connects is refused.
Result<UniqueFd> reserve_port(std::uint16_t port) {
  NFSFERRY_TRY(UniqueFd fd, open_socket(), return);
  int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = loopback(port);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return errno_error(errno, "bind", "127.0.0.1:" + std::to_string(port));
  }
  return fd;
}

Status listen_on(const UniqueFd& fd) {
  if (::listen(fd.get(), SOMAXCONN) != 0) return errno_error(errno, "listen");
  return ok();
}

std::uint16_t port_of(const UniqueFd& fd) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

void send_at_once(const UniqueFd& fd) {
  int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

class Proxy::Worker {
 public:
  explicit Worker(const ProxyOptions& options)
      : server_port_(options.server_port), make_filter_(options.make_filter) {
    delay_up_ns = options.delay_to_server.count();
    delay_down_ns = options.delay_to_client.count();
  }

  Status open(std::uint16_t listen_port);
  void run();

  // From other threads: asks the proxy's thread to do `request` and waits until it has.
  enum class Request : std::uint8_t { kNone, kDrop, kGoDeaf, kRefuse, kAccept, kEnd };
  void ask(Request request);

  FlowCounters up, down;
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> open_connections{0};
  std::atomic<std::int64_t> delay_up_ns{0}, delay_down_ns{0};
  std::uint16_t port = 0;

 private:
  void watch(int fd, std::uint32_t events, void* tag);
  void set_interest(Endpoint& endpoint, bool input, bool output);
  void update_interest(ProxyConnection& connection);
  std::optional<ProxyClock::time_point> send_all_due();
  void wait(std::optional<ProxyClock::time_point> due);
  void handle(const epoll_event& event);
  void handle(Endpoint& endpoint);
  void finish_connect(ProxyConnection& connection);
  void accept_all();
  void accept_one(UniqueFd client);
  void divert(ProxyConnection& connection);
  void take_actions(ProxyConnection& connection);
  void act(ProxyConnection& connection, const ProxyAction& action);
  void reset(ProxyConnection& connection);
  std::optional<ProxyClock::time_point> act_when_due();
  bool serve_request();
  void set_accepting(bool accepting);
  void close(ProxyConnection& connection);
  void remove_closed();

  // An action of a filter that waits for its time.
  struct Held {
    ProxyConnection* connection;
    ProxyAction action;
  };

  const std::uint16_t server_port_;
  const MakeFilter make_filter_;
  UniqueFd epoll_;
  UniqueFd wake_;
  UniqueFd listener_;
  bool accepting_ = true;
  std::vector<std::unique_ptr<ProxyConnection>> connections_;
  std::multimap<ProxyClock::time_point, Held> held_;

  std::mutex asking_;  // one request at a time
  std::mutex mutex_;   // guards request_
  std::condition_variable done_;
  Request request_ = Request::kNone;
};

Status Proxy::Worker::open(std::uint16_t listen_port) {
  NFSFERRY_TRY(UniqueFd listener, reserve_port(listen_port), return);
  listener_ = std::move(listener);
  Status listening = listen_on(listener_);
  if (!listening) return listening;
  port = port_of(listener_);
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return errno_error(errno, "epoll_create1");
  wake_ = UniqueFd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake_) return errno_error(errno, "eventfd");
  watch(listener_.get(), EPOLLIN, &listener_);
  watch(wake_.get(), EPOLLIN, &wake_);
  return ok();
}

void Proxy::Worker::watch(int fd, std::uint32_t events, void* tag) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = tag;
  check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0, "proxy: epoll_ctl");
}

// A socket nobody waits for is not registered at all: epoll would report its end for ever.
void Proxy::Worker::set_interest(Endpoint& endpoint, bool input, bool output) {
  std::uint32_t wanted = (input ? EPOLLIN : 0u) | (output ? EPOLLOUT : 0u);
  if (wanted == endpoint.interest) return;
  int operation = endpoint.interest == 0 ? EPOLL_CTL_ADD
                  : wanted == 0          ? EPOLL_CTL_DEL
                                         : EPOLL_CTL_MOD;
  epoll_event event{};
  event.events = wanted;
  event.data.ptr = &endpoint;
  check(::epoll_ctl(epoll_.get(), operation, endpoint.fd.get(), &event) == 0, "proxy: epoll_ctl");
  endpoint.interest = wanted;
}

void Proxy::Worker::update_interest(ProxyConnection& connection) {
  if (connection.closed) return;
  if (connection.connecting) {
    set_interest(connection.server, false, true);
    return;
  }
  set_interest(connection.client, connection.up.wants_input(), connection.down.wants_output());
  set_interest(connection.server, connection.down.wants_input(), connection.up.wants_output());
}

void Proxy::Worker::run() {
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);  // the default would add 50 us to each delay
  do {
    wait(send_all_due());
    remove_closed();
  } while (serve_request());
}

// Sends what is due everywhere; returns when the next is.
std::optional<ProxyClock::time_point> Proxy::Worker::send_all_due() {
  std::optional<ProxyClock::time_point> next = act_when_due();
  ProxyClock::time_point now = ProxyClock::now();
  for (auto& connection : connections_) {
    for (bool upwards : {true, false}) {
      if (connection->connecting || connection->closed) continue;
      Flow& flow = upwards ? connection->up : connection->down;
      Endpoint& to = upwards ? connection->server : connection->client;
      auto due = flow.next_due();
      if (due && *due <= now) {
        if (flow.send_due(to.fd.get(), now) == Flow::Outcome::kBroken) close(*connection);
        due = flow.next_due();
      }
      if (due && (!next || *due < *next)) next = due;
    }
    if (connection->up.finished() && connection->down.finished()) close(*connection);
    update_interest(*connection);
  }
  return next;
}

void Proxy::Worker::wait(std::optional<ProxyClock::time_point> due) {
  timespec timeout{};
  if (due) {
    auto left = std::max(*due - ProxyClock::now(), ProxyClock::duration::zero());
    timeout.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
    timeout.tv_nsec = (left % std::chrono::seconds(1)).count();
  }
  std::array<epoll_event, 64> events;
  int count = ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()),
                             due ? &timeout : nullptr, nullptr);
  check(count >= 0 || errno == EINTR, "proxy: epoll_pwait2");
  for (int i = 0; i < count; ++i) handle(events[static_cast<std::size_t>(i)]);
}

void Proxy::Worker::handle(const epoll_event& event) {
  if (event.data.ptr == &listener_) {
    accept_all();
  } else if (event.data.ptr == &wake_) {
    std::uint64_t count = 0;
    [[maybe_unused]] ssize_t got = ::read(wake_.get(), &count, sizeof count);
  } else {
    handle(*static_cast<Endpoint*>(event.data.ptr));
  }
}

// Receives and passes on at once what needs no delay; the rest is send_all_due's.
void Proxy::Worker::handle(Endpoint& endpoint) {
  ProxyConnection& connection = *endpoint.connection;
  if (connection.closed) return;
  if (connection.connecting) {
    finish_connect(connection);
    return;
  }
  bool from_client = &endpoint == &connection.client;
  Flow& in = from_client ? connection.up : connection.down;
  Flow& out = from_client ? connection.down : connection.up;
  Endpoint& other = from_client ? connection.server : connection.client;
  bool broken = false;
  if (in.wants_input()) broken = in.receive(endpoint.fd.get()) == Flow::Outcome::kBroken;
  take_actions(connection);
  if (connection.closed) return;
  ProxyClock::time_point now = ProxyClock::now();
  if (!broken && out.wants_output()) {
    broken = out.send_due(endpoint.fd.get(), now) == Flow::Outcome::kBroken;
  }
  if (!broken && !in.wants_output()) {
    broken = in.send_due(other.fd.get(), now) == Flow::Outcome::kBroken;
  }
  if (broken) close(connection);
}

void Proxy::Worker::finish_connect(ProxyConnection& connection) {
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(connection.server.fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  connection.connecting = false;
  if (error != 0) close(connection);
}

void Proxy::Worker::accept_all() {
  while (true) {
    UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client) {
      accept_one(std::move(client));
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return;  // none left, or out of descriptors: tried again at the next event
    }
  }
}

void Proxy::Worker::accept_one(UniqueFd client) {
  accepted.fetch_add(1, std::memory_order_relaxed);
  auto server = open_socket();
  if (!server) return;  // the client sees its connection end
  sockaddr_in address = loopback(server_port_);
  int result =
      ::connect(server->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (result != 0 && errno != EINPROGRESS) return;
  send_at_once(client);
  send_at_once(*server);
  connections_.push_back(std::make_unique<ProxyConnection>(
      std::move(client), *std::move(server), Flow(up, delay_up_ns), Flow(down, delay_down_ns)));
  open_connections.fetch_add(1, std::memory_order_relaxed);
  if (make_filter_) divert(*connections_.back());
}

void Proxy::Worker::divert(ProxyConnection& connection) {
  connection.filter = make_filter_();
  connection.up.divert([&connection](std::span<const std::byte> record) {
    connection.filter->on_call(record, connection.actions);
  });
  connection.down.divert([&connection](std::span<const std::byte> record) {
    connection.filter->on_reply(record, connection.actions);
  });
}

void Proxy::Worker::take_actions(ProxyConnection& connection) {
  for (ProxyAction& action : std::exchange(connection.actions, {})) {
    if (action.delay > nanoseconds::zero())
      held_.emplace(ProxyClock::now() + action.delay, Held{&connection, std::move(action)});
    else
      act(connection, action);
  }
}

// Does what is due; returns when the next is.
std::optional<ProxyClock::time_point> Proxy::Worker::act_when_due() {
  while (!held_.empty()) {
    auto first = held_.begin();
    if (first->first > ProxyClock::now()) return first->first;
    act(*first->second.connection, first->second.action);
    held_.erase(first);
  }
  return std::nullopt;
}

// What was to be sent before is sent, as far as the sockets take it.
void Proxy::Worker::reset(ProxyConnection& connection) {
  ProxyClock::time_point now = ProxyClock::now();
  (void)connection.up.send_due(connection.server.fd.get(), now);
  (void)connection.down.send_due(connection.client.fd.get(), now);
  linger at_once{1, 0};
  ::setsockopt(connection.client.fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(connection);
}

void Proxy::Worker::act(ProxyConnection& connection, const ProxyAction& action) {
  constexpr std::size_t kBytewiseMost = 2000;
  if (connection.closed || connection.ended) return;
  switch (action.kind) {
    case ProxyAction::Kind::kToServer: return connection.up.push(action.bytes);
    case ProxyAction::Kind::kToClient: return connection.down.push(action.bytes);
    case ProxyAction::Kind::kBytewise: return connection.down.push(action.bytes, kBytewiseMost);
    case ProxyAction::Kind::kReset: return reset(connection);
    case ProxyAction::Kind::kEnd:
      connection.ended = true;
      connection.up.end();
      return connection.down.end();
  }
}

void Proxy::Worker::close(ProxyConnection& connection) {
  if (connection.closed) return;
  connection.closed = true;
  // A child that is being started holds the sockets open for a moment: closing alone would leave
  // them registered.
  for (Endpoint* endpoint : {&connection.client, &connection.server}) {
    set_interest(*endpoint, false, false);
    endpoint->fd.reset();
  }
  open_connections.fetch_sub(1, std::memory_order_relaxed);
}

void Proxy::Worker::remove_closed() {
  std::erase_if(held_, [](const auto& held) { return held.second.connection->closed; });
  std::erase_if(connections_, [](const auto& connection) { return connection->closed; });
}

void Proxy::Worker::set_accepting(bool accepting) {
  if (accepting == accepting_) return;
  accepting_ = accepting;
  if (accepting) {
    check(listen_on(listener_).has_value(), "proxy: listen");
    watch(listener_.get(), EPOLLIN, &listener_);
    return;
  }
  listener_.reset();  // resets what waits to be accepted, too
  auto reserved = reserve_port(port);
  check(reserved.has_value(), "proxy: the port was taken");
  listener_ = *std::move(reserved);
}

// Does what another thread has asked for; false to end.
bool Proxy::Worker::serve_request() {
  std::unique_lock lock(mutex_);
  Request request = std::exchange(request_, Request::kNone);
  if (request == Request::kNone) return true;
  if (request == Request::kDrop || request == Request::kEnd) {
    for (auto& connection : connections_) close(*connection);
    remove_closed();
  } else if (request == Request::kGoDeaf) {
    for (auto& connection : connections_) test::go_deaf(connection->client.fd.get());
  } else {
    set_accepting(request == Request::kAccept);
  }
  done_.notify_all();
  return request != Request::kEnd;
}

void Proxy::Worker::ask(Request request) {
  std::lock_guard one_at_a_time(asking_);
  std::unique_lock lock(mutex_);
  request_ = request;
  std::uint64_t one = 1;
  check(::write(wake_.get(), &one, sizeof one) == sizeof one, "proxy: eventfd");
  done_.wait(lock, [this] { return request_ == Request::kNone; });
}

std::vector<std::byte> framed(std::span<const std::byte> record) {
  auto mark = 0x8000'0000u | static_cast<std::uint32_t>(record.size());
  std::vector<std::byte> out;
  out.reserve(record.size() + 4);
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(mark >> shift));
  out.insert(out.end(), record.begin(), record.end());
  return out;
}

Proxy::Proxy(std::unique_ptr<Worker> worker)
    : worker_(std::move(worker)), thread_([this] { worker_->run(); }) {}

Proxy::~Proxy() {
  worker_->ask(Worker::Request::kEnd);
  thread_.join();
}

Result<std::unique_ptr<Proxy>> Proxy::start(const ProxyOptions& options) {
  auto worker = std::make_unique<Worker>(options);
  Status opened = worker->open(options.listen_port);
  if (!opened) return std::move(opened).error();
  return std::unique_ptr<Proxy>(new Proxy(std::move(worker)));
}

std::uint16_t Proxy::port() const { return worker_->port; }

ProxyCounters Proxy::counters() const {
  ProxyCounters out;
  std::uint64_t callback_replies = worker_->up.replies;
  out.requests = worker_->up.records - callback_replies;
  out.operations = worker_->up.operations;
  out.replies = worker_->down.replies;
  out.bytes_to_server = worker_->up.bytes;
  out.bytes_to_client = worker_->down.bytes;
  out.connections = worker_->accepted;
  out.open_connections = worker_->open_connections;
  return out;
}

void Proxy::reset_counters() {
  for (FlowCounters* counters : {&worker_->up, &worker_->down}) {
    counters->bytes = 0;
    counters->records = 0;
    counters->replies = 0;
    counters->operations = 0;
  }
  worker_->accepted = 0;
}

void Proxy::set_delay(nanoseconds to_server, nanoseconds to_client) {
  worker_->delay_up_ns = to_server.count();
  worker_->delay_down_ns = to_client.count();
}

void Proxy::drop_connections() { worker_->ask(Worker::Request::kDrop); }

void Proxy::go_deaf() { worker_->ask(Worker::Request::kGoDeaf); }

void Proxy::stop_accepting(bool stop) {
  worker_->ask(stop ? Worker::Request::kRefuse : Worker::Request::kAccept);
}

}  // namespace nfsferry::test

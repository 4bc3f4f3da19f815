// A TCP proxy between an NFS client and a server on 127.0.0.1, in a thread of its own: counts,
// delays, cuts connections. Built on plain epoll, so that what it finds out about our event loop
// does not depend on our event loop. Does not limit bandwidth: bytes wait their time in a queue.
// The TCP handshake itself is not delayed.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>

#include "base/result.hpp"
#include "proxy_filter.hpp"

namespace nfsferry::test {

struct ProxyOptions {
  std::uint16_t server_port = 0;  // where to forward to
  std::uint16_t listen_port = 0;  // 0: a free one
  std::chrono::nanoseconds delay_to_server{0};
  std::chrono::nanoseconds delay_to_client{0};
  MakeFilter make_filter;  // none: bytes pass as they are
};

// Exact once the bytes have been forwarded: what a client has had its reply to is counted.
struct ProxyCounters {
  std::uint64_t requests = 0;         // records client to server, replies to callbacks left out
  std::uint64_t operations = 0;       // of the NFSv4 COMPOUNDs among them
  std::uint64_t replies = 0;          // records server to client
  std::uint64_t bytes_to_server = 0;  // received from clients
  std::uint64_t bytes_to_client = 0;  // received from the server
  std::uint64_t connections = 0;      // accepted so far
  std::uint64_t open_connections = 0;
};

// Every function may be called from any thread.
class Proxy {
 public:
  // A direction that holds this much unsent stops reading, which bounds its memory to twice that.
  static constexpr std::size_t kQueueMax = std::size_t{64} << 20;

  // Listens on 127.0.0.1. Errors: errno of what failed.
  static Result<std::unique_ptr<Proxy>> start(const ProxyOptions& options);
  ~Proxy();  // closes everything
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  std::uint16_t port() const;
  ProxyCounters counters() const;
  void reset_counters();  // open_connections stays

  // For bytes received from now on. Half a round trip each makes a round trip.
  void set_delay(std::chrono::nanoseconds to_server, std::chrono::nanoseconds to_client);
  // Closes all connections on both sides; what was on its way is lost. Done on return.
  void drop_connections();
  // What clients send by the connections that stand gets nowhere from now on, as on a dead path;
  // new ones are served. Done on return.
  void go_deaf();
  // With true, new connections are refused (ECONNREFUSED) while the port stays ours; those that
  // stand go on. Done on return.
  void stop_accepting(bool stop);

 private:
  class Worker;
  explicit Proxy(std::unique_ptr<Worker> worker);

  std::unique_ptr<Worker> worker_;
  std::thread thread_;
};

}  // namespace nfsferry::test

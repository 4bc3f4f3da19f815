#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/unique_fd.hpp"
#include "byte_ring.hpp"
#include "proxy_filter.hpp"
#include "record_reader.hpp"

namespace nfsferry::test {

using ProxyClock = std::chrono::steady_clock;

// What the proxy's thread counts of one direction, and other threads read.
struct FlowCounters {
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> records{0};
  std::atomic<std::uint64_t> replies{0};     // among the records
  std::atomic<std::uint64_t> operations{0};  // of COMPOUNDs
};

// One direction of a connection: what came in waits until it is due, then goes out in order.
class Flow {
 public:
  Flow(FlowCounters& counters, const std::atomic<std::int64_t>& delay_ns)
      : counters_(counters), delay_ns_(delay_ns) {}

  enum class Outcome : std::uint8_t { kFine, kBroken };

  // Whole records go there from now on, instead of to the other side.
  using OnRecord = std::function<void(std::span<const std::byte>)>;
  void divert(OnRecord on_record) {
    on_record_ = std::move(on_record);
    records_ = RecordReader(RecordReader::kWhole);
  }
  // Sends these bytes as if they had been received; the first `bytewise` each on its own.
  void push(std::span<const std::byte> bytes, std::size_t bytewise = 0);
  // Sends the end of the stream after what is there.
  void end() { end_due_ = due(); }

  // Receives once. kBroken: the connection has failed.
  Outcome receive(int fd);
  // Sends what is due, and the end of the stream after the last byte.
  Outcome send_due(int fd, ProxyClock::time_point now);

  bool wants_input() const;
  bool wants_output() const { return blocked_; }  // the socket took less than was due
  bool finished() const { return shut_; }
  // When the next byte is due that is not yet; nothing while blocked.
  std::optional<ProxyClock::time_point> next_due() const;

 private:
  static constexpr std::size_t kFirstCapacity = std::size_t{1} << 20;
  static constexpr std::size_t kReceiveMin = std::size_t{64} << 10;  // room that is worth a call

  // The end of a stretch of bytes that came together.
  struct Mark {
    std::size_t bytes;
    ProxyClock::time_point due;
  };

  void count(const ByteRing::Pieces& pieces, std::size_t received);
  std::size_t queue_max() const;
  ProxyClock::time_point due() const;
  void queue(std::size_t bytes);

  FlowCounters& counters_;
  const std::atomic<std::int64_t>& delay_ns_;
  ByteRing ring_{kFirstCapacity};
  std::deque<Mark> marks_;                         // of bytes that are not due yet
  std::size_t due_bytes_ = 0;                      // at the front of the ring
  std::optional<ProxyClock::time_point> end_due_;  // the stream has ended; when to pass it on
  std::size_t bytewise_ = 0;                       // bytes from the front that go out one by one
  bool blocked_ = false;
  bool shut_ = false;
  RecordReader records_;
  OnRecord on_record_;
};

struct ProxyConnection;

// One of the two sockets, as epoll knows it.
struct Endpoint {
  ProxyConnection* connection;
  UniqueFd fd;
  std::uint32_t interest = 0;  // as registered; 0: not registered
};

struct ProxyConnection {
  ProxyConnection(UniqueFd client_fd, UniqueFd server_fd, Flow up_flow, Flow down_flow)
      : client{this, std::move(client_fd)},
        server{this, std::move(server_fd)},
        up(std::move(up_flow)),
        down(std::move(down_flow)) {}

  Endpoint client;
  Endpoint server;
  Flow up;    // client to server
  Flow down;  // server to client
  std::unique_ptr<ProxyFilter> filter;
  ProxyActions actions;  // of the filter, not done yet
  bool ended = false;    // by the filter: nothing more is passed on
  bool connecting = true;
  bool closed = false;
};

}  // namespace nfsferry::test

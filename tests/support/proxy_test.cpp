#include "proxy.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"
#include "record_reader.hpp"

namespace nfsferry::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A blocking socket whose every wait ends after 20 s.
UniqueFd bounded(int fd) {
  timeval limit{20, 0};
  int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return UniqueFd(fd);
}

// Without a descriptor when the connection is refused.
UniqueFd connect_to(std::uint16_t port) {
  UniqueFd fd = bounded(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(port);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

bool send_all(const UniqueFd& fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// Up to `count` bytes, fewer at the end of the stream or on an error.
std::string receive(const UniqueFd& fd, std::size_t count) {
  std::string out(count, '\0');
  std::size_t have = 0;
  while (have < count) {
    ssize_t got = ::recv(fd.get(), out.data() + have, count - have, 0);
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  out.resize(have);
  return out;
}

std::string word(std::uint32_t value) {
  std::uint32_t wire = htonl(value);
  std::string out(4, '\0');
  std::memcpy(out.data(), &wire, 4);
  return out;
}

std::string fragment(std::string_view payload, bool last) {
  auto size = static_cast<std::uint32_t>(payload.size());
  return word(size | (last ? 0x8000'0000u : 0u)) + std::string(payload);
}

// An NFSv4 COMPOUND call of so many operations, credential AUTH_SYS, tag "tag".
std::string compound_call(std::uint32_t operations) {
  std::string credential = word(0) + word(0) + word(0) + word(0) + word(0);
  return word(7) + word(0) + word(2) + word(100003) + word(4) + word(1) + word(1) +
         word(static_cast<std::uint32_t>(credential.size())) + credential + word(0) + word(0) +
         word(3) + std::string("tag\0", 4) + word(1) + word(operations);
}

class ProxyTest : public testing::Test {
 protected:
  void SetUp() override {
    listener_ = bounded(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(::bind(listener_.get(), generic, length), 0);
    ASSERT_EQ(::listen(listener_.get(), 16), 0);
    ASSERT_EQ(::getsockname(listener_.get(), generic, &length), 0);
    ProxyOptions options;
    options.server_port = ntohs(address.sin_port);
    auto proxy = Proxy::start(options);
    ASSERT_TRUE(proxy.has_value()) << proxy.error().message();
    proxy_ = *std::move(proxy);
  }

  struct Pair {
    UniqueFd client, server;
  };
  Pair connect_through() {
    Pair pair;
    pair.client = connect_to(proxy_->port());
    pair.server = bounded(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_TRUE(pair.client && pair.server);
    return pair;
  }

  UniqueFd listener_;
  std::unique_ptr<Proxy> proxy_;
};

TEST_F(ProxyTest, CountsRecordsThatArriveInPiecesOfOneByte) {
  Pair pair = connect_through();
  std::string stream = fragment("", true) + fragment("abc", false) + fragment("", false) +
                       fragment("defg", true) + fragment(compound_call(56), true);
  for (char byte : stream) {
    ASSERT_TRUE(send_all(pair.client, std::string_view(&byte, 1)));
    EXPECT_EQ(receive(pair.server, 1), std::string(1, byte));
  }
  ProxyCounters counters = proxy_->counters();
  EXPECT_EQ(counters.requests, 3u);
  EXPECT_EQ(counters.operations, 56u);
  EXPECT_EQ(counters.bytes_to_server, stream.size());
  EXPECT_EQ(counters.connections, 1u);
  EXPECT_EQ(counters.open_connections, 1u);
}

TEST_F(ProxyTest, CountsManyRecordsThatArriveAtOnce) {
  Pair pair = connect_through();
  std::string stream;
  for (int i = 0; i < 1000; ++i) {
    stream += fragment(std::string(static_cast<std::size_t>(i % 97), 'x'), true);
  }
  std::thread sender([&] { send_all(pair.client, stream); });
  EXPECT_EQ(receive(pair.server, stream.size()), stream);
  sender.join();
  EXPECT_EQ(proxy_->counters().requests, 1000u);
}

TEST_F(ProxyTest, TellsRepliesToCallbacksFromRequests) {
  Pair pair = connect_through();
  std::string reply = fragment(word(9) + word(1) + word(0), true);
  ASSERT_TRUE(send_all(pair.client, reply));
  EXPECT_EQ(receive(pair.server, reply.size()), reply);
  ASSERT_TRUE(send_all(pair.server, reply));
  EXPECT_EQ(receive(pair.client, reply.size()), reply);
  EXPECT_EQ(proxy_->counters().requests, 0u);
  EXPECT_EQ(proxy_->counters().replies, 1u);
}

TEST_F(ProxyTest, DelaysEachDirectionByItsOwnTimeAndKeepsTheOrder) {
  proxy_->set_delay(30ms, 60ms);
  Pair pair = connect_through();
  auto start = Clock::now();
  std::string sent;
  for (int i = 0; i < 20; ++i) {
    std::string piece = std::to_string(i) + ",";
    sent += piece;
    ASSERT_TRUE(send_all(pair.client, piece));
    std::this_thread::sleep_for(500us);
  }
  EXPECT_EQ(receive(pair.server, 1), "0");
  EXPECT_GE(Clock::now() - start, 30ms);
  EXPECT_EQ("0" + receive(pair.server, sent.size() - 1), sent);
  start = Clock::now();
  ASSERT_TRUE(send_all(pair.server, "reply"));
  EXPECT_EQ(receive(pair.client, 5), "reply");
  EXPECT_GE(Clock::now() - start, 60ms);
}

TEST_F(ProxyTest, AddsNextToNothingToTheDelayAskedFor) {
  proxy_->set_delay(1500us, 1500us);
  Pair pair = connect_through();
  std::vector<Clock::duration> trips;
  for (int i = 0; i < 100; ++i) {
    auto start = Clock::now();
    ASSERT_TRUE(send_all(pair.client, "?"));
    ASSERT_EQ(receive(pair.server, 1), "?");
    ASSERT_TRUE(send_all(pair.server, "!"));
    ASSERT_EQ(receive(pair.client, 1), "!");
    trips.push_back(Clock::now() - start);
  }
  std::sort(trips.begin(), trips.end());
  EXPECT_GE(trips.front(), 3ms);
  EXPECT_LT(trips[trips.size() / 2], 6ms);  // generous: the machine may be busy
  RecordProperty(
      "median_round_trip_us",
      static_cast<int>(
          std::chrono::duration_cast<std::chrono::microseconds>(trips[trips.size() / 2]).count()));
}

// Told by bytes, since time on a busy machine tells nothing: all of it is under way together.
TEST_F(ProxyTest, TakesManyMegabytesLongBeforeTheFirstByteIsDue) {
  proxy_->set_delay(60s, 0s);
  Pair pair = connect_through();
  std::string bytes(32u << 20, 'x');
  ASSERT_TRUE(send_all(pair.client, bytes));
  auto deadline = Clock::now() + 20s;
  while (proxy_->counters().bytes_to_server < bytes.size() && Clock::now() < deadline) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(proxy_->counters().bytes_to_server, bytes.size());
  pollfd arrived{pair.server.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&arrived, 1, 0), 0);
}

TEST_F(ProxyTest, HoldsNoMoreThanItsLimit) {
  proxy_->set_delay(60s, 0s);
  Pair pair = connect_through();
  timeval soon{0, 300'000};
  ::setsockopt(pair.client.get(), SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
  std::string bytes(1u << 20, 'x');
  std::uint64_t least = Proxy::kQueueMax - (Proxy::kQueueMax >> 4);
  std::size_t taken = 0;
  auto deadline = Clock::now() + 30s;
  while (taken < 2 * Proxy::kQueueMax && Clock::now() < deadline) {
    bool sent = send_all(pair.client, bytes);
    if (sent) taken += bytes.size();
    bool full = !sent && proxy_->counters().bytes_to_server >= least;
    if (full) break;
  }
  EXPECT_LE(proxy_->counters().bytes_to_server, Proxy::kQueueMax);
  EXPECT_GE(proxy_->counters().bytes_to_server, least);
}

TEST_F(ProxyTest, CarriesEveryByteBothWaysWhileTheQueuesFill) {
  for (auto delay : {0us, 700us}) {
    proxy_->set_delay(delay, delay);
    Pair pair = connect_through();
    std::string bytes(24u << 20, '\0');
    std::uint32_t state = 1;
    for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    std::thread up([&] { send_all(pair.client, bytes); });
    std::thread down([&] { send_all(pair.server, bytes); });
    std::string at_client;
    std::thread reader([&] { at_client = receive(pair.client, bytes.size()); });
    std::this_thread::sleep_for(100ms);  // the server reads late
    EXPECT_TRUE(receive(pair.server, bytes.size()) == bytes);
    up.join();
    down.join();
    reader.join();
    EXPECT_TRUE(at_client == bytes);
  }
}

TEST_F(ProxyTest, PassesTheEndOfAStreamOnAfterItsLastByte) {
  proxy_->set_delay(5ms, 5ms);
  Pair pair = connect_through();
  ASSERT_TRUE(send_all(pair.client, "last words"));
  ::shutdown(pair.client.get(), SHUT_WR);
  EXPECT_EQ(receive(pair.server, 100), "last words");
  ASSERT_TRUE(send_all(pair.server, "answer"));
  pair.server.reset();
  EXPECT_EQ(receive(pair.client, 100), "answer");
  auto deadline = Clock::now() + 10s;
  while (proxy_->counters().open_connections > 0 && Clock::now() < deadline) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(proxy_->counters().open_connections, 0u);
}

TEST_F(ProxyTest, DropsAllConnectionsAtOnceAndTakesNewOnes) {
  Pair one = connect_through();
  Pair two = connect_through();
  proxy_->drop_connections();
  EXPECT_EQ(proxy_->counters().open_connections, 0u);
  for (const UniqueFd* fd : {&one.client, &one.server, &two.client, &two.server}) {
    EXPECT_EQ(receive(*fd, 1), "");
  }
  Pair again = connect_through();
  ASSERT_TRUE(send_all(again.client, "x"));
  EXPECT_EQ(receive(again.server, 1), "x");
  EXPECT_EQ(proxy_->counters().connections, 3u);
}

TEST_F(ProxyTest, RefusesNewConnectionsWhileAskedToAndKeepsTheOldOnes) {
  Pair pair = connect_through();
  for (int round = 0; round < 3; ++round) {
    proxy_->stop_accepting(true);
    proxy_->stop_accepting(true);
    EXPECT_FALSE(connect_to(proxy_->port()));
    EXPECT_EQ(errno, ECONNREFUSED);
    ASSERT_TRUE(send_all(pair.client, "x"));
    EXPECT_EQ(receive(pair.server, 1), "x");
    proxy_->stop_accepting(false);
    Pair later = connect_through();
    ASSERT_TRUE(send_all(later.client, "y"));
    EXPECT_EQ(receive(later.server, 1), "y");
  }
}

TEST_F(ProxyTest, EndsAClientsConnectionWhenTheServerRefuses) {
  listener_.reset();
  UniqueFd client = connect_to(proxy_->port());
  ASSERT_TRUE(client);
  EXPECT_EQ(receive(client, 1), "");
}

TEST_F(ProxyTest, StartsItsCountersOver) {
  Pair pair = connect_through();
  ASSERT_TRUE(send_all(pair.client, fragment("abc", true)));
  EXPECT_EQ(receive(pair.server, 7).size(), 7u);
  proxy_->reset_counters();
  ProxyCounters counters = proxy_->counters();
  EXPECT_EQ(counters.requests, 0u);
  EXPECT_EQ(counters.bytes_to_server, 0u);
  EXPECT_EQ(counters.connections, 0u);
  EXPECT_EQ(counters.open_connections, 1u);
}

TEST_F(ProxyTest, EndsWithConnectionsOpen) {
  Pair pair = connect_through();
  ASSERT_TRUE(send_all(pair.client, "x"));
  proxy_.reset();
  receive(pair.server, 10);
  EXPECT_EQ(receive(pair.client, 1), "");
}

TEST(RpcHead, OfAnythingButACompoundCallHasNoOperations) {
  auto operations = [](std::string_view bytes) {
    return read_rpc_head(std::as_bytes(std::span(bytes.data(), bytes.size()))).operations;
  };
  std::string call = compound_call(12);
  EXPECT_EQ(operations(call), 12u);
  for (std::size_t length = 0; length < call.size(); ++length) {
    EXPECT_EQ(operations(std::string_view(call).substr(0, length)), 0u) << length;
  }
  std::string null_call = call;
  null_call[23] = 0;  // the procedure
  EXPECT_EQ(operations(null_call), 0u);
  std::string huge_credential = call;
  huge_credential.replace(28, 4, "\xff\xff\xff\xff");
  EXPECT_EQ(operations(huge_credential), 0u);
}

}  // namespace
}  // namespace nfsferry::test

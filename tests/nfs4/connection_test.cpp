#include "nfs4/connection.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <array>
#include <chrono>
#include <future>
#include <string>
#include <thread>

#include "fake_server.hpp"
#include "wire.hpp"

namespace nfsferry::nfs4 {
namespace {

using namespace test;

constexpr std::size_t kRecordMost = 1 << 20;
constexpr std::uint64_t kConnectMs = 5000;

// A record in fragments of these sizes; the last one takes the rest.
std::string record(std::uint32_t xid, const std::string& body,
                   const std::vector<std::size_t>& fragments = {}) {
  std::string bytes = Wire().u32(xid).raw(body).bytes();
  std::string out;
  std::size_t at = 0;
  for (std::size_t size : fragments) {
    out += Wire().u32(static_cast<std::uint32_t>(size)).bytes() + bytes.substr(at, size);
    at += size;
  }
  std::uint32_t rest = static_cast<std::uint32_t>(bytes.size() - at);
  return out + Wire().u32(0x80000000u | rest).bytes() + bytes.substr(at);
}

std::vector<Address> address_of(std::uint16_t port) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(port);
  Address address;
  std::memcpy(&address.storage, &name, sizeof name);
  address.length = sizeof name;
  return {address};
}

// One call with a text as its body; gives the reply's body.
Task<Result<std::string>> call(Connection& connection, std::uint32_t xid, std::string body) {
  std::string bytes = record(xid, body);
  std::vector<iovec> pieces{iovec{bytes.data(), bytes.size()}};
  auto reply = co_await connection.call(xid, std::move(pieces));
  if (!reply) co_return std::move(reply).error();
  co_return std::string(text_of(reply->bytes));
}

Task<void> store(Task<Result<std::string>> task, std::optional<Result<std::string>>& result,
                 std::vector<std::string>* order = nullptr) {
  auto got = co_await task;
  if (order != nullptr && got) order->push_back(*got);
  result = std::move(got);
}

class ConnectionTest : public ::testing::TestWithParam<EngineChoice> {
 protected:
  void SetUp() override {
    auto loop = Loop::create(GetParam());
    if (!loop) GTEST_SKIP() << "this machine gives no io_uring: " << loop.error().message();
    loop_ = *std::move(loop);
  }

  // Connects, lets `body` work, ends the connection.
  template <typename Body>
  void with_connection(const FakeServer& server, Body body, std::size_t record_most = kRecordMost) {
    loop_->run(session(server.port(), record_most, body));
  }

  template <typename Body>
  Task<void> session(std::uint16_t port, std::size_t record_most, Body& body) {
    Connection connection(*loop_, record_most);
    std::vector<Address> addresses = address_of(port);
    Status connected = co_await connection.connect(addresses, kConnectMs);
    EXPECT_TRUE(connected) << connected.error().message();
    if (connected) co_await body(connection);
    connection.abort(own_error(Own::kCancelled, "test"));
    co_await connection.join();
  }

  // A single call on a connection of its own.
  Result<std::string> call_once(const FakeServer& server, std::size_t record_most = kRecordMost) {
    Result<std::string> result = own_error(Own::kCancelled, "not called");
    auto body = [&result](Connection& connection) -> Task<void> {
      result = co_await call(connection, 7, "request");
    };
    with_connection(server, body, record_most);
    return result;
  }

  std::unique_ptr<Loop> loop_;
};

INSTANTIATE_TEST_SUITE_P(Engine, ConnectionTest,
                         ::testing::Values(EngineChoice::kIoUring, EngineChoice::kEpoll),
                         [](const auto& one) {
                           return one.param == EngineChoice::kIoUring ? "io_uring" : "epoll";
                         });

FakeServer::Script answer_with(std::string bytes) {
  return [bytes](const FakeCall&) {
    FakeAnswer answer;
    answer.raw = bytes;
    return answer;
  };
}

TEST_P(ConnectionTest, SendsARecordAndGivesItsReplyWithoutTheXid) {
  FakeServer server(answer_with(record(7, "reply")));
  auto reply = call_once(server);
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(*reply, "reply");
  ASSERT_EQ(server.calls().size(), 1u);
  EXPECT_EQ(server.calls()[0].record, Wire().u32(7).raw("request").bytes());
}

TEST_P(ConnectionTest, PutsFragmentsTogether) {
  std::string body(100'000, 'x');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 + i / 251);
  for (const std::vector<std::size_t>& fragments : {std::vector<std::size_t>{},
                                                    {1},
                                                    {4},
                                                    {0, 2, 0, 1},
                                                    {50'000},
                                                    {16'384, 16'380, 4, 60'000}}) {
    FakeServer server(answer_with(record(7, body, fragments)));
    auto reply = call_once(server);
    ASSERT_TRUE(reply) << reply.error().message();
    EXPECT_TRUE(*reply == body) << fragments.size() << " fragments before the last";
  }
}

TEST_P(ConnectionTest, EndsOnARecordLargerThanAgreed) {
  FakeServer fits(answer_with(record(7, std::string(996, 'x'))));
  EXPECT_TRUE(call_once(fits, 1000));
  FakeServer larger(answer_with(record(7, std::string(997, 'x'))));
  auto reply = call_once(larger, 1000);
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is(Own::kConnectionLost));
  EXPECT_NE(reply.error().message().find("larger than agreed"), std::string::npos);
  FakeServer in_pieces(answer_with(record(7, std::string(997, 'x'), {500, 400})));
  EXPECT_FALSE(call_once(in_pieces, 1000));
}

TEST_P(ConnectionTest, EndsOnALengthThatNobodyCouldMean) {
  FakeServer server(answer_with(hex("ffffffff 00000007")));
  EXPECT_FALSE(call_once(server));
  FakeServer first_fragment(answer_with(hex("7fffffff 00000007")));
  EXPECT_FALSE(call_once(first_fragment));
}

TEST_P(ConnectionTest, EndsOnFragmentsWithoutEnd) {
  std::string empty_fragments;
  for (int i = 0; i < 100; ++i) empty_fragments += hex("00000000");
  FakeServer server(answer_with(empty_fragments));
  EXPECT_FALSE(call_once(server));
}

TEST_P(ConnectionTest, EndsOnARecordTooShortForAnXid) {
  FakeServer server(answer_with(hex("80000003 000007")));
  auto reply = call_once(server);
  ASSERT_FALSE(reply);
  EXPECT_NE(reply.error().message().find("without an xid"), std::string::npos);
}

TEST_P(ConnectionTest, IgnoresAReplyToNoRequestOfOurs) {
  FakeServer server(answer_with(record(99, "stranger") + record(7, "ours")));
  auto reply = call_once(server);
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(*reply, "ours");
}

TEST_P(ConnectionTest, GivesRepliesThatComeOutOfOrderToTheirCalls) {
  FakeServer server([](const FakeCall& asked) {
    FakeAnswer answer;
    answer.raw = record(asked.xid, "reply " + std::to_string(asked.xid));
    answer.hold = asked.xid < 3;  // 1 and 2 come behind 3
    return answer;
  });
  std::optional<Result<std::string>> replies[3];
  std::vector<std::string> order;
  auto body = [&](Connection& connection) -> Task<void> {
    TaskGroup group;
    for (std::uint32_t xid = 1; xid <= 3; ++xid) {
      group.spawn(store(call(connection, xid, "request"), replies[xid - 1], &order));
    }
    co_await group.join();
  };
  with_connection(server, body);
  for (std::uint32_t xid = 1; xid <= 3; ++xid) {
    ASSERT_TRUE(replies[xid - 1] && *replies[xid - 1]);
    EXPECT_EQ(**replies[xid - 1], "reply " + std::to_string(xid));
  }
  EXPECT_EQ(order, (std::vector<std::string>{"reply 3", "reply 1", "reply 2"}));
}

TEST_P(ConnectionTest, FailsEveryCallWhenTheServerCloses) {
  FakeServer server([](const FakeCall& asked) {
    FakeAnswer answer;
    answer.silent = asked.xid == 1;
    answer.close = asked.xid == 2;
    return answer;
  });
  std::optional<Result<std::string>> replies[2];
  Result<std::string> later = std::string();
  bool still_connected = true;
  auto body = [&](Connection& connection) -> Task<void> {
    TaskGroup group;
    group.spawn(store(call(connection, 1, "request"), replies[0]));
    group.spawn(store(call(connection, 2, "request"), replies[1]));
    co_await group.join();
    still_connected = connection.connected();
    later = co_await call(connection, 3, "request");
  };
  with_connection(server, body);
  for (auto& reply : replies) {
    ASSERT_TRUE(reply && !*reply);
    EXPECT_TRUE(reply->error().is(Own::kConnectionLost));
  }
  EXPECT_FALSE(still_connected);
  ASSERT_FALSE(later);
  EXPECT_TRUE(later.error().is(Own::kConnectionLost));
}

TEST_P(ConnectionTest, AbortedTellsEveryCallWhy) {
  FakeServer server([](const FakeCall&) {
    FakeAnswer answer;
    answer.silent = true;
    return answer;
  });
  std::optional<Result<std::string>> reply;
  auto body = [&](Connection& connection) -> Task<void> {
    TaskGroup group;
    group.spawn(store(call(connection, 1, "request"), reply));
    (void)co_await loop_->sleep_for(std::chrono::milliseconds(20));
    EXPECT_TRUE(connection.oldest_pending());
    connection.abort(own_error(Own::kTimeout, "wait", "no patience left"));
    co_await group.join();
    EXPECT_FALSE(connection.oldest_pending());
  };
  with_connection(server, body);
  ASSERT_TRUE(reply && !*reply);
  EXPECT_NE(reply->error().message().find("no patience left"), std::string::npos);
}

TEST_P(ConnectionTest, CarriesALargeRequestInManyPieces) {
  FakeServer server([](const FakeCall& asked) {
    FakeAnswer answer;
    answer.raw = record(asked.xid, std::to_string(asked.record.size()));
    return answer;
  });
  std::string bytes = record(7, std::string(3'000'000, 'p'));
  std::string reply;
  auto body = [&](Connection& connection) -> Task<void> {
    std::vector<iovec> pieces;
    for (std::size_t at = 0; at < bytes.size(); at += 1000) {
      pieces.push_back(iovec{bytes.data() + at, std::min<std::size_t>(1000, bytes.size() - at)});
    }
    auto got = co_await connection.call(7, std::move(pieces));
    if (got) reply = std::string(text_of(got->bytes));
  };
  with_connection(server, body);
  EXPECT_EQ(reply, "3000004");
  ASSERT_EQ(server.calls().size(), 1u);
  EXPECT_TRUE(server.calls()[0].record == bytes.substr(4));
}

TEST_P(ConnectionTest, ConnectTellsThatNobodyListens) {
  std::uint16_t port = 0;
  {
    FakeServer gone;
    port = gone.port();
  }
  auto connect = [this](std::vector<Address> addresses) -> Task<Status> {
    Connection connection(*loop_, kRecordMost);
    co_return co_await connection.connect(addresses, kConnectMs);
  };
  Status status = loop_->run(connect(address_of(port)));
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().is_errno(ECONNREFUSED)) << status.error().message();
}

TEST_P(ConnectionTest, ConnectTriesTheAddressesInOrder) {
  FakeServer server(answer_with(record(7, "reply")));
  std::uint16_t port = 0;
  {
    FakeServer gone;
    port = gone.port();
  }
  auto connect = [&](std::vector<Address> addresses) -> Task<Result<std::string>> {
    Connection connection(*loop_, kRecordMost);
    NFSFERRY_TRY(Ok connected, co_await connection.connect(addresses, kConnectMs), co_return);
    auto reply = co_await call(connection, 7, "request");
    connection.abort(own_error(Own::kCancelled, "test"));
    co_await connection.join();
    co_return reply;
  };
  std::vector<Address> addresses{address_of(port)[0], address_of(server.port())[0]};
  auto reply = loop_->run(connect(addresses));
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(*reply, "reply");
}

TEST_P(ConnectionTest, ResolvesNamesAndSaysWhenItCannot) {
  auto local = loop_->run(resolve(*loop_, "127.0.0.1", 2049));
  ASSERT_TRUE(local);
  EXPECT_EQ(local->size(), 1u);
  auto bad = loop_->run(resolve(*loop_, "no-such-host.invalid", 2049));
  ASSERT_FALSE(bad);
  EXPECT_TRUE(bad.error().is(Own::kNameResolution));
  EXPECT_NE(bad.error().message().find("no-such-host.invalid"), std::string::npos);
}

// A port whose queue of connections is full: a connect to it waits.
class FullServer {
 public:
  FullServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* name = reinterpret_cast<sockaddr*>(&address);
    check(::bind(listener_.get(), name, sizeof address) == 0, "bind");
    check(::listen(listener_.get(), 0) == 0, "listen");
    socklen_t length = sizeof address;
    ::getsockname(listener_.get(), name, &length);
    port_ = ntohs(address.sin_port);
    for (UniqueFd& filler : fillers_) {
      filler = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      (void)::connect(filler.get(), name, sizeof address);
    }
  }
  std::uint16_t port() const { return port_; }

 private:
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::array<UniqueFd, 3> fillers_;
};

TEST_P(ConnectionTest, ConnectGivesUpInTime) {
  FullServer server;
  auto connect = [this](std::vector<Address> addresses) -> Task<Status> {
    Connection connection(*loop_, kRecordMost);
    co_return co_await connection.connect(addresses, 50);
  };
  Status status = loop_->run(connect(address_of(server.port())));
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().is(Own::kTimeout)) << status.error().message();
}

TEST_P(ConnectionTest, AbortEndsAConnectUnderWay) {
  FullServer server;
  Status status = ok();
  auto connect = [](Connection& connection, std::vector<Address> addresses,
                    Status& result) -> Task<void> {
    result = co_await connection.connect(addresses, 60'000);
  };
  auto body = [&](std::vector<Address> addresses) -> Task<void> {
    Connection connection(*loop_, kRecordMost);
    TaskGroup group;
    group.spawn(connect(connection, addresses, status));
    (void)co_await loop_->sleep_for(std::chrono::milliseconds(20));
    connection.abort(own_error(Own::kCancelled, "test"));
    co_await group.join();
    EXPECT_FALSE(connection.connected());
  };
  auto started = Clock::now();
  loop_->run(body(address_of(server.port())));
  EXPECT_LT(Clock::now() - started, std::chrono::seconds(5));
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().is(Own::kCancelled)) << status.error().message();
}

// Answers a request of which it has read eight bytes, and reads the rest afterwards.
class HastyServer {
 public:
  HastyServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* name = reinterpret_cast<sockaddr*>(&address);
    check(::bind(listener_.get(), name, sizeof address) == 0, "bind");
    check(::listen(listener_.get(), 1) == 0, "listen");
    socklen_t length = sizeof address;
    ::getsockname(listener_.get(), name, &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~HastyServer() { thread_.join(); }
  std::uint16_t port() const { return port_; }
  // All that was received, once the client has closed.
  std::string received() { return received_.get_future().get(); }

 private:
  void serve() {
    UniqueFd fd(::accept(listener_.get(), nullptr, nullptr));
    std::string bytes(8, '\0');
    check(::recv(fd.get(), bytes.data(), 8, MSG_WAITALL) == 8, "recv");
    std::string reply = record(7, "already");
    check(::send(fd.get(), reply.data(), reply.size(), MSG_NOSIGNAL) > 0, "send");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    char chunk[65536];
    for (ssize_t size = 0; (size = ::recv(fd.get(), chunk, sizeof chunk, 0)) > 0;) {
      bytes.append(chunk, static_cast<std::size_t>(size));
    }
    received_.set_value(std::move(bytes));
  }

  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::promise<std::string> received_;
  std::thread thread_;
};

TEST_P(ConnectionTest, KeepsTheRequestUntilItWasSentEvenWhenTheReplyComesFirst) {
  HastyServer server;
  std::string bytes = record(7, std::string(16 << 20, 'p'));
  auto body = [&](Connection& connection) -> Task<void> {
    std::string own = bytes;
    std::vector<iovec> pieces{iovec{own.data(), own.size()}};
    auto reply = co_await connection.call(7, std::move(pieces));
    EXPECT_TRUE(reply && text_of(reply->bytes) == "already");
    std::fill(own.begin(), own.end(), 'X');  // the caller's to use again
    (void)co_await loop_->sleep_for(std::chrono::milliseconds(300));
  };
  loop_->run(session(server.port(), kRecordMost, body));
  EXPECT_TRUE(server.received() == bytes);
}

}  // namespace
}  // namespace nfsferry::nfs4

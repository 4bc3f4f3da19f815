// A session on several connections: how they come to be, what they carry, how one is lost.
#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <set>

#include "proxy.hpp"
#include "session_fixture.hpp"

namespace nfsferry::test {
namespace {

using std::chrono::milliseconds;
using Names = std::vector<std::string>;

FakeAnswer silent() {
  FakeAnswer answer;
  answer.silent = true;
  return answer;
}
FakeAnswer refused(Nfsstat4 status) {
  FakeAnswer answer;
  answer.sequence_status = code_of(status);
  return answer;
}
// The first `times` plain requests lose their connections and are not executed.
FakeServer::Script lose_first(unsigned times) {
  return [times, seen = 0u](const FakeCall& call) mutable {
    return call.is_plain() && seen++ < times ? lost(false) : FakeAnswer{};
  };
}

class ConnectionsTest : public SessionTest {
 protected:
  static constexpr std::uint32_t kWanted = 3;

  template <typename Body>
  void run_with(ClientOptions wanted, Body body, std::uint32_t connections = kWanted) {
    wanted.connections = connections;
    loop_->run(open_and_close(std::move(wanted), body));
  }
  // Waits until it is so, or much too long.
  template <typename Condition>
  Task<void> until(Condition& condition) {
    auto deadline = Clock::now() + milliseconds(kTestTimeoutMs);
    while (!condition() && Clock::now() < deadline) {
      (void)co_await loop_->sleep_for(milliseconds(5));
    }
  }
  Task<void> until_described(Session& session, std::string text) {
    auto described = [&] { return session.describe().find(text) != std::string::npos; };
    co_await until(described);
    EXPECT_NE(session.describe().find(text), std::string::npos) << session.describe();
  }
  // So many requests at the same time, each of one name; the errors.
  Task<Names> remove_at_once(Session& session, std::size_t count) {
    std::vector<Status> results(count, ok());
    TaskGroup group;
    for (std::size_t i = 0; i < count; ++i) {
      group.spawn(store_status(remove(session, std::to_string(i), Repeat::kOnce), results[i]));
    }
    co_await group.join();
    Names errors;
    for (const Status& result : results) {
      if (!result) errors.push_back(result.error().message());
    }
    co_return errors;
  }
};

TEST_F(ConnectionsTest, AreBoundToTheSessionBesideTheOneThatMadeIt) {
  FakeServer server;
  auto body = [](Session& session) -> Task<void> {
    EXPECT_EQ(session.connections(), 3u);
    std::string text = session.describe();
    EXPECT_TRUE(text.starts_with("ready, 3 of 3 connections;")) << text;
    EXPECT_NE(text.find("\n  connection 3: connected for "), std::string::npos) << text;
    co_return;
  };
  run_with(options(server), body);
  EXPECT_EQ(server.connections(), 3u);
  std::set<unsigned> bound;
  for (const FakeCall& call : server.calls()) {
    if (call.is(kOpBindConnToSession)) bound.insert(call.connection);
  }
  EXPECT_EQ(bound, (std::set<unsigned>{2, 3}));
  EXPECT_EQ(server.count(kOpCreateSession), 1u);
}

TEST_F(ConnectionsTest, ShareTheRequestsInFlightEvenly) {
  FakeServer server([seen = 0](const FakeCall& call) mutable {
    FakeAnswer answer;
    answer.hold = call.is_plain() && ++seen < 6;
    return answer;
  });
  auto body = [&](Session& session) -> Task<void> {
    EXPECT_EQ(co_await remove_at_once(session, 6), Names{});
  };
  run_with(options(server), body);
  std::map<unsigned, int> carried;
  for (const FakeCall& call : server.plain_calls()) ++carried[call.connection];
  EXPECT_EQ(carried, (std::map<unsigned, int>{{1, 2}, {2, 2}, {3, 2}}));
}

TEST_F(ConnectionsTest, OneThatIsLostIsMadeAgainAndTheOthersGoOn) {
  FakeServer server([seen = 0](const FakeCall& call) mutable {
    if (!call.is_plain()) return FakeAnswer{};
    ++seen;
    if (seen == 3) return lost(true);
    FakeAnswer answer;
    answer.hold = seen < 3;
    return answer;
  });
  auto body = [&](Session& session) -> Task<void> {
    EXPECT_EQ(co_await remove_at_once(session, 3), Names{});
    co_await until_described(session, "3 of 3 connections");
  };
  run_with(options(server), body);
  auto calls = server.plain_calls();
  ASSERT_EQ(calls.size(), 4u) << "those on the others are not repeated";
  EXPECT_EQ(calls[3].slot, calls[2].slot);
  EXPECT_EQ(calls[3].sequence_id, calls[2].sequence_id);
  EXPECT_NE(calls[3].connection, calls[2].connection);
  EXPECT_EQ(server.removed().size(), 3u) << "each executed once";
  EXPECT_EQ(server.connections(), 4u);
  EXPECT_EQ(server.count(kOpBindConnToSession), 3u);
  EXPECT_EQ(server.count(kOpCreateSession), 1u);
}

TEST_F(ConnectionsTest, AllLostAtOnceAreMadeAgain) {
  FakeServer server;
  auto body = [&](Session& session) -> Task<void> {
    server.drop_connections();
    EXPECT_EQ(co_await remove_at_once(session, 12), Names{});
    co_await until_described(session, "3 of 3 connections");
  };
  run_with(options(server), body);
  EXPECT_EQ(server.removed().size(), 12u);
  EXPECT_EQ(server.count(kOpCreateSession), 1u);
}

// One cut may take all connections, and they are noticed one by one.
TEST_F(ConnectionsTest, LostOneAfterTheOtherAreOneLossToTheirRequest) {
  FakeServer server(lose_first(3));
  auto body = [](Session& session) -> Task<void> {
    Status status = co_await remove(session, "a", Repeat::kOnce);
    EXPECT_TRUE(status) << why(status);
  };
  run_with(options(server), body);
  EXPECT_EQ(server.removed(), Names{"a"});
}

TEST_F(ConnectionsTest, RequestThatLosesANewConnectionAsWellIsRefused) {
  FakeServer server(lose_first(4));
  auto body = [](Session& session) -> Task<void> {
    Status status =
        co_await remove(session, "deadly and seven times more of the same", Repeat::kOnce);
    EXPECT_TRUE(is_own(status, Own::kRequestRefused)) << why(status);
    EXPECT_TRUE(co_await remove(session, "harmless", Repeat::kOnce));
  };
  run_with(options(server), body);
  EXPECT_EQ(server.removed(), Names{"harmless"});
}

TEST_F(ConnectionsTest, OneThatCannotBeMadeNowIsTriedAgain) {
  FakeServer server(lose_first(1));
  ProxyOptions through;
  through.server_port = server.port();
  auto proxy = *Proxy::start(through);
  auto body = [&](Session& session) -> Task<void> {
    proxy->stop_accepting(true);
    EXPECT_TRUE(co_await remove(session, "a", Repeat::kOnce));
    EXPECT_TRUE(co_await remove(session, "b", Repeat::kOnce));
    EXPECT_NE(session.describe().find("2 of 3 connections"), std::string::npos);
    proxy->stop_accepting(false);
    co_await until_described(session, "3 of 3 connections");
  };
  ClientOptions wanted = options(server);
  wanted.port = proxy->port();
  run_with(std::move(wanted), body);
  EXPECT_EQ(server.removed(), (Names{"a", "b"}));
}

TEST_F(ConnectionsTest, ThatTheServerRefusesAreDoneWithout) {
  FakeServer server([seen = 0](const FakeCall& call) mutable {
    bool last = call.is(kOpBindConnToSession) && ++seen >= 2;
    return last ? refused(Nfsstat4::kServerfault) : FakeAnswer{};
  });
  auto body = [&](Session& session) -> Task<void> {
    EXPECT_EQ(session.connections(), 2u);
    EXPECT_EQ(co_await remove_at_once(session, 8), Names{});
    EXPECT_NE(session.describe().find("2 of 2 connections"), std::string::npos);
  };
  run_with(options(server), body);
  EXPECT_EQ(server.count(kOpBindConnToSession), 2u) << "not asked again";
}

TEST_F(ConnectionsTest, ThatTheServerDoesNotTakeBackAreDoneWithout) {
  FakeServer server([lost_one = false](const FakeCall& call) mutable {
    if (call.is(kOpBindConnToSession) && lost_one) return refused(Nfsstat4::kServerfault);
    if (!call.is_plain() || std::exchange(lost_one, true)) return FakeAnswer{};
    return lost(false);
  });
  auto body = [&](Session& session) -> Task<void> {
    EXPECT_TRUE(co_await remove(session, "a", Repeat::kOnce));
    co_await until_described(session, "2 of 2 connections");
    EXPECT_EQ(session.connections(), 2u);
  };
  run_with(options(server), body);
}

TEST_F(ConnectionsTest, ThatAreNotAnsweredInTimeAreDoneWithout) {
  FakeServer server(
      [](const FakeCall& call) { return call.is(kOpBindConnToSession) ? silent() : FakeAnswer{}; });
  auto body = [](Session& session) -> Task<void> {
    EXPECT_EQ(session.connections(), 1u);
    EXPECT_TRUE(co_await remove(session, "a", Repeat::kOnce));
  };
  run_with(options(server, 300), body);
}

TEST_F(ConnectionsTest, OpeningThemEndsWithAClose) {
  FakeServer server(
      [](const FakeCall& call) { return call.is(kOpBindConnToSession) ? silent() : FakeAnswer{}; });
  auto work = [&]() -> Task<void> {
    ClientOptions wanted = options(server);
    wanted.connections = kWanted;
    Session session(*loop_, std::move(wanted));
    Status opened = ok();
    TaskGroup opening;
    opening.spawn(store_status(session.open(), opened));
    auto bound = [&] { return server.count(kOpBindConnToSession) == 2; };
    co_await until(bound);
    co_await session.close();
    co_await opening.join();
    EXPECT_TRUE(is_own(opened, Own::kCancelled)) << why(opened);
  };
  loop_->run(work());
}

// RFC 8881 section 2.10.3.1: a server need not take a SEQUENCE for an association.
TEST_F(ConnectionsTest, OneThatIsNotBoundAnyMoreIsBoundAgain) {
  FakeServer server(nth(1, refused(Nfsstat4::kConnNotBoundToSession)));
  auto body = [](Session& session) -> Task<void> {
    EXPECT_TRUE(co_await remove(session, "a", Repeat::kOnce));
  };
  run_with(options(server), body, 1);
  EXPECT_EQ(server.count(kOpBindConnToSession), 1u);
  EXPECT_EQ(server.count(kOpCreateSession), 1u);
  auto calls = server.plain_calls();
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[1].sequence_id, calls[0].sequence_id);
}

TEST_F(ConnectionsTest, CarryTheRequestsOfANewSession) {
  FakeAnswer forgotten;
  forgotten.forget_sessions = true;
  FakeServer server(nth(4, forgotten));
  auto body = [&](Session& session) -> Task<void> {
    EXPECT_EQ(co_await remove_at_once(session, 12), Names{});
    EXPECT_EQ(co_await remove_at_once(session, 12), Names{});
  };
  run_with(options(server), body);
  EXPECT_EQ(server.count(kOpCreateSession), 2u);
  EXPECT_EQ(server.connections(), 3u);
  EXPECT_EQ(server.removed().size(), 24u);
}

TEST_F(ConnectionsTest, ServerThatNeverAnswersOnOneIsUnreachableAfterTheTimeout) {
  FakeServer server([](const FakeCall& call) {
    bool stuck = call.is_plain() && call.operations.size() > 1 && call.operations[1].text == "1";
    return stuck ? silent() : FakeAnswer{};
  });
  auto body = [&](Session& session) -> Task<void> {
    Names errors = co_await remove_at_once(session, 3);
    EXPECT_GE(errors.size(), 1u);
    Status later = co_await remove(session, "later", Repeat::kIdempotent);
    EXPECT_TRUE(is_own(later, Own::kUnreachable)) << why(later);
  };
  run_with(options(server, 300), body);
}

}  // namespace
}  // namespace nfsferry::test

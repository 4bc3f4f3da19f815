// What is the server's silence, and what is not.
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "session_fixture.hpp"

namespace nfsferry::test {
namespace {

using std::chrono::milliseconds;

class SilenceTest : public SessionTest {
 protected:
  static Task<void> set_after(Loop& loop, milliseconds time, std::atomic<bool>& flag) {
    (void)co_await loop.sleep_for(time);
    flag = true;
  }
};

TEST_F(SilenceTest, TimeInWhichWeWereStoppedIsNotTheServers) {
  std::atomic<bool> go_on = false;
  FakeServer server([&](const FakeCall& call) {
    while (call.is_plain() && !go_on) std::this_thread::yield();
    return FakeAnswer{};
  });
  auto body = [&](Session& session) -> Task<void> {
    Status status = ok();
    TaskGroup group;
    group.spawn(store_status(remove(session, "a", Repeat::kIdempotent), status));
    (void)co_await loop_->sleep_for(milliseconds(100));
    std::this_thread::sleep_for(milliseconds(2'500));  // with the loop
    group.spawn(set_after(*loop_, milliseconds(300), go_on));
    co_await group.join();
    EXPECT_TRUE(status) << why(status);
  };
  run(server, body, 2'000);
}

// Each waits for those before it: the last for longer than the timeout.
TEST_F(SilenceTest, AServerThatAnswersInTurnsIsNotSilent) {
  FakeServer server([](const FakeCall& call) {
    if (call.is_plain()) std::this_thread::sleep_for(milliseconds(300));
    return FakeAnswer{};
  });
  auto body = [&](Session& session) -> Task<void> {
    std::vector<Status> results(8, ok());
    TaskGroup group;
    for (Status& result : results) {
      group.spawn(store_status(remove(session, "a", Repeat::kIdempotent), result));
    }
    co_await group.join();
    for (const Status& result : results) EXPECT_TRUE(result) << why(result);
  };
  run(server, body, 1'500);
}

TEST_F(SilenceTest, ARequestThatIsNeverAnsweredAmongOthersIsNotWaitedForForEver) {
  FakeServer server([](const FakeCall& call) {
    FakeAnswer answer;
    answer.silent = call.is_plain() && call.operations.at(1).text == "lost";
    return answer;
  });
  auto body = [&](Session& session) -> Task<void> {
    Status lost = ok();
    TaskGroup group;
    group.spawn(store_status(remove(session, "lost", Repeat::kIdempotent), lost));
    Status other = ok();
    while (other) {
      (void)co_await loop_->sleep_for(milliseconds(20));
      co_await store_status(remove(session, "other", Repeat::kIdempotent), other);
    }
    co_await group.join();
    EXPECT_TRUE(is_own(lost, Own::kUnreachable)) << why(lost);
    EXPECT_NE(why(lost).find("has not answered a request for "), std::string::npos) << why(lost);
  };
  run(server, body, 1'000);
}

TEST_F(SilenceTest, AConnectionOnWhichNothingArrivesAnyMoreIsMadeAgain) {
  for (Repeat repeat : {Repeat::kIdempotent, Repeat::kOnce}) {
    FakeServer server([](const FakeCall& call) {
      FakeAnswer answer;
      answer.deaf = call.connection == 1 && call.is_plain();
      return answer;
    });
    auto body = [&](Session& session) -> Task<void> {
      Status before = co_await remove(session, "a", repeat);
      EXPECT_TRUE(before) << why(before);
      while (before && !server.is_deaf()) (void)co_await loop_->sleep_for(milliseconds(1));
      Status after = co_await remove(session, "b", repeat);
      EXPECT_TRUE(after) << why(after);
    };
    run(server, body, 8'000);
    EXPECT_EQ(server.connections(), 2u);
    EXPECT_EQ(server.removed(), (std::vector<std::string>{"a", "b"}));
  }
}

}  // namespace
}  // namespace nfsferry::test

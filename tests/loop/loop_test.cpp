#include <atomic>
#include <chrono>
#include <thread>

#include "engine_fixture.hpp"

namespace nfsferry::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

class LoopTest : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Engine, LoopTest, both_engines(), engine_label);

Task<int> ready(int value) { co_return value; }

Task<int> sum_of_ready(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await ready(1);
  co_return sum;
}

TEST_P(LoopTest, AMillionReadyAwaitsNeedNoStack) {
  EXPECT_EQ(run(sum_of_ready(1'000'000)), 1'000'000);
}

// Each round suspends (a timer that is due), so every resume comes from the loop.
Task<int> sleep_often(Loop& loop, int count) {
  int slept = 0;
  for (int i = 0; i < count; ++i) {
    if (co_await loop.sleep_for(nanoseconds(0))) ++slept;
  }
  co_return slept;
}

TEST_P(LoopTest, ManySuspendedAwaitsNeedNoStack) {
  EXPECT_EQ(run(sleep_often(loop(), 100'000)), 100'000);
}

Task<int> nested(Loop& loop, int depth) {
  if (depth == 0) {
    auto slept = co_await loop.sleep_for(nanoseconds(0));
    co_return slept ? 0 : -1;
  }
  co_return co_await nested(loop, depth - 1) + 1;
}

TEST_P(LoopTest, AParentIsResumedByTheLoopHoweverDeepTheChildWas) {
  EXPECT_EQ(run(nested(loop(), 1000)), 1000);
}

Task<std::unique_ptr<int>> move_only() { co_return std::make_unique<int>(7); }

TEST_P(LoopTest, RunGivesTheResultOfTheTask) {
  auto result = run(move_only());
  EXPECT_EQ(*result, 7);
}

TEST_P(LoopTest, RunsOneTaskAfterAnother) {
  EXPECT_EQ(run(ready(1)), 1);
  EXPECT_EQ(run(sleep_often(loop(), 3)), 3);
  EXPECT_EQ(run(ready(2)), 2);
}

Task<const Loop*> current() { co_return &Loop::current(); }

TEST_P(LoopTest, CurrentIsTheLoopThatRuns) { EXPECT_EQ(run(current()), &loop()); }

TEST_P(LoopTest, NamesItsEngine) {
  EXPECT_EQ(loop().engine_name(), GetParam() == EngineChoice::kEpoll ? "epoll" : "io_uring");
  EXPECT_EQ(loop().engine_note(), "");
}

Task<int> run_inside(Loop& loop) { co_return loop.run(ready(1)); }

using LoopDeathTest = LoopTest;
INSTANTIATE_TEST_SUITE_P(Engine, LoopDeathTest, both_engines(), engine_label);

TEST_P(LoopDeathTest, ARunInsideARunIsAProgrammerError) {
  EXPECT_DEATH(run(run_inside(loop())), "inside a run");
}

TEST_P(LoopDeathTest, CurrentOutsideARunIsAProgrammerError) {
  EXPECT_DEATH(Loop::current(), "no loop runs");
}

// ---- timers

Task<void> note_after(Loop& loop, Clock::time_point when, int number, std::vector<int>& order) {
  EXPECT_TRUE(co_await loop.sleep_until(when));
  order.push_back(number);
}

Task<std::vector<int>> sleep_all(Loop& loop, std::vector<Clock::time_point> times) {
  std::vector<int> order;
  TaskGroup group;
  int number = 0;
  for (Clock::time_point when : times) group.spawn(note_after(loop, when, number++, order));
  co_await group.join();
  co_return order;
}

TEST_P(LoopTest, TimersFireInTheOrderOfTheirDeadlines) {
  auto now = Clock::now();
  auto order = run(sleep_all(loop(), {now + milliseconds(30), now + milliseconds(10),
                                      now + milliseconds(20), now - milliseconds(1)}));
  EXPECT_EQ(order, (std::vector<int>{3, 1, 2, 0}));
  EXPECT_GE(Clock::now(), now + milliseconds(30));
}

TEST_P(LoopTest, TimersOfOneDeadlineFireInTheOrderInWhichTheyWereSet) {
  auto when = Clock::now() + milliseconds(5);
  auto order = run(sleep_all(loop(), std::vector<Clock::time_point>(100, when)));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST_P(LoopTest, TenThousandTimersAllFire) {
  auto when = Clock::now() + milliseconds(5);
  std::vector<Clock::time_point> times;
  for (int i = 0; i < 10'000; ++i) times.push_back(when + std::chrono::microseconds(i * 37 % 5000));
  EXPECT_EQ(run(sleep_all(loop(), times)).size(), times.size());
}

Task<nanoseconds> measure_sleep(Loop& loop, nanoseconds duration) {
  auto start = Clock::now();
  co_await pause(loop, duration);
  co_return Clock::now() - start;
}

TEST_P(LoopTest, ASleepLastsAtLeastAsLongAsAsked) {
  for (int us : {0, 1, 100, 1500, 20'000}) {
    EXPECT_GE(run(measure_sleep(loop(), std::chrono::microseconds(us))),
              std::chrono::microseconds(us));
  }
}

// ---- posting

Task<int> wait_for_posts(Loop& loop, int count, std::thread& poster) {
  int seen = 0;
  Event arrived;
  poster = std::thread([&loop, &seen, &arrived, count] {
    for (int i = 0; i < count; ++i) {
      loop.post([&seen, &arrived, i] {
        EXPECT_EQ(seen, i);
        ++seen;
        arrived.pulse();
      });
    }
  });
  while (seen < count) co_await arrived.wait();
  co_return seen;
}

TEST_P(LoopTest, FunctionsPostedByAnotherThreadRunInOrder) {
  std::thread poster;
  EXPECT_EQ(run(wait_for_posts(loop(), 20'000, poster)), 20'000);
  poster.join();
}

Task<bool> wait_for(Event& event) {
  co_await event.wait();
  co_return true;
}

TEST_P(LoopTest, AFunctionPostedBeforeTheRunIsRunByIt) {
  Event event;
  loop().post([&event] { event.set(); });
  EXPECT_TRUE(run(wait_for(event)));
}

// ---- fairness

Task<void> be_ready_for_ever(Loop& loop, int fd, const bool& stop) {
  std::byte byte{};
  iovec piece{&byte, 1};
  while (!stop) {
    iovec out = piece;
    EXPECT_TRUE(co_await loop.send(fd, std::span(&out, 1)));
    EXPECT_TRUE(co_await loop.recv(fd, std::span<const iovec>(&piece, 1)));
  }
}

Task<void> echo(Loop& loop, int fd) {
  while (true) {
    auto text = co_await recv_text(loop, fd);
    if (!text || text->empty()) break;
    EXPECT_TRUE(co_await send_text(loop, fd, *text));
  }
}

Task<bool> sleep_beside_busy_ones(Loop& loop, int own_fd) {
  bool stop = false;
  TaskGroup group;
  group.spawn(be_ready_for_ever(loop, own_fd, stop));
  bool slept = static_cast<bool>(co_await loop.sleep_for(milliseconds(20)));
  stop = true;
  co_await group.join();
  co_return slept;
}

// A datagram socket connected to itself: what it sends it can receive at once.
UniqueFd self_connected() {
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  bool made = ::bind(fd.get(), as_sockaddr(address), sizeof address) == 0 &&
              ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0 &&
              ::connect(fd.get(), as_sockaddr(address), sizeof address) == 0;
  check(made, "no datagram socket");
  return fd;
}

TEST_P(LoopTest, OperationsThatAreAlwaysReadyDoNotStarveATimer) {
  UniqueFd fd = self_connected();
  EXPECT_TRUE(run(sleep_beside_busy_ones(loop(), fd.get())));
  loop().forget_socket(fd.get());
}

Task<bool> answer_beside_busy_ones(Loop& loop, int own_fd, SocketPair& pair) {
  bool stop = false;
  TaskGroup group;
  group.spawn(be_ready_for_ever(loop, own_fd, stop));
  group.spawn(echo(loop, pair.right.get()));
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(co_await send_text(loop, pair.left.get(), "x"));
    EXPECT_TRUE(co_await recv_text(loop, pair.left.get()));
  }
  stop = true;
  ::shutdown(pair.left.get(), SHUT_WR);
  co_await group.join();
  co_return true;
}

TEST_P(LoopTest, OperationsThatAreAlwaysReadyDoNotStarveASocket) {
  UniqueFd fd = self_connected();
  SocketPair pair = socket_pair();
  EXPECT_TRUE(run(answer_beside_busy_ones(loop(), fd.get(), pair)));
}

// ---- several loops

Task<int> ping_pong(Loop& loop, int rounds) {
  SocketPair pair = socket_pair();
  TaskGroup group;
  group.spawn(echo(loop, pair.right.get()));
  int good = 0;
  for (int i = 0; i < rounds; ++i) {
    std::string text = "ping " + std::to_string(i);
    EXPECT_TRUE(co_await send_text(loop, pair.left.get(), text));
    auto answer = co_await recv_text(loop, pair.left.get());
    if (answer && *answer == text) ++good;
  }
  ::shutdown(pair.left.get(), SHUT_WR);
  co_await group.join();
  loop.forget_socket(pair.left.get());
  loop.forget_socket(pair.right.get());
  co_return good;
}

TEST_P(LoopTest, SeveralLoopsRunSideBySideOnTheirOwnThreads) {
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&good, choice = GetParam()] {
      auto own = Loop::create(choice);
      ASSERT_TRUE(own) << own.error().message();
      good += (*own)->run(ping_pong(**own, 500));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 4 * 500);
}

TEST_P(LoopTest, ALoopMayRunOnAnotherThreadThanTheOneThatMadeIt) {
  int good = 0;
  std::thread runner([this, &good] { good = run(ping_pong(loop(), 100)); });
  runner.join();
  EXPECT_EQ(good, 100);
}

}  // namespace
}  // namespace nfsferry::test

// Waiting for limits, by a made-up clock that only the test moves.
#include "loop/pace.hpp"

#include <memory>
#include <thread>
#include <vector>

#include "engine_fixture.hpp"
#include "made_up_clock.hpp"

namespace nfsferry::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class PaceTest : public EngineTest {
 protected:
  std::shared_ptr<RateLimits> limits(const Rates& rates) {
    return std::make_shared<RateLimits>(rates, clock_.now());
  }

  MadeUpClock clock_;
  StopFlag stop_{0};
};
INSTANTIATE_TEST_SUITE_P(Engine, PaceTest, both_engines(), engine_label);

constexpr Rates kTenBytes{10, 0};
constexpr Rates kTenRequests{0, 10};
constexpr Rates kNone{};

struct Gone {
  std::vector<std::uint64_t> sizes;
};

Task<void> read(Pace& pace, Loop& loop, std::uint64_t bytes, Gone& gone) {
  co_await pace.await_bytes(loop, bytes);
  gone.sizes.push_back(bytes);
}

// Until so many have gone.
Task<void> until_gone(Loop& loop, const Gone& gone, std::size_t count) {
  while (gone.sizes.size() < count) co_await pause(loop, milliseconds(1));
}

Task<void> without_limits(Loop& loop, Pace& pace) {
  Gone gone;
  for (std::uint64_t i = 0; i < 100; ++i) co_await read(pace, loop, 1'000'000, gone);
  co_await pace.await_request(loop);
}

TEST_P(PaceTest, WithoutALimitNobodyWaits) {
  Pace pace(limits(kNone), stop_);
  run(without_limits(loop(), pace));
  EXPECT_EQ(pace.waited_ms(), 0u);
  EXPECT_EQ(pace.describe(), "");
}

Task<void> three_in_line(Loop& loop, Pace& pace, MadeUpClock& clock, Gone& gone) {
  TaskGroup group;
  group.spawn(read(pace, loop, 20, gone));
  group.spawn(read(pace, loop, 30, gone));
  group.spawn(read(pace, loop, 1, gone));
  co_await until_gone(loop, gone, 1);
  clock.pass(seconds(2));
  co_await until_gone(loop, gone, 2);
  clock.pass(seconds(3));
  co_await group.join();
}

TEST_P(PaceTest, EachGoesInItsTurnAndItsWaitIsCounted) {
  Pace pace(limits(kTenBytes), stop_);
  Gone gone;
  run(three_in_line(loop(), pace, clock_, gone));
  EXPECT_EQ(gone.sizes, (std::vector<std::uint64_t>{20, 30, 1}));
  EXPECT_EQ(pace.waited_ms(), 2000u + 5000u);
}

// The clock stands still: what goes does so for another reason than that time passed.
Task<void> let_go_by(Loop& loop, Pace& pace, Gone& gone, std::function<void()> let_go) {
  TaskGroup group;
  group.spawn(read(pace, loop, 1'000'000, gone));
  group.spawn(read(pace, loop, 10, gone));
  co_await until_gone(loop, gone, 1);
  co_await pause(loop, milliseconds(1));
  EXPECT_EQ(gone.sizes.size(), 1u);
  let_go();
  co_await group.join();
}

TEST_P(PaceTest, ALimitThatIsTakenAwayLetsThoseGoWhoWait) {
  auto shared = limits(kTenBytes);
  Pace pace(shared, stop_);
  Gone gone;
  auto lift = [&] { shared->set(kNone); };
  run(let_go_by(loop(), pace, gone, lift));
  EXPECT_EQ(gone.sizes.size(), 2u);
}

TEST_P(PaceTest, AStopLetsThoseGoWhoWait) {
  Pace pace(limits(kTenBytes), stop_);
  Gone gone;
  auto stop = [&] { stop_ = 2; };
  run(let_go_by(loop(), pace, gone, stop));
  EXPECT_EQ(gone.sizes.size(), 2u);
}

TEST_P(PaceTest, TheEndOfOneRunLetsItGoAndGivesBackWhatItDidNotUse) {
  auto shared = limits(kTenBytes);
  Pace pace(shared, stop_);
  Gone gone;
  auto end = [&] { pace.end(); };
  run(let_go_by(loop(), pace, gone, end));
  EXPECT_EQ(gone.sizes.size(), 2u);
  auto behind = shared->bytes.enter(1);
  EXPECT_EQ(shared->bytes.wait(behind), seconds(100'000));
}

Task<void> ask(Pace& pace, Loop& loop, CancelToken& cancel, int& gone) {
  co_await pace.await_request(loop, &cancel);
  ++gone;
}

Task<int> cancel_one(Loop& loop, Pace& pace) {
  CancelToken cancel;
  int gone = 0;
  TaskGroup group;
  group.spawn(ask(pace, loop, cancel, gone));
  group.spawn(ask(pace, loop, cancel, gone));
  while (gone < 1) co_await pause(loop, milliseconds(1));
  cancel.cancel();
  co_await group.join();
  co_return gone;
}

TEST_P(PaceTest, ACancelledRequestGoesAtOnceAndIsNotCounted) {
  auto shared = limits(kTenRequests);
  Pace pace(shared, stop_);
  EXPECT_EQ(run(cancel_one(loop(), pace)), 2);
  EXPECT_EQ(pace.waited_ms(), 0u);
  EXPECT_EQ(shared->requests.wait(shared->requests.enter(1)), milliseconds(100))
      << "one has gone that counts";
}

TEST_P(PaceTest, BytesThatAreGivenBackAreTheNextOnes) {
  auto shared = limits(kTenBytes);
  Pace pace(shared, stop_);
  Gone gone;
  run(read(pace, loop(), 100, gone));
  pace.give_back_bytes(90);
  EXPECT_EQ(shared->bytes.wait(shared->bytes.enter(1)), seconds(1));
}

// ---- Several threads

constexpr std::uint64_t kEach = 20;

Task<void> send_many(Pace& pace, Loop& loop, const MadeUpClock& clock,
                     std::atomic<std::uint64_t>& sent, std::atomic<bool>& too_fast) {
  for (std::uint64_t i = 0; i < kEach; ++i) {
    co_await pace.await_request(loop);
    std::uint64_t gone = ++sent;
    auto allowed = static_cast<std::uint64_t>(clock.passed() / milliseconds(100));
    if (gone > allowed + 1) too_fast = true;  // one goes at once
  }
}

TEST_P(PaceTest, ThreadsAndRunsShareOneLimit) {
  auto shared = limits(kTenRequests);
  Pace one_run(shared, stop_);
  Pace another_run(shared, stop_);
  std::atomic<std::uint64_t> sent{0};
  std::atomic<bool> too_fast{false};
  std::vector<std::thread> threads;
  for (Pace* pace : {&one_run, &one_run, &another_run}) {
    threads.emplace_back([&, pace] {
      auto own = Loop::create(GetParam());
      ASSERT_TRUE(own);
      (*own)->run(send_many(*pace, **own, clock_, sent, too_fast));
    });
  }
  while (sent < 3 * kEach) {
    clock_.pass(milliseconds(100));
    std::this_thread::sleep_for(milliseconds(1));
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sent, 3 * kEach);
  EXPECT_FALSE(too_fast);
  EXPECT_GT(one_run.waited_ms() + another_run.waited_ms(), 0u);
}

}  // namespace
}  // namespace nfsferry::test

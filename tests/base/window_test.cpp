// The window against servers that are computed: every figure follows from the seed.
#include "base/window.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <queue>
#include <random>
#include <vector>

namespace nfsferry {
namespace {

using Seconds = std::chrono::duration<double>;

struct Behaviour {
  double round_trip_s = 0;
  double service_s = 0;  // of one request, on average; each takes half to one and a half of it
  unsigned at_once = 0;  // requests it works on, the others wait
  unsigned refuses_over = std::numeric_limits<unsigned>::max();  // in flight: DELAY, at once
};

// A client that always has more to ask, and its server.
class Simulation {
 public:
  Simulation(std::uint32_t granted, Behaviour behaviour, std::uint64_t seed,
             Window::Shape shape = {})
      : window_(granted, shape), behaviour_(behaviour), random_(seed) {}

  void become(Behaviour behaviour) { behaviour_ = behaviour; }
  // Returns the replies a second, refusals not counted.
  double run(double seconds) {
    double until = now_ + seconds;
    std::uint64_t before = replies_;
    limit_sum_ = 0;
    steps_ = 0;
    while (now_ < until) {
      while (in_flight_ < window_.limit()) send();
      receive();
      limit_sum_ += window_.limit();
      ++steps_;
    }
    return static_cast<double>(replies_ - before) / seconds;
  }
  std::uint32_t limit() const { return window_.limit(); }
  double mean_limit() const { return limit_sum_ / static_cast<double>(steps_); }
  std::uint64_t replies() const { return replies_; }
  std::uint64_t refusals() const { return refusals_; }

 private:
  struct Reply {
    double at = 0;
    bool refused = false;
    bool operator>(const Reply& other) const { return at > other.at; }
  };

  void send() {
    ++in_flight_;
    if (in_flight_ > behaviour_.refuses_over) {
      underway_.push({now_ + behaviour_.round_trip_s, true});
      return;
    }
    busy_until_.resize(behaviour_.at_once, now_);
    auto first = std::min_element(busy_until_.begin(), busy_until_.end());
    std::uniform_real_distribution<double> spread(0.5, 1.5);
    *first = std::max(*first, now_) + behaviour_.service_s * spread(random_);
    underway_.push({*first + behaviour_.round_trip_s, false});
  }

  void receive() {
    Reply reply = underway_.top();
    underway_.pop();
    now_ = std::max(now_, reply.at);
    --in_flight_;
    if (reply.refused) {
      ++refusals_;
      window_.refused();
      return;
    }
    ++replies_;
    window_.replied(
        true, Window::Time(std::chrono::duration_cast<Window::Time::duration>(Seconds(now_))));
  }

  Window window_;
  Behaviour behaviour_;
  std::mt19937_64 random_;
  double now_ = 1;
  unsigned in_flight_ = 0;
  std::vector<double> busy_until_;
  std::priority_queue<Reply, std::vector<Reply>, std::greater<>> underway_;
  std::uint64_t replies_ = 0;
  std::uint64_t refusals_ = 0;
  double limit_sum_ = 0;
  std::size_t steps_ = 0;
};

class WindowTest : public testing::TestWithParam<std::uint64_t> {};

TEST_P(WindowTest, StaysSmallWhereMoreOnlyWaits) {
  Simulation lan(64, {.round_trip_s = 50e-6, .service_s = 200e-6, .at_once = 2}, GetParam());
  double rate = lan.run(5);
  EXPECT_GT(rate, 0.95 * 2 / 200e-6);
  EXPECT_LT(lan.mean_limit(), 24);
}

TEST_P(WindowTest, TakesAllThatIsGrantedWhereNothingWaits) {
  Simulation far(64, {.round_trip_s = 3e-3, .service_s = 100e-6, .at_once = 64}, GetParam());
  far.run(0.2);
  EXPECT_GT(far.run(5), 0.9 * 64 / 3.1e-3);
}

TEST_P(WindowTest, FindsWhatKeepsAServerBusy) {
  Simulation server(64, {.round_trip_s = 1e-3, .service_s = 4e-3, .at_once = 32}, GetParam());
  server.run(1);
  EXPECT_GT(server.run(10), 0.85 * 32 / 4e-3);
}

TEST_P(WindowTest, FollowsAServerThatBecomesSlowAndFastAgain) {
  Behaviour fast{.round_trip_s = 1e-3, .service_s = 2e-3, .at_once = 48};
  Behaviour slow{.round_trip_s = 1e-3, .service_s = 2e-3, .at_once = 4};
  Simulation server(64, fast, GetParam());
  server.run(1);
  EXPECT_GT(server.run(5), 0.85 * 48 / 2e-3);
  server.become(slow);
  server.run(3);
  EXPECT_GT(server.run(5), 0.9 * 4 / 2e-3);
  EXPECT_LT(server.mean_limit(), 16);
  server.become(fast);
  server.run(1);
  EXPECT_GT(server.run(5), 0.85 * 48 / 2e-3);
}

TEST_P(WindowTest, KeepsBelowWhatIsRefused) {
  Behaviour strict{.round_trip_s = 1e-3, .service_s = 1e-3, .at_once = 64, .refuses_over = 10};
  Simulation server(64, strict, GetParam());
  double rate = server.run(5);
  EXPECT_GT(rate, 0.6 * 10 / 2e-3);
  EXPECT_LT(server.refusals(), server.replies() / 20);
}

// As ranges of large files: few, and each takes long.
constexpr Window::Shape kFew{.start = 8, .least = 8, .measured = 16};

TEST_P(WindowTest, AFewThatKeepAServerBusyStayFew) {
  Simulation near(24, {.round_trip_s = 200e-6, .service_s = 2e-3, .at_once = 2}, GetParam(), kFew);
  EXPECT_GT(near.run(5), 0.95 * 2 / 2e-3);
  EXPECT_LT(near.mean_limit(), 14);
}

TEST_P(WindowTest, AFewBecomeAllThatMayBeWhereTheServerIsFarAway) {
  Simulation far(24, {.round_trip_s = 20e-3, .service_s = 500e-6, .at_once = 2}, GetParam(), kFew);
  far.run(0.3);
  EXPECT_GT(far.run(5), 0.9 * 24 / 20.5e-3);
}

TEST_P(WindowTest, NeverGoesBelowTheLeast) {
  Simulation one(24, {.round_trip_s = 50e-6, .service_s = 2e-3, .at_once = 1}, GetParam(), kFew);
  for (int i = 0; i < 100; ++i) {
    one.run(0.05);
    EXPECT_GE(one.limit(), 8u);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, WindowTest, testing::Range<std::uint64_t>(1, 6));

const Window::Time kNow{std::chrono::hours(1)};

TEST(Window, BeginsWithWhatIsGrantedWhereThatIsLittle) { EXPECT_EQ(Window(3).limit(), 3u); }

TEST(Window, IsLeftAloneByAClientThatHasLittleToAsk) {
  Window window(64);
  for (int i = 0; i < 10'000; ++i) window.replied(false, kNow + i * std::chrono::milliseconds(1));
  EXPECT_EQ(window.limit(), Window::kStart);
}

// Without the pause being told of, the second measurement would be of a tenth of the first's rate.
TEST(Window, TimeInWhichNothingWasInFlightIsNotMeasured) {
  Window window(64);
  Window::Time now = kNow;
  auto reply = [&](int times, std::chrono::microseconds apart) {
    for (int i = 0; i < times; ++i) window.replied(true, now += apart);
  };
  reply(33, std::chrono::microseconds(1000));  // begins, and is measured
  ASSERT_EQ(window.limit(), 64u);              // a trial with more
  reply(64 + 1 + 32, std::chrono::microseconds(500));
  now += std::chrono::seconds(1);
  window.idle();
  reply(1 + 64, std::chrono::microseconds(500));
  EXPECT_EQ(window.limit(), 64u);  // twice the replies a second: kept
}

TEST(Window, HalvesOnceForAllThatWasInFlight) {
  Window window(64);
  for (int i = 0; i < 32; ++i) window.refused();
  EXPECT_EQ(window.limit(), 16u);
  for (int i = 0; i < 33; ++i) window.replied(true, kNow);
  window.refused();
  EXPECT_EQ(window.limit(), 8u);
}

TEST(Window, ComesDownToOneWhereEverythingIsRefused) {
  Window window(64);
  for (int i = 0; i < 100; ++i) window.refused();
  EXPECT_EQ(window.limit(), 1u);
}

TEST(Window, ComesDownWithWhatIsGranted) {
  Window window(64);
  window.set_most(5);
  EXPECT_EQ(window.limit(), 5u);
}

}  // namespace
}  // namespace nfsferry

// A copy that is killed at any moment leaves each name with its old or its whole new content, and
// the next run ends what it began.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <random>
#include <thread>

#include "old_and_new.hpp"
#include "program.hpp"

namespace nfsferry::test {
namespace {

constexpr int kKilled = 128 + SIGKILL;
constexpr int kLocked = static_cast<int>(ExitCode::kTemporary);
constexpr auto kLockLasts = std::chrono::seconds(60);  // many leases: slow machines, sanitizers

struct Kills {
  Place place;
  unsigned count;
  std::uint64_t seed;  // of the moments
};

class Atomicity : public OldAndNew, public ::testing::WithParamInterface<Kills> {
 protected:
  struct Trial {
    Ground target;
    Clock::time_point killed_at;
    bool done = false;
  };

  void SetUp() override {
    OldAndNew::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) prepare(GetParam().place);
  }

  // True when the killed run's lock holds the target no more.
  bool run_again(const Trial& trial) const {
    Outcome again = run_program(arguments(trial.target));
    if (again.exit_code == kLocked) return false;
    EXPECT_EQ(again.exit_code, 0) << again.err;
    expect_equal(source_, trial.target, kept_on(GetParam().place));
    return true;
  }
};

TEST_P(Atomicity, each_name_holds_old_or_new_content_whenever_a_run_is_killed) {
  SCOPED_TRACE("seed of the moments " + std::to_string(GetParam().seed));
  std::mt19937_64 random(GetParam().seed);
  std::uniform_int_distribution<Clock::rep> moment(0, whole_run().count());

  unsigned hit = 0;
  unsigned between = 0;  // kills that left some files old and some new
  unsigned locked = 0;
  std::vector<Trial> trials;
  for (unsigned i = 0; i < GetParam().count; ++i) {
    Trial& trial = trials.emplace_back(Trial{old_target(), {}});
    Program running(arguments(trial.target));
    std::this_thread::sleep_for(Clock::duration(moment(random)));
    running.signal(SIGKILL);
    hit += running.wait().exit_code == kKilled ? 1 : 0;
    trial.killed_at = Clock::now();
    unsigned fresh = expect_old_or_new(trial.target);
    between += fresh > 0 && fresh < new_contents_.size() ? 1 : 0;
    trial.done = run_again(trial);
    locked += trial.done ? 0 : 1;
  }

  // The server keeps a lock until the dead client's lease is over. The run that was killed last
  // comes first: the time is its lock's alone.
  Clock::duration held{};
  for (auto trial = trials.rbegin(); trial != trials.rend(); ++trial) {
    if (trial->done) continue;
    while (!run_again(*trial)) {
      ASSERT_LT(Clock::now() - trial->killed_at, kLockLasts) << trial->target.location;
    }
    if (held == Clock::duration{}) held = Clock::now() - trial->killed_at;
  }
  EXPECT_GE(3 * hit, GetParam().count);
  if (GetParam().place == Place::kLocal) {
    EXPECT_EQ(locked, 0u);
  }
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(held).count();
  std::printf("killed %u of %u, %u between two files; %u targets locked, the last one %lld ms\n",
              hit, GetParam().count, between, locked, static_cast<long long>(ms));
}

std::string kills_name(const ::testing::TestParamInfo<Kills>& info) {
  return place_name(info.param.place) + std::to_string(info.param.seed);
}

INSTANTIATE_TEST_SUITE_P(Places, Atomicity,
                         ::testing::Values(Kills{Place::kNfs, 15, 1}, Kills{Place::kNfs, 15, 2},
                                           Kills{Place::kNfs40, 15, 4},
                                           Kills{Place::kLocal, 20, 3}),
                         kills_name);

}  // namespace
}  // namespace nfsferry::test

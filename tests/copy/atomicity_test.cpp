// A copy that is killed at any moment leaves each name with its old or its whole new content, and
// the next run ends what it began.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <thread>

#include "copy_fixture.hpp"
#include "program.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Contents = std::map<std::string, std::string>;  // by path below the root

constexpr int kLeaseS = 2;
constexpr int kKilled = 128 + SIGKILL;
constexpr int kLocked = static_cast<int>(ExitCode::kTemporary);
constexpr auto kLockLasts = std::chrono::seconds(60);  // many leases: slow machines, sanitizers

// Another seed gives other contents; each file is longer by `more`. Levels, since what stands side
// by side is replaced at nearly the same moment.
void make_tree(const fs::path& root, std::uint64_t seed, std::uint64_t more) {
  fs::path folder = root;
  for (unsigned i = 0; i < 60; ++i) {
    if (i % 5 == 0) folder /= "level" + std::to_string(i / 5);
    fs::create_directories(folder);
    make_file(folder / ("file" + std::to_string(i)), 100 + 150 * i + more, seed + i);
  }
  for (unsigned i = 0; i < 2; ++i) {
    make_file(root / ("large" + std::to_string(i)), (3u << 20) + i + more, seed + 100 + i);
  }
}

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Contents contents_below(const fs::path& root) {
  Contents contents;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
    std::string path = entry.path().lexically_relative(root);
    if (entry.is_regular_file() && path.find(".nfsferry-") == std::string::npos) {
      contents[path] = content_of(entry.path());
    }
  }
  return contents;
}

struct Kills {
  Place place;
  unsigned count;
  std::uint64_t seed;  // of the moments
};

class Atomicity : public CopyTest, public ::testing::WithParamInterface<Kills> {
 protected:
  struct Trial {
    Ground target;
    Clock::time_point killed_at;
    bool done = false;
  };

  void SetUp() override {
    CopyTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    GaneshaOptions server;
    server.lease_s = kLeaseS;
    if (GetParam().place == Place::kNfs) {
      ASSERT_EQ(server_.start(server), "");
    }
    source_ = source_ground(GetParam().place);
    // Far enough for a run to spend its time on its work, not on its start.
    if (GetParam().place == Place::kNfs) proxy_ = proxy_to(server_, std::chrono::milliseconds(3));
    make_tree(source_.folder, 1, 0);
    old_ = source_ground(Place::kLocal).folder;
    make_tree(old_, 1000, 7);
    old_contents_ = contents_below(old_);
    new_contents_ = contents_below(source_.folder);
    ASSERT_EQ(old_contents_.size(), new_contents_.size());
  }

  // A folder with the old content that no server has looked at.
  Ground old_target() {
    Place place = GetParam().place;
    Ground target = place == Place::kNfs ? ground(server_, "/new", place, proxy_->port())
                                         : target_ground(place);
    fs::copy(old_, target.folder, fs::copy_options::recursive);
    return target;
  }

  std::vector<std::string> arguments(const Ground& target) const {
    return {"copy", source_.location, target.location, "--quiet"};
  }

  // What a run takes that nobody kills, by the fastest of a few.
  Clock::duration whole_run() {
    Clock::duration fastest = Clock::duration::max();
    for (int i = 0; i < 3; ++i) {
      Ground target = old_target();
      Clock::time_point started = Clock::now();
      Outcome whole = run_program(arguments(target));
      fastest = std::min(fastest, Clock::now() - started);
      EXPECT_EQ(whole.exit_code, 0) << whole.err;
    }
    return fastest;
  }

  // Returns how many are new.
  unsigned expect_old_or_new(const Ground& target) const {
    Contents found = contents_below(target.folder);
    EXPECT_EQ(found.size(), old_contents_.size());
    unsigned fresh = 0;
    for (const auto& [path, content] : found) {
      bool whole = old_contents_.contains(path) &&
                   (content == old_contents_.at(path) || content == new_contents_.at(path));
      EXPECT_TRUE(whole) << path << " holds " << content.size() << " other bytes";
      fresh += whole && content == new_contents_.at(path) ? 1 : 0;
    }
    return fresh;
  }

  // True when the killed run's lock holds the target no more.
  bool run_again(const Trial& trial) const {
    Outcome again = run_program(arguments(trial.target));
    if (again.exit_code == kLocked) return false;
    EXPECT_EQ(again.exit_code, 0) << again.err;
    expect_equal(source_, trial.target, kept_on(GetParam().place));
    return true;
  }

  Ganesha server_;  // of the targets: one that soon forgets a lock's dead holder
  std::unique_ptr<Proxy> proxy_;
  Ground source_;
  fs::path old_;
  Contents old_contents_;
  Contents new_contents_;
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
  const char* place = info.param.place == Place::kNfs ? "Nfs" : "Local";
  return place + std::to_string(info.param.seed);
}

INSTANTIATE_TEST_SUITE_P(Places, Atomicity,
                         ::testing::Values(Kills{Place::kNfs, 15, 1}, Kills{Place::kNfs, 15, 2},
                                           Kills{Place::kLocal, 20, 3}),
                         kills_name);

}  // namespace
}  // namespace nfsferry::test

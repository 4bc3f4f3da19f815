// Runs that are asked to stop at any moment: in order the first time, at once the second time.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "old_and_new.hpp"
#include "program.hpp"

namespace nfsferry::test {
namespace {

using Json = nlohmann::json;

constexpr auto kStopLasts = std::chrono::seconds(60);  // promised: 10; slow machines, sanitizers

struct Stops {
  Place place;
  const char* verify;
  unsigned count;
  std::uint64_t seed;  // of the moments
};

class Stopped : public OldAndNew, public ::testing::WithParamInterface<Stops> {
 protected:
  void SetUp() override {
    OldAndNew::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    flags_ = {"--quiet", "--verify", GetParam().verify};
    // A local run must last longer than the pause between two looks at the signal.
    prepare(GetParam().place, GetParam().place == Place::kNfs ? 3 << 20 : 10 << 20);
  }

  // Returns whether the run was stopped before its end.
  bool stop_and_go_on(int signal, Clock::duration moment) {
    Ground target = old_target();
    Folder folder;
    std::vector<std::string> reported = arguments(target);
    reported.insert(reported.end(), {"--report-json", folder.path("report.json")});
    Program running(reported);
    std::this_thread::sleep_for(moment);
    running.signal(signal);
    Outcome outcome = running.wait(kStopLasts);

    bool stopped = outcome.exit_code == 128 + signal;
    EXPECT_TRUE(stopped || outcome.exit_code == 0) << outcome.exit_code << ": " << outcome.err;
    for (const std::string& name : temporaries(target.folder)) ADD_FAILURE() << "left: " << name;
    unsigned fresh = expect_old_or_new(target);
    // A process that has only just begun ends without a report, and has done nothing.
    bool begun = folder.has("report.json");
    EXPECT_TRUE(begun || fresh == 0);
    if (begun) {
      Json report = Json::parse(folder.read("report.json"));
      EXPECT_EQ(report["nfsferry"]["exit_code"], outcome.exit_code);
      EXPECT_EQ(report["Status"], stopped ? "ERROR" : "SUCCESS");
    }
    between_ += fresh > 0 && fresh < new_contents_.size() ? 1 : 0;

    Outcome again = run_program(arguments(target));
    EXPECT_EQ(again.exit_code, 0) << again.err;
    expect_equal(source_, target, kept_on(GetParam().place));
    return stopped;
  }

  unsigned between_ = 0;  // stops that left some files old and some new
};

TEST_P(Stopped, at_any_moment_leave_whole_files_and_no_temporaries) {
  SCOPED_TRACE("seed of the moments " + std::to_string(GetParam().seed));
  std::mt19937_64 random(GetParam().seed);
  std::uniform_int_distribution<Clock::rep> moment(0, whole_run().count());
  unsigned stopped = 0;
  for (unsigned i = 0; i < GetParam().count; ++i) {
    int signal = i % 2 == 0 ? SIGINT : SIGTERM;
    stopped += stop_and_go_on(signal, Clock::duration(moment(random))) ? 1 : 0;
  }
  EXPECT_GE(3 * stopped, GetParam().count);
  std::printf("stopped %u of %u, %u between two files\n", stopped, GetParam().count, between_);
}

INSTANTIATE_TEST_SUITE_P(Places, Stopped,
                         ::testing::Values(Stops{Place::kNfs, "transferred", 20, 1},
                                           Stops{Place::kNfs, "none", 20, 2},
                                           Stops{Place::kLocal, "transferred", 20, 3},
                                           Stops{Place::kLocal, "none", 20, 4}),
                         [](const ::testing::TestParamInfo<Stops>& chosen) {
                           const char* place = chosen.param.place == Place::kNfs ? "Nfs" : "Local";
                           return std::string(place) + "_" + chosen.param.verify;
                         });

TEST_F(CopyTest, the_second_signal_leaves_at_once) {
  auto proxy = proxy_to(servers().source, std::chrono::seconds(2));
  Ground source = source_ground(Place::kNfs, proxy->port());
  Ground target = target_ground(Place::kLocal);
  Folder folder;
  std::string report = folder.path("report.json");
  Program running({"copy", source.location, target.location, "--report-json", report});
  while (proxy->counters().requests == 0) std::this_thread::yield();
  running.signal(SIGINT);
  running.signal(SIGTERM);  // another one: two of a kind may arrive as one. Either may be first

  Outcome outcome = running.wait(kStopLasts);

  bool second = outcome.exit_code == 128 + SIGTERM || outcome.exit_code == 128 + SIGINT;
  EXPECT_TRUE(second) << outcome.exit_code << ": " << outcome.err;
  EXPECT_FALSE(folder.has("report.json")) << "the first one alone would have written it";
}

}  // namespace
}  // namespace nfsferry::test

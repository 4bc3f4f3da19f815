// The bench command between servers: it measures copies between them, and leaves nothing.
#include <csignal>
#include <nlohmann/json.hpp>

#include "copy_fixture.hpp"
#include "program.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

class BenchBetween : public SamePlaceTest {
 protected:
  void SetUp() override {
    SamePlaceTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    make_file(source_.folder / "kept", 10, 1);
    make_file(target_.folder / "kept", 10, 2);
  }
  void expect_nothing_left() {
    for (const fs::path& folder : {source_.folder, target_.folder}) {
      auto entries = fs::directory_iterator(folder);
      EXPECT_EQ(std::distance(begin(entries), end(entries)), 1) << folder;
      EXPECT_TRUE(fs::exists(folder / "kept"));
    }
  }
};

TEST_P(BenchBetween, ServersTellsWhatEachCopyMovedAndLeavesNothing) {
  Program program({"bench", source_.location, target_.location, "--files", "100", "--size", "4MiB",
                   "--rounds", "1", "--json"});
  Outcome outcome = program.wait();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  auto json = nlohmann::json::parse(outcome.out, nullptr, false);
  ASSERT_EQ(json["rounds"].size(), 3u) << outcome.out;
  for (const auto& round : json["rounds"]) EXPECT_GT(round["bytes"], 0);
  expect_nothing_left();
}

// Many rounds, so that one of them is under way. Folders are only looked at.
TEST_P(BenchBetween, ServersLeavesNothingWhenItIsInterruptedDuringACopy) {
  Program program({"bench", source_.location, target_.location, "--files", "300", "--rounds",
                   "1000", "--shape", "small"});
  wait_until_filled(target_.folder);
  program.signal(SIGINT);
  Outcome outcome = program.wait();
  EXPECT_EQ(outcome.exit_code, 130) << outcome.err;
  EXPECT_NE(outcome.err.find("what the bench made is removed"), std::string::npos) << outcome.err;
  expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(Places, BenchBetween, ::testing::Values(Place::kNfs, Place::kNfs40),
                         [](const auto& about) { return place_name(about.param); });

}  // namespace
}  // namespace nfsferry::test

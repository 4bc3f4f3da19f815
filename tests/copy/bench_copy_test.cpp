// The bench command between servers: it measures copies between them, and leaves nothing.
#include <nlohmann/json.hpp>

#include "copy_fixture.hpp"
#include "program.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

class BenchBetween : public CopyTest, public ::testing::WithParamInterface<Place> {};

TEST_P(BenchBetween, ServersTellsWhatEachCopyMovedAndLeavesNothing) {
  Ground source = source_ground(GetParam());
  Ground target = target_ground(GetParam());
  make_file(source.folder / "kept", 10, 1);
  make_file(target.folder / "kept", 10, 2);
  Program program({"bench", source.location, target.location, "--files", "100", "--size", "4MiB",
                   "--rounds", "1", "--json"});
  Outcome outcome = program.wait();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  auto json = nlohmann::json::parse(outcome.out, nullptr, false);
  ASSERT_EQ(json["rounds"].size(), 3u) << outcome.out;
  for (const auto& round : json["rounds"]) EXPECT_GT(round["bytes"], 0);
  for (const fs::path& folder : {source.folder, target.folder}) {
    auto entries = fs::directory_iterator(folder);
    EXPECT_EQ(std::distance(begin(entries), end(entries)), 1) << folder;
    EXPECT_TRUE(fs::exists(folder / "kept"));
  }
}

INSTANTIATE_TEST_SUITE_P(Places, BenchBetween, ::testing::Values(Place::kNfs, Place::kNfs40),
                         [](const auto& about) { return place_name(about.param); });

}  // namespace
}  // namespace nfsferry::test

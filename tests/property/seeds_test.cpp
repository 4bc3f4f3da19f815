// Properties that hold for every tree, tried on random ones. The seed chooses the tree, the pair of
// places, the event loop's engine and the number of threads; NFSFERRY_SEEDS=FIRST-LAST chooses the
// seeds.
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "nasty_tree.hpp"
#include "nfs_changes.hpp"
#include "pairs.hpp"
#include "same_counts.hpp"

namespace nfsferry::test {
namespace {

constexpr const char* kDefaultSeeds = "1-100";

const Pair& pair_of(std::uint64_t seed) { return kPairs[seed % kPairs.size()]; }

std::vector<std::uint64_t> seeds() {
  const char* chosen = std::getenv("NFSFERRY_SEEDS");
  const std::string text = chosen != nullptr ? chosen : kDefaultSeeds;
  const char* end = text.data() + text.size();
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  auto dash = std::from_chars(text.data(), end, first);
  bool usable = dash.ec == std::errc{} && dash.ptr != end && *dash.ptr == '-';
  usable = usable && std::from_chars(dash.ptr + 1, end, last).ptr == end && first <= last;
  if (!usable) {
    std::fprintf(stderr, "NFSFERRY_SEEDS wants FIRST-LAST, not '%s'\n", text.c_str());
    std::exit(2);
  }
  std::vector<std::uint64_t> numbers(last - first + 1);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

std::string seed_name(const ::testing::TestParamInfo<std::uint64_t>& info) {
  return std::string(pair_of(info.param).name) + "_" + std::to_string(info.param);
}

void expect_nothing_moved(const CopyReport& report) {
  expect_done(report);
  EXPECT_EQ(report.files_transferred, 0u);
  EXPECT_EQ(report.folders_transferred, 0u);
  EXPECT_EQ(report.bytes_written, 0u);
  EXPECT_EQ(report.metadata_repaired, 0u);
}

// What a dry run says is what the copy after it does. Where names `changed` which of a file's names
// is copied and which are linked to it hangs on the order in which threads come to them.
void expect_foretold(const CopyReport& dry, const CopyReport& real, bool changed) {
  EXPECT_EQ(dry.files_deleted, real.files_deleted);
  EXPECT_EQ(dry.folders_deleted, real.folders_deleted);
  EXPECT_EQ(dry.folders_transferred, real.folders_transferred);
  if (!changed) expect_same_counts(dry, real);
}

class Seeds : public CopyTest, public ::testing::WithParamInterface<std::uint64_t> {
 protected:
  CopyOptions seed_options(const Ground& source, const Ground& target) const {
    CopyOptions out = options(source, target);
    out.engine = GetParam() / 4 % 2 == 0 ? EngineMode::kIoUring : EngineMode::kEpoll;
    out.threads = GetParam() / 8 % 2 == 0 ? 1 : 2;
    out.delete_surplus = out.force = removes();
    return out;
  }

  // Half of the seeds: entries go and change their type, and the copy follows.
  static bool removes() { return GetParam() / 32 % 2 == 1; }

  // What a server exports is changed by a second client of it, which can do less than the tool, or
  // while the server is down.
  void change(const Ground& source) const {
    const std::uint64_t seed = GetParam();
    const std::string kinds = removes() ? "--removals --type-changes" : "";
    if (pair_of(seed).source == Place::kLocal) return mutate_tree(source.folder, seed, kinds);
    if (seed / 16 % 2 == 0) {
      std::string url = servers().source.url("/old/" + source.folder.filename().string(), "4");
      EXPECT_GT(change_through_nfs(url, source.folder, seed), 0u);
    } else {
      ASSERT_EQ(servers().source.stop(), "");
      mutate_tree(source.folder, seed, kinds);
      ASSERT_EQ(servers().source.restart(), "");
    }
  }

  std::string again() const {
    const std::string seed = std::to_string(GetParam());
    return "again: NFSFERRY_SEEDS=" + seed + "-" + seed +
           " property_tests; the tree alone: tools/nasty-tree make FOLDER --seed " + seed +
           ", its changes: tools/nasty-tree mutate FOLDER --seed " + seed;
  }
};

TEST_P(Seeds, a_copy_is_equal_then_moves_nothing_then_follows_every_change) {
  SCOPED_TRACE(again());
  const Pair& pair = pair_of(GetParam());
  Ground source = source_ground(pair.source);
  Ground target = target_ground(pair.target);
  CopyOptions wanted = seed_options(source, target);
  make_nasty_tree(source.folder, GetParam());

  CopyOptions dry = wanted;
  dry.dry_run = true;
  CopyReport foretold = copy(dry);
  EXPECT_TRUE(std::filesystem::is_empty(target.folder));
  CopyReport first = copy(wanted);

  expect_done(first);
  expect_foretold(foretold, first, false);
  expect_equal(source, target, kept_on(pair.target));
  EXPECT_EQ(first.estimated_files, first.files_transferred);

  expect_nothing_moved(copy(wanted));
  expect_equal(source, target, kept_on(pair.target));

  change(source);
  ASSERT_NE(differences(source.folder, target.folder), std::vector<std::string>{});

  foretold = copy(dry);
  CopyReport followed = copy(wanted);
  expect_done(followed);
  expect_foretold(foretold, followed, true);
  expect_equal(source, target, kept_on(pair.target));
  expect_nothing_moved(copy(wanted));
}

INSTANTIATE_TEST_SUITE_P(Seeds, Seeds, ::testing::ValuesIn(seeds()), seed_name);

}  // namespace
}  // namespace nfsferry::test

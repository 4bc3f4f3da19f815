// Properties that hold for every tree, tried on random ones. The seed chooses the tree, the pair of
// places, the event loop's engine and the number of threads; NFSFERRY_SEEDS=FIRST-LAST chooses the
// seeds.
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "nasty_tree.hpp"
#include "pairs.hpp"

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

class Seeds : public CopyTest, public ::testing::WithParamInterface<std::uint64_t> {
 protected:
  CopyOptions seed_options(const Ground& source, const Ground& target) const {
    CopyOptions out = options(source, target);
    out.engine = GetParam() / 4 % 2 == 0 ? EngineMode::kIoUring : EngineMode::kEpoll;
    out.threads = GetParam() / 8 % 2 == 0 ? 1 : 2;
    return out;
  }

  std::string again() const {
    const std::string seed = std::to_string(GetParam());
    return "again: NFSFERRY_SEEDS=" + seed + "-" + seed +
           " property_tests; the tree alone: tools/nasty-tree make FOLDER --seed " + seed;
  }
};

TEST_P(Seeds, a_nasty_tree_comes_out_equal) {
  SCOPED_TRACE(again());
  const Pair& pair = pair_of(GetParam());
  Ground source = source_ground(pair.source);
  Ground target = target_ground(pair.target);
  make_nasty_tree(source.folder, GetParam());

  CopyReport report = copy(seed_options(source, target));

  expect_done(report);
  expect_equal(source, target, kept_on(pair.target));
  EXPECT_EQ(report.estimated_files, report.files_transferred);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Seeds, ::testing::ValuesIn(seeds()), seed_name);

}  // namespace
}  // namespace nfsferry::test

#include "base/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace nfsferry {
namespace {

TEST(LatencyHistogram, IsZeroWhenEmpty) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.percentile(50), 0u);
  EXPECT_EQ(histogram.percentile(100), 0u);
}

TEST(LatencyHistogram, IsExactBelowSixteen) {
  for (std::uint64_t value = 0; value < 16; ++value) {
    LatencyHistogram histogram;
    histogram.add(value);
    EXPECT_EQ(histogram.percentile(50), value);
  }
}

TEST(LatencyHistogram, CountsTheShareFromBelow) {
  LatencyHistogram histogram;
  for (std::uint64_t value = 1; value <= 10; ++value) histogram.add(value);
  EXPECT_EQ(histogram.percentile(1), 1u);
  EXPECT_EQ(histogram.percentile(10), 1u);
  EXPECT_EQ(histogram.percentile(11), 2u);
  EXPECT_EQ(histogram.percentile(50), 5u);
  EXPECT_EQ(histogram.percentile(90), 9u);
  EXPECT_EQ(histogram.percentile(100), 10u);
}

TEST(LatencyHistogram, StaysWithinAnEighthOfTheTruth) {
  unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  LatencyHistogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 5000; ++i) {
    std::uint64_t value = random() >> (24 + random() % 40);
    values.push_back(value);
    histogram.add(value);
  }
  std::sort(values.begin(), values.end());
  for (unsigned percent : {1u, 10u, 50u, 90u, 99u, 100u}) {
    std::uint64_t exact = values[(values.size() * percent + 99) / 100 - 1];
    std::uint64_t got = histogram.percentile(percent);
    EXPECT_LE(got, exact) << percent;
    EXPECT_GE(got + got / 8 + 1, exact) << percent;
  }
}

TEST(LatencyHistogram, HoldsTheLargestValuesInItsLastBucket) {
  LatencyHistogram histogram;
  histogram.add(~std::uint64_t{0});
  EXPECT_GE(histogram.percentile(100), std::uint64_t{1} << 40);
}

TEST(LatencyHistogram, AddedToAnotherCountsLikeOne) {
  LatencyHistogram low;
  LatencyHistogram high;
  LatencyHistogram both;
  for (std::uint64_t value = 0; value < 100; ++value) {
    low.add(value);
    high.add(1000 * value);
    both.add(value);
    both.add(1000 * value);
  }
  low.add(high);
  EXPECT_EQ(low.count(), 200u);
  for (unsigned percent = 1; percent <= 100; ++percent) {
    EXPECT_EQ(low.percentile(percent), both.percentile(percent));
  }
}

}  // namespace
}  // namespace nfsferry

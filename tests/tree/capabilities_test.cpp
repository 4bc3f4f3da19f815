#include <gtest/gtest.h>

#include <limits>

#include "tree/tree.hpp"

namespace nfsferry::test {
namespace {

constexpr std::int64_t kExt4Least = -2'147'483'648;
constexpr std::int64_t kExt4Most = 15'032'385'535;

Capabilities ext4() {
  Capabilities can;
  can.learn_least_time(Time{kExt4Least, 0});
  can.learn_most_time(Time{kExt4Most, 0});
  return can;
}

TEST(CapabilitiesTest, WithoutLimitsATimeIsKeptAsItIs) {
  Capabilities can;
  for (Time time : {Time{-1, 999'999'999}, Time{0, 0}, kFarPast, kFarFuture}) {
    EXPECT_EQ(can.kept(time), time);
  }
}

TEST(CapabilitiesTest, ATimeOutsideTheRangeIsKeptAtItsEnd) {
  Capabilities can = ext4();
  EXPECT_EQ(can.kept(Time{-3'000'000'000, 5}), (Time{kExt4Least, 0}));
  EXPECT_EQ(can.kept(Time{kExt4Least, 5}), (Time{kExt4Least, 0}));
  EXPECT_EQ(can.kept(Time{kExt4Least + 1, 5}), (Time{kExt4Least + 1, 5}));
  EXPECT_EQ(can.kept(Time{kExt4Most - 1, 5}), (Time{kExt4Most - 1, 5}));
  EXPECT_EQ(can.kept(Time{kExt4Most, 5}), (Time{kExt4Most, 0}));
  EXPECT_EQ(can.kept(Time{20'000'000'000, 5}), (Time{kExt4Most, 0}));
}

TEST(CapabilitiesTest, ATimeIsCutToWhatTheTreeRemembers) {
  Capabilities can;
  can.time_granularity_ns = 1'000;
  EXPECT_EQ(can.kept(Time{-7, 123'456'789}), (Time{-7, 123'456'000}));
}

TEST(CapabilitiesTest, ATimeIsToldFromEveryLaterOneHoweverCoarseTimesAre) {
  Capabilities can;
  EXPECT_EQ(can.told_from_later(Time{5, 0}), (Time{5, 0}));
  for (std::uint32_t step : {100u, 1'000'000u, 1'000'000'000u}) {
    can.time_granularity_ns = step;
    for (Time time : {Time{5, 0}, Time{5, 1}, Time{5, 150'000'000}, Time{5, 999'999'999}}) {
      Time told = can.kept(can.told_from_later(time));
      EXPECT_FALSE(can.is_kept_as(time, told)) << step << " " << time.nanoseconds;
      EXPECT_TRUE(told.seconds == 5 || told.seconds == 4) << step << " " << time.nanoseconds;
      EXPECT_LT(told.nanoseconds, 1'000'000'000u);
    }
  }
}

std::uint32_t learned(Time became) {
  Capabilities can;
  can.granularity_at_most_ns = 1'000;
  can.learn_granularity(became);
  EXPECT_EQ(can.granularity_at_most_ns, 1u);
  return can.time_granularity_ns;
}

TEST(CapabilitiesTest, TheGranularityIsTheStepThatExplainsWhatBecameOfATime) {
  EXPECT_EQ(learned(kOddTime), 1u);
  EXPECT_EQ(learned(Time{kOddTime.seconds, 123'456'700}), 100u);
  EXPECT_EQ(learned(Time{kOddTime.seconds, 123'456'000}), 1'000u);
  EXPECT_EQ(learned(Time{kOddTime.seconds, 0}), 1'000'000'000u);
  EXPECT_EQ(learned(Time{kOddTime.seconds + 1, 0}), 1u) << "another time";
  EXPECT_EQ(learned(Time{kOddTime.seconds, 5}), 1u) << "no rounding";
}

TEST(CapabilitiesTest, ATimeOfTheTreesOwnShowsHowFineItsTimesAre) {
  EXPECT_EQ(granularity_shown(123'456'789), 1u);
  EXPECT_EQ(granularity_shown(123'456'700), 100u);
  EXPECT_EQ(granularity_shown(123'000'000), 1'000'000u);
  EXPECT_EQ(granularity_shown(0), 1'000'000'000u);
}

TEST(CapabilitiesTest, WhereItIsOnlyABoundATimeMayBeKeptWholeOrCut) {
  Capabilities can;
  can.granularity_at_most_ns = 1'000'000'000;
  for (std::uint32_t kept : {123'456'789u, 123'456'780u, 123'456'700u, 123'000'000u, 0u}) {
    EXPECT_TRUE(can.is_kept_as(Time{7, 123'456'789}, Time{7, kept})) << kept;
  }
  EXPECT_FALSE(can.is_kept_as(Time{7, 123'456'789}, Time{7, 123'456'788}));
  EXPECT_FALSE(can.is_kept_as(Time{7, 123'456'789}, Time{8, 0}));
  can.granularity_at_most_ns = 10;
  EXPECT_FALSE(can.is_kept_as(Time{7, 123'456'789}, Time{7, 123'456'700}));
  can = {};
  EXPECT_FALSE(can.is_kept_as(Time{7, 123'456'789}, Time{7, 123'456'780}));
  can.time_granularity_ns = 1'000;
  EXPECT_TRUE(can.is_kept_as(Time{7, 123'456'789}, Time{7, 123'456'000}));
  EXPECT_FALSE(can.is_kept_as(Time{7, 123'456'789}, Time{7, 123'456'789}));
}

TEST(CapabilitiesTest, ATimeThatCameBackWholeShowsNoLimit) {
  Capabilities can;
  can.learn_least_time(kFarPast);
  can.learn_most_time(kFarFuture);
  EXPECT_EQ(can.least_seconds, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(can.most_seconds, std::numeric_limits<std::int64_t>::max());
}

TEST(CapabilitiesTest, ATimeThatWasCutToFewerBitsShowsNoLimit) {
  for (int bits : {32, 34}) {
    auto cut = [bits](Time time) {
      return Time{time.seconds & ((std::int64_t{1} << bits) - 1), 0};
    };
    Capabilities can;
    can.learn_least_time(cut(kFarPast));
    can.learn_most_time(cut(kFarFuture));
    EXPECT_EQ(can.least_seconds, std::numeric_limits<std::int64_t>::min()) << bits;
    EXPECT_EQ(can.most_seconds, std::numeric_limits<std::int64_t>::max()) << bits;
  }
}

}  // namespace
}  // namespace nfsferry::test

// The bucket by a made-up clock: every number is exact.
#include "loop/token_bucket.hpp"

#include <gtest/gtest.h>

#include "nfsferry/options.hpp"

namespace nfsferry::test {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

const TokenBucket::Time kStart{hours(1000)};

class TokenBucketTest : public testing::Test {
 protected:
  void set_rate(std::uint64_t rate) { bucket_.set_rate(rate, now_); }
  TokenBucket::Place enter(std::uint64_t units) { return bucket_.enter(units, now_); }
  microseconds wait(TokenBucket::Place place) { return bucket_.wait(place, now_); }
  microseconds wait_of_new(std::uint64_t units) { return wait(enter(units)); }
  void pass(microseconds time) { now_ += time; }

  TokenBucket bucket_;
  TokenBucket::Time now_ = kStart;
};

TEST_F(TokenBucketTest, WithoutARateNothingWaits) {
  EXPECT_EQ(wait_of_new(1'000'000'000'000), microseconds(0));
  EXPECT_EQ(wait_of_new(1), microseconds(0));
}

TEST_F(TokenBucketTest, EachWaitsForWhatWasAskedForBefore) {
  set_rate(100);
  auto first = enter(50);
  auto second = enter(1);
  auto third = enter(7);
  EXPECT_EQ(wait(first), microseconds(0));
  EXPECT_EQ(wait(second), milliseconds(500));
  EXPECT_EQ(wait(third), milliseconds(510));
  pass(milliseconds(500));
  EXPECT_EQ(wait(second), microseconds(0));
  EXPECT_EQ(wait(third), milliseconds(10));
}

TEST_F(TokenBucketTest, ARequestThatIsLargerThanASecondsWorthGoesAndIsPaidForByTheNext) {
  set_rate(10);
  EXPECT_EQ(wait_of_new(1000), microseconds(0));
  EXPECT_EQ(wait_of_new(1), seconds(100));
}

TEST_F(TokenBucketTest, ATenthOfASecondIsSavedAndNoMore) {
  set_rate(1000);
  pass(seconds(60));
  EXPECT_EQ(wait_of_new(100), microseconds(0));
  EXPECT_EQ(wait_of_new(1), microseconds(0)) << "what was saved has been paid for the 100";
  EXPECT_EQ(wait_of_new(1), milliseconds(1));
}

TEST_F(TokenBucketTest, AtLeastOneUnitIsSaved) {
  set_rate(1);
  pass(seconds(60));
  EXPECT_EQ(wait_of_new(1), microseconds(0));
  EXPECT_EQ(wait_of_new(1), microseconds(0));
  EXPECT_EQ(wait_of_new(1), seconds(1));
}

TEST_F(TokenBucketTest, LookingOftenLosesNothing) {
  set_rate(3);
  enter(3);
  auto place = enter(1);
  for (int i = 0; i < 999'999; i += 9) {
    EXPECT_GT(wait(place), microseconds(0));
    pass(microseconds(9));
  }
  pass(microseconds(1));
  EXPECT_EQ(wait(place), microseconds(0));
}

TEST_F(TokenBucketTest, ANewRateHoldsForThoseWhoWaitAlready) {
  set_rate(10);
  enter(100);
  auto place = enter(1);
  EXPECT_EQ(wait(place), seconds(10));
  pass(seconds(5));
  set_rate(50);
  EXPECT_EQ(wait(place), seconds(1));
  set_rate(1);
  EXPECT_EQ(wait(place), seconds(50));
}

TEST_F(TokenBucketTest, WithoutARateThoseWhoWaitGoAndDebtsAreForgotten) {
  set_rate(10);
  enter(100);
  auto place = enter(100);
  set_rate(0);
  EXPECT_EQ(wait(place), microseconds(0));
  pass(seconds(1));
  set_rate(10);
  EXPECT_EQ(wait_of_new(1), microseconds(0));
  EXPECT_EQ(wait_of_new(1), milliseconds(100));
}

TEST_F(TokenBucketTest, ALowerRateCutsWhatIsSaved) {
  set_rate(1000);
  pass(seconds(1));
  set_rate(10);
  EXPECT_EQ(wait_of_new(1), microseconds(0));
  EXPECT_EQ(wait_of_new(1), microseconds(0)) << "one unit was saved";
  EXPECT_EQ(wait_of_new(1), milliseconds(100));
}

TEST_F(TokenBucketTest, WhatIsGivenBackIsTheNextOnes) {
  set_rate(10);
  enter(100);
  auto place = enter(1);
  bucket_.give_back(60, now_);
  EXPECT_EQ(wait(place), seconds(4));
}

TEST_F(TokenBucketTest, WhatIsGivenBackIsNotSavedForLong) {
  set_rate(10);
  enter(100);
  bucket_.give_back(100, now_);
  bucket_.give_back(100, now_);
  EXPECT_EQ(wait_of_new(1), microseconds(0));
  EXPECT_EQ(wait_of_new(1), microseconds(0));
  EXPECT_EQ(wait_of_new(1), milliseconds(100));
}

TEST_F(TokenBucketTest, TheHighestRateAndTheLongestPauseAreCountedRight) {
  set_rate(kRateMost);
  enter(kRateMost * 2);
  auto place = enter(1);
  EXPECT_EQ(wait(place), seconds(2));
  pass(microseconds(1'999'999));
  EXPECT_EQ(wait(place), microseconds(1));
  pass(hours(24 * 180));
  EXPECT_EQ(wait(place), microseconds(0));
  EXPECT_EQ(wait_of_new(kRateMost / 10 + kRateMost), microseconds(0));
  EXPECT_EQ(wait_of_new(1), seconds(1));
}

TEST_F(TokenBucketTest, AClockThatIsReadLateByAnotherThreadTurnsNothingBack) {
  set_rate(10);
  enter(10);
  auto place = enter(1);
  pass(seconds(1));
  EXPECT_EQ(wait(place), microseconds(0));
  EXPECT_EQ(bucket_.wait(place, kStart), microseconds(0));
}

}  // namespace
}  // namespace nfsferry::test

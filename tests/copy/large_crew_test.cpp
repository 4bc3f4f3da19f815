// Which threads carry large files, by their paces together and alone.
#include "copy/large_crew.hpp"

#include <gtest/gtest.h>

namespace nfsferry::copy {
namespace {

// A thread as the crew knows it.
struct Hand {
  explicit Hand(LargeCrew& of) : crew(of) {
    crew.join(this, [this] { ++woken; });
  }
  ~Hand() { crew.leave(this); }
  Hand(const Hand&) = delete;
  Hand& operator=(const Hand&) = delete;
  void begin() { crew.begin(this); }
  void end() { crew.end(this); }
  void start() { crew.start_reading(this); }
  void stop() { crew.stop_reading(this); }
  void begin_and_start() {
    begin();
    start();
  }
  void stop_and_end() {
    stop();
    end();
  }
  bool rests() { return crew.is_resting(this); }
  bool is_dismissed() const { return crew.is_dismissed(this); }

  LargeCrew& crew;
  unsigned woken = 0;
};

// Three threads, of which two read large files.
class CrewOfLargeFiles : public ::testing::Test {
 protected:
  CrewOfLargeFiles() {
    first_.begin_and_start();
    other_.begin_and_start();
  }

  bool may_begin(Hand& hand) { return crew_.may_begin(&hand, now_); }
  // As many pieces as a period has, in so many units of time.
  void work(int units) {
    now_ += units * LargeCrew::kPacePeriod;
    for (unsigned i = 0; i < LargeCrew::kPacePieces; ++i) crew_.note(10, now_);
  }
  // Both at work, until the other one rests.
  void measure_together() {
    crew_.note(10, now_);
    work(10);
    EXPECT_FALSE(other_.rests());
    work(10);
    EXPECT_TRUE(other_.rests());
    EXPECT_FALSE(first_.rests());
  }
  // `alone` is how long the first one takes by itself for what both do in 10 units.
  void measure(int alone) {
    measure_together();
    work(10);
    EXPECT_TRUE(other_.rests());
    work(alone);
  }

  LargeCrew crew_;
  Hand first_{crew_};
  Hand other_{crew_};
  Hand third_{crew_};
  Clock::time_point now_ = Clock::now();
};

TEST_F(CrewOfLargeFiles, ThreadsThatAreFasterTogetherGoOn) {
  measure(11);
  EXPECT_EQ(other_.woken, 1u);
  EXPECT_FALSE(other_.rests());
  EXPECT_FALSE(other_.is_dismissed());
  EXPECT_TRUE(may_begin(other_));
  EXPECT_TRUE(may_begin(third_));
}

TEST_F(CrewOfLargeFiles, ThreadsThatAreNoFasterTogetherTakeTurns) {
  measure(10);
  EXPECT_FALSE(first_.rests());
  EXPECT_FALSE(first_.is_dismissed());
  EXPECT_TRUE(other_.rests());
  EXPECT_TRUE(other_.is_dismissed());
  EXPECT_FALSE(may_begin(first_)) << "the other one has begun some and waits for its turn";
  EXPECT_FALSE(may_begin(third_));
  unsigned woken_before = other_.woken;
  first_.stop_and_end();
  EXPECT_GT(other_.woken, woken_before);
  EXPECT_FALSE(other_.rests());
  EXPECT_FALSE(other_.is_dismissed());
  EXPECT_TRUE(may_begin(other_)) << "nobody waits any more";
  EXPECT_FALSE(may_begin(third_));
  woken_before = third_.woken;
  other_.stop_and_end();
  EXPECT_GT(third_.woken, woken_before);
  EXPECT_TRUE(may_begin(third_));
  EXPECT_TRUE(may_begin(first_));
}

// Its last bytes are made durable, which may take long.
TEST_F(CrewOfLargeFiles, ATurnIsOverWhenThereIsNothingToRead) {
  measure(10);
  EXPECT_TRUE(other_.rests());
  first_.stop();
  EXPECT_FALSE(other_.rests());
  first_.start();
  EXPECT_TRUE(first_.rests());
  EXPECT_FALSE(may_begin(first_));
}

TEST_F(CrewOfLargeFiles, NobodyRestsWhereNobodyReads) {
  measure(10);
  other_.stop();
  first_.stop();
  other_.start();
  EXPECT_FALSE(other_.rests());
  first_.start();
  EXPECT_TRUE(first_.rests());
}

TEST_F(CrewOfLargeFiles, WhoHasWaitedLongestIsNext) {
  third_.begin_and_start();
  measure(10);
  first_.stop();
  first_.start();
  EXPECT_FALSE(other_.rests());
  other_.stop();
  EXPECT_FALSE(third_.rests());
  EXPECT_TRUE(first_.rests());
  other_.start();
  third_.stop();
  EXPECT_FALSE(first_.rests());
  EXPECT_TRUE(other_.rests());
}

TEST_F(CrewOfLargeFiles, ADecisionHoldsFiftyTimesAsLongAsItTook) {
  measure(10);
  now_ += (50 * 40 - 1) * LargeCrew::kPacePeriod;
  crew_.note(10, now_);
  EXPECT_TRUE(other_.rests());
  now_ += LargeCrew::kPacePeriod;
  unsigned woken_before = other_.woken;
  crew_.note(10, now_);
  EXPECT_EQ(other_.woken, woken_before + 1);
  EXPECT_FALSE(other_.rests());
  EXPECT_TRUE(may_begin(third_));
  for (int units : {10, 10, 10, 11}) work(units);
  EXPECT_FALSE(other_.rests()) << "together they are faster by now";
  now_ += 50 * 41 * LargeCrew::kPacePeriod;
  measure(10);
  EXPECT_TRUE(other_.rests()) << "and no more";
}

// Who reads nothing here notes nothing either.
TEST_F(CrewOfLargeFiles, ADecisionIsForgottenWhereNothingIsReadAsWell) {
  measure(10);
  first_.stop();
  other_.stop();
  EXPECT_FALSE(may_begin(third_));
  now_ += 50 * 40 * LargeCrew::kPacePeriod;
  EXPECT_TRUE(may_begin(third_));
}

TEST_F(CrewOfLargeFiles, ADecisionThatTookLongHoldsTenMinutes) {
  crew_.note(10, now_);
  for (int i = 0; i < 4; ++i) work(1000);
  EXPECT_TRUE(other_.is_dismissed());
  now_ += std::chrono::minutes(10) - LargeCrew::kPacePeriod;
  EXPECT_FALSE(may_begin(third_));
  now_ += LargeCrew::kPacePeriod;
  EXPECT_TRUE(may_begin(third_));
}

TEST_F(CrewOfLargeFiles, NobodyBeginsWhileTheFirstIsMeasuredButTheFirst) {
  measure_together();
  EXPECT_TRUE(may_begin(first_));
  EXPECT_FALSE(may_begin(other_));
  EXPECT_FALSE(may_begin(third_));
  EXPECT_FALSE(third_.is_dismissed());
}

TEST_F(CrewOfLargeFiles, RestEndsWithTheFirstOnesFiles) {
  measure_together();
  EXPECT_FALSE(may_begin(third_));
  first_.stop();
  EXPECT_TRUE(other_.rests()) << "between two files of the first one";
  first_.end();
  EXPECT_EQ(other_.woken, 1u);
  EXPECT_EQ(third_.woken, 1u);
  EXPECT_FALSE(other_.rests());
  EXPECT_TRUE(may_begin(third_));
}

// Two are left, and the measurement is of both.
TEST_F(CrewOfLargeFiles, AnotherFirstOneIsMeasuredFromTheBeginning) {
  third_.begin_and_start();
  measure_together();
  first_.stop_and_end();
  EXPECT_FALSE(other_.rests());
  EXPECT_FALSE(third_.rests());
  crew_.note(10, now_);
  work(10);
  EXPECT_FALSE(third_.rests());
  work(10);
  EXPECT_FALSE(other_.rests());
  EXPECT_TRUE(third_.rests());
}

TEST_F(CrewOfLargeFiles, TheMeasurementEndsWhereOneIsLeft) {
  measure_together();
  EXPECT_FALSE(may_begin(third_));
  other_.stop_and_end();
  EXPECT_EQ(third_.woken, 1u);
  EXPECT_TRUE(may_begin(third_));
}

TEST_F(CrewOfLargeFiles, OneThreadIsNotMeasured) {
  other_.stop_and_end();
  crew_.note(10, now_);
  for (int i = 0; i < 5; ++i) work(10);
  EXPECT_TRUE(may_begin(third_));
  third_.begin_and_start();
  EXPECT_FALSE(third_.rests());
}

TEST_F(CrewOfLargeFiles, NobodyRestsWhenTheRunEnds) {
  measure(10);
  EXPECT_TRUE(other_.rests());
  EXPECT_FALSE(may_begin(third_));
  unsigned woken_before = other_.woken;
  crew_.dissolve();
  EXPECT_EQ(other_.woken, woken_before + 1);
  EXPECT_FALSE(other_.rests());
  EXPECT_FALSE(other_.is_dismissed());
  EXPECT_TRUE(may_begin(third_));
  for (int i = 0; i < 5; ++i) work(10);
  first_.stop();
  EXPECT_FALSE(other_.rests());
}

}  // namespace
}  // namespace nfsferry::copy

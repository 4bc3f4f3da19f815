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
  void stop(Clock::time_point now) { crew.stop_reading(this, now); }
  void begin_and_start() {
    begin();
    start();
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

  void stop(Hand& hand) { hand.stop(now_); }
  void stop_and_end(Hand& hand) {
    stop(hand);
    hand.end();
  }
  bool may_begin(Hand& hand) { return crew_.may_begin(&hand); }
  // As many pieces as a period has, in so many units of time.
  void work(int units) {
    now_ += units * LargeCrew::kPacePeriod;
    for (unsigned i = 0; i < LargeCrew::kPacePieces; ++i) crew_.note(10, true, now_);
  }
  // Both at work, until the other one rests.
  void measure_together() {
    crew_.note(10, true, now_);
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
  stop_and_end(first_);
  EXPECT_GT(other_.woken, woken_before);
  EXPECT_FALSE(other_.rests());
  EXPECT_FALSE(other_.is_dismissed());
  EXPECT_TRUE(may_begin(other_)) << "nobody waits any more";
  EXPECT_FALSE(may_begin(third_));
  woken_before = third_.woken;
  stop_and_end(other_);
  EXPECT_GT(third_.woken, woken_before);
  EXPECT_TRUE(may_begin(third_));
  EXPECT_TRUE(may_begin(first_));
}

// Its last bytes are made durable, which may take long.
TEST_F(CrewOfLargeFiles, ATurnIsOverWhenThereIsNothingToRead) {
  measure(10);
  EXPECT_TRUE(other_.rests());
  stop(first_);
  EXPECT_FALSE(other_.rests());
  first_.start();
  EXPECT_TRUE(first_.rests());
  EXPECT_FALSE(may_begin(first_));
}

TEST_F(CrewOfLargeFiles, NobodyRestsWhereNobodyReads) {
  measure(10);
  stop(other_);
  stop(first_);
  other_.start();
  EXPECT_FALSE(other_.rests());
  first_.start();
  EXPECT_TRUE(first_.rests());
}

TEST_F(CrewOfLargeFiles, WhoHasWaitedLongestIsNext) {
  third_.begin_and_start();
  measure(10);
  stop(first_);
  first_.start();
  EXPECT_FALSE(other_.rests());
  stop(other_);
  EXPECT_FALSE(third_.rests());
  EXPECT_TRUE(first_.rests());
  other_.start();
  stop(third_);
  EXPECT_FALSE(first_.rests());
  EXPECT_TRUE(other_.rests());
}

TEST_F(CrewOfLargeFiles, ADecisionHoldsFiftyTimesAsLongAsItTook) {
  measure(10);
  now_ += (50 * 40 - 1) * LargeCrew::kPacePeriod;
  crew_.note(10, true, now_);
  crew_.look(now_);
  EXPECT_TRUE(other_.rests());
  now_ += LargeCrew::kPacePeriod;
  unsigned woken_before = other_.woken;
  crew_.look(now_);
  EXPECT_EQ(other_.woken, woken_before + 1);
  EXPECT_FALSE(other_.rests());
  EXPECT_TRUE(may_begin(third_));
  crew_.note(10, true, now_);
  for (int units : {10, 10, 10, 11}) work(units);
  EXPECT_FALSE(other_.rests()) << "together they are faster by now";
  now_ += 50 * 41 * LargeCrew::kPacePeriod;
  crew_.look(now_);
  measure(10);
  EXPECT_TRUE(other_.rests()) << "and no more";
}

TEST_F(CrewOfLargeFiles, ADecisionThatTookLongHoldsTenMinutes) {
  crew_.note(10, true, now_);
  for (int i = 0; i < 4; ++i) work(1000);
  EXPECT_TRUE(other_.is_dismissed());
  now_ += std::chrono::minutes(10) - LargeCrew::kPacePeriod;
  crew_.note(10, true, now_);
  crew_.look(now_);
  EXPECT_FALSE(may_begin(third_));
  now_ += LargeCrew::kPacePeriod;
  crew_.look(now_);
  EXPECT_TRUE(may_begin(third_));
}

TEST_F(CrewOfLargeFiles, NobodyBeginsWhileTheFirstIsMeasuredButTheFirst) {
  measure_together();
  EXPECT_TRUE(may_begin(first_));
  EXPECT_FALSE(may_begin(other_));
  EXPECT_FALSE(may_begin(third_));
  EXPECT_FALSE(third_.is_dismissed());
}

// As little as it takes to tell something is read meanwhile: what was tried counts as tried.
TEST_F(CrewOfLargeFiles, ThreadsGoOnWhereTheFirstHasNothingToReadMeanwhile) {
  measure_together();
  EXPECT_FALSE(may_begin(third_));
  stop(first_);
  EXPECT_EQ(other_.woken, 1u);
  EXPECT_EQ(third_.woken, 1u);
  EXPECT_FALSE(other_.rests());
  EXPECT_TRUE(may_begin(third_));
  first_.start();
  for (int i = 0; i < 5; ++i) {
    work(10);
    EXPECT_FALSE(other_.rests());
  }
  now_ += 50 * 20 * LargeCrew::kPacePeriod;
  crew_.look(now_);
  crew_.note(10, true, now_);
  work(10);
  work(10);
  EXPECT_TRUE(first_.rests()) << "the other one has read for longer";
}

TEST_F(CrewOfLargeFiles, NobodyWaitsLongForOneThatReadsNothing) {
  for (bool decided : {false, true}) {
    LargeCrew crew;
    Hand one(crew);
    Hand other(crew);
    one.begin_and_start();
    other.begin_and_start();
    Clock::time_point now = now_;
    auto pieces = [&] {
      now += LargeCrew::kPacePeriod;
      for (unsigned i = 0; i < LargeCrew::kPacePieces; ++i) crew.note(10, true, now);
    };
    crew.note(10, true, now);
    for (int periods = decided ? 4 : 2; periods > 0; --periods) pieces();
    EXPECT_TRUE(other.rests());
    crew.look(now + LargeCrew::kPatience);
    EXPECT_TRUE(other.rests());
    crew.look(now + LargeCrew::kPatience + std::chrono::milliseconds(1));
    EXPECT_FALSE(other.rests());
    EXPECT_EQ(other.woken, 1u);
  }
}

TEST_F(CrewOfLargeFiles, NothingIsMeasuredUnderALimit) {
  measure_together();
  crew_.note(10, false, now_);
  EXPECT_FALSE(other_.rests());
  for (int i = 0; i < 5; ++i) {
    now_ += 10 * LargeCrew::kPacePeriod;
    for (unsigned piece = 0; piece < LargeCrew::kPacePieces; ++piece) crew_.note(10, false, now_);
    EXPECT_FALSE(other_.rests());
  }
}

TEST_F(CrewOfLargeFiles, WhoHasFilesAndReadsNoneIsNotMeasured) {
  stop(other_);
  crew_.note(10, true, now_);
  for (int i = 0; i < 5; ++i) work(10);
  EXPECT_TRUE(may_begin(third_));
  other_.start();
  measure(10);
  EXPECT_TRUE(other_.is_dismissed());
}

// Two are left, and the measurement is of both.
TEST_F(CrewOfLargeFiles, AnotherFirstOneIsMeasuredFromTheBeginning) {
  third_.begin_and_start();
  crew_.note(10, true, now_);
  work(10);
  stop_and_end(first_);
  stop(third_);
  third_.start();
  crew_.note(10, true, now_);
  work(10);
  EXPECT_FALSE(third_.rests());
  work(10);
  EXPECT_FALSE(other_.rests());
  EXPECT_TRUE(third_.rests());
}

TEST_F(CrewOfLargeFiles, TheMeasurementEndsWhereOneIsLeft) {
  measure_together();
  EXPECT_FALSE(may_begin(third_));
  stop_and_end(other_);
  EXPECT_EQ(third_.woken, 1u);
  EXPECT_TRUE(may_begin(third_));
}

TEST_F(CrewOfLargeFiles, OneThreadIsNotMeasured) {
  stop_and_end(other_);
  crew_.note(10, true, now_);
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
  stop(first_);
  EXPECT_FALSE(other_.rests());
}

}  // namespace
}  // namespace nfsferry::copy

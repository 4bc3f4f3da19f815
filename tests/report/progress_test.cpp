#include "report/progress.hpp"

#include <gtest/gtest.h>

namespace nfsferry {
namespace {

Progress at(std::uint64_t elapsed_ms, std::uint64_t files, std::uint64_t bytes) {
  Progress progress;
  progress.elapsed_ms = elapsed_ms;
  progress.files_done = files;
  progress.bytes_done = bytes;
  progress.files_found = 10'000;
  progress.bytes_found = 10u << 20;
  progress.walk_finished = true;
  return progress;
}

TEST(ProgressMeter, TellsCountsRatesAndTimeLeft) {
  ProgressMeter meter;
  EXPECT_EQ(meter.line(at(1000, 1000, 1u << 20), 200),
            "1,000 of 10,000 files, 1.0 MiB of 10.0 MiB, 1.0 MiB/s, 1,000 files/s, 9.0s left");
}

TEST(ProgressMeter, RatesAreThoseOfTheLastSeconds) {
  ProgressMeter meter;
  for (std::uint64_t second = 1; second <= 60; ++second) meter.line(at(second * 1000, 0, 0), 200);
  for (std::uint64_t second = 61; second <= 80; ++second) {
    meter.line(at(second * 1000, (second - 60) * 100, 0), 200);
  }
  EXPECT_NE(meter.line(at(81'000, 2100, 0), 200).find(" 100 files/s"), std::string::npos);
}

TEST(ProgressMeter, SaysSoWhileTheTreeIsStillBeingRead) {
  ProgressMeter meter;
  Progress progress = at(1000, 10, 10);
  progress.walk_finished = false;
  std::string line = meter.line(progress, 200);
  EXPECT_NE(line.find("10 of 10,000 files so far"), std::string::npos);
  EXPECT_EQ(line.find("left"), std::string::npos);
}

TEST(ProgressMeter, GuessesNoTimeWhileNothingMoves) {
  ProgressMeter meter;
  EXPECT_EQ(meter.line(at(5000, 0, 0), 200).find("left"), std::string::npos);
}

TEST(ProgressMeter, NeverExceedsTheTerminal) {
  ProgressMeter meter;
  Progress progress = at(1000, 1000, 1000);
  progress.failures = 3;
  for (std::size_t columns : {0u, 1u, 20u, 40u}) {
    EXPECT_LE(meter.line(progress, columns).size(), columns);
  }
  EXPECT_NE(meter.line(progress, 200).find("3 failed"), std::string::npos);
}

TEST(ProgressMeter, SurvivesCountsThatGoBackwardsAndTimesThatStandStill) {
  ProgressMeter meter;
  meter.line(at(1000, 1000, 1000), 200);
  EXPECT_NE(meter.line(at(1000, 500, 0), 200).find(" 0 files/s"), std::string::npos);
  EXPECT_NE(meter.line(at(0, 0, 0), 200).find(" 0 files/s"), std::string::npos);
}

}  // namespace
}  // namespace nfsferry

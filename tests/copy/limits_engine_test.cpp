// The engine keeps to its limits, by a made-up clock.
#include "copy/worker.hpp"
#include "engine_fixture.hpp"
#include "made_up_clock.hpp"

namespace nfsferry::copy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Rates kThousandBytes{1000, 0};

class Limits : public Engine {
 protected:
  void limit(const Rates& rates) { limits_ = std::make_shared<RateLimits>(rates, clock_.now()); }
  // Each look at the clock takes a while.
  void limit_with_running_clock(const Rates& rates) {
    limits_ = std::make_shared<RateLimits>(rates, [this] {
      clock_.pass(milliseconds(100));
      return clock_.now()();
    });
    clock_started_ = clock_.passed();
  }
  void put_files(std::size_t count, std::size_t size_bytes) {
    auto all = [&](MemoryTree& to) -> Task<void> {
      for (std::size_t i = 0; i < count; ++i) {
        std::string name = "file" + std::to_string(i);
        co_await put(to, to.root(), name, size_bytes);
      }
    };
    fill(all);
  }
  // A source whose reads say whether they came too early: all bytes before have their time.
  MemoryOptions watched_source(std::string_view read_operation, std::uint64_t bytes_at_once) {
    MemoryOptions source;
    source.preferences.files_per_batch = 1;
    source.fail = [this, read_operation, bytes_at_once](std::string_view operation,
                                                        std::string_view) -> std::optional<Error> {
      if (operation != read_operation) return {};
      auto passed_ms = static_cast<std::uint64_t>((clock_.passed() - clock_started_).count());
      if (reads_ * bytes_at_once * 1000 > passed_ms * limits_->bytes.rate()) ++too_early_;
      ++reads_;
      return {};
    };
    return source;
  }
  // Bytes that were asked for and have not had their time; the clock stands still.
  std::uint64_t bytes_owed() {
    auto wait = limits_->bytes.wait(limits_->bytes.enter(0));
    return static_cast<std::uint64_t>(wait.count()) * limits_->bytes.rate() / 1'000'000;
  }

  test::MadeUpClock clock_;
  milliseconds clock_started_{0};
  std::uint64_t reads_ = 0;
  std::uint64_t too_early_ = 0;
};

TEST_F(Limits, SmallFilesAreReadNoFasterThanTheLimit) {
  put_files(12, 1000);
  limit_with_running_clock(kThousandBytes);
  CopyReport report = copy(watched_source("read_file", 1000));
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.files_transferred, 12u);
  EXPECT_EQ(reads_, 12u);
  EXPECT_EQ(too_early_, 0u);
  EXPECT_GT(waited_ms_, 0u);
}

TEST_F(Limits, RangesOfALargeFileAreReadNoFasterThanTheLimit) {
  put_files(1, 12u << 20);
  limit_with_running_clock({1u << 20, 0});
  CopyReport report = copy(watched_source("read", 1u << 20));
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.bytes_written, 12u << 20);
  EXPECT_EQ(reads_, 12u);
  EXPECT_EQ(too_early_, 0u);
}

TEST_F(Limits, BytesThatNobodySeesAreCopiedNoFasterThanTheLimit) {
  constexpr std::uint32_t kPiece = Worker::kUnseenBytes;
  put_files(1, 4 * kPiece);
  options_.verify = VerifyMode::kNone;
  options_.checksum = ChecksumMode::kNone;
  limit_with_running_clock({8u << 20, 0});
  MemoryOptions watched = watched_source("copy_from", kPiece);
  watched.preferences.read_bytes = watched.preferences.write_bytes = kPiece;
  CopyReport report = copy(watched, watched);
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.bytes_written, 4 * kPiece);
  EXPECT_EQ(reads_, 4u);
  EXPECT_EQ(too_early_, 0u);
}

TEST_F(Limits, BytesThatNobodySeesCountOnceThoughTheTreesFailToCopyThem) {
  put_files(1, 600'000);
  options_.verify = VerifyMode::kNone;
  options_.checksum = ChecksumMode::kNone;
  options_.compare = CompareMode::kAll;
  for (bool refused : {false, true}) {
    limit(kThousandBytes);
    MemoryOptions target;
    target.fail = [refused](std::string_view operation, std::string_view) -> std::optional<Error> {
      if (refused && operation == "copy_from") return errno_error(EXDEV, "copy_file_range");
      return {};
    };
    CopyReport report = copy({}, target);
    EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
    EXPECT_EQ(report.bytes_transferred, refused ? 600'000u : 0u);
    EXPECT_EQ(bytes_owed(), 600'000u);
  }
}

TEST_F(Limits, AByteThatIsReadHashedWrittenAndReadBackCountsOnce) {
  put_files(5, 1000);
  limit(kThousandBytes);
  CopyReport report = copy();
  EXPECT_EQ(report.files_verified, 5u);
  EXPECT_EQ(bytes_owed(), 5000u);
}

TEST_F(Limits, AComparisonCountsTheSourcesBytesAlone) {
  put_files(5, 1000);
  (void)copy();
  limit(kThousandBytes);
  CopyReport report = verify();
  EXPECT_EQ(report.files_verified, 5u);
  EXPECT_EQ(bytes_owed(), 5000u);
}

TEST_F(Limits, WhatIsSkippedAndEmptyFilesCountNothing) {
  put_files(5, 1000);
  (void)copy();
  put_files(1, 0);
  limit(kThousandBytes);
  CopyReport report = copy();
  EXPECT_EQ(report.files_skipped, 4u);
  EXPECT_EQ(report.files_transferred, 1u);
  EXPECT_EQ(bytes_owed(), 0u);
}

// Does something once a file is done.
class Once : public Observer {
 public:
  explicit Once(std::function<void()> act) : act_(std::move(act)) {}
  void on_progress(const Progress& progress) override {
    if (progress.files_done > 0 && act_) std::exchange(act_, nullptr)();
  }

 private:
  std::function<void()> act_;
};

// The clock stands still, so that but the first file waits for ever.
TEST_F(Limits, AStopEndsARunThatWaits) {
  put_files(12, 1000);
  limit(kThousandBytes);
  Once stop([this] { stop_ = SIGTERM; });
  CopyReport report = copy(watched_source("read_file", 1000), {}, &stop);
  EXPECT_EQ(report.exit_code, ExitCode::kTerminated);
  EXPECT_EQ(report.files_transferred, 1u);
  EXPECT_EQ(report.failures.size(), 0u);
}

TEST_F(Limits, AStopEndsALargeFileThatWaitsAndNothingIsLeftOfIt) {
  put_files(1, 12u << 20);
  auto small = [](MemoryTree& to) -> Task<void> { co_await put(to, to.root(), "empty", 0); };
  fill(small);
  limit({1, 0});
  Once stop([this] { stop_ = SIGINT; });
  CopyReport report = copy({}, {}, &stop);
  EXPECT_EQ(report.exit_code, ExitCode::kInterrupted);
  EXPECT_EQ(at(*target_volume_, "/file0"), nullptr);
  EXPECT_NE(at(*target_volume_, "/empty"), nullptr);
  EXPECT_EQ(report.failures.size(), 0u);
}

TEST_F(Limits, ALimitThatIsTakenAwayLetsTheRunGoOn) {
  put_files(12, 1000);
  limit(kThousandBytes);
  Once lift([this] { limits_->set(Rates{}); });
  CopyReport report = copy(watched_source("read_file", 0), {}, &lift);
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.files_transferred, 12u);
}

TEST_F(Limits, AFatalErrorIsNotHeldUp) {
  put_files(12, 1000);
  limit(kThousandBytes);
  MemoryOptions target;
  target.fail = [](std::string_view operation, std::string_view name) -> std::optional<Error> {
    if (operation == "put_file" && name.starts_with("file")) return errno_error(ENOSPC, "write");
    return {};
  };
  CopyReport report = copy(watched_source("read_file", 1000), target);
  EXPECT_EQ(report.error_code, "ENOSPC");
  EXPECT_EQ(reads_, 1u);
}

}  // namespace
}  // namespace nfsferry::copy

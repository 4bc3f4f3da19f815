#include "cli/progress_line.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <string>

#include "base/unique_fd.hpp"

namespace nfsferry::cli {
namespace {

// Sends stderr elsewhere for its lifetime.
class StderrTo {
 public:
  explicit StderrTo(int fd) : saved_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    ::dup2(fd, STDERR_FILENO);
  }
  ~StderrTo() { ::dup2(saved_.get(), STDERR_FILENO); }
  StderrTo(const StderrTo&) = delete;
  StderrTo& operator=(const StderrTo&) = delete;

 private:
  UniqueFd saved_;
};

Progress at(std::uint64_t elapsed_ms) {
  Progress progress;
  progress.elapsed_ms = elapsed_ms;
  progress.files_found = 1'000'000;
  progress.files_done = elapsed_ms;
  return progress;
}

void run_two_seconds(ProgressLine& line) {
  for (std::uint64_t ms = 100; ms <= 2000; ms += 100) line.on_progress(at(ms));
  line.erase();
}

std::string shown_on_terminal(ProgressMode mode, bool quiet, unsigned short columns) {
  int master = -1;
  int slave = -1;
  winsize size{24, columns, 0, 0};
  EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
  UniqueFd master_fd(master);
  UniqueFd slave_fd(slave);
  {
    StderrTo to(slave);
    ProgressLine line(mode, quiet, 500);
    run_two_seconds(line);
  }
  slave_fd.reset();  // the master's reads end after what was written
  std::string shown;
  char bytes[4096];
  ssize_t got = 0;
  while ((got = ::read(master, bytes, sizeof bytes)) > 0) {
    shown.append(bytes, static_cast<std::size_t>(got));
  }
  return shown;
}

std::string shown_in_file(ProgressMode mode,
                          const std::function<void(ProgressLine&)>& use = run_two_seconds) {
  UniqueFd file(::memfd_create("stderr", MFD_CLOEXEC));
  {
    StderrTo to(file.get());
    ProgressLine line(mode, false, 500);
    use(line);
  }
  char bytes[16384];
  ssize_t got = ::pread(file.get(), bytes, sizeof bytes, 0);
  return got > 0 ? std::string(bytes, static_cast<std::size_t>(got)) : std::string();
}

TEST(ProgressLine, IsRedrawnInPlaceAndErasedOnATerminal) {
  std::string shown = shown_on_terminal(ProgressMode::kAuto, false, 200);
  EXPECT_EQ(std::count(shown.begin(), shown.end(), '\n'), 0);
  EXPECT_EQ(shown.find('\x1b'), std::string::npos);
  EXPECT_NE(shown.find("\r100 of 1,000,000 files"), std::string::npos) << shown;
  std::size_t last = shown.rfind('\r', shown.size() - 2);
  EXPECT_EQ(shown.find_first_not_of(" \r", last), std::string::npos) << "not erased";
}

TEST(ProgressLine, KeepsToTheWidthOfTheTerminal) {
  std::string shown = shown_on_terminal(ProgressMode::kAuto, false, 30);
  ASSERT_FALSE(shown.empty());
  std::size_t longest = 0;
  for (std::size_t from = 0; from < shown.size();) {
    std::size_t to = std::min(shown.find('\r', from), shown.size());
    longest = std::max(longest, to - from);
    from = to + 1;
  }
  EXPECT_EQ(longest, 29u);
}

TEST(ProgressLine, IsDrawnOncePerInterval) {
  std::string shown = shown_in_file(ProgressMode::kAlways);
  EXPECT_EQ(std::count(shown.begin(), shown.end(), '\n'), 4);
  EXPECT_EQ(std::count(shown.begin(), shown.end(), '\r'), 0);
}

// The runs of a bench; a copy and its comparison.
TEST(ProgressLine, BeginsAnewWithAnotherRun) {
  std::string shown = shown_in_file(ProgressMode::kAlways, [](ProgressLine& line) {
    for (int run = 0; run < 3; ++run) run_two_seconds(line);
  });
  EXPECT_EQ(std::count(shown.begin(), shown.end(), '\n'), 3 * 4) << shown;
}

TEST(ProgressLine, ShowsAStepAtOnce) {
  auto step = [](ProgressLine& line) { line.on_step("making\n"); };
  EXPECT_EQ(shown_in_file(ProgressMode::kAlways, step), "making\\n\n");
  EXPECT_EQ(shown_in_file(ProgressMode::kNever, step), "");
}

TEST(ProgressLine, IsShownWhereItsModeSaysSo) {
  EXPECT_EQ(shown_in_file(ProgressMode::kAuto), "");
  EXPECT_EQ(shown_in_file(ProgressMode::kNever), "");
  EXPECT_EQ(shown_on_terminal(ProgressMode::kNever, false, 80), "");
  EXPECT_EQ(shown_on_terminal(ProgressMode::kAuto, true, 80), "");
  EXPECT_NE(shown_on_terminal(ProgressMode::kAlways, true, 80), "");
}

TEST(FailureText, EscapesTheNameAndTellsTheReason) {
  Failure failure{"dir/a\n\x1b\xff", "WRITE", "NFS4ERR_ACCESS", "not permitted", 1};
  EXPECT_EQ(failure_text(failure), "dir/a\\n\\x1b\\xff: WRITE: NFS4ERR_ACCESS (not permitted)");
}

}  // namespace
}  // namespace nfsferry::cli

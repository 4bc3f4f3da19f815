#include "cli/batch_progress.hpp"

#include <unistd.h>

#include "base/escape.hpp"
#include "base/units.hpp"
#include "cli/console.hpp"
#include "report/output_file.hpp"
#include "report/summary.hpp"

namespace nfsferry::cli {
namespace {

constexpr std::size_t kColumns = 100;
constexpr std::size_t kNameColumns = 24;

void write_error(const std::string& text) {
  // Progress that cannot be shown is no reason to stop.
  [[maybe_unused]] Status written = write_all(STDERR_FILENO, text, "stderr");
}

}  // namespace

BatchProgress::BatchProgress(ProgressMode mode, bool quiet, std::size_t homes)
    : terminal_(::isatty(STDERR_FILENO) == 1),
      shown_(mode == ProgressMode::kAuto ? terminal_ && !quiet : mode == ProgressMode::kAlways),
      homes_(homes) {}

void BatchProgress::begin(std::size_t index, const std::string& name) {
  std::lock_guard lock(mutex_);
  running_[index].name = escape_for_terminal(name).substr(0, kNameColumns);
}

void BatchProgress::note(std::size_t index, const Progress& progress) {
  std::lock_guard lock(mutex_);
  running_[index].progress = progress;
}

void BatchProgress::end(std::size_t index, const BatchEntry& entry) {
  std::lock_guard lock(mutex_);
  running_.erase(index);
  ++(entry.failed() ? failed_ : done_);
  files_ += entry.files_transferred;
  bytes_ += entry.bytes_written;
}

std::string BatchProgress::total_line() const {
  std::uint64_t files = files_;
  std::uint64_t bytes = bytes_;
  for (const auto& [index, home] : running_) {
    files += home.progress.files_done;
    bytes += home.progress.bytes_done;
  }
  std::string text = "total: " + grouped(done_ + failed_) + " of " + counted(homes_, "home") +
                     ", " + counted(files, "file") + ", " + format_size(bytes);
  if (failed_ > 0) text += ", " + counted(failed_, "home") + " failed";
  return text;
}

void BatchProgress::draw() {
  if (!shown_) return;
  std::lock_guard lock(mutex_);
  erase_lines();
  std::string text;
  for (auto& [index, home] : running_) {
    text += home.name + ": " + home.meter.line(home.progress, kColumns - kNameColumns) + "\n";
  }
  text += total_line() + "\n";
  if (terminal_) drawn_lines_ = running_.size() + 1;
  write_error(text);
}

void BatchProgress::print(const std::string& line) {
  std::lock_guard lock(mutex_);
  erase_lines();
  print_error(line);
}

void BatchProgress::erase() {
  std::lock_guard lock(mutex_);
  erase_lines();
}

// Up to the first of the drawn lines (ECMA-48, CPL), then to the end of the screen (ED).
void BatchProgress::erase_lines() {
  if (drawn_lines_ == 0) return;
  write_error("\x1b[" + std::to_string(drawn_lines_) + "F\x1b[J");
  drawn_lines_ = 0;
}

}  // namespace nfsferry::cli

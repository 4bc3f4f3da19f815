#include "cli/progress_line.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "base/escape.hpp"
#include "base/log.hpp"
#include "cli/console.hpp"
#include "report/output_file.hpp"

namespace nfsferry::cli {
namespace {

constexpr std::size_t kColumnsOfAFile = 200;

std::size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

void show(const std::string& text) {
  // A progress line that cannot be shown is no reason to stop.
  [[maybe_unused]] Status written = write_all(STDERR_FILENO, text, "stderr");
}

bool is_inside_character(char byte) { return (byte & 0xc0) == 0x80; }  // of UTF-8, not its first

bool is_shown(ProgressMode mode, bool terminal, bool quiet_by_default) {
  if (mode == ProgressMode::kAuto) return terminal && !quiet_by_default;
  return mode == ProgressMode::kAlways;
}

}  // namespace

ProgressLine::ProgressLine(ProgressMode mode, bool quiet_by_default, std::uint64_t interval_ms)
    : terminal_(::isatty(STDERR_FILENO) == 1),
      shown_(is_shown(mode, terminal_, quiet_by_default)),
      interval_ms_(interval_ms) {}

void ProgressLine::on_step(std::string_view step) {
  if (!shown_) return;
  std::string text = escape_for_terminal(step);
  if (!terminal_) return show(text + "\n");
  std::size_t end = std::min(text.size(), terminal_columns() - 1);
  while (end < text.size() && is_inside_character(text[end])) --end;
  erase();
  draw(text.substr(0, end));
}

void ProgressLine::on_progress(const Progress& progress) {
  if (!shown_) return;
  if (progress.elapsed_ms < seen_ms_) {  // another run, or another part of it
    meter_ = {};
    next_ms_ = 0;
  }
  seen_ms_ = progress.elapsed_ms;
  if (progress.elapsed_ms < next_ms_) return;
  next_ms_ = progress.elapsed_ms + interval_ms_;
  if (terminal_) {
    draw(meter_.line(progress, terminal_columns() - 1));
  } else {
    show(meter_.line(progress, kColumnsOfAFile) + "\n");
  }
}

void ProgressLine::on_failure(const Failure& failure) {
  erase();
  log(LogLevel::kWarning, failure_text(failure));
}

// The cursor goes back to the first column, so that whatever is logged next overwrites the line.
void ProgressLine::draw(const std::string& line) {
  std::string text = "\r" + line;
  if (line.size() < drawn_columns_) text.append(drawn_columns_ - line.size(), ' ');
  show(text + "\r");
  drawn_columns_ = line.size();
}

void ProgressLine::erase() {
  if (drawn_columns_ > 0) draw("");
}

std::string path_text(const Failure& failure) {
  return failure.path.empty() ? "." : escape_for_terminal(failure.path);
}

std::string failure_text(const Failure& failure) {
  std::string out = path_text(failure);
  if (!failure.operation.empty()) out += ": " + failure.operation;
  out += ": " + failure.error;
  if (!failure.message.empty()) out += " (" + one_line(failure.message) + ")";
  return out;
}

}  // namespace nfsferry::cli

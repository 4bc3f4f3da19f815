#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cli/flags.hpp"
#include "nfsferry/observer.hpp"
#include "report/progress.hpp"

namespace nfsferry::cli {

// Shows a run's progress on stderr and logs its failures. On a terminal one line is drawn again
// and again and erased at the end; elsewhere (`always`) each one stays. Plain text, no colours.
class ProgressLine : public Observer {
 public:
  // `quiet_by_default`: what kAuto means besides "only on a terminal".
  ProgressLine(ProgressMode mode, bool quiet_by_default, std::uint64_t interval_ms);

  void on_step(std::string_view step) override;
  void on_progress(const Progress& progress) override;
  void on_failure(const Failure& failure) override;

  void erase();  // the last call, after the run

 private:
  void draw(const std::string& line);

  const bool terminal_;
  const bool shown_;
  const std::uint64_t interval_ms_;
  ProgressMeter meter_;
  std::uint64_t seen_ms_ = 0;  // of the run
  std::uint64_t next_ms_ = 0;
  std::size_t drawn_columns_ = 0;
};

// The path escaped for a terminal, "." for the root.
std::string path_text(const Failure& failure);
// "path: OPERATION: ERROR (message)", the path escaped for a terminal.
std::string failure_text(const Failure& failure);

}  // namespace nfsferry::cli

// Watching a run. Calls come from the run's own threads, one at a time; they must not block.
#pragma once

#include <cstdint>
#include <string_view>

#include "nfsferry/report.hpp"

namespace nfsferry {

struct Progress {
  std::uint64_t elapsed_ms = 0;
  std::uint64_t files_found = 0;  // so far
  std::uint64_t bytes_found = 0;
  std::uint64_t files_done = 0;
  std::uint64_t bytes_done = 0;
  std::uint64_t failures = 0;
  bool walk_finished = false;  // files_found and bytes_found are final
};

class Observer {
 public:
  virtual ~Observer() = default;
  // About ten times a second while the run lasts, and once at its end.
  virtual void on_progress(const Progress&) {}
  // An entry failed; `path` is bytes.
  virtual void on_failure(const Failure&) {}
};

}  // namespace nfsferry

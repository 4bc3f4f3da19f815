#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nfsferry/report.hpp"

namespace nfsferry {

// How one home of a batch ended.
struct BatchEntry {
  std::size_t line = 0;  // in the batch
  std::string name;
  std::string error;  // "Nfsferry.SourceMissing", or the code of the copy's error; empty: done
  std::string detail;
  std::string report_file;  // in the directory of the reports; empty: none
  ExitCode exit_code = ExitCode::kDone;
  std::uint64_t files_transferred = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t duration_ms = 0;
  std::uint64_t changed_during_copy = 0;

  bool failed() const {
    return exit_code != ExitCode::kDone && exit_code != ExitCode::kOnlyChangedFiles;
  }
};

struct BatchReport {
  ExitCode exit_code = ExitCode::kDone;
  std::uint64_t start_ms = 0;  // since 1970
  std::uint64_t end_ms = 0;
  std::vector<BatchEntry> homes;        // those that began, in the batch's order
  std::uint64_t not_begun = 0;          // because of a stop
  std::uint64_t previous_start_ms = 0;  // of the pass before this one; 0: not known
  bool dry_run = false;

  std::uint64_t failed() const;
};

// One JSON object and a newline.
std::string batch_report_json(const BatchReport& report);
// A few lines for people.
std::string batch_summary(const BatchReport& report);

}  // namespace nfsferry

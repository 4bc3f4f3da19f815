// What a copy would meet, found out without copying. Sizes in bytes, durations in milliseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nfsferry/report.hpp"

namespace nfsferry {

// The source by what a copy would do with it. Entries that it leaves out are not counted.
struct SurveyReport {
  bool complete = false;  // false: there is more than was counted
  std::uint64_t duration_ms = 0;
  std::uint64_t directories = 0;  // the root left out
  std::uint64_t files = 0;        // regular, each hard-linked one once
  std::uint64_t bytes = 0;
  std::uint64_t large_files = 0;  // of `files`: those that are copied by ranges
  std::uint64_t large_bytes = 0;
  std::uint64_t hard_links = 0;  // further names of files
  std::uint64_t symlinks = 0;
  std::uint64_t specials = 0;  // FIFOs and sockets
  std::uint64_t devices = 0;
  std::uint64_t files_filtered = 0;  // left out by the filters, as in a CopyReport
  std::uint64_t folders_filtered = 0;
};

// A few of the source's files, copied into temporaries that were removed again.
struct TrialReport {
  std::uint64_t files = 0;  // small ones
  std::uint64_t files_per_second = 0;
  std::uint64_t bytes = 0;  // of a large one
  std::uint64_t bytes_per_second = 0;
};

struct CheckReport {
  // What every run tells: options, exit code and its reason, sides, engine, times; in `failures`
  // what of the source cannot be read.
  CopyReport run;
  std::uint64_t source_round_trip_us = 0;  // median of a look at a name
  std::uint64_t target_round_trip_us = 0;
  SurveyReport source;
  bool target_empty = false;
  std::uint64_t space_total_bytes = 0;  // 0: not told
  std::uint64_t space_available_bytes = 0;
  std::uint64_t files_free = 0;  // 0: not told
  bool sets_owners = false;
  bool keeps_symlink_times = false;
  bool excludes_other_runs = false;
  std::uint32_t time_granularity_ns = 1;
  std::optional<std::int64_t> clock_ahead_ms;  // the target server's clock against this machine's
  TrialReport trial;
  std::optional<std::uint64_t> expected_ms;  // of a first copy of what was counted
  std::vector<std::string> problems;         // why a copy would fail
  std::vector<std::string> notes;            // what it would do otherwise than one might think
};

}  // namespace nfsferry

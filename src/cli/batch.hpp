// Many homes in one run: several at a time, one progress line each, a report each, and one exit
// code. What a home is, the caller knows.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"
#include "cli/flags.hpp"
#include "cli/run_output.hpp"
#include "nfsferry/observer.hpp"
#include "nfsferry/options.hpp"
#include "nfsferry/report.hpp"
#include "recover/batch_input.hpp"

namespace CLI {
class App;
}

namespace nfsferry::cli {

inline constexpr std::uint32_t kHomesMax = 256;

struct BatchFlags {
  std::string file;         // a path, "-" or "env:NAME"; empty: no batch
  std::uint32_t homes = 4;  // at the same time
  std::optional<std::string> report_dir;
  std::optional<std::string> failed;
};

void add_batch_flags(CLI::App& command, BatchFlags& flags);

// What those say is written.
std::vector<NamedOutput> batch_outputs(const BatchFlags& flags);

// A batch is refused whole for one of its lines.
Error bad_line(const recover::BatchHome& home, const std::string& what);

struct HomeEnd {
  std::string error;  // empty: done
  std::string detail;
  CopyReport report;
};

// Runs on threads of the batch, several calls at a time.
using RunHome = std::function<HomeEnd(std::size_t index, Observer& observer, const StopFlag& stop)>;

struct BatchRun {
  BatchFlags flags;
  std::vector<recover::BatchHome> homes;
  bool quiet = false;
  ProgressMode progress = ProgressMode::kAuto;
  RunHome run_home;
  std::uint64_t previous_start_ms = 0;  // of the pass before this one; 0: not known
  bool dry_run = false;
  std::uint64_t progress_interval_ms = 1000;
};

// The run id of one home of a batch with this id: at most kRunIdMax.
std::string home_run_id(const std::string& batch_id, const recover::BatchHome& home);

// Returns the exit code: 0 all done, 5 all done but homes say that files changed, 1 some failed, 75
// some failed and all of those may go well later, 2 bad flags, 130 and 143 interrupted.
int run_batch(const BatchRun& run, const StopFlag& stop);

}  // namespace nfsferry::cli

#include "copy/check.hpp"

#include <algorithm>

#include "base/nfsstat4.hpp"
#include "base/units.hpp"
#include "copy/copy.hpp"
#include "copy/scope.hpp"
#include "copy/survey.hpp"
#include "copy/trial.hpp"
#include "copy/worker.hpp"

namespace nfsferry::copy {
namespace {

constexpr int kLooks = 9;
constexpr std::int64_t kClockMattersMs = 2000;

Task<std::uint64_t> round_trip_us(Tree& tree, std::string absent_name) {
  std::vector<std::int64_t> times;
  for (int i = 0; i < kLooks; ++i) {
    auto begin = Clock::now();
    auto looked = co_await tree.lookup(tree.root(), absent_name);
    bool answered = looked || means_no_entry(looked.error());
    if (answered) times.push_back((Clock::now() - begin) / std::chrono::microseconds(1));
  }
  if (times.empty()) co_return 0;
  std::sort(times.begin(), times.end());
  co_return static_cast<std::uint64_t>(times[times.size() / 2]);
}

// Whether nothing but our own files is there.
Task<Result<bool>> is_empty(Target& target) {
  auto listing = target.list(target.root());
  if (!listing) co_return std::move(listing).error();
  for (bool more = true; more;) {
    auto page = co_await (*listing)->next();
    if (!page) co_return std::move(page).error();
    for (const Entry& entry : page->entries) {
      if (!is_ours(entry.name)) co_return false;
    }
    more = !page->eof;
  }
  co_return true;
}

void take_capabilities(const Capabilities& can, CheckReport& report) {
  report.sets_owners = can.change_owner;
  report.keeps_symlink_times = can.symlink_times;
  report.excludes_other_runs = can.exclusive_lock;
  report.time_granularity_ns = can.time_granularity_ns;
}

// Small files and other entries at the pace of the trial's files, large files at that of its bytes;
// but no byte faster than the run's limit.
void estimate(CheckReport& report, const Rates& rates) {
  const SurveyReport& source = report.source;
  const TrialReport& trial = report.trial;
  std::uint64_t entries = source.directories + source.files - source.large_files +
                          source.hard_links + source.symlinks + source.specials;
  bool paced = (trial.files_per_second > 0 || source.files == source.large_files) &&
               (trial.bytes_per_second > 0 || source.large_bytes == 0);
  if (!paced || !source.complete) return;
  std::uint64_t work_ms = 0;
  if (trial.files_per_second > 0) work_ms += entries * 1000 / trial.files_per_second;
  if (trial.bytes_per_second > 0) {
    double seconds =
        static_cast<double>(source.large_bytes) / static_cast<double>(trial.bytes_per_second);
    work_ms += static_cast<std::uint64_t>(seconds * 1000);
  }
  if (rates.bytes_per_second > 0) {
    work_ms = std::max(work_ms, source.bytes * 1000 / rates.bytes_per_second);
  }
  report.expected_ms = std::max(work_ms, source.duration_ms);  // listing goes on meanwhile
}

// What is short is a problem only where everything has to be copied.
void judge_room(CheckReport& report, CopyReport& run) {
  const SurveyReport& source = report.source;
  bool bytes_short = report.space_total_bytes > 0 && source.bytes > report.space_available_bytes;
  std::uint64_t inodes = source.directories + source.files + source.symlinks + source.specials;
  bool files_short = report.files_free > 0 && inodes > report.files_free;
  if (!bytes_short && !files_short) return;
  std::string text = bytes_short ? "the source holds " + format_size(source.bytes) +
                                       ", and the target has " +
                                       format_size(report.space_available_bytes) + " available"
                                 : "the source holds " + std::to_string(inodes) +
                                       " files and directories, and the target has room for " +
                                       std::to_string(report.files_free);
  if (report.target_empty) {
    run.exit_code = ExitCode::kTargetUnusable;
    run.error_code = "no_space";
    run.error_detail = text + "; make room first";
  } else {
    report.notes.push_back(text + ": enough only if the target holds much of it already");
  }
}

void note_differences(const Capabilities& can, CheckReport& report) {
  const SurveyReport& source = report.source;
  std::vector<std::string>& notes = report.notes;
  if (!source.complete) {
    notes.push_back("the source was looked at for " + format_duration(source.duration_ms) +
                    " and holds more than that");
  }
  if (!can.change_owner) notes.push_back("owners are left as the target makes them");
  if (source.devices > 0 && !can.devices) {
    notes.push_back("device nodes will be skipped: " + std::to_string(source.devices));
  }
  if (source.symlinks > 0 && !can.symlinks) notes.push_back("the target holds no symlinks");
  if (source.hard_links > 0 && !can.hard_links) notes.push_back("the target holds no hard links");
  if (source.symlinks > 0 && !can.symlink_times) {
    notes.push_back("the target keeps no times of symlinks");
  }
  if (can.time_granularity_ns > 1) {
    notes.push_back("the target rounds times to " + std::to_string(can.time_granularity_ns) +
                    " ns");
  }
  if (!can.exclusive_lock) notes.push_back("the target has no locks: keep other runs away");
  std::int64_t ahead_ms = report.clock_ahead_ms.value_or(0);
  if (std::abs(ahead_ms) > kClockMattersMs) {
    notes.push_back("the target's clock is " +
                    format_duration(static_cast<std::uint64_t>(std::abs(ahead_ms))) +
                    (ahead_ms > 0 ? " ahead of" : " behind") + " this machine's");
  }
}

}  // namespace

Task<void> look_at_both(Shared& shared, Source& source, Target& target, CheckReport& report) {
  std::string absent_name = temporary_name(shared.target_can.lock_mark);
  report.source_round_trip_us = co_await round_trip_us(source, absent_name);
  report.target_round_trip_us = co_await round_trip_us(target, absent_name);
  take_capabilities(shared.target_can, report);
  auto space = co_await target.space();
  auto empty = co_await is_empty(target);
  if (!space || !empty) {
    shared.abort(space ? empty.error() : space.error());
    co_return;
  }
  report.space_total_bytes = space->total_bytes;
  report.space_available_bytes = space->available_bytes;
  report.files_free = space->files_free;
  report.target_empty = *empty;

  std::uint64_t small_most =
      std::min(source.preferences().small_file_bytes, target.preferences().small_file_bytes);
  Survey survey(shared, source, small_most);
  co_await survey.go();
  report.source = survey.report();
  if (shared.stopping()) co_return;
  Trial trial(shared, source, target, survey);
  Status tried = co_await trial.go();
  report.trial = trial.report();
  report.clock_ahead_ms = trial.clock_ahead_ms();
  if (!tried) shared.abort(tried.error());
}

void fill_check(Shared& shared, CheckReport& report, CopyReport& run) {
  shared.failures.give_to(run);
  fill_outcome(shared, run);
  bool refused = shared.abort_error() && run.exit_code == ExitCode::kEntriesFailed;
  if (refused) run.exit_code = ExitCode::kTargetUnusable;  // only writing ends a check like this
  if (!shared.abort_error()) judge_room(report, run);
  estimate(report, shared.pace.rates());
  note_differences(shared.target_can, report);
}

}  // namespace nfsferry::copy

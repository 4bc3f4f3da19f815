#include "copy/copy.hpp"

#include <algorithm>
#include <csignal>

#include "base/log.hpp"
#include "base/nfsstat4.hpp"
#include "base/state_request.hpp"
#include "base/treatment.hpp"
#include "copy/check.hpp"
#include "copy/refusals.hpp"
#include "copy/worker.hpp"

namespace nfsferry::copy {
namespace {

constexpr auto kTick = std::chrono::milliseconds(50);

Progress progress_of(const Shared& shared, Clock::time_point started) {
  auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started);
  const Counters& counters = shared.counters;
  Progress progress;
  progress.elapsed_ms = static_cast<std::uint64_t>(elapsed.count());
  progress.files_found = counters.entries_found;
  progress.bytes_found = counters.bytes_found + counters.bytes_to_compare;
  progress.files_done = counters.entries_done;
  progress.bytes_done = counters.bytes_written + counters.bytes_compared;
  progress.failures = shared.failures.count();
  progress.answers = counters.answers;
  progress.walk_finished = shared.walk_finished;
  return progress;
}

// The stop flag, questions for the state and, on the first thread, progress; closes this thread's
// trees when work in flight does not end after a stop. No worker: its trees tell all there is.
Task<void> tick(Shared& shared, Loop& loop, Side side, const Worker* worker, bool first,
                CancelToken& ended) {
  std::uint32_t told = state_requests();
  std::uint64_t answers = 0;
  auto started = Clock::now();
  std::optional<Clock::time_point> stopped;
  bool closed = false;
  for (bool more = true; more;) {
    Status slept = co_await loop.sleep_for(kTick, &ended);
    more = slept.has_value();
    int signal = shared.stop.load();
    if (signal != 0 && !stopped) {
      stopped = Clock::now();
      shared.abort(own_error(Own::kCancelled, "signal", signal == SIGINT ? "SIGINT" : "SIGTERM"));
    }
    if (stopped && !closed && Clock::now() - *stopped > kStopPatience) {
      closed = true;
      std::string text = "work in flight does not end, leaving it";
      log_for_all(LogLevel::kWarning, text, text);
      TaskGroup closing;
      closing.spawn(side.source->close());
      closing.spawn(side.target->close());
      co_await closing.join();
    }
    if (std::uint32_t asked = state_requests(); asked != told) {
      told = asked;
      if (worker) say_state(worker->state());
    }
    shared.large_crew.look();
    std::uint64_t before = answers;
    answers = side.source->answers() + side.target->answers();
    shared.counters.answers += answers - before;
    if (first) shared.observer.on_progress(progress_of(shared, started));
  }
}

// Owners that the copy gives to files: what the probe tries.
struct Owners {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

// Those of the source's root, as they become. One that is no number is said with its entries.
Owners owners_to_try(const Ownership& ownership, const Attributes& root) {
  auto given = ownership.of(root);
  if (!given) return {};
  return Owners{given->owner.value_or(0), given->group.value_or(0)};
}

// A target that has taken these owners may refuse all others.
Task<Status> try_other_owners(Shared& shared, Target& target, Owners taken) {
  NFSFERRY_TRY(Ok probed, co_await target.probe(another_id(taken.uid), another_id(taken.gid)),
               co_return);
  bool refused = !target.capabilities().change_owner;
  target.adopt(shared.target_can);
  if (!refused) co_return ok();
  shared.ownership.give_only_to(taken.uid, taken.gid);
  log(LogLevel::kWarning, "the target gives files to " + std::to_string(taken.uid) + ":" +
                              std::to_string(taken.gid) +
                              " alone: other owners are left as it makes them");
  co_return ok();
}

// The one diagnosis of a refused chown.
Error owner_refused(const Target& target, Owners owners) {
  Error error = errno_error(EPERM, "chown", target.facts().location);
  error.detail = "the target does not let us give files to " + std::to_string(owners.uid) + ":" +
                 std::to_string(owners.gid) +
                 "; the server may squash root or an access point may force one identity: use an "
                 "export with root access, another --owner, or --owner-errors warn";
  return error;
}

bool is_over_quota(const Error& error) {
  return error.is_errno(EDQUOT) || is_nfs_status(error, Nfsstat4::kDquot);
}

Status refuse_when_stopped(const Shared& shared) {
  if (shared.stop.load() == 0) return ok();
  return own_error(Own::kCancelled, "start", "interrupted");
}

void say_what_is_not_kept(const Capabilities& can) {
  if (!can.symlink_times) {
    log(LogLevel::kInfo,
        "the target keeps no times of symlinks; they are neither set nor compared");
  }
  if (can.time_granularity_ns > 1) {
    log(LogLevel::kInfo,
        "the target rounds times to " + std::to_string(can.time_granularity_ns) + " ns");
  }
}

Task<Status> prepare_copy(Shared& shared, Source& source, FullTree& target, std::string run_id) {
  const Attributes& from = source.root_entry().attributes;
  const Attributes& to = target.root_entry().attributes;
  const CopyOptions& options = shared.options;
  shared.ownership = Ownership(options, from, to);
  NFSFERRY_TRY(Ok locked, co_await target.lock_root(std::move(run_id)), co_return);
  NFSFERRY_TRY(Ok not_yet, refuse_when_stopped(shared), co_return);
  NFSFERRY_TRY(Ok different, co_await refuse_same_directory(source, target), co_return);
  NFSFERRY_TRY(Ok still_not, refuse_when_stopped(shared), co_return);
  Owners owners = owners_to_try(shared.ownership, from);
  NFSFERRY_TRY(Ok probed, co_await target.probe(owners.uid, owners.gid), co_return);
  const Capabilities& can = shared.target_can = target.capabilities();
  say_what_is_not_kept(can);
  NFSFERRY_TRY(Ok can_keep, co_await check_backup(shared, target), co_return);
  bool warns = options.owner_errors == OwnerErrors::kWarn;
  if (can.change_owner && !warns) co_return ok();
  if (can.change_owner) co_return co_await try_other_owners(shared, target, owners);
  Error refused = owner_refused(target, owners);
  if (!warns) co_return refused;
  log(LogLevel::kWarning, "owners are left as the target makes them: " + refused.message());
  shared.ownership.leave_owners();
  co_return ok();
}

Task<Status> prepare_verify(Shared& shared, const Source& source, FullTree& target) {
  shared.ownership =
      Ownership(shared.options, source.root_entry().attributes, target.root_entry().attributes);
  shared.target_can = target.capabilities();
  if (shared.job != Job::kDryRun) co_return ok();
  log(LogLevel::kInfo,
      "a dry run writes nothing: whether the target takes owners, devices and times it cannot "
      "tell; copy --check tries");
  co_return co_await check_backup(shared, target);
}

}  // namespace

Task<Status> prepare(Shared& shared, Source& source, FullTree& target, std::string run_id) {
  bool writes = shared.job == Job::kCopy || shared.job == Job::kCheck;
  if (writes) co_return co_await prepare_copy(shared, source, target, std::move(run_id));
  co_return co_await prepare_verify(shared, source, target);
}

void begin_copy(Shared& shared, Side side, std::uint32_t threads) {
  shared.walkers_left = threads;
  shared.carriers_left = threads;
  auto root = std::make_shared<DirectoryNode>();
  root->entry = side.source->root_entry();
  root->source = side.source->root();
  root->target = side.target->root();
  root->existed = true;
  root->target_mode = side.target->root_entry().attributes.mode;
  ++shared.directories_left;
  shared.surplus.spare(side.source->root_entry().attributes.fileid);
  shared.surplus.spare(side.target->root_entry().attributes.fileid);
  shared.directories.try_push(std::move(root));
}

Task<void> copy_on_this_thread(Shared& shared, Loop& loop, Side side, bool first) {
  Worker worker(shared, loop, *side.source, *side.target);
  CancelToken ended;
  TaskGroup ticker;
  ticker.spawn(tick(shared, loop, side, &worker, first, ended));
  co_await worker.run(first);
  ended.cancel();
  co_await ticker.join();
}

Task<void> check_on_this_thread(Shared& shared, Loop& loop, Side side, CheckReport& report) {
  CancelToken ended;
  TaskGroup ticker;
  ticker.spawn(tick(shared, loop, side, nullptr, true, ended));
  co_await look_at_both(shared, *side.source, *side.target, report);
  ended.cancel();
  co_await ticker.join();
}

void leave_copy(Shared& shared) {
  shared.walker_left();
  --shared.carriers_left;
  shared.directories.wake();
}

void fill_outcome(Shared& shared, CopyReport& report) {
  auto abort = shared.abort_error();
  std::uint64_t failed = shared.failures.count();
  int signal = shared.stop.load();
  if (abort) {
    report.error_code = abort->name();
    report.error_detail = abort->message();
    bool gone = means_away(*abort) || abort->is(Own::kLocked);
    bool full = treatment(*abort) == Treatment::kNoSpace;
    bool nested = abort->is(Own::kSameDirectory);
    report.exit_code = gone     ? ExitCode::kTemporary
                       : full   ? ExitCode::kTargetUnusable
                       : nested ? ExitCode::kUsage
                                : ExitCode::kEntriesFailed;
    if (full) {
      report.error_detail = "the target is full, over its quota or read-only: " + abort->message() +
                            "; make room and run again";
      if (is_over_quota(*abort)) {
        report.error_detail += "; Amazon EFS says so too while too many users have files open";
      }
    }
    if (abort->is_errno(EMFILE))
      report.error_detail += "; raise the limit on open files (ulimit -n)";
    if (abort->is(Own::kCancelled) && signal != 0) {
      report.exit_code = stopped_by(signal);
      report.error_detail = "interrupted by " + abort->detail + "; run again to go on";
    }
  } else if (failed > 0) {
    bool compared = shared.job == Job::kVerify;
    report.exit_code = ExitCode::kEntriesFailed;
    report.error_code = compared ? "differences" : "entries_failed";
    std::string entries = failed == 1 ? "1 entry" : std::to_string(failed) + " entries";
    std::string not_equal = failed == 1 ? " is" : " are";
    not_equal += " not equal or could not be compared";
    report.error_detail = entries + (compared                    ? not_equal
                                     : shared.job == Job::kCheck ? " cannot be read"
                                                                 : " failed");
  }
}

namespace {

void fill_digest(Shared& shared, CopyReport& report) {
  bool failed = shared.abort_error() || shared.failures.count() > 0;
  bool all_read = shared.counters.files_unread == 0 && shared.counters.mounts_not_entered == 0;
  report.manifest_complete = !failed && shared.hashes() && all_read;
  report.tree_digest = report.manifest_complete ? shared.digest() : std::string();
}

}  // namespace

void fill_report(Shared& shared, CopyReport& report) {
  const Counters& counters = shared.counters;
  report.estimated_files = counters.files_found;
  report.estimated_bytes = counters.bytes_found;
  report.files_transferred = counters.files_done;
  report.files_skipped = counters.files_skipped;
  report.files_verified = counters.files_verified;
  report.files_deleted = counters.files_deleted;
  report.folders_deleted = counters.folders_deleted;
  report.deletion_refused = counters.deletion_refused;
  report.backed_up = counters.backed_up;
  report.folders_transferred = counters.folders_created;
  report.folders_skipped = counters.folders_found_there;
  report.bytes_written = counters.bytes_written;
  report.bytes_transferred = counters.bytes_sent;
  report.hard_links = counters.hard_links;
  report.symlinks = counters.symlinks;
  report.special_skipped = counters.special_skipped;
  report.leftovers_skipped = counters.leftovers_skipped;
  report.mounts_not_entered = counters.mounts_not_entered;
  report.files_filtered = counters.files_filtered;
  report.folders_filtered = counters.folders_filtered;
  report.metadata_repaired = counters.metadata_repaired;
  report.temporaries_removed = counters.temporaries_removed;
  report.owners_not_set = counters.owners_not_set;
  report.sparse_bytes_saved = counters.sparse_bytes_saved;
  report.changed_during_copy = counters.changed;
  report.vanished = counters.vanished;
  report.retries += counters.retries;
  shared.failures.give_to(report);
  shared.losses.give_to(report.losses);
  fill_digest(shared, report);
  report.transfer.success =
      !shared.abort_error() && report.failed_prepare + report.failed_transfer == 0;
  report.verify.success = report.failed_verify == 0;
  fill_outcome(shared, report);
  if (report.exit_code == ExitCode::kDone && report.changed_during_copy > 0) {
    report.exit_code = ExitCode::kOnlyChangedFiles;
  }
}

void fill_verification(Shared& shared, CopyReport& report) {
  const Counters& counters = shared.counters;
  report.files_verified = counters.files_verified;
  report.folders_verified = counters.folders_verified;
  report.target_only = counters.target_only;
  // A comparison that ends early has met fewer of them than the copy before it.
  report.files_filtered = std::max(report.files_filtered, counters.files_filtered.load());
  report.folders_filtered = std::max(report.folders_filtered, counters.folders_filtered.load());
  report.mounts_not_entered =
      std::max(report.mounts_not_entered, counters.mounts_not_entered.load());
  report.bytes_verified = counters.bytes_compared;
  report.vanished += counters.vanished;
  report.retries += counters.retries;
  CopyReport found;
  shared.failures.give_to(found);
  report.failed_verify += found.failed_prepare + found.failed_transfer + found.failed_verify;
  report.failures_truncated |= found.failures_truncated;
  for (Failure& failure : found.failures) {
    if (report.failures.size() == kFailuresKept) report.failures_truncated = true;
    if (report.failures.size() < kFailuresKept) report.failures.push_back(std::move(failure));
  }
  fill_digest(shared, report);
  report.verify.success = !shared.abort_error() && report.failed_verify == 0;
  // What went wrong in a copy before weighs more than what it left different.
  bool fine =
      report.exit_code == ExitCode::kDone || report.exit_code == ExitCode::kOnlyChangedFiles;
  if (fine || shared.abort_error()) fill_outcome(shared, report);
}

}  // namespace nfsferry::copy

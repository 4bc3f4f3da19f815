#include "nfsferry/backups.hpp"

#include <algorithm>
#include <memory>

#include "api/close_on_stop.hpp"
#include "api/explain.hpp"
#include "api/say_state.hpp"
#include "api/trees.hpp"
#include "base/run_id.hpp"
#include "base/wall_clock.hpp"
#include "copy/copy.hpp"
#include "copy/restore.hpp"
#include "copy/sweep.hpp"
#include "loop/loop.hpp"
#include "loop/pace.hpp"
#include "nfsferry/run.hpp"
#include "tree/location.hpp"

namespace nfsferry {
namespace {

// Work on one target alone: opened, locked where something is to be changed, closed.
class TargetRun {
 public:
  TargetRun(CopyReport& run, const StopFlag& stop) : run_(run), stop_(stop) {
    run_.start_ms = wall_clock_ms();
    if (run_.options.run_id.empty()) run_.options.run_id = random_run_id();
  }
  virtual ~TargetRun() = default;

  void go() {
    auto location = parse_location(run_.options.target);
    auto loop = Loop::create(api::engine_choice(run_.options.engine));
    if (!location || !loop) {
      const Error& error = location ? loop.error() : location.error();
      fail(ExitCode::kUsage, error, error.message());
      return;
    }
    run_.engine = std::string((*loop)->engine_name());
    run_.engine_note = (*loop)->engine_note();
    shared_ = std::make_unique<copy::Shared>(copy::Job::kCopy, run_.options, nobody_, stop_, pace_);
    (*loop)->run(main(**loop, *location));
    run_.end_ms = wall_clock_ms();
    run_.duration_ms = run_.end_ms - run_.start_ms;
  }

 protected:
  virtual bool changes() const = 0;
  // Failures of single entries are in shared_.
  virtual Task<Status> work(FullTree& tree) = 0;

  CopyReport& run_;
  const StopFlag& stop_;
  Observer nobody_;
  Pace pace_{make_limits({}), stop_};
  std::unique_ptr<copy::Shared> shared_;

 private:
  void fail(ExitCode code, const Error& error, std::string detail) {
    run_.exit_code = code;
    run_.error_code = error.name();
    run_.error_detail = std::move(detail);
  }

  // Finds out whether owners can be given away; where not, they are left as the target makes them.
  Task<Status> prepare(FullTree& target) {
    const Attributes& root = target.root_entry().attributes;
    shared_->ownership = copy::Ownership(run_.options, root, root);
    if (changes()) {
      bool numeric = root.owner.is_numeric() && root.group.is_numeric();
      std::uint32_t owner = numeric ? root.owner.id : 0;
      std::uint32_t group = numeric ? root.group.id : 0;
      NFSFERRY_TRY(Ok probed, co_await target.probe(owner, group), co_return);
      if (!numeric || !target.capabilities().change_owner) shared_->ownership.leave_owners();
    }
    shared_->target_can = target.capabilities();
    co_return ok();
  }

  Task<void> main(Loop& loop, Location location) {
    auto tree = api::make_tree(loop, location, {run_.options.run_id, run_.options.timeout_ms});
    if (!tree) {
      fail(ExitCode::kUsage, tree.error(), tree.error().message());
      co_return;
    }
    FullTree& target = **tree;
    CancelToken worked;
    TaskGroup watching;
    std::vector<api::NamedTree> told{{"target", &target}};
    watching.spawn(api::say_state_when_asked(loop, std::move(told), worked));
    Status done = co_await api::open_until_stop(loop, location.kind, target, stop_);
    const bool reached = done.has_value();
    if (reached) {
      watching.spawn(
          api::close_on_stop(loop, location.kind, target, stop_, worked, copy::kStopPatience));
      if (changes()) done = co_await target.lock_root(run_.options.run_id);
      if (done) done = co_await prepare(target);
      if (done) done = co_await work(target);
    }
    worked.cancel();
    co_await watching.join();
    shared_->failures.give_to(run_);
    if (done || shared_->abort_error()) {
      copy::fill_outcome(*shared_, run_);
    } else {
      const Error& error = done.error();
      fail(api::side_exit_code(api::Role::kTarget, error, reached), error,
           api::explain(api::Role::kTarget, location, error));
    }
    if (int signal = stop_.load(); signal != 0) {
      run_.exit_code = stopped_by(signal);
      run_.error_code = "cancelled";
      run_.error_detail = "interrupted: run again to go on";
    }
    co_await target.close();
    TreeFacts facts = target.facts();
    run_.target.location = facts.location;
    run_.target.nfs_version = facts.nfs_version;
    run_.target.requests = target.counters().requests;
  }
};

class ListBackups final : public TargetRun {
 public:
  ListBackups(BackupsReport& report, const BackupsOptions& options, const StopFlag& stop)
      : TargetRun(report.run, stop), report_(report), options_(options) {}

 private:
  bool changes() const override { return !options_.prune.empty() || options_.prune_older_ms; }

  Task<Status> work(FullTree& tree) override {
    NFSFERRY_TRY(std::vector<copy::BackupPlace> places, co_await copy::find_backups(tree),
                 co_return);
    NFSFERRY_TRY(Ok known, all_there(places), co_return);
    for (const copy::BackupPlace& place : places) {
      if (shared_->stopping()) break;
      co_await take(tree, place);
    }
    co_return ok();
  }

  // A run id that is no backup's is a mistake: nothing is removed then.
  Status all_there(const std::vector<copy::BackupPlace>& places) const {
    for (const std::string& wanted : options_.prune) {
      auto found = std::count_if(places.begin(), places.end(), [&](const copy::BackupPlace& place) {
        return place.entry.name == wanted;
      });
      if (found == 1) continue;
      return own_error(Own::kMissing, "prune",
                       (found == 0 ? "there is no backup of run " + wanted
                                   : "several folders have a backup of run " + wanted) +
                           "; nothing was removed");
    }
    return ok();
  }

  // What cannot be counted is listed as far as it was, and stays.
  Task<void> take(FullTree& tree, const copy::BackupPlace& place) {
    Backup backup;
    backup.folder = place.folder->entry.name;
    backup.run_id = place.entry.name;
    copy::Sweep count(*shared_, tree, tree, copy::Sweep::Purpose::kCountAll);
    count.add(place.folder, place.entry);
    co_await count.run();
    if (shared_->stopping()) co_return;
    bool counted = count.nothing_failed();
    if (!counted) failed(place, *count.why_not_all());
    if (shared_->stopping()) co_return;
    backup.entries = count.entries() > 0 ? count.entries() - 1 : 0;  // but its own directory
    backup.bytes = count.bytes();
    Time latest = std::max(count.newest(), place.entry.attributes.mtime);
    backup.time_ms = std::min(ms_of(latest), run_.start_ms);
    if (counted && goes(backup)) backup.removed = co_await remove(tree, place);
    report_.backups.push_back(std::move(backup));
  }

  // False: some of it may be left.
  Task<bool> remove(FullTree& tree, const copy::BackupPlace& place) {
    copy::Sweep sweep(*shared_, tree, tree, copy::Sweep::Purpose::kPrune);
    sweep.add(place.folder, place.entry);
    co_await sweep.run();
    bool spared = sweep.why_not_all() && sweep.nothing_failed();
    if (spared) failed(place, *sweep.why_not_all());
    co_return !sweep.why_not_all();
  }

  void failed(const copy::BackupPlace& place, const Error& error) {
    shared_->entry_failed(copy::Phase::kDelete, place.folder->path_of(place.entry.name), error, 1);
  }

  static std::uint64_t ms_of(Time time) {
    if (time.seconds < 0) return 0;
    return static_cast<std::uint64_t>(time.seconds) * 1000 + time.nanoseconds / 1'000'000;
  }

  bool goes(const Backup& backup) const {
    const auto& ids = options_.prune;
    bool named = std::find(ids.begin(), ids.end(), backup.run_id) != ids.end();
    return named ||
           (options_.prune_older_ms && backup.time_ms + *options_.prune_older_ms < run_.start_ms);
  }

  BackupsReport& report_;
  const BackupsOptions& options_;
};

class RestoreBackup final : public TargetRun {
 public:
  RestoreBackup(RestoreReport& report, const RestoreOptions& options, const StopFlag& stop)
      : TargetRun(report.run, stop), report_(report), options_(options) {}

 private:
  bool changes() const override { return true; }

  Task<Status> work(FullTree& tree) override {
    NFSFERRY_TRY(std::vector<copy::BackupPlace> places, co_await copy::find_backups(tree),
                 co_return);
    auto of_run = [this](const copy::BackupPlace& place) {
      return place.entry.name == options_.backup_of;
    };
    auto place = std::find_if(places.begin(), places.end(), of_run);
    if (std::count_if(places.begin(), places.end(), of_run) > 1) {
      co_return own_error(Own::kMissing, "restore",
                          "several folders have a backup of run " + options_.backup_of +
                              ": rename the directory of one of them");
    }
    if (place == places.end()) {
      co_return own_error(Own::kMissing, "restore",
                          "there is no backup of run " + options_.backup_of +
                              "; `nfsferry backups` lists those that are there");
    }
    run_.options.backup_dir = place->folder->entry.name;
    NFSFERRY_TRY(Ok own, co_await copy::check_backup(*shared_, tree), co_return);
    copy::Restore restore(*shared_, tree);
    Status done = co_await restore.go(*place);
    report_.restored = restore.restored();
    report_.unchanged = restore.unchanged();
    report_.displaced = shared_->counters.backed_up;
    co_return done;
  }

  RestoreReport& report_;
  const RestoreOptions& options_;
};

}  // namespace

BackupsReport backups(const BackupsOptions& options, const StopFlag& stop) {
  BackupsReport report;
  report.run.options.target = options.target;
  report.run.options.engine = options.engine;
  report.run.options.timeout_ms = options.timeout_ms;
  ListBackups list(report, options, stop);
  list.go();
  return report;
}

RestoreReport restore(const RestoreOptions& options, const StopFlag& stop) {
  RestoreReport report;
  report.run.options.target = options.target;
  report.run.options.engine = options.engine;
  report.run.options.timeout_ms = options.timeout_ms;
  report.run.options.run_id = options.run_id;
  RestoreBackup run(report, options, stop);
  run.go();
  return report;
}

}  // namespace nfsferry

#include "nfsferry/run.hpp"

#include <sys/resource.h>

#include <chrono>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "api/close_on_stop.hpp"
#include "api/explain.hpp"
#include "api/nesting.hpp"
#include "api/say_state.hpp"
#include "api/trees.hpp"
#include "base/log.hpp"
#include "base/nfsstat4.hpp"
#include "base/run_id.hpp"
#include "base/wall_clock.hpp"
#include "copy/check.hpp"
#include "copy/copy.hpp"

namespace nfsferry {
namespace {

using api::Role;

std::uint64_t peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

Result<Location> read_location(const std::string& text, const char* side) {
  auto location = parse_location(text);
  if (location) return location;
  return own_error(Own::kBadInput, "start", std::string(side) + ": " + location.error().message());
}

// Errors: kBadInput, kSameDirectory; the detail is for people.
Status read_options(const CopyOptions& options, bool verifying, Location& source,
                    Location& target) {
  NFSFERRY_TRY(Location from, read_location(options.source, "source"), return);
  NFSFERRY_TRY(Location to, read_location(options.target, "target"), return);
  source = std::move(from);
  target = std::move(to);
  bool unhashed = options.checksum == ChecksumMode::kNone && options.verify != VerifyMode::kNone;
  if (unhashed && !verifying) {
    return own_error(Own::kBadInput, "start",
                     "--checksum none does not go with --verify; add --verify none");
  }
  return api::refuse_nested(source, target);
}

// One copy, or one comparison, from beginning to end; the report fills as it goes.
class Run {
 public:
  Run(copy::Job job, const CopyOptions& options, Observer& observer, const StopFlag& stop)
      : options_(options),
        observer_(observer),
        stop_(stop),
        pace_(options.limits ? options.limits : make_limits(options.rates), stop),
        shared_(std::make_unique<copy::Shared>(job, options_, observer, stop, pace_)) {
    if (options_.run_id.empty()) options_.run_id = random_run_id();
    options_.threads = api::thread_count(options_.threads);
    tree_options_ =
        api::TreeOptions{options_.run_id, options_.timeout_ms, &pace_, options_.connections};
    report_.options = options_;
    report_.run_id = options_.run_id;
    report_.start_ms = wall_clock_ms();
  }

  CheckReport check() {
    check_.run = go();
    const std::string& why = check_.run.error_detail;
    if (!why.empty()) check_.problems.push_back(why);
    return std::move(check_);
  }

  CopyReport go() {
    if (check_options()) {
      auto loop = Loop::create(api::engine_choice(options_.engine));
      if (loop) {
        report_.engine = std::string((*loop)->engine_name());
        report_.engine_note = (*loop)->engine_note();
        (*loop)->run(main(**loop));
      } else {
        fail(ExitCode::kUsage, loop.error(), "engine: " + loop.error().message());
      }
    }
    report_.options.rates = pace_.rates();
    report_.throttled_ms += pace_.waited_ms();
    report_.end_ms = wall_clock_ms();
    report_.duration_ms = report_.end_ms - report_.start_ms;
    report_.peak_rss_bytes = peak_rss_bytes();
    return std::move(report_);
  }

 private:
  using Latency = std::map<std::string, LatencyHistogram>;

  void fail(ExitCode code, const Error& error, std::string detail) {
    report_.prepare.success = false;
    report_.transfer.success = false;
    report_.exit_code = code;
    report_.error_code = error.name();
    report_.error_detail = std::move(detail);
  }

  bool check_options() {
    Status fine = read_options(options_, verifying(), source_location_, target_location_);
    auto filter = copy::Filter::compile(options_.filters);
    if (fine && !filter) fine = filter.error();
    if (fine) shared_->filter = *std::move(filter);
    if (fine) return true;
    fail(ExitCode::kUsage, fine.error(), fine.error().detail);
    return false;
  }

  bool verifying() const { return shared_->job == copy::Job::kVerify; }
  bool checking() const { return shared_->job == copy::Job::kCheck; }

  // A comparison and a check lose nothing.
  api::TreeOptions source_options() const {
    api::TreeOptions options = tree_options_;
    options.tells_losses = !again_ && !verifying() && !checking();
    return options;
  }

  static Task<void> open(FullTree& tree, Status& status) { status = co_await tree.open(); }

  // Says what is wrong with a side that does not open.
  bool accept(Role role, const Location& location, const Status& opened) {
    if (opened) return true;
    const Error& error = opened.error();
    fail(api::start_exit_code(role, error), error, api::explain(role, location, error));
    return false;
  }

  Task<bool> make_missing_root(Loop& loop, const FullTree& source) {
    const Attributes& root = source.root_entry().attributes;
    NewAttributes attributes;
    attributes.mode = root.mode;
    auto given = copy::Ownership(options_, root, root).of(root);
    if (given) {
      attributes.owner = given->owner;
      attributes.group = given->group;
    } else {
      log(LogLevel::kWarning,
          "the new directory gets the owner that its server gives: " + given.error().message());
    }
    auto made = co_await api::make_root(loop, target_location_, tree_options_, attributes, stop_);
    made_root_ = made && *made;
    if (made) co_return true;
    const Error& error = made.error();
    fail(api::start_exit_code(Role::kTarget, error), error,
         api::explain(Role::kTarget, target_location_, error));
    co_return false;
  }

  Task<void> main(Loop& loop) {
    auto source = api::make_tree(loop, source_location_, source_options());
    auto target = api::make_tree(loop, target_location_, tree_options_);
    if (!source || !target) {
      const Error& error = source ? target.error() : source.error();
      fail(ExitCode::kUsage, error, error.message());
      co_return;
    }
    CancelToken ended;
    TaskGroup telling;
    telling.spawn(api::say_state_when_asked(loop, named(**source, **target), ended));
    bool ready = co_await open_both(loop, **source, **target);
    if (ready) {
      say_one_connection(**source);
      say_one_connection(**target);
    }
    if (ready) ready = co_await prepare(loop, **source, **target);
    report_.prepare.duration_ms = wall_clock_ms() - report_.start_ms;
    report_.prepare.success = ready;
    if (ready) {
      co_await work(loop, **source, **target);
    } else {
      report_.transfer.success = false;
      note_stop();
    }
    pace_.end();
    TaskGroup closing;
    closing.spawn((*source)->close());
    closing.spawn((*target)->close());
    co_await closing.join();
    ended.cancel();
    co_await telling.join();
    if (checking() && made_root_) co_await remove_made_root(loop);
    note_side(source_, report_.source, **source, true);
    note_told(**source);
    note_side(target_, report_.target, **target, true);
    give_latency(source_, report_.source);
    give_latency(target_, report_.target);
  }

  // A check leaves nothing behind.
  Task<void> remove_made_root(Loop& loop) {
    Status removed = co_await api::remove_root(loop, target_location_, tree_options_, stop_);
    if (removed) co_return;
    const Error& error = removed.error();
    std::string left = api::explain(Role::kTarget, target_location_, error) +
                       "; the directory that was made for the check is still there";
    if (report_.exit_code == ExitCode::kDone)
      fail(api::start_exit_code(Role::kTarget, error), error, std::move(left));
    else
      report_.error_detail += "; " + left;
  }

  static std::vector<api::NamedTree> named(const FullTree& source, const FullTree& target) {
    return {{"source", &source}, {"target", &target}};
  }

  // The copy itself looks at the stop flag; while servers are still being asked, a stop closes
  // their trees, which ends what waits for them.
  void close_on_stop(Loop& loop, FullTree& source, FullTree& target, TaskGroup& watching,
                     CancelToken& done, std::chrono::milliseconds patience = {}) {
    auto watch = [&](const Location& location, FullTree& tree) {
      watching.spawn(api::close_on_stop(loop, location.kind, tree, stop_, done, patience));
    };
    watch(source_location_, source);
    watch(target_location_, target);
  }

  // What asks them, watched so until it has ended.
  Task<Status> watched(Loop& loop, FullTree& source, FullTree& target, Task<Status> asking,
                       std::chrono::milliseconds patience = {}) {
    CancelToken ended;
    TaskGroup watching;
    close_on_stop(loop, source, target, watching, ended, patience);
    Status status = co_await asking;
    ended.cancel();
    co_await watching.join();
    co_return status;
  }

  void note_stop() {
    int signal = stop_.load();
    if (signal == 0) return;
    report_.exit_code = stopped_by(signal);
    report_.error_code = "cancelled";
    report_.error_detail =
        std::string("interrupted before anything was ") + (verifying()  ? "compared"
                                                           : checking() ? "looked at"
                                                                        : "copied");
  }

  Task<bool> open_both(Loop& loop, FullTree& source, FullTree& target) {
    CancelToken opened;
    TaskGroup watching;
    close_on_stop(loop, source, target, watching, opened);
    bool both = co_await open_watched(loop, source, target);
    opened.cancel();
    co_await watching.join();
    co_return both;
  }

  Task<bool> open_watched(Loop& loop, FullTree& source, FullTree& target) {
    Status source_open = ok();
    Status target_open = ok();
    TaskGroup opening;  // side by side, but where the target is made after the source's root
    opening.spawn(open(source, source_open));
    bool makes = options_.create_target && !options_.dry_run;
    if (!makes) opening.spawn(open(target, target_open));
    co_await opening.join();
    if (!accept(Role::kSource, source_location_, source_open)) co_return false;
    if (makes) {
      bool made = co_await make_missing_root(loop, source);
      if (!made) co_return false;
      target_open = co_await target.open();
    }
    bool fine = accept(Role::kTarget, target_location_, target_open);
    if (!fine && options_.create_target && !makes && means_no_entry(target_open.error())) {
      report_.error_detail += "; a dry run does not make it";
    }
    co_return fine;
  }

  // Once for a side, whatever the number of threads.
  void say_one_connection(const FullTree& tree) const {
    TreeFacts facts = tree.facts();
    if (facts.nfs_version != "4.0" || options_.connections == 1) return;
    log(LogLevel::kWarning, facts.location + ": over NFSv4.0 each thread has one connection, not " +
                                std::to_string(options_.connections) + " (--connections)");
  }

  // Leaves things in the target for a moment, so that a stop lets it come to its end.
  Task<bool> prepare(Loop& loop, FullTree& source, FullTree& target) {
    Task<Status> preparing = copy::prepare(*shared_, source, target, options_.run_id);
    Status ready =
        co_await watched(loop, source, target, std::move(preparing), copy::kStopPatience);
    if (ready) co_return true;
    const Error& error = ready.error();
    fail(api::side_exit_code(Role::kTarget, error, true), error,
         api::explain(Role::kTarget, target_location_, error));
    co_return false;
  }

  // The copy, then the comparison of everything where that is asked for.
  Task<void> work(Loop& loop, FullTree& source, FullTree& target) {
    if (checking()) {
      copy::Side side{&source, &target};
      co_await copy::check_on_this_thread(*shared_, loop, side, check_);
      copy::fill_check(*shared_, check_, report_);
      co_return;
    }
    if (!verifying()) {
      std::uint64_t started = wall_clock_ms();
      co_await on_all_threads(loop, source, target);
      report_.transfer.duration_ms = wall_clock_ms() - started;
      copy::fill_report(*shared_, report_);
      bool compare = options_.verify == VerifyMode::kAll && !options_.dry_run;
      compare = compare && !shared_->abort_error();
      if (!compare) co_return;
      auto compared =
          std::make_unique<copy::Shared>(copy::Job::kVerify, options_, observer_, stop_, pace_);
      compared->filter = shared_->filter;
      compared->ownership = shared_->ownership;
      compared->target_can = shared_->target_can;
      shared_ = std::move(compared);
      again_ = true;
    }
    std::uint64_t started = wall_clock_ms();
    co_await on_all_threads(loop, source, target);
    report_.verify.duration_ms = wall_clock_ms() - started;
    copy::fill_verification(*shared_, report_);
  }

  // This thread and options.threads - 1 more, each with its own loop and connections.
  Task<void> on_all_threads(Loop& loop, FullTree& source, FullTree& target) {
    copy::Side side{&source, &target};
    copy::begin_copy(*shared_, side, options_.threads);
    std::vector<std::thread> threads;
    for (std::uint32_t i = 1; i < options_.threads; ++i) {
      threads.emplace_back([this] { other_thread(); });
    }
    co_await copy::copy_on_this_thread(*shared_, loop, side, true);
    for (std::thread& thread : threads) thread.join();
  }

  void other_thread() {
    auto loop = Loop::create(api::engine_choice(options_.engine));
    if (!loop) return leave(loop.error());
    (*loop)->run(other_main(**loop));
  }

  Task<void> other_main(Loop& loop) {
    auto source = api::make_tree(loop, source_location_, source_options());
    auto target = api::make_tree(loop, target_location_, tree_options_);
    if (!source || !target) {
      leave(source ? target.error() : source.error());
      co_return;
    }
    CancelToken ended;
    TaskGroup telling;
    telling.spawn(api::say_state_when_asked(loop, named(**source, **target), ended));
    Task<Status> opening = open_in_turn(**source, **target);
    Status opened = co_await watched(loop, **source, **target, std::move(opening));
    if (opened) opened = co_await lock_too(loop, **source, **target);
    if (opened) {
      (*target)->adopt(shared_->target_can);
      copy::Side side{source->get(), target->get()};
      co_await copy::copy_on_this_thread(*shared_, loop, side, false);
    } else {
      leave(opened.error());
    }
    co_await (*source)->close();
    co_await (*target)->close();
    ended.cancel();
    co_await telling.join();
    std::lock_guard lock(sides_mutex_);
    note_side(source_, report_.source, **source, !again_);
    if (opened && !again_) note_told(**source);
    note_side(target_, report_.target, **target, !again_);
  }

  static Task<Status> open_in_turn(FullTree& source, FullTree& target) {
    NFSFERRY_TRY(Ok first, co_await source.open(), co_return);
    co_return co_await target.open();
  }

  // Each client holds the run's lock: one that lost it would otherwise go on writing. A stop does
  // not cut that off at once: what the server has given then would stay until the lease is over.
  Task<Status> lock_too(Loop& loop, FullTree& source, FullTree& target) {
    bool locks = shared_->job == copy::Job::kCopy && shared_->target_can.exclusive_lock;
    if (!locks || stop_.load() != 0) co_return ok();
    Task<Status> locking = target.lock_root(options_.run_id);
    co_return co_await watched(loop, source, target, std::move(locking), copy::kStopPatience);
  }

  // A thread that could not start: the others do its share.
  void leave(const Error& error) {
    log(LogLevel::kWarning, "a further thread could not start: " + error.message());
    copy::leave_copy(*shared_);
  }

  // Adds what one thread's tree did to its side. `first`: not the tree of a thread that was counted
  // in the pass before.
  void note_side(Latency& latency, SideReport& side, const FullTree& tree, bool first) {
    TreeFacts facts = tree.facts();
    TreeCounters counters = tree.counters();
    side.location = facts.location;
    side.nfs_version = facts.nfs_version;
    side.max_operations = facts.max_operations;
    side.slots = facts.slots;
    if (first) side.connections += facts.connections;
    side.requests += counters.requests;
    report_.retries += counters.retries;
    report_.throttled_ms += counters.throttled_ms;
    for (const auto& [kind, histogram] : counters.latency) latency[kind].add(histogram);
  }

  // Not told is what one of the threads was not told.
  void note_told(const FullTree& source) {
    TreeFacts facts = source.facts();
    acls_told_ = acls_told_ && facts.tells_acls;
    xattrs_told_ = xattrs_told_ && facts.tells_xattrs;
    report_.losses.acls_told = acls_told_;
    report_.losses.xattrs_told = xattrs_told_;
  }

  static void give_latency(const Latency& latency, SideReport& side) {
    for (const auto& [kind, histogram] : latency) {
      side.latency[kind] = Percentiles{histogram.count(), histogram.percentile(50),
                                       histogram.percentile(95), histogram.percentile(99)};
    }
  }

  CopyOptions options_;
  Observer& observer_;
  const StopFlag& stop_;
  Pace pace_;
  std::unique_ptr<copy::Shared> shared_;
  bool again_ = false;  // the comparison after a copy
  CopyReport report_;
  CheckReport check_;
  bool made_root_ = false;
  Location source_location_;
  Location target_location_;
  api::TreeOptions tree_options_;
  std::mutex sides_mutex_;
  bool acls_told_ = true;
  bool xattrs_told_ = true;
  Latency source_;
  Latency target_;
};

}  // namespace

std::shared_ptr<RateLimits> make_limits(const Rates& rates) {
  return std::make_shared<RateLimits>(rates);
}

void set_limits(RateLimits& limits, const Rates& rates) { limits.set(rates); }

std::string refusal_of(const CopyOptions& options) {
  Location source;
  Location target;
  Status fine = read_options(options, false, source, target);
  return fine ? std::string() : fine.error().detail;
}

CopyReport run(const CopyOptions& options, Observer& observer, const StopFlag& stop) {
  copy::Job job = options.dry_run ? copy::Job::kDryRun : copy::Job::kCopy;
  return Run(job, options, observer, stop).go();
}

CheckReport check(const CopyOptions& options, Observer& observer, const StopFlag& stop) {
  return Run(copy::Job::kCheck, options, observer, stop).check();
}

CopyReport verify(const VerifyOptions& options, Observer& observer, const StopFlag& stop) {
  return Run(copy::Job::kVerify, options, observer, stop).go();
}

}  // namespace nfsferry

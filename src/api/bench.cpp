#include "nfsferry/bench.hpp"

#include <algorithm>
#include <utility>

#include "api/close_on_stop.hpp"
#include "api/explain.hpp"
#include "api/synthetic_tree.hpp"
#include "api/trees.hpp"
#include "base/escape.hpp"
#include "base/nfsstat4.hpp"
#include "base/run_id.hpp"
#include "base/units.hpp"
#include "copy/copy.hpp"
#include "nfsferry/run.hpp"

namespace nfsferry {
namespace {

using api::Role;

// A name in a location's directory, as a location of its own.
std::string below(const Location& location, const std::string& name) {
  std::size_t query = std::string::npos;
  if (location.kind == Location::Kind::kNfs) query = location.text.find('?');
  std::string text = location.text;
  return text.insert(std::min(query, text.size()), "/" + name);
}

// Where trees are made, each below a name of its own: both may be one directory.
struct Place {
  Role role;
  Location location;
  std::string name;
  std::string tree_text() const { return below(location, name); }
};

class Bench {
 public:
  Bench(const BenchOptions& options, Location source, Location target, Observer& observer,
        const StopFlag& stop)
      : options_(options),
        observer_(observer),
        stop_(stop),
        mark_("nfsferry-bench-" + random_run_id()),
        source_{Role::kSource, std::move(source), mark_},
        target_{Role::kTarget, std::move(target), mark_ + "-copy"} {}

  BenchReport go() {
    report_.options = options_;
    report_.options.copy.threads = api::thread_count(options_.copy.threads);
    for (BenchShape shape : options_.shapes) {
      if (!going_on()) break;
      plan_ = api::plan_tree(shape, options_);
      if (!room()) break;
      observer_.on_step("making " + format_size(api::planned_bytes(plan_)) + " in " +
                        source_.tree_text());
      if (on(source_, &Bench::fill)) copy_rounds(shape);
      clear(source_);
    }
    if (int signal = stop_.load(); signal != 0) {
      report_.exit_code = stopped_by(signal);
      report_.error_code = "cancelled";
      report_.error_detail =
          left_.empty() ? "interrupted; what the bench made is removed" : "interrupted";
    }
    if (!left_.empty()) {
      report_.error_detail += report_.error_detail.empty() ? "" : "; ";
      report_.error_detail += "not removed: " + left_;
    }
    if (!left_.empty() && going_on()) report_.exit_code = ExitCode::kEntriesFailed;
    return std::move(report_);
  }

 private:
  bool going_on() const { return report_.exit_code == ExitCode::kDone && stop_.load() == 0; }

  void fail(ExitCode code, const std::string& error_code, std::string detail) {
    if (report_.exit_code != ExitCode::kDone) return;  // the first one stays
    report_.exit_code = code;
    report_.error_code = error_code;
    report_.error_detail = std::move(detail);
  }

  // Opens the place on a loop of its own and does one thing there.
  Status try_on(const Place& place, Task<Status> (Bench::*work)(const Place&, FullTree&)) {
    reached_ = false;
    auto loop = Loop::create(api::engine_choice(options_.copy.engine));
    if (!loop) return loop.error();
    report_.engine = (*loop)->engine_name();
    auto tree = api::make_tree(**loop, place.location, {mark_, options_.copy.timeout_ms});
    if (!tree) return tree.error();
    return (*loop)->run(open_and_do(**loop, place, **tree, work));
  }

  // An error ends the bench.
  bool on(const Place& place, Task<Status> (Bench::*work)(const Place&, FullTree&)) {
    Status done = try_on(place, work);
    if (done) return true;
    const Error& error = done.error();
    std::string why = api::explain(place.role, place.location, error);
    if (means_no_entry(error)) {
      why = place.role == Role::kSource ? "source " : "target ";
      why += escape_for_terminal(place.location.text) + ": " + error.message() +
             "; bench makes its trees in directories that exist";
    }
    fail(api::side_exit_code(place.role, error, reached_), error.name(), std::move(why));
    return false;
  }

  Task<Status> open_and_do(Loop& loop, const Place& place, FullTree& tree,
                           Task<Status> (Bench::*work)(const Place&, FullTree&)) {
    // What clears up after a stop is not stopped by it.
    bool watched = stop_.load() == 0;
    CancelToken worked;
    TaskGroup watching;
    Status done = ok();
    if (watched) {
      Location::Kind kind = place.location.kind;
      done = co_await api::open_until_stop(loop, kind, tree, stop_);
      watching.spawn(api::close_on_stop(loop, kind, tree, stop_, worked, copy::kStopPatience));
    } else {
      done = co_await tree.open();
    }
    reached_ = done.has_value();
    if (reached_) done = co_await (this->*work)(place, tree);
    worked.cancel();
    co_await watching.join();
    co_await tree.close();
    co_return done;
  }

  bool room() { return on(source_, &Bench::look_for_room) && on(target_, &Bench::look_for_room); }

  Task<Status> look_for_room(const Place& place, FullTree& tree) {
    auto space = co_await tree.space();
    if (!space) co_return std::move(space).error();
    bool both = source_.location.text == target_.location.text;
    std::uint64_t needed = api::planned_bytes(plan_) * (both ? 2 : 1);
    if (space->total_bytes == 0 || space->available_bytes >= needed) co_return ok();
    Error error = own_error(Own::kBadInput, "bench",
                            "what is made needs " + format_size(needed) + ", and " +
                                format_size(space->available_bytes) +
                                " are available; ask for less by --files and --size");
    error.path = place.location.text;
    co_return error;
  }

  Task<Status> fill(const Place& place, FullTree& tree) {
    Status filled = co_await api::make_tree_of(tree, place.name, plan_, options_.seed, stop_);
    co_return filled;
  }

  Task<Status> remove(const Place& place, FullTree& tree) {
    co_return co_await api::remove_tree(tree, place.name);
  }

  // What cannot be removed is said at the end, whatever else went wrong.
  void clear(const Place& place) {
    observer_.on_step("removing " + place.tree_text());
    Status cleared = try_on(place, &Bench::remove);
    // A stop meanwhile closes the place when that takes long.
    if (!cleared && stop_.load() != 0) cleared = try_on(place, &Bench::remove);
    if (cleared) return;
    left_ +=
        (left_.empty() ? "" : ", ") + place.tree_text() + " (" + cleared.error().message() + ")";
  }

  void copy_rounds(BenchShape shape) {
    CopyOptions copy = options_.copy;
    copy.source = source_.tree_text();
    copy.target = target_.tree_text();
    copy.create_target = true;
    for (std::uint32_t round = 1; round <= options_.rounds && going_on(); ++round) {
      if (!left_.empty()) break;  // in the way
      CopyReport done = run(copy, observer_, stop_);
      report_.source_version = done.source.nfs_version;
      report_.target_version = done.target.nfs_version;
      if (done.exit_code == ExitCode::kDone) {
        report_.rounds.push_back({shape, round, done.files_transferred, done.bytes_written,
                                  done.duration_ms, done.source.requests, done.target.requests});
      } else {
        fail(done.exit_code, done.error_code, std::move(done.error_detail));
      }
      clear(target_);
    }
  }

  const BenchOptions& options_;
  Observer& observer_;
  const StopFlag& stop_;
  const std::string mark_;
  const Place source_;
  const Place target_;
  std::vector<api::PlannedDirectory> plan_;
  bool reached_ = false;  // the place of the last try_on()
  std::string left_;
  BenchReport report_;
};

}  // namespace

BenchReport bench(const BenchOptions& options, Observer& observer, const StopFlag& stop) {
  auto source = parse_location(options.source);
  auto target = parse_location(options.target);
  if (source && target) {
    return Bench(options, *std::move(source), *std::move(target), observer, stop).go();
  }
  const Error& error = source ? target.error() : source.error();
  BenchReport report;
  report.exit_code = ExitCode::kUsage;
  report.error_code = error.name();
  report.error_detail = (source ? "target: " : "source: ") + error.message();
  return report;
}

}  // namespace nfsferry

#include "nfsferry/owners.hpp"

#include <memory>

#include "api/close_on_stop.hpp"
#include "api/explain.hpp"
#include "api/trees.hpp"
#include "base/run_id.hpp"
#include "base/wall_clock.hpp"
#include "copy/copy.hpp"
#include "copy/owner_count.hpp"
#include "loop/loop.hpp"
#include "loop/pace.hpp"
#include "nfsferry/run.hpp"
#include "tree/location.hpp"

namespace nfsferry {
namespace {

void fail(CopyReport& run, ExitCode code, const Error& error, std::string detail) {
  run.exit_code = code;
  run.error_code = error.name();
  run.error_detail = std::move(detail);
}

void note_stop(CopyReport& run, const StopFlag& stop) {
  int signal = stop.load();
  if (signal == 0) return;
  run.exit_code = stopped_by(signal);
  run.error_code = "cancelled";
  run.error_detail = "interrupted before all was counted";
}

// A stop closes the tree, once the patience is over: that ends what waits for its server.
Task<void> count(Loop& loop, const Location& location, FullTree& tree, copy::Shared& shared,
                 OwnersReport& report) {
  CancelToken counted;
  TaskGroup watching;
  watching.spawn(
      api::close_on_stop(loop, location.kind, tree, shared.stop, counted, copy::kStopPatience));
  copy::OwnerCount owners(shared, tree);
  co_await owners.go();
  counted.cancel();
  co_await watching.join();
  report.users = owners.users();
  report.groups = owners.groups();
  shared.failures.give_to(report.run);
  copy::fill_outcome(shared, report.run);
}

Task<void> open_and_count(Loop& loop, const Location& location, copy::Shared& shared,
                          OwnersReport& report) {
  CopyReport& run = report.run;
  api::TreeOptions tree_options{random_run_id(), shared.options.timeout_ms};
  auto tree = api::make_tree(loop, location, tree_options);
  if (!tree) {
    fail(run, ExitCode::kUsage, tree.error(), tree.error().message());
    co_return;
  }
  Status opened = co_await api::open_until_stop(loop, location.kind, **tree, shared.stop);
  if (opened) {
    co_await count(loop, location, **tree, shared, report);
  } else {
    const Error& error = opened.error();
    fail(run, api::start_exit_code(api::Role::kSource, error), error,
         api::explain(api::Role::kSource, location, error));
  }
  note_stop(run, shared.stop);
  co_await (*tree)->close();
  TreeFacts facts = (*tree)->facts();
  run.source.location = facts.location;
  run.source.nfs_version = facts.nfs_version;
  run.source.requests = (*tree)->counters().requests;
}

}  // namespace

OwnersReport owners(const OwnersOptions& options, const StopFlag& stop) {
  OwnersReport report;
  CopyReport& run = report.run;
  run.start_ms = wall_clock_ms();
  run.options.source = options.location;
  run.options.engine = options.engine;
  run.options.timeout_ms = options.timeout_ms;
  auto location = parse_location(options.location);
  auto loop = Loop::create(api::engine_choice(options.engine));
  if (!location || !loop) {
    const Error& error = location ? loop.error() : location.error();
    fail(run, ExitCode::kUsage, error, error.message());
    return report;
  }
  run.engine = std::string((*loop)->engine_name());
  run.engine_note = (*loop)->engine_note();
  Observer nobody;
  Pace pace(make_limits({}), stop);
  auto shared = std::make_unique<copy::Shared>(copy::Job::kCheck, run.options, nobody, stop, pace);
  (*loop)->run(open_and_count(**loop, *location, *shared, report));
  run.end_ms = wall_clock_ms();
  run.duration_ms = run.end_ms - run.start_ms;
  return report;
}

}  // namespace nfsferry

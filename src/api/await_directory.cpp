#include <algorithm>
#include <chrono>
#include <thread>

#include "api/close_on_stop.hpp"
#include "api/explain.hpp"
#include "api/trees.hpp"
#include "base/nfsstat4.hpp"
#include "base/treatment.hpp"
#include "nfsferry/run.hpp"

namespace nfsferry {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

std::uint64_t ms_since(SteadyClock::time_point begin) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<milliseconds>(SteadyClock::now() - begin).count());
}

// What may come right while others still set things up: no directory, no export, no server yet.
bool may_come(const Error& error) {
  return means_no_entry(error) || treatment(error) == Treatment::kRetry || means_away(error) ||
         error.is(Own::kNameResolution);
}

class Wait {
 public:
  Wait(const AwaitOptions& options, Location location, const StopFlag& stop)
      : options_(options), location_(std::move(location)), stop_(stop) {}

  DirectoryReport go() {
    std::uint64_t pause_ms = options_.first_pause_ms;
    for (;;) {
      Status there = look();
      report_.waited_ms = ms_since(begin_);
      if (there || stop_.load() != 0) return finish(there);
      if (!may_come(there.error()) || report_.waited_ms >= options_.wait_ms) return finish(there);
      if (options_.on_wait) options_.on_wait();
      pause(std::min(pause_ms, options_.wait_ms - report_.waited_ms));
      pause_ms = std::min(pause_ms * 2, options_.longest_pause_ms);
    }
  }

 private:
  Status look() {
    NFSFERRY_TRY(auto loop, Loop::create(api::engine_choice(options_.engine)), return);
    NFSFERRY_TRY(auto tree, api::make_tree(*loop, location_, {"await", options_.timeout_ms}),
                 return);
    return loop->run(open_and_close(*loop, *tree));
  }

  Task<Status> open_and_close(Loop& loop, FullTree& tree) {
    Status opened = co_await api::open_until_stop(loop, location_.kind, tree, stop_);
    if (opened) {
      const Attributes& attributes = tree.root_entry().attributes;
      report_.owner = owner_text(attributes.owner);
      report_.group = owner_text(attributes.group);
      report_.mode = attributes.mode;
    }
    co_await tree.close();
    co_return opened;
  }

  void pause(std::uint64_t length_ms) const {
    auto end = SteadyClock::now() + milliseconds(length_ms);
    constexpr SteadyClock::duration kLook = milliseconds(50);
    while (stop_.load() == 0 && SteadyClock::now() < end) {
      std::this_thread::sleep_for(std::min(kLook, end - SteadyClock::now()));
    }
  }

  DirectoryReport finish(const Status& there) {
    if (int signal = stop_.load(); signal != 0) {
      report_.exit_code = stopped_by(signal);
      report_.error_code = "cancelled";
      report_.error_detail = "interrupted while waiting for " + location_.text;
    } else if (!there) {
      report_.exit_code = api::start_exit_code(api::Role::kTarget, there.error());
      report_.error_code = there.error().name();
      report_.error_detail = there.error().message();
    }
    return std::move(report_);
  }

  const AwaitOptions& options_;
  const Location location_;
  const StopFlag& stop_;
  const SteadyClock::time_point begin_ = SteadyClock::now();
  DirectoryReport report_;
};

}  // namespace

DirectoryReport await_directory(const AwaitOptions& options, const StopFlag& stop) {
  auto location = parse_location(options.location);
  if (location) return Wait(options, *std::move(location), stop).go();
  DirectoryReport report;
  report.exit_code = ExitCode::kUsage;
  report.error_code = location.error().name();
  report.error_detail = location.error().message();
  return report;
}

}  // namespace nfsferry

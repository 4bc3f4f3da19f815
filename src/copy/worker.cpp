#include "copy/worker.hpp"

#include <algorithm>

namespace nfsferry::copy {
namespace {

// 8 MiB on their way keep servers near by busy, and more only cost memory; those far away need
// more.
Window::Shape range_window(std::uint32_t range_size) {
  std::uint32_t few = std::clamp((8u << 20) / std::max(range_size, 1u), 8u, 16u);
  return {.start = few, .least = few, .measured = 16};
}

// More than requests in flight would only hold memory.
std::size_t carriers(const Preferences& source, const Preferences& target) {
  std::size_t useful = std::min(source.requests_in_flight, target.requests_in_flight);
  return std::clamp<std::size_t>(useful, 1, Worker::kCarriersMost);
}

// The fastest answer so far.
std::chrono::microseconds round_trip(const TreeCounters& counters) {
  std::uint64_t least = 0;
  for (const auto& [kind, latency] : counters.latency) {
    std::uint64_t fastest = latency.percentile(1);
    if (least == 0 || fastest < least) least = fastest;
  }
  return std::chrono::microseconds(least);
}

}  // namespace

Worker::Worker(Shared& shared, Loop& loop, Source& source, FullTree& target)
    : shared_(shared),
      loop_(loop),
      source_(source),
      target_(target),
      small_file_bytes_(
          std::min(source.preferences().small_file_bytes, target.preferences().small_file_bytes)),
      range_size_(std::min(source.preferences().read_bytes, target.preferences().write_bytes)),
      carriers_(carriers(source.preferences(), target.preferences())),
      large_most_(
          std::clamp<std::size_t>(carriers_, kNotForLarge + 1, kNotForLarge + kLargeAtOnce) -
          kNotForLarge),
      range_window_(ranges_most(), range_window(range_size_)),
      ranges_(range_window_.limit()),
      news_(std::make_shared<Event>()),
      queue_news_(std::make_shared<Event>()),
      range_news_(std::make_shared<Event>()) {
  shared_.directories.add_waker(this, waker(news_));
  std::size_t batch =
      std::min(source.preferences().files_per_batch, target.preferences().files_per_batch);
  auto round_trips = round_trip(source.counters()) + round_trip(target.counters());
  shared_.work.join(this, batch, round_trips, waker(queue_news_));
  shared_.large_crew.join(this, [work = waker(queue_news_), ranges = waker(range_news_)] {
    work();
    ranges();
  });
}

// The loop may end before those of other threads.
Worker::~Worker() {
  shared_.directories.remove_waker(this);
  shared_.work.leave(this);
  shared_.large_crew.leave(this);
}

std::function<void()> Worker::waker(std::shared_ptr<Event> news) const {
  return [&loop = loop_, news = std::move(news)] {
    if (loop.runs_here())
      news->pulse();
    else
      loop.post([news] { news->pulse(); });
  };
}

std::string Worker::state() const {
  const Counters& counters = shared_.counters;
  auto number = [](std::uint64_t value) { return std::to_string(value); };
  std::string limits = shared_.pace.describe();
  if (!limits.empty()) limits = "\n  " + limits;
  return (verifying() ? "comparing: " : "copying: ") + number(counters.entries_done) + " of " +
         number(counters.entries_found) + " entries done, " + number(shared_.failures.count()) +
         " failed, " + number(counters.bytes_written) + " bytes written" +
         (shared_.walk_finished ? ", all is listed" : "") +
         (shared_.stopping() ? ", stopping" : "") + "\n  " + number(shared_.directories.waiting()) +
         " directories queued, " + number(shared_.directories_left) + " unfinished, " +
         number(to_finish_.size()) + " of this thread to be finished, " + number(large_running_) +
         " large files under way here\n  waiting: " + shared_.work.describe() + limits;
}

Task<void> Worker::run(bool first) {
  TaskGroup walkers;
  TaskGroup carriers;
  TaskGroup finishers;
  for (std::size_t i = 0; i < kWalkers; ++i) walkers.spawn(walker());
  for (std::size_t i = 0; i < carriers_; ++i) carriers.spawn(carrier());
  finishers.spawn(finisher());
  co_await walkers.join();
  shared_.walker_left();
  co_await carriers.join();
  --shared_.carriers_left;
  shared_.directories.wake();
  if (first) {  // every first name is in place once no thread copies files
    while (shared_.carriers_left > 0) co_await news_->wait();
    if (verifying())
      check_hard_links();
    else if (writing())
      co_await make_hard_links();
    else
      foretell_hard_links();
    co_await delete_surplus();
    shared_.all_but_directories_done = true;
    shared_.directories.wake();
  }
  co_await finishers.join();
}

}  // namespace nfsferry::copy

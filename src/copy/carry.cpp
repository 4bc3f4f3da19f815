// Who carries what: batches and large files are taken from the queue, or part of another thread's
// large file is taken over, and each goes the way of its kind.
#include <optional>
#include <utility>

#include "copy/worker_parts.hpp"

namespace nfsferry::copy {

// A thread with no large file of its own takes part in another one's.
Task<Work> Worker::next_work() {
  for (;;) {
    bool large_too = large_running_ < large_most_ && shared_.large_crew.may_begin(this);
    auto work = shared_.work.try_take(this, large_too);
    if (!work && large_too && large_running_ == 0 && !shared_.stopping()) {
      auto file = shared_.large_files.try_join(this, waker(range_news_));
      if (file) work = Work{WorkKind::kPartOfLargeFile, {}, std::move(file)};
    }
    if (work) {
      if (is_large(work->kind)) {
        ++large_running_;
        shared_.large_crew.begin(this);
        for (WorkItem& item : work->items) item.takes_turns = true;
      }
      co_return *std::move(work);
    }
    co_await queue_news_->wait();
  }
}

Task<void> Worker::carrier() {
  for (;;) {
    Work work = co_await next_work();
    if (work.kind == WorkKind::kNothing) co_return;
    bool large = is_large(work.kind);
    bool of_queue = !work.part_of;
    const DirectoryNode* directory = work.directory;
    std::size_t files = work.items.size();
    if (shared_.stopping() && of_queue) {
      for (const WorkItem& item : work.items) entry_done(item);
    } else {
      co_await carry(std::move(work));
    }
    if (directory) shared_.work.small_done(this, directory, files);
    if (!large) continue;
    --large_running_;
    shared_.large_crew.end(this);
    if (of_queue) shared_.work.large_done();
    queue_news_->pulse();
  }
}

Task<void> Worker::carry(Work work) {
  bool compares =
      work.kind >= WorkKind::kCompareSmallFiles && work.kind <= WorkKind::kCompareSymlinks;
  check(compares || work.part_of || writing(), "only a copy writes");
  if (!compares && work.kind != WorkKind::kSetAttributes) {
    for (const WorkItem& item : work.items) {
      if (locks_out(*item.node)) co_await open_up(item.node);
    }
  }
  switch (work.kind) {
    case WorkKind::kSmallFiles: co_await copy_small_files(std::move(work.items)); break;
    case WorkKind::kLargeFile: co_await copy_large_file(std::move(work.items.front()), 1); break;
    case WorkKind::kSymlinks: co_await copy_symlinks(std::move(work.items)); break;
    case WorkKind::kSpecials: co_await copy_specials(std::move(work.items)); break;
    case WorkKind::kCompareSmallFiles: co_await compare_small_files(std::move(work.items)); break;
    case WorkKind::kCompareLargeFile:
      co_await compare_large_file(std::move(work.items.front()));
      break;
    case WorkKind::kCompareSymlinks: co_await compare_symlinks(std::move(work.items)); break;
    case WorkKind::kSetAttributes:
      co_await set_entry_attributes(std::move(work.items), std::nullopt);
      break;
    case WorkKind::kPartOfLargeFile: co_await take_part(std::move(work.part_of)); break;
    case WorkKind::kNothing: break;
  }
}

Task<void> Worker::carry_alone(WorkItem item) {
  Work work;
  work.kind = kind_of(item, small_file_bytes_);
  work.items.push_back(std::move(item));
  co_await carry(std::move(work));
}

}  // namespace nfsferry::copy

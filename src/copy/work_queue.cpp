#include "copy/work_queue.hpp"

#include <algorithm>

namespace nfsferry::copy {

Task<void> WorkQueue::add(WorkItem item) {
  co_await room_.acquire();
  const Attributes& attributes = item.entry.attributes;
  if (attributes.type == FileType::kSymlink) {
    symlinks_.push_back(std::move(item));
  } else if (attributes.type != FileType::kRegular) {
    specials_.push_back(std::move(item));
  } else if (attributes.size_bytes <= small_file_bytes_) {
    small_bytes_ += attributes.size_bytes;
    small_.push_back(std::move(item));
  } else {
    large_.push_back(std::move(item));
  }
  if (ready() != WorkKind::kNothing) changed_.pulse();
}

Task<Work> WorkQueue::take() {
  for (;;) {
    Work work = take_ready();
    bool ended =
        closed_ && small_.empty() && large_.empty() && symlinks_.empty() && specials_.empty();
    if (work.kind != WorkKind::kNothing || ended) {
      if (!work.items.empty()) room_.release(work.items.size());
      if (ended) changed_.pulse();
      co_return work;
    }
    co_await changed_.wait();
  }
}

WorkKind WorkQueue::ready() const {
  auto full = [&](const std::deque<WorkItem>& items) {
    return items.size() >= files_per_batch_ || (closed_ && !items.empty());
  };
  if (!large_.empty() && large_running_ < kLargeAtOnce) return WorkKind::kLargeFile;
  if (full(small_) || small_bytes_ >= kBatchBytes) return WorkKind::kSmallFiles;
  if (full(symlinks_)) return WorkKind::kSymlinks;
  if (full(specials_)) return WorkKind::kSpecials;
  return WorkKind::kNothing;
}

Work WorkQueue::take_ready() {
  switch (ready()) {
    case WorkKind::kLargeFile: ++large_running_; return take_batch(WorkKind::kLargeFile, large_, 1);
    case WorkKind::kSymlinks: return take_batch(WorkKind::kSymlinks, symlinks_, files_per_batch_);
    case WorkKind::kSpecials: return take_batch(WorkKind::kSpecials, specials_, files_per_batch_);
    case WorkKind::kSmallFiles: break;
    case WorkKind::kNothing: return {};
  }
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  while (count < small_.size() && count < files_per_batch_) {
    std::uint64_t size = small_[count].entry.attributes.size_bytes;
    if (count > 0 && bytes + size > kBatchBytes) break;
    bytes += size;
    ++count;
  }
  small_bytes_ -= bytes;
  return take_batch(WorkKind::kSmallFiles, small_, count);
}

Work WorkQueue::take_batch(WorkKind kind, std::deque<WorkItem>& from, std::size_t most) {
  Work work;
  work.kind = kind;
  auto end = from.begin() + static_cast<std::ptrdiff_t>(std::min(most, from.size()));
  work.items.assign(std::make_move_iterator(from.begin()), std::make_move_iterator(end));
  from.erase(from.begin(), end);
  return work;
}

void WorkQueue::large_file_done() {
  --large_running_;
  changed_.pulse();
}

void WorkQueue::close() {
  closed_ = true;
  changed_.pulse();
}

}  // namespace nfsferry::copy

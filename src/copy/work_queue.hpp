#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "copy/shared.hpp"
#include "loop/sync.hpp"

namespace nfsferry::copy {

// An entry of a directory that waits to be copied; holds one of its node's pending counts.
struct WorkItem {
  NodePtr node;
  Entry entry;
};

enum class WorkKind : std::uint8_t { kNothing, kSmallFiles, kLargeFile, kSymlinks, kSpecials };

struct Work {
  WorkKind kind = WorkKind::kNothing;  // kNothing: the queue is closed and empty
  std::vector<WorkItem> items;
};

// Collects entries from all directories into batches that fill a request, whatever the size of
// the directories. Bounded: who adds waits. One thread.
class WorkQueue {
 public:
  static constexpr std::size_t kItemsMost = 4096;
  static constexpr std::uint64_t kBatchBytes = 1u << 20;
  static constexpr std::size_t kLargeAtOnce = 8;  // so that small files go on beside large ones

  WorkQueue(std::uint64_t small_file_bytes, std::size_t files_per_batch)
      : small_file_bytes_(small_file_bytes), files_per_batch_(files_per_batch), room_(kItemsMost) {}

  // By the entry's type and size; directories are not for here.
  Task<void> add(WorkItem item);
  // A full batch; what is there once the queue is closed; kNothing at the end.
  Task<Work> take();
  void large_file_done();
  void close();  // nothing more is added

 private:
  WorkKind ready() const;
  Work take_ready();
  static Work take_batch(WorkKind kind, std::deque<WorkItem>& from, std::size_t most);

  std::uint64_t small_file_bytes_;
  std::size_t files_per_batch_;
  Semaphore room_;
  std::deque<WorkItem> small_;
  std::uint64_t small_bytes_ = 0;
  std::deque<WorkItem> large_;
  std::deque<WorkItem> symlinks_;
  std::deque<WorkItem> specials_;
  std::size_t large_running_ = 0;
  bool closed_ = false;
  Event changed_;  // pulsed when take() may have something
};

}  // namespace nfsferry::copy

#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "copy/shared.hpp"
#include "loop/sync.hpp"

namespace nfsferry::copy {

// What is to be done with an entry.
enum class Action : std::uint8_t {
  kCopy,
  kCompare,        // its content with that of `there`
  kSetAttributes,  // only what differs
};

// An entry of a directory that waits to be dealt with; holds one of its node's pending counts.
struct WorkItem {
  NodePtr node;
  Entry entry;
  Action action = Action::kCopy;
  std::shared_ptr<const Entry> there{};  // what the target has, where it is needed
  unsigned differences = 0;              // found so far, of Difference
};

enum class WorkKind : std::uint8_t {
  kSmallFiles,
  kLargeFile,
  kSymlinks,
  kSpecials,
  kCompareSmallFiles,
  kCompareLargeFile,
  kCompareSymlinks,
  kSetAttributes,
  kNothing,  // the queue is closed and empty
};
inline constexpr std::size_t kWorkKinds = static_cast<std::size_t>(WorkKind::kNothing);

struct Work {
  WorkKind kind = WorkKind::kNothing;
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

  // By action, type and size; directories are not for here.
  WorkKind kind_of(const WorkItem& item) const;
  Task<void> add(WorkItem item);
  // A full batch; what is there once the queue is closed; kNothing at the end.
  Task<Work> take();
  void large_file_done();
  // Somebody waits for what is in it: batches are given out before they are full, until
  // `stop_hurrying` has been called as often.
  void hurry();
  void stop_hurrying() { --hurried_; }
  void close();  // nothing more is added
  // What waits in it, for people.
  std::string describe() const;

 private:
  struct Waiting {
    std::deque<WorkItem> items;
    std::uint64_t bytes = 0;  // of content, where it travels with the batch
  };
  Waiting& waiting(WorkKind kind) { return waiting_[static_cast<std::size_t>(kind)]; }
  bool is_ready(WorkKind kind) const;
  WorkKind ready() const;
  bool empty() const;
  Work take_ready();

  std::uint64_t small_file_bytes_;
  std::size_t files_per_batch_;
  Semaphore room_;
  std::array<Waiting, kWorkKinds> waiting_;
  std::size_t large_running_ = 0;
  unsigned hurried_ = 0;
  bool closed_ = false;
  Event changed_;  // pulsed when take() may have something
};

}  // namespace nfsferry::copy

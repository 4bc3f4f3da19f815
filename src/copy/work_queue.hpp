#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tree/tree.hpp"

namespace nfsferry::copy {

struct DirectoryNode;
struct LargeFile;

// What is to be done with an entry.
enum class Action : std::uint8_t {
  kCopy,
  kCompare,        // its content with that of `there`
  kSetAttributes,  // only what differs
};

// An entry of a directory that waits to be dealt with; holds one of its node's pending counts.
struct WorkItem {
  std::shared_ptr<DirectoryNode> node;
  Entry entry;
  Action action = Action::kCopy;
  std::shared_ptr<const Entry> there{};  // what the target has, where it is needed
  unsigned differences = 0;              // found so far, of Difference
  bool kept = false;                     // what the target had is in the backup
  bool takes_turns = false;              // a large file of the queue, for LargeCrew
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
  kNothing,  // the queue is closed and empty, and no large file that it gave out is under way
  kPartOfLargeFile,  // of another thread; not from the queue
};
inline constexpr std::size_t kWorkKinds = static_cast<std::size_t>(WorkKind::kNothing);

bool is_large(WorkKind kind);
// By action, type and size; directories are not for here.
WorkKind kind_of(const WorkItem& item, std::uint64_t small_file_bytes);

struct Work {
  WorkKind kind = WorkKind::kNothing;
  std::vector<WorkItem> items{};
  std::shared_ptr<LargeFile> part_of{};
  const DirectoryNode* directory = nullptr;  // of small files: the first one's, for small_done()
};

// Collects entries from all directories, whichever thread lists them, into batches that fill a
// request, and gives them to whichever thread has nothing to do: one huge directory keeps all of
// them busy. Bounded. Thread-safe; nothing here waits: a thread that was refused is woken when it
// is worth another try.
class WorkQueue {
 public:
  static constexpr std::size_t kItemsMost = 4096;
  static constexpr std::uint64_t kBatchBytes = 1u << 20;

  // A thread that adds and takes. `waker` is called from any thread, until leave() has returned.
  // A full batch has as many files as the thread with the least limit can carry. `round_trips`:
  // what a batch waits for at least, at the source and the target.
  void join(const void* thread, std::size_t files_per_batch, std::chrono::microseconds round_trips,
            std::function<void()> waker);
  void leave(const void* thread);

  // Takes the item unless the queue is full.
  bool try_add(const void* thread, WorkKind kind, WorkItem& item);
  // A full batch; what is there once the queue is closed; kNothing at the end. Empty: not now.
  std::optional<Work> try_take(const void* thread, bool large_too);
  // A large file that was taken is done with. Until then nobody is sent home: it may want help.
  void large_done();
  // A batch of small files that this thread took is done with.
  void small_done(const void* thread, const DirectoryNode* directory, std::size_t files);
  // There may be work that does not come from the queue.
  void wake();
  // Somebody waits for what is in it: batches are given out before they are full, until
  // `stop_hurrying` has been called as often.
  void hurry();
  void stop_hurrying();
  void close();  // nothing more is added
  // What waits in it, for people.
  std::string describe() const;

 private:
  struct Waiting {
    std::vector<WorkItem> items;
    std::size_t taken = 0;    // of them, from the front; what is left of those goes at times
    std::uint64_t bytes = 0;  // of content, where it travels with the batch

    std::size_t size() const { return items.size() - taken; }
    bool empty() const { return size() == 0; }
  };
  struct Thread {
    std::function<void()> waker;
    bool wants_work = false;
    bool wants_room = false;
    std::map<const DirectoryNode*, std::size_t> small_under_way{};  // files, by their batch's first
  };
  // With mutex_ held:
  bool is_ready(WorkKind kind) const;
  bool is_crowded_for(const Thread& thread) const;
  std::optional<WorkKind> ready(const Thread& thread, bool large_too) const;
  Work take(WorkKind kind);
  bool is_over() const { return closed_ && count_ == 0 && large_under_way_ == 0; }
  void wake_one(const void* preferred);
  void wake_all();

  mutable std::mutex mutex_;
  std::map<const void*, Thread> threads_;
  std::size_t files_per_batch_ = std::numeric_limits<std::size_t>::max();
  std::array<Waiting, kWorkKinds> waiting_;
  std::size_t count_ = 0;  // items waiting
  std::size_t large_under_way_ = 0;
  std::chrono::microseconds round_trips_{0};  // of the thread furthest away
  unsigned hurried_ = 0;
  bool closed_ = false;
};

}  // namespace nfsferry::copy

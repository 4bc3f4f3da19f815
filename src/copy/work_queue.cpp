#include "copy/work_queue.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace nfsferry::copy {
namespace {

// A server may have a directory's names behind one lock: threads that write into it wait for each
// other there, the longer the more they ask for. So many files of one directory, over all threads,
// keep a server near by as busy as more would (docs/performance.md); one that is far away needs as
// many more as make so many a second. No thread has to do with fewer than the last.
constexpr std::size_t kInOneDirectory = 400;
constexpr std::size_t kInOneDirectoryRate = 50'000;
constexpr std::size_t kInOneDirectoryLeast = 128;

// Content that travels with the batch, in bytes.
std::uint64_t batch_bytes(WorkKind kind, const WorkItem& item) {
  bool content = kind == WorkKind::kSmallFiles || kind == WorkKind::kCompareSmallFiles;
  return content ? item.entry.attributes.size_bytes : 0;
}

// Large files first: they take longest.
constexpr std::array<WorkKind, kWorkKinds> kOrder = {
    WorkKind::kLargeFile,         WorkKind::kCompareLargeFile, WorkKind::kSmallFiles,
    WorkKind::kCompareSmallFiles, WorkKind::kSymlinks,         WorkKind::kCompareSymlinks,
    WorkKind::kSetAttributes,     WorkKind::kSpecials};

// In the order of WorkKind.
constexpr std::array<std::string_view, kWorkKinds> kNames = {"small files",
                                                             "large files",
                                                             "symlinks",
                                                             "special files",
                                                             "small files to compare",
                                                             "large files to compare",
                                                             "symlinks to compare",
                                                             "attributes to set"};

}  // namespace

bool is_large(WorkKind kind) {
  return kind == WorkKind::kLargeFile || kind == WorkKind::kCompareLargeFile ||
         kind == WorkKind::kPartOfLargeFile;
}

WorkKind kind_of(const WorkItem& item, std::uint64_t small_file_bytes) {
  if (item.action == Action::kSetAttributes) return WorkKind::kSetAttributes;
  bool compare = item.action == Action::kCompare;
  const Attributes& attributes = item.entry.attributes;
  if (attributes.type == FileType::kSymlink) {
    return compare ? WorkKind::kCompareSymlinks : WorkKind::kSymlinks;
  }
  if (attributes.type != FileType::kRegular) return WorkKind::kSpecials;
  if (attributes.size_bytes <= small_file_bytes) {
    return compare ? WorkKind::kCompareSmallFiles : WorkKind::kSmallFiles;
  }
  return compare ? WorkKind::kCompareLargeFile : WorkKind::kLargeFile;
}

void WorkQueue::join(const void* thread, std::size_t files_per_batch,
                     std::chrono::microseconds round_trips, std::function<void()> waker) {
  std::lock_guard lock(mutex_);
  threads_[thread].waker = std::move(waker);
  round_trips_ = std::max(round_trips_, round_trips);
  files_per_batch_ = std::min(files_per_batch_, files_per_batch);
}

void WorkQueue::leave(const void* thread) {
  std::lock_guard lock(mutex_);
  threads_.erase(thread);
}

bool WorkQueue::try_add(const void* thread, WorkKind kind, WorkItem& item) {
  std::lock_guard lock(mutex_);
  if (count_ >= kItemsMost) {
    threads_.at(thread).wants_room = true;
    return false;
  }
  ++count_;
  Waiting& into = waiting_[static_cast<std::size_t>(kind)];
  into.bytes += batch_bytes(kind, item);
  into.items.push_back(std::move(item));
  if (is_large(kind))
    wake_all();  // each thread has a limit of its own for them
  else if (is_ready(kind))
    wake_one(thread);
  return true;
}

std::optional<Work> WorkQueue::try_take(const void* thread, bool large_too) {
  std::lock_guard lock(mutex_);
  Thread& taker = threads_.at(thread);
  if (auto kind = ready(taker, large_too)) {
    Work work = take(*kind);
    if (is_large(*kind)) ++large_under_way_;
    if (work.directory) taker.small_under_way[work.directory] += work.items.size();
    if (is_over()) wake_all();  // to their end
    // The next one may be of another directory, for which others have waited.
    if (work.directory) wake_one(nullptr);
    for (auto& [other, one] : threads_) {
      if (std::exchange(one.wants_room, false)) one.waker();
    }
    return work;
  }
  if (is_over()) return Work{};
  taker.wants_work = true;
  return std::nullopt;
}

void WorkQueue::large_done() {
  std::lock_guard lock(mutex_);
  --large_under_way_;
  if (is_over()) wake_all();
}

void WorkQueue::small_done(const void* thread, const DirectoryNode* directory, std::size_t files) {
  std::lock_guard lock(mutex_);
  auto& under_way = threads_.at(thread).small_under_way;
  auto found = under_way.find(directory);
  found->second -= files;
  if (found->second == 0) under_way.erase(found);
}

void WorkQueue::wake() {
  std::lock_guard lock(mutex_);
  wake_all();
}

bool WorkQueue::is_ready(WorkKind kind) const {
  const Waiting& one = waiting_[static_cast<std::size_t>(kind)];
  if (one.empty()) return false;
  return is_large(kind) || closed_ || hurried_ > 0 || one.size() >= files_per_batch_ ||
         one.bytes >= kBatchBytes;
}

// Whether it has its share of the directory that the next small files are written into, where
// several threads are at work. What waits behind those waits with them.
bool WorkQueue::is_crowded_for(const Thread& thread) const {
  const Waiting& next = waiting_[static_cast<std::size_t>(WorkKind::kSmallFiles)];
  if (threads_.size() < 2 || next.empty()) return false;
  auto found = thread.small_under_way.find(next.items[next.taken].node.get());
  if (found == thread.small_under_way.end()) return false;
  auto far = static_cast<std::size_t>(round_trips_.count()) * kInOneDirectoryRate / 1'000'000;
  return found->second >= std::max((kInOneDirectory + far) / threads_.size(), kInOneDirectoryLeast);
}

std::optional<WorkKind> WorkQueue::ready(const Thread& thread, bool large_too) const {
  for (WorkKind kind : kOrder) {
    if (!is_ready(kind) || (is_large(kind) && !large_too)) continue;
    if (kind == WorkKind::kSmallFiles && is_crowded_for(thread)) continue;
    return kind;
  }
  return std::nullopt;
}

Work WorkQueue::take(WorkKind kind) {
  Work work;
  work.kind = kind;
  Waiting& from = waiting_[static_cast<std::size_t>(kind)];
  std::size_t most = is_large(kind) ? 1 : files_per_batch_;
  work.items.reserve(std::min(most, from.size()));
  std::uint64_t bytes = 0;
  while (!from.empty() && work.items.size() < most) {
    WorkItem& first = from.items[from.taken];
    std::uint64_t more = batch_bytes(kind, first);
    if (!work.items.empty() && bytes + more > kBatchBytes) break;
    bytes += more;
    work.items.push_back(std::move(first));
    ++from.taken;
  }
  if (2 * from.taken >= from.items.size()) {
    auto begin = from.items.begin();
    from.items.erase(begin, begin + static_cast<std::ptrdiff_t>(from.taken));
    from.taken = 0;
  }
  if (kind == WorkKind::kSmallFiles) work.directory = work.items.front().node.get();
  from.bytes -= bytes;
  count_ -= work.items.size();
  return work;
}

// The thread that added, if it waits for what there is, else another one.
void WorkQueue::wake_one(const void* preferred) {
  auto waits = [this](const auto& one) {
    return one.second.wants_work && ready(one.second, false).has_value();
  };
  auto found = threads_.find(preferred);
  if (found == threads_.end() || !waits(*found)) {
    found = std::find_if(threads_.begin(), threads_.end(), waits);
  }
  if (found == threads_.end()) return;
  found->second.wants_work = false;
  found->second.waker();
}

void WorkQueue::wake_all() {
  for (auto& [thread, one] : threads_) {
    if (std::exchange(one.wants_work, false)) one.waker();
  }
}

void WorkQueue::hurry() {
  std::lock_guard lock(mutex_);
  ++hurried_;
  wake_all();
}

void WorkQueue::stop_hurrying() {
  std::lock_guard lock(mutex_);
  --hurried_;
}

void WorkQueue::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  wake_all();
}

std::string WorkQueue::describe() const {
  std::lock_guard lock(mutex_);
  std::string text;
  for (std::size_t kind = 0; kind < kWorkKinds; ++kind) {
    std::size_t count = waiting_[kind].size();
    if (count == 0) continue;
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + std::string(kNames[kind]);
  }
  if (text.empty()) text = "nothing";
  return text + (closed_ ? "; nothing more is added" : "");
}

}  // namespace nfsferry::copy

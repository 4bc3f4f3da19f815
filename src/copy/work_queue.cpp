#include "copy/work_queue.hpp"

#include <algorithm>
#include <string_view>

namespace nfsferry::copy {
namespace {

bool is_large(WorkKind kind) {
  return kind == WorkKind::kLargeFile || kind == WorkKind::kCompareLargeFile;
}

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

std::string WorkQueue::describe() const {
  std::string text = std::to_string(large_running_) + " large files under way";
  for (std::size_t kind = 0; kind < kWorkKinds; ++kind) {
    std::size_t count = waiting_[kind].items.size();
    if (count > 0) text += ", " + std::to_string(count) + " " + std::string(kNames[kind]);
  }
  return text + (closed_ ? "; nothing more is added" : "");
}

WorkKind WorkQueue::kind_of(const WorkItem& item) const {
  if (item.action == Action::kSetAttributes) return WorkKind::kSetAttributes;
  bool compare = item.action == Action::kCompare;
  const Attributes& attributes = item.entry.attributes;
  if (attributes.type == FileType::kSymlink) {
    return compare ? WorkKind::kCompareSymlinks : WorkKind::kSymlinks;
  }
  if (attributes.type != FileType::kRegular) return WorkKind::kSpecials;
  if (attributes.size_bytes <= small_file_bytes_) {
    return compare ? WorkKind::kCompareSmallFiles : WorkKind::kSmallFiles;
  }
  return compare ? WorkKind::kCompareLargeFile : WorkKind::kLargeFile;
}

Task<void> WorkQueue::add(WorkItem item) {
  co_await room_.acquire();
  WorkKind kind = kind_of(item);
  Waiting& into = waiting(kind);
  into.bytes += batch_bytes(kind, item);
  into.items.push_back(std::move(item));
  if (ready() != WorkKind::kNothing) changed_.pulse();
}

Task<Work> WorkQueue::take() {
  for (;;) {
    Work work = take_ready();
    bool ended = closed_ && empty();
    if (work.kind != WorkKind::kNothing || ended) {
      if (!work.items.empty()) room_.release(work.items.size());
      if (ended) changed_.pulse();
      co_return work;
    }
    co_await changed_.wait();
  }
}

bool WorkQueue::empty() const {
  return std::all_of(waiting_.begin(), waiting_.end(),
                     [](const Waiting& one) { return one.items.empty(); });
}

bool WorkQueue::is_ready(WorkKind kind) const {
  const Waiting& one = waiting_[static_cast<std::size_t>(kind)];
  if (one.items.empty()) return false;
  if (is_large(kind)) return large_running_ < kLargeAtOnce;
  return closed_ || hurried_ > 0 || one.items.size() >= files_per_batch_ ||
         one.bytes >= kBatchBytes;
}

WorkKind WorkQueue::ready() const {
  auto found =
      std::find_if(kOrder.begin(), kOrder.end(), [this](WorkKind kind) { return is_ready(kind); });
  return found == kOrder.end() ? WorkKind::kNothing : *found;
}

Work WorkQueue::take_ready() {
  Work work;
  work.kind = ready();
  if (work.kind == WorkKind::kNothing) return work;
  Waiting& from = waiting(work.kind);
  std::size_t most = is_large(work.kind) ? 1 : files_per_batch_;
  std::uint64_t bytes = 0;
  while (!from.items.empty() && work.items.size() < most) {
    std::uint64_t more = batch_bytes(work.kind, from.items.front());
    if (!work.items.empty() && bytes + more > kBatchBytes) break;
    bytes += more;
    work.items.push_back(std::move(from.items.front()));
    from.items.pop_front();
  }
  from.bytes -= bytes;
  if (is_large(work.kind)) ++large_running_;
  return work;
}

void WorkQueue::large_file_done() {
  --large_running_;
  changed_.pulse();
}

void WorkQueue::hurry() {
  ++hurried_;
  changed_.pulse();
}

void WorkQueue::close() {
  closed_ = true;
  changed_.pulse();
}

}  // namespace nfsferry::copy

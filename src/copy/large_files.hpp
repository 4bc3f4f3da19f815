#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "copy/file_ranges.hpp"
#include "copy/work_queue.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

// One attempt at a large file, as every thread sees it that carries ranges of it.
struct LargeFile {
  LargeFile(WorkItem of, std::uint64_t size_bytes, std::uint32_t range_bytes, Hashing hashing)
      : item(std::move(of)), ranges(size_bytes, range_bytes, hashing) {}

  const WorkItem item;
  FileOnItsWayPtr target;  // null: compared with item.there
  FileRanges ranges;
};

// Large files under way, for threads that have nothing else to do. Thread-safe; nothing here waits.
class LargeFiles {
 public:
  // Less than `least_bytes` is done before another thread has opened the file.
  explicit LargeFiles(std::uint64_t least_bytes)
      : least_bytes_(std::max<std::uint64_t>(least_bytes, 1)) {}

  // A file whose first thread is in its ranges. False: too little is left for several threads.
  bool offer(std::shared_ptr<LargeFile> file);
  // Who is in the file's ranges by now will leave them; nobody comes any more.
  void withdraw(const LargeFile& file);
  // Enters the ranges of one that this thread has never been in; null: there is none.
  std::shared_ptr<LargeFile> try_join(const void* thread, const std::function<void()>& waker);

 private:
  bool is_worth_it(const LargeFile& file) const { return file.ranges.left_bytes() >= least_bytes_; }

  const std::uint64_t least_bytes_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<LargeFile>> files_;
};

}  // namespace nfsferry::copy

#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "copy/content_hash.hpp"
#include "copy/shared.hpp"
#include "copy/work_queue.hpp"
#include "loop/loop.hpp"

namespace nfsferry::copy {

// One thread's part of a copy: its loop, its own connections to both sides, and coroutines that
// list directories, carry files over, and finish directories. walk.cpp has the directories,
// file.cpp the life of a file, links.cpp the other entries.
class Worker {
 public:
  static constexpr std::size_t kWalkers = 16;
  static constexpr std::size_t kCarriersMost = 16;
  static constexpr std::uint64_t kRangeBytesInFlight = 24u << 20;
  static constexpr std::size_t kRangesPerFile = 16;
  static constexpr std::uint32_t kAttemptsMost = 3;

  Worker(Shared& shared, Loop& loop, Source& source, Target& target);

  // Until the whole tree is copied or the run is stopping. The first thread makes hard links.
  Task<void> run(bool first);

 private:
  // walk.cpp
  Task<void> walker();
  Task<std::optional<NodePtr>> next_directory();
  Task<void> list_directory(NodePtr node);
  Task<void> take_page(NodePtr node, ListingPage page);
  Task<void> take_subdirectories(NodePtr node, std::vector<Entry> entries);
  Task<bool> is_target(NodePtr node, const Entry& entry);
  Task<void> take_entry(const NodePtr& node, Entry entry);
  bool is_skipped(const NodePtr& node, const Entry& entry);
  void release(NodePtr node);
  Task<void> finisher();

  // file.cpp
  Task<void> carrier();
  Task<void> copy_small_files(std::vector<WorkItem> items);
  Task<std::vector<WorkItem>> put_small_files(std::vector<WorkItem> items,
                                              std::vector<SmallFile> contents);
  Task<void> copy_large_file(WorkItem item, std::uint32_t attempts);
  struct LargeCopy;
  Task<Status> copy_large_once(LargeCopy& copy);
  Task<Status> pump(LargeCopy& copy);
  Task<void> pump_lane(LargeCopy& copy);
  Task<Status> pump_range(LargeCopy& copy, std::uint64_t offset, std::uint64_t length);
  void file_in_place(const WorkItem& item, std::uint64_t size_bytes, const Hash128& hash);
  void source_failed(const WorkItem& item, const Error& error, std::uint32_t attempts);
  void target_failed(const WorkItem& item, const Error& error, std::uint32_t attempts);
  void entry_done(const WorkItem& item);

  // links.cpp
  Task<void> copy_symlinks(std::vector<WorkItem> items);
  Task<void> copy_specials(std::vector<WorkItem> items);
  Task<void> make_hard_links();
  Task<void> link_groups(std::span<HardLinks::Group> groups);
  Task<void> link_or_copy(HardLinks::Group group);

  Shared& shared_;
  Loop& loop_;
  Source& source_;
  Target& target_;
  WorkQueue queue_;
  Semaphore range_bytes_;
  std::uint32_t range_size_;
  std::shared_ptr<Event> news_;  // a directory to list or to finish, or the end of something
  std::vector<NodePtr> to_finish_;
};

// Gone between listing and reading: the entry vanished, which is no error.
bool means_vanished(const Error& error);

}  // namespace nfsferry::copy

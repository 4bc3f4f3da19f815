#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/window.hpp"
#include "copy/content_hash.hpp"
#include "copy/shared.hpp"
#include "copy/target_table.hpp"
#include "loop/loop.hpp"

namespace nfsferry::copy {

// One thread's part of a copy, or of a comparison with a copy: its loop, its own connections to
// both sides, and coroutines that list directories, carry files over, and finish directories.
// walk.cpp lists directories, load_target.cpp those of the target, judge.cpp says what is to be
// done with an entry, carry.cpp takes what is to be done, file.cpp is the life of a file,
// compare.cpp reads both sides, links.cpp has the other entries, delete.cpp what only the target
// has, keep.cpp what is kept of what is replaced, dry_run.cpp what is done where nothing is to be
// written, finish.cpp the end of directories.
class Worker {
 public:
  static constexpr std::size_t kWalkers = 16;
  static constexpr std::size_t kCarriersMost = 16;
  static constexpr std::size_t kLargeAtOnce = 8;
  static constexpr std::size_t kNotForLarge = 2;  // carriers: small files go on beside large ones
  static constexpr std::uint64_t kRangeBytesMost = 24u << 20;  // of large files, in flight
  static constexpr std::uint64_t kRangesMost = 64;
  static constexpr std::uint64_t kUnseenBytes = 8u << 20;  // a call may block for, at a stop
  static constexpr std::uint32_t kAttemptsMost = 3;
  static constexpr std::uint64_t kZerosNotSent = 64 << 10;  // runs of at least so many

  Worker(Shared& shared, Loop& loop, Source& source, FullTree& target);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Until the whole tree is done or the run is stopping. The first thread makes hard links.
  Task<void> run(bool first);
  // What is queued and done, for people.
  std::string state() const;

 private:
  struct Merge;  // a directory of the source while it is listed, against what the target has

  // walk.cpp
  Task<void> walker();
  Task<std::optional<NodePtr>> next_directory();
  Task<void> list_directory(NodePtr node);
  Task<Status> fits_in(NodePtr parent, const Entry& entry);
  Task<Status> give_way(NodePtr node, Entry now, const Error& error);
  Task<NodePtr> replace(NodePtr old, Entry now);
  Task<void> await_entries(NodePtr node);
  Task<Status> open_and_merge(NodePtr node);
  Task<Status> merge_directory(NodePtr node);
  Task<Status> load_target(Merge& merge, TargetTable& table, bool first);
  Task<void> ask_again(Merge& merge, TargetTable& table, std::set<std::string> names);
  void leave_to_others(const NodePtr& node, std::string_view sign);
  Task<void> remove_temporaries(NodePtr node, std::vector<std::string> names);
  Task<bool> can_start_over(NodePtr node, const Error& error);
  Task<Status> start_over(Merge& merge);
  Task<Status> list_source(Merge& merge);
  Task<void> take_page(Merge& merge, ListingPage page);
  struct Subdirectory;
  Task<void> take_subdirectories(NodePtr node, std::vector<Subdirectory> found);
  Task<void> take_new_directory(NodePtr node, Entry entry);
  Task<void> go_into(NodePtr node, Subdirectory found, MadeDirectory made);
  Task<bool> is_target(NodePtr node, const Entry& entry);
  Task<bool> is_source(NodePtr node, std::string_view name, DirectoryPtr directory);
  bool is_skipped(const NodePtr& node, Entry& entry);
  bool is_backup_folder(const DirectoryNode& node, std::string_view name) const;

  // judge.cpp
  bool stands_in_the_way(const Entry& entry, const TargetRow* row) const;
  Status refuse_kept(const Entry& entry, const TargetRow& row) const;
  bool take_entry(Merge& merge, WorkItem& item, const TargetRow* row);
  Task<void> hand_over(WorkItem item);
  bool decide(Merge& merge, WorkItem& item, const TargetRow* row);
  Task<bool> clear_the_way(NodePtr node, const Entry& entry, const TargetRow& row, Entry there);
  bool is_left_alone(const Entry& entry, const TargetRow& row) const;
  std::optional<Action> choose(const Merge& merge, const WorkItem& item, const TargetRow& row);
  void nothing_to_do(const WorkItem& item, const FileNumber& there);

  // carry.cpp
  Task<Work> next_work();
  Task<void> carrier();
  Task<void> carry(Work work);
  Task<void> carry_alone(WorkItem item);

  // file.cpp
  Task<bool> await_content(const std::vector<WorkItem>& items);
  Task<void> copy_small_files(std::vector<WorkItem> items);
  Task<std::vector<WorkItem>> put_small_files(std::vector<WorkItem> items,
                                              std::vector<SmallFile> contents);
  Task<void> copy_large_file(WorkItem item, std::uint32_t attempts);
  struct Transfer;
  Task<Status> copy_once(Transfer& transfer);
  struct Ends;
  Task<Status> open_source(const WorkItem& item, Ends& ends);
  Task<Status> open_there(const WorkItem& item, Ends& ends);
  Task<Status> close_source(Transfer& transfer, Status so_far);
  Task<void> copy_unseen(Transfer& transfer);
  Task<Status> pump(Transfer& transfer);
  Task<void> take_part(std::shared_ptr<LargeFile> file);
  Task<void> carry_ranges(Ends& ends, FileRanges& ranges);
  Task<void> lane(Ends& ends, FileRanges& ranges);
  bool is_resting(Ends& ends, FileRanges& ranges);
  bool is_leaving(Ends& ends) const;
  Task<void> carry_range(Ends& ends, FileRanges& ranges, FileRanges::Range range);
  Task<void> carry_piece(Ends& ends, FileRanges& ranges, std::uint64_t offset,
                         std::span<const std::byte> bytes);
  Task<Status> write_range(RangeWriter& target, std::uint64_t offset,
                           std::span<const std::byte> bytes);

  // compare.cpp
  Task<void> compare_small_files(std::vector<WorkItem> items);
  Task<void> compare_large_file(WorkItem item);
  Task<Status> compare_once(Transfer& transfer);
  Task<void> compare_symlinks(std::vector<WorkItem> items);
  Task<void> same_content(WorkItem item, std::optional<FileHash> hash);
  Task<void> other_content(std::vector<WorkItem> items);
  void differs(const NodePtr& node, const Entry& entry, const Entry& there, unsigned differences);
  Task<void> set_entry_attributes(std::vector<WorkItem> items, std::optional<FileHash> hash);

  // losses.cpp
  void note_losses(const DirectoryNode& node, const Entry& entry);
  Task<void> note_holes(WorkItem& item, std::uint64_t zero_bytes);

  // links.cpp
  Task<void> copy_symlinks(std::vector<WorkItem> items);
  Task<void> copy_specials(std::vector<WorkItem> items);
  void made_anew(const WorkItem& item);
  Task<void> make_hard_links();
  Task<void> link_all(std::vector<HardLinks::Group> groups);
  void check_hard_links();
  Task<void> link_groups(std::span<HardLinks::Group> groups);
  Task<void> link_or_copy(HardLinks::Group group);
  void already_linked(const HardLinks::Group& group, LinkedName name);
  void link_made(const HardLinks::Group& group, const LinkedName& name);

  // keep.cpp
  Task<std::vector<Status>> keep_replaced(std::vector<WorkItem>& items);
  Task<Status> keep_replaced(WorkItem& item);
  Task<void> keep_linked(std::span<HardLinks::Group> groups);

  // delete.cpp
  bool note_surplus(const Merge& merge, SurplusNames& names);
  Task<void> delete_surplus();
  void leave_surplus(std::vector<Surplus::InDirectory> all, const std::string& why);
  Task<Status> refuse_to_delete(const std::vector<Surplus::InDirectory>& all);

  // dry_run.cpp
  void would_do(const WorkItem& item);
  void would_copy(const WorkItem& item);
  void would_set_attributes(const WorkItem& item, const std::optional<FileHash>& hash);
  void foretell_hard_links();
  void would_finish(const DirectoryNode& node);
  bool is_repaired(const DirectoryNode& node) const;

  // finish.cpp
  void release(NodePtr node);
  Task<void> finisher();
  Task<void> finish(std::vector<NodePtr> nodes);
  bool locks_out(const DirectoryNode& node) const;
  Task<void> open_up(NodePtr node);

  // outcome.cpp
  Result<NewAttributes> wanted(const Entry& entry) const;
  void count_owner(const Entry& entry);
  Task<bool> is_gone(NodePtr node, Entry entry);
  Task<void> source_failed(WorkItem item, Error error, std::uint32_t attempts);
  void failed(Phase phase, const DirectoryNode& node, const Entry& entry, const Error& error,
              std::uint32_t attempts = 1, FailedAt at = FailedAt::kTarget);
  void failed_directory(Phase phase, const DirectoryNode& node, const Error& error,
                        FailedAt at = FailedAt::kTarget);
  void target_failed(const WorkItem& item, const Error& error, std::uint32_t attempts);
  void give_up(const WorkItem& item, const Error& error, std::uint32_t attempts, FailedAt at);
  void file_in_place(const WorkItem& item, std::uint64_t size_bytes,
                     const std::optional<FileHash>& hash, bool changed);
  void entry_done(const WorkItem& item);
  void vanished(const WorkItem& item);
  HashTexts note_hash(const DirectoryNode& node, const Entry& entry,
                      const std::optional<FileHash>& hash);
  void tell(const DirectoryNode& node, const Entry& entry, EntryAction action, HashTexts hash = {},
            std::string_view error = {});
  void tell_directory(const DirectoryNode& node, EntryAction action);

  // Pulses the event from any thread.
  std::function<void()> waker(std::shared_ptr<Event> news) const;

  // Where ranges are small, the clients' own limits bind.
  std::uint32_t ranges_most() const {
    return static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(kRangeBytesMost / std::max(range_size_, 1u), 1, kRangesMost));
  }
  bool verifying() const { return shared_.job == Job::kVerify; }
  bool writing() const { return shared_.job == Job::kCopy; }

  Shared& shared_;
  Loop& loop_;
  Source& source_;
  FullTree& target_;
  const std::uint64_t small_file_bytes_;
  const std::uint32_t range_size_;
  const std::size_t carriers_;
  const std::size_t large_most_;  // at once
  Window range_window_;
  Semaphore ranges_;                   // in flight, as many as the window says
  std::shared_ptr<Event> news_;        // a directory to list or to finish, or the end of something
  std::shared_ptr<Event> queue_news_;  // something to carry, or room for more
  std::shared_ptr<Event> range_news_;  // of a large file that this thread carries ranges of
  std::size_t large_running_ = 0;
  std::vector<NodePtr> to_finish_;
  std::string path_;  // of the last file with a hash, kept for its memory
};

// The entry, or the directory it was in, may have gone since the listing.
bool means_vanished(const Error& error);
// Whether what has an entry's name after such an error is something else.
bool is_another(const Entry& now, const Entry& before);

}  // namespace nfsferry::copy

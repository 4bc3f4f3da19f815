// local: a tree on a mounted or local path. Everything below the root is reached by descriptors of
// directories and single names; no path is walked twice, and no symlink is followed but in the
// root path that the user wrote. Batches are one job on a file thread each, ranges of large files
// one call.
//
// Durability: a file's data is synced before it takes its final name, a small one's attributes as
// well. Names, and attributes of large files on journaling file systems with them, are synced once
// a directory, when its own attributes are set (set_attributes with an empty name). ACLs and
// extended attributes are not copied. Listings name them if asked to, but not where each look would
// be a request to somebody else: on mounts of NFS, SMB, 9P, FUSE and the like.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "local/local_directory.hpp"
#include "local/root_lock.hpp"
#include "loop/loop.hpp"
#include "loop/pace.hpp"
#include "tree/location.hpp"
#include "tree/tree.hpp"

namespace nfsferry {

// The descriptor of a file that a local tree opened; nothing for one of another tree.
std::optional<int> local_descriptor(const SourceFile& file);

struct LocalOptions {
  std::string run_id = "local";  // in temporary names until there is a lock
  bool create_missing = false;   // open() makes the root (0700) when its last component is missing
  Pace* pace = nullptr;          // of requests; null: as fast as they come
  bool tells_losses = false;     // listings name ACLs and extended attributes
};

class LocalTree final : public FullTree {
 public:
  LocalTree(Loop& loop, Location location, LocalOptions options = {});

  Task<Status> open() override;
  Task<void> close() override;
  DirectoryPtr root() const override { return root_; }
  const Entry& root_entry() const override { return root_entry_; }
  Preferences preferences() const override;
  TreeCounters counters() const override { return counters_; }
  std::uint64_t answers() const override { return counters_.requests; }  // counted when they end
  TreeFacts facts() const override;
  // Looks at nothing yet: a directory that is gone or replaced shows when it is used.
  Task<Result<DirectoryPtr>> open_directory(DirectoryPtr parent, const Entry& entry) override;
  Result<std::unique_ptr<Listing>> list(DirectoryPtr directory) override;
  Task<Result<Entry>> lookup(DirectoryPtr directory, std::string name) override;

  Task<std::vector<Result<SmallFile>>> read_files(std::span<const SourceItem> items) override;
  Task<Result<std::unique_ptr<SourceFile>>> open_file(SourceItem item) override;
  Task<std::vector<Result<std::string>>> read_links(std::span<const SourceItem> items) override;

  Task<Result<Space>> space() override;
  const Capabilities& capabilities() const override { return capabilities_; }
  void adopt(const Capabilities& found) override { capabilities_ = found; }
  Task<Status> probe(std::uint32_t foreign_owner, std::uint32_t foreign_group) override;
  Task<Status> lock_root(std::string run_id) override;
  Task<std::vector<Result<MadeDirectory>>> make_directories(
      std::span<const MakeDirectory> items) override;
  Task<std::vector<Result<PutResult>>> put_files(std::span<const PutFile> items,
                                                 ReadBack read_back) override;
  Task<Result<std::unique_ptr<TargetFile>>> create_file(DirectoryPtr parent, std::string name,
                                                        NewAttributes attributes) override;
  Task<Result<std::unique_ptr<TargetPart>>> join_file(FileOnItsWayPtr file) override;
  Task<std::vector<Status>> make_symlinks(std::span<const MakeSymlink> items) override;
  Task<std::vector<Status>> make_links(std::span<const MakeLink> items) override;
  Task<std::vector<Status>> make_specials(std::span<const MakeSpecial> items) override;
  Task<std::vector<Status>> set_attributes(std::span<const SetAttributes> items) override;
  Task<std::vector<Status>> remove(std::span<const RemoveEntry> items) override;
  Task<std::vector<Status>> move(std::span<const MoveEntry> items) override;

 private:
  friend class LocalListing;
  friend class LocalSourceFile;
  friend class LocalTargetFile;
  friend class LocalTargetPart;

  // One request of the counters: `work` on a file thread.
  template <typename Work>
  auto job(const char* kind, Work work) -> Task<decltype(work())> {
    co_await keep_pace();
    Clock::time_point begin = Clock::now();
    auto result = co_await loop_.offload(std::move(work));
    count(kind, begin);
    co_return std::move(result);
  }
  // The same for a batch: `one` gives each item's result, with the directories at hand. It
  // captures no more than `this`.
  template <typename T, typename Item, typename One>
  Task<std::vector<T>> batch(const char* kind, std::span<const Item> items, One one) {
    auto work = [items, one] {
      BatchDirectories directories;
      std::vector<T> results;
      results.reserve(items.size());
      for (const Item& item : items) results.push_back(one(directories, item));
      return results;
    };
    return job(kind, std::move(work));
  }
  Task<void> keep_pace();
  void count(const char* kind, Clock::time_point begin);
  // Of temporary names.
  const std::string& mark() const {
    return capabilities_.lock_mark.empty() ? options_.run_id : capabilities_.lock_mark;
  }
  // Short reads are finished. `name` outlives the call.
  Task<Result<ReadRange>> read_range(const char* kind, int fd, const std::string& name,
                                     std::uint64_t offset_bytes, std::uint32_t count);
  // All bytes. `name` outlives the call.
  Task<Status> write_range(int fd, const std::string& name, std::uint64_t offset_bytes,
                           std::span<const std::byte> bytes);

  Loop& loop_;
  const Location location_;
  LocalOptions options_;
  bool tells_losses_ = false;
  std::shared_ptr<const LocalDirectory> root_;
  Entry root_entry_;
  Capabilities capabilities_;
  TreeCounters counters_;
  RootLock lock_;
};

}  // namespace nfsferry

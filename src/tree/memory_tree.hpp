// A working tree in memory, for tests: a MemoryVolume is the server, each MemoryTree a connection
// to it. Every request gives way to the loop once, so that tasks interleave as they do on a wire.
// It promises no permissions and no durability. Failures are injected and data is tampered with by
// the three functions of its options, nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "loop/loop.hpp"
#include "tree/memory_volume.hpp"
#include "tree/tree.hpp"

namespace nfsferry {

struct MemoryOptions {
  std::string path = "/";         // the directory of the volume that is this tree's root
  std::string run_id = "memory";  // in temporary names until there is a lock
  std::uint32_t page_entries = 1000;
  std::uint32_t owner = 0;  // of what is created without an owner
  std::uint32_t group = 0;
  Capabilities capabilities;  // what is missing is refused, or ignored as servers do
  Preferences preferences;
  Space space{std::uint64_t{1} << 40, std::uint64_t{1} << 39, 1'000'000};  // said, not enforced
  // Before each operation on each name; an error that it returns is the operation's. Operations:
  // open, list, entry (of a listing), lookup, open_directory, read_file, open_file, read,
  // attributes, read_link, probe, lock_root, space, make_directory, put_file, create_file, write,
  // copy_from, read_back, commit, finish, join_file, leave, make_symlink, make_link, make_special,
  // set_attributes, remove, move.
  std::function<std::optional<Error>(std::string_view operation, std::string_view name)> fail;
  // May change the bytes of a file on their way into the volume.
  std::function<void(std::string_view name, std::uint64_t offset_bytes, std::span<std::byte> bytes)>
      tamper;
  // May change what a page of a listing holds.
  std::function<void(std::vector<Entry>& entries)> relist;
};

class MemoryTree final : public FullTree {
 public:
  MemoryTree(Loop& loop, std::shared_ptr<MemoryVolume> volume, MemoryOptions options = {});
  ~MemoryTree() override;

  Task<Status> open() override;
  Task<void> close() override;
  DirectoryPtr root() const override { return root_; }
  const Entry& root_entry() const override { return root_entry_; }
  Preferences preferences() const override { return options_.preferences; }
  TreeCounters counters() const override { return counters_; }
  std::uint64_t answers() const override { return counters_.requests; }
  TreeFacts facts() const override;
  Task<Result<DirectoryPtr>> open_directory(DirectoryPtr parent, const Entry& entry) override;
  Result<std::unique_ptr<Listing>> list(DirectoryPtr directory) override;
  Task<Result<Entry>> lookup(DirectoryPtr directory, std::string name) override;

  Task<std::vector<Result<SmallFile>>> read_files(std::span<const SourceItem> items) override;
  Task<Result<std::unique_ptr<SourceFile>>> open_file(SourceItem item) override;
  Task<std::vector<Result<std::string>>> read_links(std::span<const SourceItem> items) override;

  Task<Result<Space>> space() override;
  const Capabilities& capabilities() const override { return options_.capabilities; }
  void adopt(const Capabilities& found) override { options_.capabilities = found; }
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
  friend class MemoryListing;
  friend class MemorySourceFile;
  friend class MemoryTargetFile;
  friend class MemoryTargetPart;

  Task<void> turn();  // one request: counted, and the loop gets its turn
  // One request for a batch.
  template <typename T, typename Item>
  Task<std::vector<T>> each(std::span<const Item> items, T (MemoryTree::*one)(const Item&) const) {
    co_await turn();
    std::vector<T> results;
    results.reserve(items.size());
    for (const Item& item : items) results.push_back((this->*one)(item));
    co_return std::move(results);
  }
  // Of temporary names.
  const std::string& mark() const {
    const std::string& of_lock = options_.capabilities.lock_mark;
    return of_lock.empty() ? options_.run_id : of_lock;
  }
  Status allow(std::string_view operation, std::string_view name) const;
  Result<MemoryNodePtr> source_node(const SourceItem& item, FileType type) const;
  ReadRange read_range(const MemoryNode& node, std::uint64_t offset_bytes,
                       std::uint32_t count) const;
  Task<Status> write_range(MemoryNode& node, const std::string& name, std::uint64_t offset_bytes,
                           std::span<const std::byte> bytes);
  Task<Result<ReadRange>> read_back_range(const MemoryNode& node, const std::string& name,
                                          std::uint64_t offset_bytes, std::uint32_t count);
  Attributes fresh(FileType type, std::uint32_t mode) const;
  Status apply(MemoryNode& node, std::string_view name, NewAttributes attributes) const;
  // The same for what is given at creation, where a tree may drop the owner without a word.
  Status apply_new(MemoryNode& node, std::string_view name, NewAttributes attributes) const;
  void store(MemoryNode& node, std::string_view name, std::uint64_t offset_bytes,
             std::span<const std::byte> bytes) const;

  Result<SmallFile> read_one(const SourceItem& item) const;
  Result<std::string> read_link(const SourceItem& item) const;
  Result<MadeDirectory> make_directory(const MakeDirectory& item) const;
  Result<PutResult> put_one(const PutFile& item, ReadBack read_back) const;
  Status make_symlink(const MakeSymlink& item) const;
  Status make_link(const MakeLink& item) const;
  Status make_special(const MakeSpecial& item) const;
  Status set_one(const SetAttributes& item) const;
  Status remove_one(const RemoveEntry& item) const;
  Status move_one(const MoveEntry& item) const;
  // A node under a temporary name, filled by `fill`, renamed to `name`; removed when that fails.
  Result<MemoryNodePtr> replace(const Directory* parent, std::string_view name,
                                const Attributes& attributes, std::string_view text,
                                const std::function<Status(MemoryNode&)>& fill) const;

  Loop& loop_;
  std::shared_ptr<MemoryVolume> volume_;
  MemoryOptions options_;
  DirectoryPtr root_;
  Entry root_entry_;
  TreeCounters counters_;
  bool locked_ = false;
};

}  // namespace nfsferry

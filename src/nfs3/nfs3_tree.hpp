// nfs3: an NFSv3 file system as a tree, on libnfs's raw API. Everything works by file handle.
// Promises no exactly-once execution: what may have been executed is looked at, and done again
// under a new unguessable name. Promises no lock either: NFSv3 has none of its own, and NLM is not
// used; a file in the target's root says that a run is at work.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loop/pace.hpp"
#include "nfs3/client.hpp"
#include "nfs3/procedures.hpp"
#include "nfs3/root_mark.hpp"
#include "tree/location.hpp"
#include "tree/tree.hpp"

namespace nfsferry::nfs3 {

struct Nfs3Options {
  std::string run_id;  // in temporary names
  std::uint64_t timeout_ms = 300'000;
  Pace* pace = nullptr;
  std::uint32_t connections = 1;
};

class Nfs3Directory : public Directory {
 public:
  explicit Nfs3Directory(FileHandle handle) : handle_(std::move(handle)) {}
  const FileHandle& handle() const { return handle_; }

 private:
  FileHandle handle_;
};

inline const FileHandle& handle_of(const Directory* directory) {
  return static_cast<const Nfs3Directory*>(directory)->handle();
}

class Nfs3Tree : public FullTree {
 public:
  static constexpr unsigned kAttemptsMost = Client::kLossesMost;  // of one entry

  Nfs3Tree(Loop& loop, Location location, Nfs3Options options);

  Task<Status> open() override;
  Task<void> close() override;
  DirectoryPtr root() const override { return root_; }
  const Entry& root_entry() const override { return root_entry_; }
  Preferences preferences() const override;
  TreeCounters counters() const override { return client_.counters(); }
  std::uint64_t answers() const override { return client_.answers(); }
  TreeFacts facts() const override;
  std::string state() const override { return client_.describe(); }
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

  // For `nfsferry probe`: what the server said of its sizes, and of its room now.
  const ServerSizes& sizes() const { return sizes_; }
  Task<Result<ServerSpace>> server_space() { return fsstat(client_, root_entry_.handle); }
  Task<Status> ping();

  Client& client() { return client_; }
  const std::string& mark() const { return options_.run_id; }  // of temporary names
  // How an owner is given to what is created: at creation where the server keeps it.
  bool owner_at_create() const { return capabilities_.owner_at_create; }

 private:
  Task<Status> open_root();
  Task<void> remove_mark(CancelToken& removed);
  Task<Result<FileHandle>> walk_to_root();

  Task<void> read_one(SourceItem item, Result<SmallFile>& result);
  Task<void> read_link(SourceItem item, Result<std::string>& result);
  Task<void> make_directory(const MakeDirectory& item, Result<MadeDirectory>& result);
  Task<void> put_one(const PutFile& item, ReadBack read_back, Result<PutResult>& result);
  Task<Result<PutResult>> put_once(const PutFile& item, ReadBack read_back);
  Task<Status> fill(const FileHandle& file, const PutFile& item, ReadBack read_back);
  // Starts `one` for every item, side by side.
  template <typename Item>
  Task<std::vector<Status>> each(std::span<const Item> items, std::string_view operation,
                                 Task<void> (Nfs3Tree::*one)(const Item&, Status&));
  Task<void> make_symlink(const MakeSymlink& item, Status& result);
  Task<Status> make_symlink_once(const MakeSymlink& item);
  Task<void> make_special(const MakeSpecial& item, Status& result);
  Task<Status> make_special_once(const MakeSpecial& item);
  Task<void> make_link(const MakeLink& item, Status& result);
  Task<Status> make_link_once(const MakeLink& item);
  Task<Status> replace_by_link(const MakeLink& item, const Entry& existing);
  Task<void> set_one(const SetAttributes& item, Status& result);
  Task<void> remove_one(const RemoveEntry& item, Status& result);
  Task<void> move_one(const MoveEntry& item, Status& result);
  // Attributes of a node that was made under a temporary name, then its own name.
  Task<Status> finish_node(const Directory* parent, std::string temporary, std::string_view name,
                           Made made, NewAttributes attributes);

  Location location_;
  Nfs3Options options_;
  Client client_;
  RootMark root_mark_{client_};
  DirectoryPtr root_;
  Entry root_entry_;
  ServerSizes sizes_;
  Capabilities capabilities_;
};

// What a reply to a request that makes something may leave out is asked for.
Task<Result<Found>> found_of(Client& client, const FileHandle& directory, std::string name,
                             Made made);
// Sets owner and group by themselves (a chown clears set-id bits), then mode and times.
Task<Status> set_in_order(Client& client, const FileHandle& file, const NewAttributes& attributes,
                          bool owner);
// All of it, from the file's beginning, at most `write_most` bytes a request.
Task<Status> write_durably(Client& client, const FileHandle& file, std::span<const std::byte> bytes,
                           std::size_t write_most);
// Gives what stands under a temporary name its own. Done, too, when that name is seen to be of the
// file with this fileid after a reply was lost.
Task<Status> rename_into_place(Client& client, const FileHandle& directory, std::string temporary,
                               std::string name, std::uint64_t fileid);
// Removes a name, whatever became of it. No error stops it.
Task<void> remove_quietly(Client& client, const FileHandle& directory, std::string name);
// True if this error means that an entry is to be begun again under another temporary name.
bool begins_again(const Error& error);

}  // namespace nfsferry::nfs3

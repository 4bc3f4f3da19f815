// nfs4: an NFSv4.1 file system as a tree. Everything here works by file handle. Promises no
// exactly-once execution by itself: what may have been executed is looked at and done again under
// a new unguessable name, so that a name holds the old or the whole new content at any moment.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loop/pace.hpp"
#include "nfs4/client.hpp"
#include "nfs4/rename_queue.hpp"
#include "nfs4/root_lock.hpp"
#include "tree/location.hpp"
#include "tree/tree.hpp"

namespace nfsferry::nfs4 {

struct Nfs4Options {
  std::string run_id;  // in temporary names until there is a lock
  std::uint64_t timeout_ms = 300'000;
  Pace* pace = nullptr;
  std::uint32_t connections = 1;  // of a 4.1 session; 4.0 has one
  bool tells_losses = false;      // listings name ACLs, where the server has them
};

class Nfs4Directory : public Directory {
 public:
  explicit Nfs4Directory(FileHandle handle) : handle_(std::move(handle)) {}
  const FileHandle& handle() const { return handle_; }

 private:
  FileHandle handle_;
};

inline const FileHandle& handle_of(const Directory* directory) {
  return static_cast<const Nfs4Directory*>(directory)->handle();
}

// Facts of the server that only a probe asks for.
struct ServerFacts {
  ClientLimits limits;
  std::string server_owner;
  std::string server_scope;
  Fattr fattr;  // of the location's directory, with space, lease and maximal sizes
};

class Nfs4Tree : public FullTree {
 public:
  Nfs4Tree(Loop& loop, Location location, Nfs4Options options);

  Task<Status> open() override;
  Task<void> close() override;
  DirectoryPtr root() const override { return root_; }
  const Entry& root_entry() const override { return root_entry_; }
  Preferences preferences() const override;
  TreeCounters counters() const override { return client_->counters(); }
  std::uint64_t answers() const override { return client_->answers(); }
  TreeFacts facts() const override;
  std::string state() const override { return client_->describe(); }
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

  // For `nfsferry probe`.
  Task<Result<ServerFacts>> server_facts();
  Task<Status> ping() { return client_->ping(); }

  Client& client() { return *client_; }
  RenameQueue& renames() { return *renames_; }
  AttrMask entry_mask() const { return entry_mask_; }
  // Of temporary names.
  const std::string& mark() const {
    return capabilities_.lock_mark.empty() ? options_.run_id : capabilities_.lock_mark;
  }
  // How an owner is given to what is created: at creation where the server keeps it.
  bool owner_at_create() const { return capabilities_.owner_at_create; }

 private:
  void use(std::unique_ptr<Client> client);
  Task<Result<Fattr>> walk_to_root();
  void note_supported(AttrMask supported);
  Status take_root(Fattr fattr);
  Task<void> release_lock(CancelToken& released);
  // One small file as if it were a large one: in several requests, with the stateid of its OPEN.
  Task<void> put_opened(const PutFile& item, ReadBack read_back, Result<PutResult>& result);
  Task<std::vector<Result<SmallFile>>> read_batch(std::span<const SourceItem> items);

  Location location_;
  Nfs4Options options_;
  std::unique_ptr<Client> client_;
  std::optional<RootLock> lock_;  // these two work with that client
  std::optional<RenameQueue> renames_;
  DirectoryPtr root_;
  Entry root_entry_;
  AttrMask supported_;
  AttrMask entry_mask_;
  std::uint64_t max_read_ = 0;
  std::uint64_t max_write_ = 0;
  Capabilities capabilities_;
  bool tells_acls_ = false;
  bool closing_ = false;
  bool put_unopened_ = true;  // what a request opens may be written by the same request
  std::optional<bool> reading_needs_open_;  // known once something has been read
};

// An entry from decoded attributes. Errors: kBadReply when attributes that a copy needs are
// missing, the server's own code when it sent rdattr_error.
Result<Entry> entry_from(std::string name, Fattr&& fattr);

// The server wants the stateid of an OPEN where it was sent a special one.
bool wants_open(const Error& error);

}  // namespace nfsferry::nfs4

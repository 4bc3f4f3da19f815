// The target half of MemoryTree.
#include <algorithm>
#include <cerrno>

#include "tree/memory_directory.hpp"
#include "tree/memory_tree.hpp"

namespace nfsferry {
namespace {

Error unsupported(std::string_view operation, std::string_view name, std::string_view what) {
  return named(own_error(Own::kUnsupported, "", "this tree holds no " + std::string(what)),
               operation, name);
}

}  // namespace

struct MemoryFileOnItsWay final : FileOnItsWay {
  MemoryFileOnItsWay(MemoryNodePtr of, std::string its_name)
      : node(std::move(of)), name(std::move(its_name)) {}
  const MemoryNodePtr node;
  const std::string name;
};

Task<Status> MemoryTree::write_range(MemoryNode& node, const std::string& name,
                                     std::uint64_t offset_bytes, std::span<const std::byte> bytes) {
  co_await turn();
  NFSFERRY_TRY(Ok allowed, allow("write", name), co_return);
  store(node, name, offset_bytes, bytes);
  co_return ok();
}

Task<Result<ReadRange>> MemoryTree::read_back_range(const MemoryNode& node, const std::string& name,
                                                    std::uint64_t offset_bytes,
                                                    std::uint32_t count) {
  co_await turn();
  NFSFERRY_TRY(Ok allowed, allow("read_back", name), co_return);
  co_return read_range(node, offset_bytes, count);
}

class MemoryTargetPart final : public TargetPart {
 public:
  MemoryTargetPart(MemoryTree& tree, MemoryNodePtr node, std::string name)
      : tree_(tree), node_(std::move(node)), name_(std::move(name)) {}

  Task<Status> write(std::uint64_t offset_bytes, std::span<const std::byte> bytes) override {
    return tree_.write_range(*node_, name_, offset_bytes, bytes);
  }

  Task<Result<ReadRange>> read_back(std::uint64_t offset_bytes, std::uint32_t count) override {
    return tree_.read_back_range(*node_, name_, offset_bytes, count);
  }

  Task<Status> leave() override {
    co_await tree_.turn();
    co_return tree_.allow("leave", name_);
  }

 private:
  MemoryTree& tree_;
  const MemoryNodePtr node_;
  const std::string name_;
};

class MemoryTargetFile final : public TargetFile {
 public:
  MemoryTargetFile(MemoryTree& tree, MemoryNodePtr directory, MemoryNodePtr node,
                   std::string temporary, std::string name)
      : tree_(tree),
        directory_(std::move(directory)),
        node_(std::move(node)),
        temporary_(std::move(temporary)),
        name_(std::move(name)) {}
  ~MemoryTargetFile() override { undo(); }

  Task<Status> write(std::uint64_t offset_bytes, std::span<const std::byte> bytes) override {
    return tree_.write_range(*node_, name_, offset_bytes, bytes);
  }

  Task<Result<CopiedRange>> copy_from(const SourceFile& source, std::uint64_t offset_bytes,
                                      std::uint64_t count) override {
    co_await tree_.turn();
    NFSFERRY_TRY(Ok allowed, tree_.allow("copy_from", name_), co_return);
    MemoryNodePtr from = node_of(source);
    if (!from) co_return unsupported("copy_from", name_, "bytes of other trees");
    std::vector<std::byte> bytes(count);
    bytes.resize(tree_.volume_->read(*from, offset_bytes, bytes));
    tree_.store(*node_, name_, offset_bytes, bytes);
    co_return CopiedRange{bytes.size(), 0};
  }

  Task<Result<ReadRange>> read_back(std::uint64_t offset_bytes, std::uint32_t count) override {
    return tree_.read_back_range(*node_, name_, offset_bytes, count);
  }

  FileOnItsWayPtr on_its_way() const override {
    return std::make_shared<MemoryFileOnItsWay>(node_, name_);
  }

  Task<Status> commit(std::uint64_t size_bytes) override {
    co_await tree_.turn();
    NFSFERRY_TRY(Ok allowed, tree_.allow("commit", name_), co_return);
    tree_.volume_->resize(*node_, size_bytes);
    co_return ok();
  }

  Task<Status> finish(NewAttributes attributes) override {
    co_await tree_.turn();
    Status status = finish_now(attributes);
    if (!status) undo();
    done_ = true;
    co_return status;
  }

  Task<void> abandon() override {
    co_await tree_.turn();
    undo();
  }

 private:
  Status finish_now(const NewAttributes& attributes) {
    NFSFERRY_TRY(Ok allowed, tree_.allow("finish", name_), return);
    NFSFERRY_TRY(Ok applied, tree_.apply(*node_, name_, attributes), return);
    return tree_.volume_->rename(*directory_, temporary_, name_);
  }

  void undo() {
    if (done_) return;
    done_ = true;
    static_cast<void>(tree_.volume_->remove(*directory_, temporary_, false));
  }

  MemoryTree& tree_;
  const MemoryNodePtr directory_;
  const MemoryNodePtr node_;
  const std::string temporary_;
  const std::string name_;
  bool done_ = false;
};

Task<Result<Space>> MemoryTree::space() {
  co_await turn();
  NFSFERRY_TRY(Ok allowed, allow("space", {}), co_return);
  co_return options_.space;
}

Task<Status> MemoryTree::probe(std::uint32_t, std::uint32_t) {
  co_await turn();
  co_return allow("probe", "");
}

Task<Status> MemoryTree::lock_root(std::string run_id) {
  co_await turn();
  NFSFERRY_TRY(Ok allowed, allow("lock_root", run_id), co_return);
  if (locked_ && options_.run_id == run_id) co_return ok();
  NFSFERRY_TRY(std::string lock_mark, volume_->lock_root(run_id), co_return);
  locked_ = true;
  options_.run_id = run_id;
  options_.capabilities.lock_mark = std::move(lock_mark);
  co_return ok();
}

Task<std::vector<Result<MadeDirectory>>> MemoryTree::make_directories(
    std::span<const MakeDirectory> items) {
  return each(items, &MemoryTree::make_directory);
}

Task<std::vector<Result<PutResult>>> MemoryTree::put_files(std::span<const PutFile> items,
                                                           ReadBack read_back) {
  co_await turn();
  std::vector<Result<PutResult>> results;
  for (const PutFile& item : items) results.push_back(put_one(item, read_back));
  co_return results;
}

Task<Result<std::unique_ptr<TargetFile>>> MemoryTree::create_file(DirectoryPtr parent,
                                                                  std::string name,
                                                                  NewAttributes attributes) {
  co_await turn();
  NFSFERRY_TRY(Ok usable, check_name("create_file", name), co_return);
  NFSFERRY_TRY(Ok allowed, allow("create_file", name), co_return);
  std::string temporary = temporary_name(mark());
  const MemoryNodePtr& directory = node_of(parent);
  Attributes fresh_file = fresh(FileType::kRegular, 0600);
  NFSFERRY_TRY(MemoryNodePtr node, volume_->create(*directory, temporary, fresh_file), co_return);
  attributes.mode.reset();  // 0600 until it is finished
  auto file = std::make_unique<MemoryTargetFile>(*this, directory, node, temporary, name);
  NFSFERRY_TRY(Ok applied, apply_new(*node, name, attributes), co_return);
  co_return std::unique_ptr<TargetFile>(std::move(file));
}

Task<Result<std::unique_ptr<TargetPart>>> MemoryTree::join_file(FileOnItsWayPtr file) {
  co_await turn();
  const auto& joined = static_cast<const MemoryFileOnItsWay&>(*file);
  NFSFERRY_TRY(Ok allowed, allow("join_file", joined.name), co_return);
  std::unique_ptr<TargetPart> part =
      std::make_unique<MemoryTargetPart>(*this, joined.node, joined.name);
  co_return std::move(part);
}

Task<std::vector<Status>> MemoryTree::make_symlinks(std::span<const MakeSymlink> items) {
  return each(items, &MemoryTree::make_symlink);
}
Task<std::vector<Status>> MemoryTree::make_links(std::span<const MakeLink> items) {
  return each(items, &MemoryTree::make_link);
}
Task<std::vector<Status>> MemoryTree::make_specials(std::span<const MakeSpecial> items) {
  return each(items, &MemoryTree::make_special);
}
Task<std::vector<Status>> MemoryTree::set_attributes(std::span<const SetAttributes> items) {
  return each(items, &MemoryTree::set_one);
}
Task<std::vector<Status>> MemoryTree::remove(std::span<const RemoveEntry> items) {
  return each(items, &MemoryTree::remove_one);
}
Task<std::vector<Status>> MemoryTree::move(std::span<const MoveEntry> items) {
  return each(items, &MemoryTree::move_one);
}

Status MemoryTree::set_one(const SetAttributes& item) const {
  NFSFERRY_TRY(Ok allowed, allow("set_attributes", item.name), return);
  MemoryNodePtr node = node_of(item.parent);
  if (!item.name.empty()) {
    NFSFERRY_TRY(Ok usable, check_name("set_attributes", item.name), return);
    NFSFERRY_TRY(MemoryNodePtr child, volume_->find(*node, item.name), return);
    node = std::move(child);
  }
  return apply(*node, item.name, item.attributes);
}

Status MemoryTree::remove_one(const RemoveEntry& item) const {
  NFSFERRY_TRY(Ok usable, check_name("remove", item.name), return);
  NFSFERRY_TRY(Ok allowed, allow("remove", item.name), return);
  return volume_->remove(*node_of(item.parent), item.name, item.is_directory);
}

Status MemoryTree::move_one(const MoveEntry& item) const {
  NFSFERRY_TRY(Ok usable, check_name("move", item.name), return);
  NFSFERRY_TRY(Ok to_usable, check_name("move", item.to_name), return);
  NFSFERRY_TRY(Ok allowed, allow("move", item.name), return);
  return volume_->move(*node_of(item.parent), item.name, node_of(item.to_parent), item.to_name);
}

Attributes MemoryTree::fresh(FileType type, std::uint32_t mode) const {
  Attributes attributes;
  attributes.type = type;
  attributes.mode = mode;
  attributes.owner.id = options_.owner;
  attributes.group.id = options_.group;
  return attributes;
}

Status MemoryTree::apply(MemoryNode& node, std::string_view name, NewAttributes attributes) const {
  const Capabilities& can = options_.capabilities;
  Attributes old = volume_->attributes(node);
  if (attributes.owner && *attributes.owner == old.owner.id) attributes.owner.reset();
  if (attributes.group && *attributes.group == old.group.id) attributes.group.reset();
  if (!can.change_owner && (attributes.owner || attributes.group)) {
    return errno_error(EPERM, "chown", name);
  }
  if (old.type == FileType::kSymlink && !can.symlink_times) {
    attributes.mtime.reset();
    attributes.atime.reset();
  }
  if (attributes.mtime) attributes.mtime = can.kept(*attributes.mtime);
  if (attributes.atime) attributes.atime = can.kept(*attributes.atime);
  volume_->set_attributes(node, attributes);
  return ok();
}

Status MemoryTree::apply_new(MemoryNode& node, std::string_view name,
                             NewAttributes attributes) const {
  if (!options_.capabilities.owner_at_create) {
    attributes.owner.reset();
    attributes.group.reset();
  }
  return apply(node, name, attributes);
}

void MemoryTree::store(MemoryNode& node, std::string_view name, std::uint64_t offset_bytes,
                       std::span<const std::byte> bytes) const {
  if (!options_.tamper) {
    volume_->write(node, offset_bytes, bytes);
    return;
  }
  std::vector<std::byte> changed(bytes.begin(), bytes.end());
  options_.tamper(name, offset_bytes, changed);
  volume_->write(node, offset_bytes, changed);
}

Result<MadeDirectory> MemoryTree::make_directory(const MakeDirectory& item) const {
  NFSFERRY_TRY(Ok usable, check_name("make_directory", item.name), return);
  NFSFERRY_TRY(Ok allowed, allow("make_directory", item.name), return);
  MemoryNode& parent = *node_of(item.parent);
  MadeDirectory made;
  Result<MemoryNodePtr> node =
      volume_->create(parent, item.name, fresh(FileType::kDirectory, 0700));
  if (node) {
    made.created = true;
    NewAttributes owners{{}, item.attributes.owner, item.attributes.group, {}, {}};
    Status applied = apply_new(**node, item.name, owners);
    if (!applied) {
      static_cast<void>(volume_->remove(parent, item.name, true));
      return std::move(applied).error();
    }
  } else {
    if (!node.error().is_errno(EEXIST)) return std::move(node).error();
    node = volume_->find(parent, item.name);
    if (!node) return std::move(node).error();
  }
  made.entry = Entry{item.name, volume_->attributes(**node), {}};
  if (made.entry.attributes.type != FileType::kDirectory) {
    Error error = own_error(Own::kTypeConflict, "",
                            "a " + std::string(file_type_name(made.entry.attributes.type)) +
                                " of this name is in the way");
    return named(std::move(error), "make_directory", item.name);
  }
  made.directory = std::make_shared<const MemoryDirectory>(*std::move(node));
  return made;
}

Result<MemoryNodePtr> MemoryTree::replace(const Directory* parent, std::string_view name,
                                          const Attributes& attributes, std::string_view text,
                                          const std::function<Status(MemoryNode&)>& fill) const {
  MemoryNode& directory = *node_of(parent);
  std::string temporary = temporary_name(mark());
  NFSFERRY_TRY(MemoryNodePtr node, volume_->create(directory, temporary, attributes, text), return);
  Status status = fill(*node);
  if (status) status = volume_->rename(directory, temporary, name);
  if (status) return node;
  static_cast<void>(volume_->remove(directory, temporary, false));
  return std::move(status).error();
}

Result<PutResult> MemoryTree::put_one(const PutFile& item, ReadBack read_back) const {
  NFSFERRY_TRY(Ok usable, check_name("put_file", item.name), return);
  NFSFERRY_TRY(Ok allowed, allow("put_file", item.name), return);
  auto fill = [&](MemoryNode& node) -> Status {
    store(node, item.name, 0, item.data);
    NFSFERRY_TRY(Ok applied, apply_new(node, item.name, item.attributes), return);
    if (read_back == ReadBack::kNo) return ok();
    std::vector<std::byte> back(item.data.size() + 1);
    back.resize(volume_->read(node, 0, back));
    if (std::equal(back.begin(), back.end(), item.data.begin(), item.data.end())) return ok();
    return named(own_error(Own::kVerifyMismatch, "", "the bytes read back differ"), "put_file",
                 item.name);
  };
  NFSFERRY_TRY(MemoryNodePtr node,
               replace(item.parent, item.name, fresh(FileType::kRegular, 0600), {}, fill), return);
  return PutResult{volume_->attributes(*node).fileid};
}

Status MemoryTree::make_symlink(const MakeSymlink& item) const {
  NFSFERRY_TRY(Ok usable, check_name("make_symlink", item.name), return);
  NFSFERRY_TRY(Ok allowed, allow("make_symlink", item.name), return);
  if (!options_.capabilities.symlinks) return unsupported("make_symlink", item.name, "symlinks");
  if (item.text.empty() || item.text.find('\0') != std::string_view::npos) {
    return errno_error(item.text.empty() ? ENOENT : EINVAL, "make_symlink", item.name);
  }
  auto fill = [&](MemoryNode& node) { return apply_new(node, item.name, item.attributes); };
  NFSFERRY_TRY(MemoryNodePtr node,
               replace(item.parent, item.name, fresh(FileType::kSymlink, 0777), item.text, fill),
               return);
  return ok();
}

Status MemoryTree::make_link(const MakeLink& item) const {
  NFSFERRY_TRY(Ok existing_usable, check_name("make_link", item.existing_name), return);
  NFSFERRY_TRY(Ok usable, check_name("make_link", item.name), return);
  NFSFERRY_TRY(Ok allowed, allow("make_link", item.name), return);
  if (!options_.capabilities.hard_links) return unsupported("make_link", item.name, "hard links");
  NFSFERRY_TRY(MemoryNodePtr node,
               volume_->find(*node_of(item.existing_parent), item.existing_name), return);
  MemoryNode& directory = *node_of(item.parent);
  std::string temporary = temporary_name(mark());
  NFSFERRY_TRY(Ok linked, volume_->link(node, directory, temporary), return);
  Status renamed = volume_->rename(directory, temporary, item.name);
  // A rename onto another name of the same file does nothing and leaves the temporary.
  static_cast<void>(volume_->remove(directory, temporary, false));
  return renamed;
}

Status MemoryTree::make_special(const MakeSpecial& item) const {
  NFSFERRY_TRY(Ok usable, check_name("make_special", item.name), return);
  NFSFERRY_TRY(Ok allowed, allow("make_special", item.name), return);
  const Capabilities& can = options_.capabilities;
  bool device = item.type == FileType::kBlockDevice || item.type == FileType::kCharacterDevice;
  bool pipe_or_socket = item.type == FileType::kFifo || item.type == FileType::kSocket;
  if (!device && !pipe_or_socket) return errno_error(EINVAL, "make_special", item.name);
  if (device ? !can.devices : !can.fifos_and_sockets) {
    return unsupported("make_special", item.name, device ? "devices" : "fifos and sockets");
  }
  Attributes attributes = fresh(item.type, 0600);
  if (device) {
    attributes.device_major = item.device_major;
    attributes.device_minor = item.device_minor;
  }
  auto fill = [&](MemoryNode& node) { return apply_new(node, item.name, item.attributes); };
  NFSFERRY_TRY(MemoryNodePtr node, replace(item.parent, item.name, attributes, {}, fill), return);
  return ok();
}

}  // namespace nfsferry

#include "tree/memory_tree.hpp"

#include <algorithm>
#include <cerrno>

#include "tree/location.hpp"
#include "tree/memory_directory.hpp"

namespace nfsferry {
namespace {

struct NextTurn {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) const { resume_later(waiter); }
  void await_resume() const noexcept {}
};

}  // namespace

class MemoryListing final : public Listing {
 public:
  MemoryListing(MemoryTree& tree, MemoryNodePtr node) : tree_(tree), node_(std::move(node)) {}

  Task<Result<ListingPage>> next() override {
    co_await tree_.turn();
    NFSFERRY_TRY(Ok allowed, tree_.allow("list", after_), co_return);
    ListingPage page;
    std::vector<Entry> entries =
        tree_.volume_->list(*node_, after_, tree_.options_.page_entries, page.eof);
    if (!entries.empty()) after_ = entries.back().name;
    if (tree_.options_.relist) tree_.options_.relist(entries);
    for (Entry& entry : entries) {
      Status told = tree_.allow("entry", entry.name);
      if (!is_usable_name(entry.name))
        told = own_error(Own::kBadName, "list", "a name that must not be used");
      if (told)
        page.entries.push_back(std::move(entry));
      else
        page.refused.push_back(named(std::move(told).error(), "list", entry.name));
    }
    co_return page;
  }

 private:
  MemoryTree& tree_;
  const MemoryNodePtr node_;
  std::string after_;
};

class MemorySourceFile final : public SourceFile {
 public:
  MemorySourceFile(MemoryTree& tree, MemoryNodePtr node, std::string name)
      : tree_(tree), node_(std::move(node)), name_(std::move(name)) {}

  Task<Result<ReadRange>> read(std::uint64_t offset_bytes, std::uint32_t count) override {
    co_await tree_.turn();
    NFSFERRY_TRY(Ok allowed, tree_.allow("read", name_), co_return);
    co_return tree_.read_range(*node_, offset_bytes, count);
  }

  Task<Result<Attributes>> attributes() override {
    co_await tree_.turn();
    NFSFERRY_TRY(Ok allowed, tree_.allow("attributes", name_), co_return);
    co_return tree_.volume_->attributes(*node_);
  }

  Task<Status> close() override { co_return ok(); }

  const MemoryNodePtr& node() const { return node_; }

 private:
  MemoryTree& tree_;
  const MemoryNodePtr node_;
  const std::string name_;
};

MemoryNodePtr node_of(const SourceFile& file) {
  const auto* of_memory = dynamic_cast<const MemorySourceFile*>(&file);
  return of_memory ? of_memory->node() : nullptr;
}

MemoryTree::MemoryTree(Loop& loop, std::shared_ptr<MemoryVolume> volume, MemoryOptions options)
    : loop_(loop), volume_(std::move(volume)), options_(std::move(options)) {}

MemoryTree::~MemoryTree() {
  if (locked_) volume_->unlock_root();
}

Task<void> MemoryTree::turn() {
  ++counters_.requests;
  NextTurn next;
  co_await next;
}

Status MemoryTree::allow(std::string_view operation, std::string_view name) const {
  if (options_.fail) {
    if (std::optional<Error> error = options_.fail(operation, name)) return *std::move(error);
  }
  return ok();
}

Task<Status> MemoryTree::open() {
  co_await turn();
  NFSFERRY_TRY(Ok allowed, allow("open", options_.path), co_return);
  Location location;
  location.path = options_.path;
  MemoryNodePtr node = volume_->root();
  for (const std::string& name : location.components()) {
    Result<MemoryNodePtr> child = volume_->find(*node, name);
    if (!child) {
      child.error().detail = "component '" + name + "' of '" + options_.path + "' is missing";
      co_return std::move(child).error();
    }
    node = *std::move(child);
    if (volume_->attributes(*node).type != FileType::kDirectory) {
      Error error = errno_error(ENOTDIR, "open", name);
      error.detail = "component '" + name + "' of '" + options_.path + "' is no directory";
      co_return error;
    }
  }
  root_entry_ = Entry{{}, volume_->attributes(*node), {}};
  root_ = std::make_shared<const MemoryDirectory>(std::move(node));
  co_return ok();
}

Task<void> MemoryTree::close() {
  co_await turn();
  if (locked_) volume_->unlock_root();
  locked_ = false;
}

TreeFacts MemoryTree::facts() const {
  TreeFacts facts;
  facts.location = "memory:" + options_.path;
  return facts;
}

Task<Result<DirectoryPtr>> MemoryTree::open_directory(DirectoryPtr parent, const Entry& entry) {
  std::string name = entry.name;
  std::uint64_t fileid = entry.attributes.fileid;
  co_await turn();
  NFSFERRY_TRY(Ok allowed, allow("open_directory", name), co_return);
  NFSFERRY_TRY(MemoryNodePtr node, volume_->find(*node_of(parent), name), co_return);
  Attributes found = volume_->attributes(*node);
  if (found.type != FileType::kDirectory) co_return errno_error(ENOTDIR, "open_directory", name);
  if (found.fileid != fileid) co_return errno_error(ESTALE, "open_directory", name);
  co_return DirectoryPtr(std::make_shared<const MemoryDirectory>(std::move(node)));
}

Result<std::unique_ptr<Listing>> MemoryTree::list(DirectoryPtr directory) {
  return std::unique_ptr<Listing>(std::make_unique<MemoryListing>(*this, node_of(directory)));
}

Task<Result<Entry>> MemoryTree::lookup(DirectoryPtr directory, std::string name) {
  co_await turn();
  NFSFERRY_TRY(Ok usable, check_name("lookup", name), co_return);
  NFSFERRY_TRY(Ok allowed, allow("lookup", name), co_return);
  NFSFERRY_TRY(MemoryNodePtr node, volume_->find(*node_of(directory), name), co_return);
  co_return Entry{name, volume_->attributes(*node), {}};
}

Result<MemoryNodePtr> MemoryTree::source_node(const SourceItem& item, FileType type) const {
  const Entry& entry = *item.entry;
  NFSFERRY_TRY(MemoryNodePtr node, volume_->find(*node_of(item.parent), entry.name), return);
  Attributes found = volume_->attributes(*node);
  std::uint64_t told = entry.attributes.fileid;  // 0: by a server that tells none
  if (found.type != type || (told != 0 && found.fileid != told)) {
    return errno_error(ESTALE, "open", entry.name);
  }
  return node;
}

ReadRange MemoryTree::read_range(const MemoryNode& node, std::uint64_t offset_bytes,
                                 std::uint32_t count) const {
  ReadRange range;
  range.data.owner = loop_.buffers().get(std::max<std::uint32_t>(count, 1));
  std::span<std::byte> into = range.data.owner.bytes().first(count);
  std::size_t got = volume_->read(node, offset_bytes, into);
  range.data.bytes = into.first(got);
  range.eof = got < count;
  return range;
}

Result<SmallFile> MemoryTree::read_one(const SourceItem& item) const {
  NFSFERRY_TRY(Ok allowed, allow("read_file", item.entry->name), return);
  NFSFERRY_TRY(MemoryNodePtr node, source_node(item, FileType::kRegular), return);
  auto listed = static_cast<std::uint32_t>(item.entry->attributes.size_bytes);
  SmallFile file;
  if (listed > 0) {
    file.data = read_range(*node, 0, listed).data;
  }
  file.after = volume_->attributes(*node);
  file.complete = file.after.size_bytes == listed && file.data.bytes.size() == listed;
  return file;
}

Result<std::string> MemoryTree::read_link(const SourceItem& item) const {
  NFSFERRY_TRY(Ok allowed, allow("read_link", item.entry->name), return);
  NFSFERRY_TRY(MemoryNodePtr node, source_node(item, FileType::kSymlink), return);
  return volume_->text(*node);
}

Task<std::vector<Result<SmallFile>>> MemoryTree::read_files(std::span<const SourceItem> items) {
  return each(items, &MemoryTree::read_one);
}

Task<std::vector<Result<std::string>>> MemoryTree::read_links(std::span<const SourceItem> items) {
  return each(items, &MemoryTree::read_link);
}

Task<Result<std::unique_ptr<SourceFile>>> MemoryTree::open_file(SourceItem item) {
  co_await turn();
  NFSFERRY_TRY(Ok allowed, allow("open_file", item.entry->name), co_return);
  NFSFERRY_TRY(MemoryNodePtr node, source_node(item, FileType::kRegular), co_return);
  co_return std::unique_ptr<SourceFile>(
      std::make_unique<MemorySourceFile>(*this, std::move(node), item.entry->name));
}

}  // namespace nfsferry

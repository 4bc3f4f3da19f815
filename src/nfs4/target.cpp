// Making directories, links and special files, setting attributes, removing: all vectored.
#include <algorithm>

#include "nfs4/batch.hpp"
#include "nfs4/nfs4_tree.hpp"
#include "nfs4/put_batch.hpp"

namespace nfsferry::nfs4 {
namespace {

bool is_status(const Error& error, Nfsstat4 status) {
  return error.domain == Domain::kNfs4 && error.code == static_cast<std::uint32_t>(status);
}

// A batch whose items have a Status each.
class StatusBatch : public Batch {
 public:
  StatusBatch(std::string_view kind, Repeat repeat, std::size_t size)
      : kind_(kind), repeat_(repeat) {
    for (std::size_t i = 0; i < size; ++i) results_.push_back(ok());
  }
  std::string_view kind() const override { return kind_; }
  Repeat repeat() const override { return repeat_; }
  std::size_t size() const override { return results_.size(); }
  Task<void> undo(std::size_t) override { co_return; }
  void fail(std::size_t item, Error error) override { results_[item] = std::move(error); }
  std::vector<Status> take_results() { return std::move(results_); }

 protected:
  std::vector<Status> results_;

 private:
  std::string_view kind_;
  Repeat repeat_;
};

class MakeDirectoriesBatch : public StatusBatch {
 public:
  MakeDirectoriesBatch(Nfs4Tree& tree, std::span<const MakeDirectory> items)
      : StatusBatch("MKDIR", Repeat::kOnce, items.size()),
        tree_(tree),
        items_(items),
        made_(items.size()) {}

  Status accept(std::size_t item) const override { return accept_name(items_[item].name); }
  Cost cost(std::size_t item, std::optional<std::size_t> previous) const override {
    std::uint32_t operations = (shares(item, previous) ? 4 : 6) + (sets_owner(item) ? 1 : 0);
    return Cost{operations, 384 + kFileHandleMost + xdr_padded(items_[item].name.size()), 800};
  }
  void encode(std::size_t item, std::optional<std::size_t> previous, Compound& request) override {
    if (!shares(item, previous)) {
      request.add(Putfh{{}, handle_of(items_[item].parent.get())});
      request.add(Savefh{});
    }
    Create create;
    create.name = items_[item].name;
    create.type = FileType::kDirectory;
    create.attributes = items_[item].attributes;
    create.choice.owner = tree_.owner_at_create();
    create.mode = 0700;
    request.add(create);
    if (sets_owner(item)) {
      request.add(Setattr{{}, Stateid::anonymous(), items_[item].attributes, kChooseOwner, {}});
    }
    request.add(Getfh{});
    request.add(Getattr{tree_.entry_mask()});
    request.add(Restorefh{});
  }
  Status decode(std::size_t item, std::optional<std::size_t> previous,
                CompoundReply& reply) override {
    if (!shares(item, previous)) {
      NFSFERRY_TRY(NoReply at_parent, reply.take<Putfh>(), return);
      NFSFERRY_TRY(NoReply saved, reply.take<Savefh>(), return);
    }
    NFSFERRY_TRY(NoReply created, reply.take<Create>(), return);
    if (sets_owner(item)) {
      NFSFERRY_TRY(NoReply owned, reply.take<Setattr>(), return);
    }
    NFSFERRY_TRY(Getfh::Reply handle, reply.take<Getfh>(), return);
    NFSFERRY_TRY(Getattr::Reply got, reply.take<Getattr>(), return);
    NFSFERRY_TRY(NoReply back, reply.take<Restorefh>(), return);
    got.fattr.handle = std::move(handle.handle);
    got.fattr.present.add(Attr::kFilehandle);
    NFSFERRY_TRY(Entry entry, entry_from(items_[item].name, std::move(got.fattr)), return);
    made_[item].directory = std::make_shared<Nfs4Directory>(entry.handle);
    made_[item].entry = std::move(entry);
    made_[item].created = true;
    return ok();
  }
  std::vector<MadeDirectory>& made() { return made_; }

 private:
  bool shares(std::size_t item, std::optional<std::size_t> previous) const {
    return previous && items_[*previous].parent == items_[item].parent;
  }
  bool sets_owner(std::size_t item) const {
    const NewAttributes& attributes = items_[item].attributes;
    return !tree_.owner_at_create() && (attributes.owner || attributes.group);
  }

  Nfs4Tree& tree_;
  std::span<const MakeDirectory> items_;
  std::vector<MadeDirectory> made_;
};

// Symlinks and special files: CREATE under a temporary name, times, RENAME.
class MakeNodesBatch : public StatusBatch {
 public:
  struct Item {
    const Directory* parent;
    std::string_view name;
    Create create;  // without name and choice
  };
  MakeNodesBatch(Nfs4Tree& tree, std::vector<Item> items)
      : StatusBatch("CREATE", Repeat::kOnce, items.size()),
        tree_(tree),
        items_(std::move(items)),
        temporaries_(items_.size()) {}

  Status accept(std::size_t item) const override { return accept_name(items_[item].name); }
  Cost cost(std::size_t item, std::optional<std::size_t> previous) const override {
    const Item& one = items_[item];
    std::uint32_t operations = 3 + (shares(item, previous) ? 0 : 2) + (sets_owner(item) ? 1 : 0) +
                               (sets_rest(item) ? 1 : 0);
    std::size_t request = 512 + kFileHandleMost + xdr_padded(one.create.link_text.size()) +
                          xdr_padded(one.name.size());
    return Cost{operations, request, 256};
  }
  void encode(std::size_t item, std::optional<std::size_t> previous, Compound& request) override {
    const Item& one = items_[item];
    temporaries_[item] = temporary_name(tree_.run_id());
    if (!shares(item, previous)) {
      request.add(Putfh{{}, handle_of(one.parent)});
      request.add(Savefh{});
    }
    Create create = one.create;
    create.name = temporaries_[item];
    create.choice.owner = tree_.owner_at_create();
    if (!is_link(item)) create.mode = 0600;
    request.add(create);
    const NewAttributes& attributes = create.attributes;
    if (sets_owner(item)) {
      request.add(Setattr{{}, Stateid::anonymous(), attributes, kChooseOwner, {}});
    }
    if (sets_rest(item)) {
      AttrChoice choice{!is_link(item), false, true};
      request.add(Setattr{{}, Stateid::anonymous(), attributes, choice, {}});
    }
    request.add(Restorefh{});
    request.add(Rename{{}, temporaries_[item], one.name});
  }
  Status decode(std::size_t item, std::optional<std::size_t> previous,
                CompoundReply& reply) override {
    if (!shares(item, previous)) {
      NFSFERRY_TRY(NoReply at_parent, reply.take<Putfh>(), return);
      NFSFERRY_TRY(NoReply saved, reply.take<Savefh>(), return);
    }
    NFSFERRY_TRY(NoReply created, reply.take<Create>(), return);
    if (sets_owner(item)) {
      NFSFERRY_TRY(NoReply owned, reply.take<Setattr>(), return);
    }
    if (sets_rest(item)) {
      NFSFERRY_TRY(NoReply dated, reply.take<Setattr>(), return);
    }
    NFSFERRY_TRY(NoReply back, reply.take<Restorefh>(), return);
    NFSFERRY_TRY(NoReply renamed, reply.take<Rename>(), return);
    return ok();
  }
  Task<void> undo(std::size_t item) override {
    co_await remove_quietly(tree_.session(), items_[item].parent, temporaries_[item]);
  }

 private:
  bool shares(std::size_t item, std::optional<std::size_t> previous) const {
    return previous && items_[*previous].parent == items_[item].parent;
  }
  bool is_link(std::size_t item) const { return items_[item].create.type == FileType::kSymlink; }
  bool sets_owner(std::size_t item) const {
    const NewAttributes& attributes = items_[item].create.attributes;
    return !tree_.owner_at_create() && (attributes.owner || attributes.group);
  }
  bool sets_rest(std::size_t item) const {
    return !is_link(item) || tree_.capabilities().symlink_times;
  }

  Nfs4Tree& tree_;
  std::vector<Item> items_;
  std::vector<std::string> temporaries_;
};

// LINK to the final name, or to a temporary one that is then renamed over what stands there.
class MakeLinksBatch : public StatusBatch {
 public:
  MakeLinksBatch(Nfs4Tree& tree, std::vector<MakeLink> items, bool replace)
      : StatusBatch("LINK", Repeat::kOnce, items.size()),
        tree_(tree),
        items_(std::move(items)),
        replace_(replace),
        temporaries_(items_.size()) {}

  Status accept(std::size_t item) const override { return accept_name(items_[item].name); }
  Cost cost(std::size_t item, std::optional<std::size_t>) const override {
    std::size_t names = items_[item].name.size() + items_[item].existing_name.size();
    return Cost{replace_ ? 7u : 5u, 384 + 2 * kFileHandleMost + xdr_padded(names), 256};
  }
  void encode(std::size_t item, std::optional<std::size_t>, Compound& request) override {
    const MakeLink& one = items_[item];
    if (replace_) temporaries_[item] = temporary_name(tree_.run_id());
    request.add(Putfh{{}, handle_of(one.existing_parent)});
    request.add(Lookup{{}, one.existing_name});
    request.add(Savefh{});
    request.add(Putfh{{}, handle_of(one.parent)});
    request.add(Link{{}, replace_ ? std::string_view(temporaries_[item]) : one.name});
    if (!replace_) return;
    request.add(Savefh{});
    request.add(Rename{{}, temporaries_[item], one.name});
  }
  Status decode(std::size_t item, std::optional<std::size_t>, CompoundReply& reply) override {
    (void)item;
    NFSFERRY_TRY(NoReply at_existing, reply.take<Putfh>(), return);
    NFSFERRY_TRY(NoReply found, reply.take<Lookup>(), return);
    NFSFERRY_TRY(NoReply saved, reply.take<Savefh>(), return);
    NFSFERRY_TRY(NoReply at_parent, reply.take<Putfh>(), return);
    NFSFERRY_TRY(NoReply linked, reply.take<Link>(), return);
    if (!replace_) return ok();
    NFSFERRY_TRY(NoReply at_names, reply.take<Savefh>(), return);
    NFSFERRY_TRY(NoReply renamed, reply.take<Rename>(), return);
    return ok();
  }
  Task<void> undo(std::size_t item) override {
    // RENAME onto a link of the same file succeeds, does nothing and leaves the temporary.
    if (replace_) {
      co_await remove_quietly(tree_.session(), items_[item].parent, temporaries_[item]);
    }
  }

 private:
  Nfs4Tree& tree_;
  std::vector<MakeLink> items_;
  bool replace_;
  std::vector<std::string> temporaries_;
};

class SetAttributesBatch : public StatusBatch {
 public:
  explicit SetAttributesBatch(std::span<const SetAttributes> items)
      : StatusBatch("SETATTR", Repeat::kIdempotent, items.size()), items_(items) {}

  Status accept(std::size_t item) const override {
    return items_[item].name.empty() ? ok() : accept_name(items_[item].name);
  }
  Cost cost(std::size_t item, std::optional<std::size_t>) const override {
    return Cost{4, 512 + kFileHandleMost + xdr_padded(items_[item].name.size()), 128};
  }
  void encode(std::size_t item, std::optional<std::size_t>, Compound& request) override {
    const SetAttributes& one = items_[item];
    request.add(Putfh{{}, handle_of(one.parent.get())});
    if (!one.name.empty()) request.add(Lookup{{}, one.name});
    // Owner first and by itself: a chown clears the set-id bits that a mode may bring.
    if (owner(item)) {
      request.add(Setattr{{}, Stateid::anonymous(), one.attributes, kChooseOwner, {}});
    }
    if (rest(item)) {
      request.add(Setattr{{}, Stateid::anonymous(), one.attributes, kChooseModeAndTimes, {}});
    }
  }
  Status decode(std::size_t item, std::optional<std::size_t>, CompoundReply& reply) override {
    NFSFERRY_TRY(NoReply at_parent, reply.take<Putfh>(), return);
    if (!items_[item].name.empty()) {
      NFSFERRY_TRY(NoReply found, reply.take<Lookup>(), return);
    }
    if (owner(item)) {
      NFSFERRY_TRY(NoReply owned, reply.take<Setattr>(), return);
    }
    if (rest(item)) {
      NFSFERRY_TRY(NoReply dated, reply.take<Setattr>(), return);
    }
    return ok();
  }

 private:
  bool owner(std::size_t item) const {
    const NewAttributes& attributes = items_[item].attributes;
    return attributes.owner || attributes.group;
  }
  bool rest(std::size_t item) const {
    const NewAttributes& attributes = items_[item].attributes;
    return attributes.mode || attributes.mtime || attributes.atime;
  }
  std::span<const SetAttributes> items_;
};

class RemoveBatch : public StatusBatch {
 public:
  explicit RemoveBatch(std::span<const RemoveEntry> items)
      : StatusBatch("REMOVE", Repeat::kOnce, items.size()), items_(items), unknown_(items.size()) {}

  Status accept(std::size_t item) const override { return accept_name(items_[item].name); }
  Cost cost(std::size_t item, std::optional<std::size_t>) const override {
    return Cost{2, 128 + kFileHandleMost + xdr_padded(items_[item].name.size()), 64};
  }
  void encode(std::size_t item, std::optional<std::size_t>, Compound& request) override {
    request.add(Putfh{{}, handle_of(items_[item].parent)});
    request.add(Remove{{}, items_[item].name});
  }
  Status decode(std::size_t item, std::optional<std::size_t>, CompoundReply& reply) override {
    NFSFERRY_TRY(NoReply at_parent, reply.take<Putfh>(), return);
    auto removed = reply.take<Remove>();
    if (removed) return ok();
    bool gone = unknown_[item] && is_status(removed.error(), Nfsstat4::kNoent);
    return gone ? ok() : Status(std::move(removed).error());
  }
  Task<void> undo(std::size_t item) override {
    unknown_[item] = true;  // the next NOENT means that it was done
    co_return;
  }

 private:
  std::span<const RemoveEntry> items_;
  std::vector<bool> unknown_;
};

}  // namespace

Task<std::vector<Result<MadeDirectory>>> Nfs4Tree::make_directories(
    std::span<const MakeDirectory> items) {
  MakeDirectoriesBatch batch(*this, items);
  co_await run_batch(session_, batch);
  auto statuses = batch.take_results();
  std::vector<Result<MadeDirectory>> results;
  results.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (statuses[i]) {
      results.push_back(std::move(batch.made()[i]));
      continue;
    }
    if (!is_status(statuses[i].error(), Nfsstat4::kExist)) {
      results.push_back(std::move(statuses[i]).error());
      continue;
    }
    auto found = co_await lookup(items[i].parent, items[i].name);
    if (!found) {
      results.push_back(std::move(found).error());
    } else if (found->attributes.type != FileType::kDirectory) {
      results.push_back(own_error(Own::kTypeConflict, "mkdir",
                                  "a " + std::string(file_type_name(found->attributes.type)) +
                                      " stands where a directory should be"));
    } else {
      MadeDirectory made;
      made.directory = std::make_shared<Nfs4Directory>(found->handle);
      made.entry = *std::move(found);
      results.push_back(std::move(made));
    }
  }
  co_return results;
}

Task<std::vector<Result<PutResult>>> Nfs4Tree::put_files(std::span<const PutFile> items,
                                                         ReadBack read_back) {
  PutBatch batch(*this, items, read_back);
  co_await run_batch(session_, batch);
  std::vector<Result<PutResult>> results = std::move(batch.results());
  if (read_back == ReadBack::kNo) co_return results;
  std::vector<RenameBatch::Item> renames;
  std::vector<std::size_t> origin;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!results[i]) continue;
    renames.push_back(
        {items[i].parent, batch.temporary(i), std::string(items[i].name), results[i]->fileid});
    origin.push_back(i);
  }
  RenameBatch rename(*this, renames);
  co_await run_batch(session_, rename);
  for (std::size_t i = 0; i < renames.size(); ++i) {
    if (rename.results()[i]) continue;
    co_await remove_quietly(session_, renames[i].parent, renames[i].from);
    results[origin[i]] = rename.results()[i].error();
  }
  co_return results;
}

Task<std::vector<Status>> Nfs4Tree::make_symlinks(std::span<const MakeSymlink> items) {
  std::vector<MakeNodesBatch::Item> nodes;
  for (const MakeSymlink& item : items) {
    Create create;
    create.type = FileType::kSymlink;
    create.link_text = item.text;
    create.attributes = item.attributes;
    nodes.push_back({item.parent, item.name, create});
  }
  MakeNodesBatch batch(*this, std::move(nodes));
  co_await run_batch(session_, batch);
  co_return batch.take_results();
}

Task<std::vector<Status>> Nfs4Tree::make_specials(std::span<const MakeSpecial> items) {
  std::vector<MakeNodesBatch::Item> nodes;
  for (const MakeSpecial& item : items) {
    Create create;
    create.type = item.type;
    create.device_major = item.device_major;
    create.device_minor = item.device_minor;
    create.attributes = item.attributes;
    nodes.push_back({item.parent, item.name, create});
  }
  MakeNodesBatch batch(*this, std::move(nodes));
  co_await run_batch(session_, batch);
  co_return batch.take_results();
}

Task<std::vector<Status>> Nfs4Tree::make_links(std::span<const MakeLink> items) {
  MakeLinksBatch first(*this, std::vector<MakeLink>(items.begin(), items.end()), false);
  co_await run_batch(session_, first);
  std::vector<Status> results = first.take_results();
  std::vector<MakeLink> taken;
  std::vector<std::size_t> origin;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (results[i] || !is_status(results[i].error(), Nfsstat4::kExist)) continue;
    taken.push_back(items[i]);
    origin.push_back(i);
  }
  if (taken.empty()) co_return results;
  MakeLinksBatch second(*this, taken, true);
  co_await run_batch(session_, second);
  std::vector<Status> replaced = second.take_results();
  for (std::size_t i = 0; i < taken.size(); ++i) {
    if (replaced[i]) co_await second.undo(i);
    results[origin[i]] = std::move(replaced[i]);
  }
  co_return results;
}

Task<std::vector<Status>> Nfs4Tree::set_attributes(std::span<const SetAttributes> items) {
  SetAttributesBatch batch(items);
  co_await run_batch(session_, batch);
  co_return batch.take_results();
}

Task<std::vector<Status>> Nfs4Tree::remove(std::span<const RemoveEntry> items) {
  RemoveBatch batch(items);
  co_await run_batch(session_, batch);
  co_return batch.take_results();
}

}  // namespace nfsferry::nfs4

// Putting files, making links and special files, setting attributes, removing: all vectored.
#include <numeric>

#include "nfs4/nfs4_tree.hpp"
#include "nfs4/put_batch.hpp"
#include "nfs4/rename_queue.hpp"
#include "nfs4/status_batch.hpp"
#include "tree/moved.hpp"

namespace nfsferry::nfs4 {
namespace {

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

  Status accept(std::size_t item) const override {
    const Create& create = items_[item].create;
    switch (create.type) {
      case FileType::kSymlink:
        // nfs-ganesha cuts a text at a NUL and says OK.
        if (!create.link_text.empty() && create.link_text.find('\0') == std::string_view::npos)
          break;
        return own_error(Own::kBadName, "CREATE", "a link's text is not empty and holds no NUL");
      case FileType::kRegular:
      case FileType::kDirectory:
      case FileType::kOther: return own_error(Own::kUnsupported, "CREATE", "not a special file");
      default: break;
    }
    return accept_name(items_[item].name);
  }
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
    temporaries_[item] = temporary_name(tree_.mark());
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
    co_await remove_quietly(tree_.client(), items_[item].parent, temporaries_[item]);
  }

 private:
  bool shares(std::size_t item, std::optional<std::size_t> previous) const {
    return previous && items_[*previous].parent == items_[item].parent;
  }
  bool is_link(std::size_t item) const { return items_[item].create.type == FileType::kSymlink; }
  // Also where the server keeps an owner given at creation: nfs-ganesha (4.3) takes no notice of a
  // group in CREATE that is the caller's own, and in a set-group-id directory the node then has the
  // directory's.
  bool sets_owner(std::size_t item) const {
    const NewAttributes& attributes = items_[item].create.attributes;
    return attributes.group || (!tree_.owner_at_create() && attributes.owner);
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
    if (replace_) temporaries_[item] = temporary_name(tree_.mark());
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
  bool is_contagious(const Error& error) const override {
    return is_status(error, Nfsstat4::kExist);
  }
  Task<void> undo(std::size_t item) override {
    // RENAME onto a link of the same file succeeds, does nothing and leaves the temporary.
    if (replace_) {
      co_await remove_quietly(tree_.client(), items_[item].parent, temporaries_[item]);
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

class MoveBatch : public StatusBatch {
 public:
  MoveBatch(Client& client, std::span<const MoveEntry> items)
      : StatusBatch("RENAME", Repeat::kOnce, items.size()),
        client_(client),
        items_(items),
        states_(items.size(), State::kToSend),
        refused_(items.size()) {}

  Status accept(std::size_t item) const override {
    NFSFERRY_TRY(Ok usable, accept_name(items_[item].name), return);
    return accept_name(items_[item].to_name);
  }
  Cost cost(std::size_t item, std::optional<std::size_t>) const override {
    std::size_t names = items_[item].name.size() + items_[item].to_name.size();
    return Cost{4, 256 + 2 * kFileHandleMost + xdr_padded(names), 128};
  }
  void encode(std::size_t item, std::optional<std::size_t>, Compound& request) override {
    const MoveEntry& one = items_[item];
    request.add(Putfh{{}, handle_of(one.parent)});
    if (settled(item)) return;
    request.add(Savefh{});
    request.add(Putfh{{}, handle_of(one.to_parent)});
    request.add(Rename{{}, one.name, one.to_name});
    refused_[item] = false;
  }
  Status decode(std::size_t item, std::optional<std::size_t>, CompoundReply& reply) override {
    Status renamed = take_steps(reply, settled(item));
    if (renamed || settled(item)) return renamed;
    bool gone = states_[item] == State::kSentBefore && means_no_entry(renamed.error());
    refused_[item] = renamed.error().domain == Domain::kNfs4 && !gone;
    return renamed;
  }
  // The new name was free: what has it alone by now was moved there. Where both names are taken
  // nobody can tell: repeated, the request could move what somebody has put in the old place
  // meanwhile, and over what was moved.
  Task<void> undo(std::size_t item) override {
    if (refused_[item] || settled(item)) co_return;
    const MoveEntry& one = items_[item];
    auto moved = co_await is_there(client_, handle_of(one.to_parent), std::string(one.to_name));
    auto left = co_await is_there(client_, handle_of(one.parent), std::string(one.name));
    auto done = was_moved(moved, left);
    if (done) {
      states_[item] = *done ? State::kDone : State::kSentBefore;
    } else {
      states_[item] = State::kUnclear;
      results_[item] = std::move(done).error();
    }
  }
  void fail(std::size_t item, Error error) override {
    switch (states_[item]) {
      case State::kDone: results_[item] = ok(); break;
      case State::kUnclear: break;  // has its error
      default: results_[item] = std::move(error); break;
    }
  }

 private:
  // kSentBefore: not done so far, and a missing old name is looked into.
  enum class State : std::uint8_t { kToSend, kSentBefore, kDone, kUnclear };

  bool settled(std::size_t item) const {
    return states_[item] == State::kDone || states_[item] == State::kUnclear;
  }
  static Status take_steps(CompoundReply& reply, bool settled) {
    NFSFERRY_TRY(NoReply from, reply.take<Putfh>(), return);
    if (settled) return ok();
    NFSFERRY_TRY(NoReply saved, reply.take<Savefh>(), return);
    NFSFERRY_TRY(NoReply to, reply.take<Putfh>(), return);
    NFSFERRY_TRY(auto renamed, reply.take<Rename>(), return);
    return ok();
  }

  Client& client_;
  std::span<const MoveEntry> items_;
  std::vector<State> states_;
  std::vector<bool> refused_;  // the last answer says that it was not done
};

}  // namespace

Task<std::vector<Result<PutResult>>> Nfs4Tree::put_files(std::span<const PutFile> items,
                                                         ReadBack read_back) {
  PutBatch batch(*this, items, read_back);
  std::vector<std::size_t> alone(items.size());
  std::iota(alone.begin(), alone.end(), std::size_t{0});
  if (put_unopened_) {
    renames_->put_begins();
    co_await run_batch(*client_, batch);
    co_await renames_->put_ends();
    co_await batch.finish_renames();
    alone = batch.refused();
    put_unopened_ = !batch.wants_opens();
  }
  TaskGroup group;
  for (std::size_t item : alone) {
    group.spawn(put_opened(items[item], read_back, batch.results()[item]));
  }
  co_await group.join();
  co_return std::move(batch.results());
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
  co_await run_batch(*client_, batch);
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
  co_await run_batch(*client_, batch);
  co_return batch.take_results();
}

Task<std::vector<Status>> Nfs4Tree::make_links(std::span<const MakeLink> items) {
  MakeLinksBatch first(*this, std::vector<MakeLink>(items.begin(), items.end()), false);
  co_await run_batch(*client_, first);
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
  co_await run_batch(*client_, second);
  std::vector<Status> replaced = second.take_results();
  TaskGroup cleaning;
  for (std::size_t i = 0; i < taken.size(); ++i) {
    if (replaced[i]) cleaning.spawn(second.undo(i));
    results[origin[i]] = std::move(replaced[i]);
  }
  co_await cleaning.join();
  co_return results;
}

Task<std::vector<Status>> Nfs4Tree::set_attributes(std::span<const SetAttributes> items) {
  SetAttributesBatch batch(items);
  co_await run_batch(*client_, batch);
  co_return batch.take_results();
}

Task<std::vector<Status>> Nfs4Tree::remove(std::span<const RemoveEntry> items) {
  RemoveBatch batch(items);
  co_await run_batch(*client_, batch);
  co_return batch.take_results();
}

Task<std::vector<Status>> Nfs4Tree::move(std::span<const MoveEntry> items) {
  MoveBatch batch(*client_, items);
  co_await run_batch(*client_, batch);
  co_return batch.take_results();
}

}  // namespace nfsferry::nfs4

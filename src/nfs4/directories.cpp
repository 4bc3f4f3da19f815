// Making directories: all that are new in vectored requests; those that are there are looked up.
#include "nfs4/nfs4_tree.hpp"
#include "nfs4/status_batch.hpp"
#include "tree/new_directory.hpp"

namespace nfsferry::nfs4 {
namespace {

class MakeDirectoriesBatch : public StatusBatch {
 public:
  MakeDirectoriesBatch(Nfs4Tree& tree, std::span<const MakeDirectory> items)
      : StatusBatch("MKDIR", Repeat::kOnce, items.size()),
        tree_(tree),
        items_(items),
        made_(items.size()),
        executed_(items.size()),
        unknown_(items.size()) {}

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
    executed_[item] = true;  // until its results say otherwise
  }
  Status decode(std::size_t item, std::optional<std::size_t> previous,
                CompoundReply& reply) override {
    executed_[item] = false;
    Status made = take_results_of(item, previous, reply);
    if (!made && made.error().is(Own::kBadReply)) executed_[item] = true;
    return made;
  }
  bool is_contagious(const Error& error) const override {
    return is_status(error, Nfsstat4::kExist);
  }
  Task<void> undo(std::size_t item) override {
    if (executed_[item]) unknown_[item] = true;
    co_return;
  }
  // It may have been made although that was not told.
  bool is_unknown(std::size_t item) const { return unknown_[item]; }
  std::vector<MadeDirectory>& made() { return made_; }

 private:
  Status take_results_of(std::size_t item, std::optional<std::size_t> previous,
                         CompoundReply& reply) {
    if (!shares(item, previous)) {
      NFSFERRY_TRY(NoReply at_parent, reply.take<Putfh>(), return);
      NFSFERRY_TRY(NoReply saved, reply.take<Savefh>(), return);
    }
    NFSFERRY_TRY(NoReply created, reply.take<Create>(), return);
    executed_[item] = true;
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
  std::vector<bool> executed_;  // in the last request that it was part of, as far as is known
  std::vector<bool> unknown_;
};

// Directories that were there already, by name.
class LookupBatch : public StatusBatch {
 public:
  LookupBatch(Nfs4Tree& tree, std::vector<const MakeDirectory*> items)
      : StatusBatch("LOOKUP", Repeat::kIdempotent, items.size()),
        tree_(tree),
        items_(std::move(items)),
        found_(items_.size()) {}

  Cost cost(std::size_t item, std::optional<std::size_t>) const override {
    return Cost{4, 128 + kFileHandleMost + xdr_padded(items_[item]->name.size()), 800};
  }
  void encode(std::size_t item, std::optional<std::size_t>, Compound& request) override {
    request.add(Putfh{{}, handle_of(items_[item]->parent.get())});
    request.add(Lookup{{}, items_[item]->name});
    request.add(Getfh{});
    request.add(Getattr{tree_.entry_mask()});
  }
  Status decode(std::size_t item, std::optional<std::size_t>, CompoundReply& reply) override {
    NFSFERRY_TRY(NoReply at_parent, reply.take<Putfh>(), return);
    NFSFERRY_TRY(NoReply looked_up, reply.take<Lookup>(), return);
    NFSFERRY_TRY(Getfh::Reply handle, reply.take<Getfh>(), return);
    NFSFERRY_TRY(Getattr::Reply got, reply.take<Getattr>(), return);
    got.fattr.handle = std::move(handle.handle);
    got.fattr.present.add(Attr::kFilehandle);
    NFSFERRY_TRY(Entry entry, entry_from(items_[item]->name, std::move(got.fattr)), return);
    found_[item] = std::move(entry);
    return ok();
  }
  Entry& found(std::size_t item) { return found_[item]; }

 private:
  Nfs4Tree& tree_;
  std::vector<const MakeDirectory*> items_;
  std::vector<Entry> found_;
};

Result<MadeDirectory> existing_directory(Entry entry) {
  if (entry.attributes.type != FileType::kDirectory) {
    return own_error(Own::kTypeConflict, "mkdir",
                     "a " + std::string(file_type_name(entry.attributes.type)) +
                         " stands where a directory should be");
  }
  MadeDirectory made;
  made.directory = std::make_shared<Nfs4Directory>(entry.handle);
  made.entry = std::move(entry);
  return made;
}

}  // namespace

Task<std::vector<Result<MadeDirectory>>> Nfs4Tree::make_directories(
    std::span<const MakeDirectory> items) {
  MakeDirectoriesBatch batch(*this, items);
  co_await run_batch(*client_, batch);
  auto statuses = batch.take_results();
  std::vector<const MakeDirectory*> there;
  for (std::size_t i = 0; i < items.size(); ++i) {
    bool exists = !statuses[i] && is_status(statuses[i].error(), Nfsstat4::kExist);
    if (exists) there.push_back(&items[i]);
  }
  LookupBatch lookups(*this, there);
  co_await run_batch(*client_, lookups);
  auto looked_up = lookups.take_results();

  std::vector<Result<MadeDirectory>> results;
  results.reserve(items.size());
  for (std::size_t i = 0, next = 0; i < items.size(); ++i) {
    bool exists = next < there.size() && there[next] == &items[i];
    if (statuses[i]) {
      results.push_back(std::move(batch.made()[i]));
    } else if (!exists) {
      results.push_back(std::move(statuses[i]).error());
    } else if (looked_up[next]) {
      auto found = existing_directory(std::move(lookups.found(next)));
      if (found && batch.is_unknown(i))
        found = co_await judged_by_its_looks(*this, *std::move(found));
      results.push_back(std::move(found));
    } else {
      results.push_back(std::move(looked_up[next]).error());
    }
    if (exists) ++next;
  }
  co_return results;
}

}  // namespace nfsferry::nfs4

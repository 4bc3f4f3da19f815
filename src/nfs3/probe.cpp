// What a server really does with owners and times is found out by trying, in temporaries of the
// target's root: an OK to a SETATTR proves nothing.
#include "base/treatment.hpp"
#include "nfs3/nfs3_tree.hpp"
#include "tree/try_target.hpp"

namespace nfsferry::nfs3 {
namespace {

bool refuses_owner(const Error& error) {
  for (Nfsstat3 status :
       {Nfsstat3::kPerm, Nfsstat3::kAcces, Nfsstat3::kInval, Nfsstat3::kNotsupp}) {
    if (is_status(error, status)) return true;
  }
  return false;
}

// One experiment: a node of this type below the root, what is done to it, its attributes.
class Probe {
 public:
  Probe(Nfs3Tree& tree, FileType type) : tree_(tree), type_(type) {}

  void want(std::uint32_t owner, std::uint32_t group) {
    wanted_.owner = owner;
    wanted_.group = group;
  }

  Task<Result<Attributes>> make(bool with_owner) {
    for (unsigned attempts = 1;; ++attempts) {
      name_ = temporary_name(tree_.mark());
      auto made = co_await make_once(with_owner);
      if (made) co_return made;
      co_await remove();
      if (!begins_again(made.error()) || attempts >= Nfs3Tree::kAttemptsMost) co_return made;
    }
  }
  Task<void> remove() { co_await remove_quietly(tree_.client(), root(), name_); }

  // What became of this time. Errors: SETATTR's.
  Task<Result<Time>> keep(Time time) {
    wanted_.mtime = time;
    AttrChoice choice{false, false, true};
    auto dated = co_await set(choice);
    if (!dated) co_return std::move(dated).error();
    co_return dated->mtime;
  }
  // Errors that say nothing of owners are the probe's.
  Task<Result<bool>> give_away() {
    auto got = co_await set(kChooseOwner);
    if (got || refuses_owner(got.error())) co_return owned(got);
    co_return std::move(got).error();
  }
  bool owned(const Result<Attributes>& got) const {
    return got && got->owner.id == wanted_.owner && got->group.id == wanted_.group;
  }

 private:
  const FileHandle& root() const { return tree_.root_entry().handle; }

  Task<Result<Made>> make_node(AttrChoice choice) {
    NewAttributes first = wanted_;
    first.mode = 0600;
    Client& client = tree_.client();
    if (type_ == FileType::kRegular)
      co_return co_await create(client, root(), name_, first, choice);
    if (type_ == FileType::kSymlink) {
      std::string text = "probe";
      choice.mode = false;
      co_return co_await symlink(client, root(), name_, std::move(text), first, choice);
    }
    Special device{type_, 1, 3};
    co_return co_await mknod(client, root(), name_, device, first, choice);
  }

  // The attributes are asked for after it: those in a reply may be from before the owner was given.
  Task<Result<Attributes>> make_once(bool with_owner) {
    AttrChoice choice{with_owner, true, false};
    auto made = co_await make_node(choice);
    if (!made) co_return std::move(made).error();
    auto found = co_await found_of(tree_.client(), root(), name_, *std::move(made));
    if (!found) co_return std::move(found).error();
    handle_ = std::move(found->handle);
    co_return co_await getattr(tree_.client(), handle_);
  }

  Task<Result<Attributes>> set(AttrChoice choice) {
    Status done = co_await setattr(tree_.client(), handle_, wanted_, choice);
    if (!done) co_return std::move(done).error();
    co_return co_await getattr(tree_.client(), handle_);
  }

  Nfs3Tree& tree_;
  FileType type_;
  std::string name_;
  NewAttributes wanted_;
  FileHandle handle_;
};

}  // namespace

Task<Status> Nfs3Tree::probe(std::uint32_t foreign_owner, std::uint32_t foreign_group) {
  Probe file(*this, FileType::kRegular);
  Probe link(*this, FileType::kSymlink);
  Probe device(*this, FileType::kCharacterDevice);
  co_return co_await try_target(file, link, device, foreign_owner, foreign_group, capabilities_,
                                sizes_.symlinks);
}

}  // namespace nfsferry::nfs3

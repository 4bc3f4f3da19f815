// What a server really does with owners and times is found out by trying, in temporaries of the
// target's root: attrset, and an OK to a SETATTR, prove nothing.
#include <algorithm>

#include "base/log.hpp"
#include "nfs4/nfs4_tree.hpp"
#include "nfs4/put_batch.hpp"
#include "nfs4/status_batch.hpp"
#include "tree/try_target.hpp"

namespace nfsferry::nfs4 {
namespace {

bool refuses_owner(const Error& error) {
  for (Nfsstat4 status : {Nfsstat4::kPerm, Nfsstat4::kAccess, Nfsstat4::kInval, Nfsstat4::kNotsupp,
                          Nfsstat4::kAttrnotsupp, Nfsstat4::kBadowner}) {
    if (is_status(error, status)) return true;
  }
  return false;
}

// One experiment: a node of this type below the root, what is done to it, its attributes.
class Probe {
 public:
  Probe(Nfs4Tree& tree, FileType type) : tree_(tree), type_(type) {}

  void want(std::uint32_t owner, std::uint32_t group) {
    wanted_.owner = owner;
    wanted_.group = group;
  }

  // Makes the node with owner and group. Errors: those of OPEN or CREATE.
  Task<Result<Attributes>> make(bool with_owner) {
    for (;;) {
      name_ = temporary_name(tree_.mark());
      auto made = co_await make_once(with_owner);
      if (made) co_return made;
      Error error = std::move(made).error();
      co_await remove();
      if (!co_await says_nothing(error)) co_return error;
    }
  }
  Task<void> remove() { co_await remove_quietly(tree_.client(), tree_.root().get(), name_); }

  // What became of this time. Errors: SETATTR's.
  Task<Result<Time>> keep(Time time) {
    wanted_.mtime = time;
    auto dated = co_await set(AttrChoice{false, false, true});
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
    return got && got->owner.is_numeric() && got->group.is_numeric() &&
           got->owner.id == wanted_.owner && got->group.id == wanted_.group;
  }

 private:
  // An error that tells nothing of what is tried, once a busy server has been waited for: the next
  // try does. Each makes a node of its own.
  Task<bool> says_nothing(const Error& error) {
    if (starts_over(treatment(error))) co_return ++attempts_ < BatchRunner::kAttemptsMost;
    co_return co_await wait_and_retry(tree_.client(), error, patience_);
  }

  Task<Result<Attributes>> make_once(bool with_owner) {
    Compound request("PROBE", Repeat::kOnce);
    request.add(Putfh{{}, handle_of(tree_.root().get())});
    if (type_ == FileType::kRegular) {
      OpenCreate open;
      open.name = name_;
      open.attributes = wanted_;
      open.choice.owner = with_owner;
      request.add(open);
    } else {
      Create create;
      create.name = name_;
      create.type = type_;
      create.link_text = "probe";
      create.device_major = 1;
      create.device_minor = 3;
      create.attributes = wanted_;
      create.choice.owner = with_owner;
      request.add(create);
    }
    request.add(Getfh{});
    request.add(Getattr{tree_.entry_mask()});
    if (type_ == FileType::kRegular) tree_.client().add_close(request);
    auto reply = co_await tree_.client().call(request);
    if (!reply) co_return std::move(reply).error();
    NFSFERRY_TRY(NoReply at_root, reply->take<Putfh>(), co_return);
    if (type_ == FileType::kRegular) {
      NFSFERRY_TRY(OpenCreate::Reply opened, reply->take<OpenCreate>(), co_return);
    } else {
      NFSFERRY_TRY(NoReply created, reply->take<Create>(), co_return);
    }
    NFSFERRY_TRY(Getfh::Reply handle, reply->take<Getfh>(), co_return);
    handle_ = std::move(handle.handle);
    NFSFERRY_TRY(Getattr::Reply got, reply->take<Getattr>(), co_return);
    co_return std::move(got.fattr.attributes);
  }

  Task<Result<Attributes>> set(AttrChoice choice) {
    for (;;) {
      auto got = co_await set_once(choice);
      if (got) co_return got;
      if (!co_await says_nothing(got.error())) co_return got;
    }
  }

  Task<Result<Attributes>> set_once(AttrChoice choice) {
    Compound request("PROBE", Repeat::kIdempotent);
    request.add(Putfh{{}, handle_});
    request.add(Setattr{{}, Stateid::anonymous(), wanted_, choice, {}});
    request.add(Getattr{tree_.entry_mask()});
    auto reply = co_await tree_.client().call(request);
    if (!reply) co_return std::move(reply).error();
    NFSFERRY_TRY(NoReply at_node, reply->take<Putfh>(), co_return);
    NFSFERRY_TRY(NoReply set, reply->take<Setattr>(), co_return);
    NFSFERRY_TRY(Getattr::Reply got, reply->take<Getattr>(), co_return);
    co_return std::move(got.fattr.attributes);
  }

  Nfs4Tree& tree_;
  FileType type_;
  std::string name_;
  NewAttributes wanted_;
  FileHandle handle_;
  unsigned attempts_ = 0;
  Patience patience_;
};

}  // namespace

Task<Status> Nfs4Tree::probe(std::uint32_t foreign_owner, std::uint32_t foreign_group) {
  Probe file(*this, FileType::kRegular);
  Probe link(*this, FileType::kSymlink);
  Probe device(*this, FileType::kCharacterDevice);
  co_return co_await try_target(file, link, device, foreign_owner, foreign_group, capabilities_,
                                true);
}

}  // namespace nfsferry::nfs4

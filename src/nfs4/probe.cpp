// What a server really does with owners and times is found out by trying, in temporaries of the
// target's root: attrset, and an OK to a SETATTR, prove nothing.
#include <algorithm>

#include "base/log.hpp"
#include "nfs4/nfs4_tree.hpp"
#include "nfs4/put_batch.hpp"

namespace nfsferry::nfs4 {
namespace {

constexpr Time kProbeTime{1'000'000'001, 123'456'789};

// One experiment: operations on a node named `name` below the root, then its attributes.
class Probe {
 public:
  Probe(Nfs4Tree& tree, NewAttributes wanted) : tree_(tree), wanted_(std::move(wanted)) {}

  // Makes the node with owner and group. Errors: those of OPEN or CREATE.
  Task<Result<Attributes>> make(FileType type, std::string name, bool with_owner) {
    Compound request("PROBE", Repeat::kOnce);
    request.add(Putfh{{}, handle_of(tree_.root().get())});
    if (type == FileType::kRegular) {
      OpenCreate open;
      open.name = name;
      open.open_owner = "nfsferry";
      open.attributes = wanted_;
      open.choice.owner = with_owner;
      request.add(open);
    } else {
      Create create;
      create.name = name;
      create.type = type;
      create.link_text = "probe";
      create.device_major = 1;
      create.device_minor = 3;
      create.attributes = wanted_;
      create.choice.owner = with_owner;
      request.add(create);
    }
    request.add(Getfh{});
    request.add(Getattr{tree_.entry_mask()});
    if (type == FileType::kRegular) request.add(Close{{}, Stateid::current()});
    auto reply = co_await tree_.session().call(request);
    if (!reply) co_return std::move(reply).error();
    NFSFERRY_TRY(NoReply at_root, reply->take<Putfh>(), co_return);
    if (type == FileType::kRegular) {
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
    Compound request("PROBE", Repeat::kIdempotent);
    request.add(Putfh{{}, handle_});
    request.add(Setattr{{}, Stateid::anonymous(), wanted_, choice, {}});
    request.add(Getattr{tree_.entry_mask()});
    auto reply = co_await tree_.session().call(request);
    if (!reply) co_return std::move(reply).error();
    NFSFERRY_TRY(NoReply at_node, reply->take<Putfh>(), co_return);
    NFSFERRY_TRY(NoReply set, reply->take<Setattr>(), co_return);
    NFSFERRY_TRY(Getattr::Reply got, reply->take<Getattr>(), co_return);
    co_return std::move(got.fattr.attributes);
  }

  bool owned(const Result<Attributes>& got) const {
    return got && got->owner.is_numeric() && got->group.is_numeric() &&
           got->owner.id == wanted_.owner && got->group.id == wanted_.group;
  }

 private:
  Nfs4Tree& tree_;
  NewAttributes wanted_;
  FileHandle handle_;
};

// Nanoseconds below which the server forgets, judged by one odd time.
std::uint32_t granularity(const Result<Attributes>& got) {
  if (!got || got->mtime == kProbeTime) return 1;
  for (std::uint32_t step : {100u, 1'000u, 1'000'000u, 10'000'000u, 1'000'000'000u}) {
    std::uint32_t kept = kProbeTime.nanoseconds / step * step;
    if (got->mtime.seconds == kProbeTime.seconds && got->mtime.nanoseconds == kept) return step;
  }
  return 1;
}

}  // namespace

Task<Status> Nfs4Tree::probe(std::uint32_t foreign_owner, std::uint32_t foreign_group) {
  NewAttributes wanted;
  wanted.owner = foreign_owner;
  wanted.group = foreign_group;
  wanted.mtime = kProbeTime;
  wanted.atime = kProbeTime;

  std::string file_name = temporary_name(options_.run_id);
  Probe file(*this, wanted);
  unsigned waits = 0;
  auto since = Clock::now();
  auto made = co_await file.make(FileType::kRegular, file_name, true);
  while (!made) {
    bool again = co_await wait_and_retry(session_, made.error(), waits, since);
    if (!again) break;
    made = co_await file.make(FileType::kRegular, file_name, true);
  }
  capabilities_.owner_at_create = file.owned(made);
  if (!made) {  // refused perhaps because of the owner alone
    co_await remove_quietly(session_, root_.get(), file_name);
    file_name = temporary_name(options_.run_id);
    made = co_await file.make(FileType::kRegular, file_name, false);
    if (!made) co_return std::move(made).error();
  }
  auto owned = co_await file.set(kChooseOwner);
  capabilities_.change_owner = file.owned(owned);
  auto dated = co_await file.set(AttrChoice{false, false, true});
  capabilities_.time_granularity_ns = granularity(dated);
  co_await remove_quietly(session_, root_.get(), file_name);

  std::string link_name = temporary_name(options_.run_id);
  Probe link(*this, wanted);
  auto linked = co_await link.make(FileType::kSymlink, link_name, capabilities_.owner_at_create);
  capabilities_.symlinks = linked.has_value();
  if (linked) {
    auto link_dated = co_await link.set(AttrChoice{false, false, true});
    capabilities_.symlink_times = link_dated && link_dated->mtime == kProbeTime;
  }
  co_await remove_quietly(session_, root_.get(), link_name);

  std::string device_name = temporary_name(options_.run_id);
  Probe device(*this, wanted);
  auto device_made =
      co_await device.make(FileType::kCharacterDevice, device_name, capabilities_.owner_at_create);
  capabilities_.devices = device_made.has_value();
  co_await remove_quietly(session_, root_.get(), device_name);
  co_return ok();
}

}  // namespace nfsferry::nfs4

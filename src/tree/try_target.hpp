// The experiments of a target's probe that NFS trees share. A Probe makes a node in the target's
// root, sets what it is told and says what became of it: want(owner, group), make(with_owner),
// owned(made), give_away(), keep(time), remove().
#pragma once

#include <optional>
#include <utility>

#include "loop/sync.hpp"
#include "tree/tree.hpp"

namespace nfsferry {

template <class Probe>
Task<void> try_owners_and_times(Probe& file, Capabilities& can, Status& tried) {
  auto given = co_await file.give_away();
  if (given) {
    can.change_owner = *given;
    auto kept = co_await file.keep(kOddTime);
    can.learn_granularity(kept ? *kept : kOddTime);
    auto past = co_await file.keep(kFarPast);
    auto future = co_await file.keep(kFarFuture);
    if (past) can.learn_least_time(*past);
    if (future) can.learn_most_time(*future);
  } else {
    tried = std::move(given).error();
  }
  co_await file.remove();
}

// `kept`: what became of kOddTime.
template <class Probe>
Task<void> try_symlink(Probe& link, Capabilities& can, std::optional<Time>& kept) {
  auto made = co_await link.make(can.owner_at_create);
  can.symlinks = made.has_value();
  if (made) {
    auto time = co_await link.keep(kOddTime);
    if (time) kept = *time;
  }
  co_await link.remove();
}

template <class Probe>
Task<void> try_device(Probe& device, Capabilities& can) {
  auto made = co_await device.make(can.owner_at_create);
  can.devices = made.has_value();
  co_await device.remove();
}

// Of nodes of these types, which are to belong to these ids, into the record. Nothing of a symlink
// where the server is known to have none. Errors: those that say nothing of owners.
//
// A file is made with ids of others first: those that are wanted may be what a file of the caller's
// has anyway, and Linux's server leaves the owner of a CREATE away in silence where the caller may
// not give files away. Where others are refused, a file that is theirs will fail loudly.
template <class Probe>
Task<Status> try_target(Probe& file, Probe& link, Probe& device, std::uint32_t owner,
                        std::uint32_t group, Capabilities& can, bool may_have_symlinks) {
  file.want(another_id(owner), another_id(group));
  auto made = co_await file.make(true);
  if (!made) {
    file.want(owner, another_id(group));
    made = co_await file.make(true);
  }
  if (!made) {
    file.want(owner, group);
    made = co_await file.make(true);
  }
  can.owner_at_create = file.owned(made);
  if (!made) made = co_await file.make(false);  // refused perhaps because of the owner alone
  if (!made) co_return std::move(made).error();
  for (Probe* probe : {&file, &link, &device}) probe->want(owner, group);
  Status tried = ok();
  std::optional<Time> link_kept;
  TaskGroup side_by_side;  // far away each answer is waited for
  side_by_side.spawn(try_owners_and_times(file, can, tried));
  if (may_have_symlinks) side_by_side.spawn(try_symlink(link, can, link_kept));
  side_by_side.spawn(try_device(device, can));
  co_await side_by_side.join();
  if (may_have_symlinks && can.symlinks)
    can.symlink_times = link_kept && *link_kept == can.kept(kOddTime);
  co_return tried;
}

}  // namespace nfsferry

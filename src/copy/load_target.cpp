// What the target has in a directory, before the source's listing is gone through.
#include <set>
#include <utility>

#include "base/escape.hpp"
#include "base/log.hpp"
#include "base/nfsstat4.hpp"
#include "copy/backup.hpp"
#include "copy/lookups.hpp"
#include "copy/scope.hpp"
#include "copy/start_over.hpp"
#include "copy/worker.hpp"
#include "copy/worker_parts.hpp"

namespace nfsferry::copy {
namespace {

// A temporary of a run that is dead, where all names of living ones begin with `live`.
bool is_left_over(const Entry& temporary, std::string_view live) {
  return temporary.name != kLockName && !temporary.name.starts_with(live);
}

}  // namespace

// `first`: left-overs are removed. All temporaries are, but those that carry the mark of the lock:
// these are this run's, or those of another process that shares its id and may be at work.
Task<Status> Worker::load_target(Merge& merge, TargetTable& table, bool first) {
  const std::string live = temporary_beginning(shared_.target_can.lock_mark);
  std::vector<std::string> temporaries;
  std::set<std::string> untold;
  for (unsigned restarts = 0;;) {
    auto listing = target_.list(merge.node->target);
    if (!listing) {
      merge.node->target_failed = true;
      co_return std::move(listing).error();
    }
    table.clear();
    temporaries.clear();
    untold.clear();
    Status listed = ok();
    for (bool more = true; more && listed && !shared_.stopping();) {
      auto page = co_await (*listing)->next();
      if (!page) {
        listed = std::move(page).error();
        break;
      }
      more = !page->eof;
      merge.whole = merge.whole && page->refused.empty();
      for (const Error& error : page->refused) {
        bool asked = is_usable_name(error.path) && table.holds(table.key_of(error.path));
        if (asked) untold.insert(error.path);
      }
      for (const Entry& entry : page->entries) {
        bool ours = is_ours(entry.name) && !is_directory(entry);
        if (is_backup_folder(*merge.node, entry.name)) continue;
        bool told = entry.name == kLockName || entry.name == kBackupNote;
        if (told && merge.node->parent) leave_to_others(merge.node, entry.name);
        if (!ours)
          table.add(entry);
        else if (is_left_over(entry, live))
          temporaries.push_back(entry.name);
      }
    }
    if (listed) break;
    if (!means_start_over(listed.error()) || ++restarts > kRestartsMost) {
      merge.node->target_failed = true;
      Error error = std::move(listed).error();
      error.detail += error.detail.empty() ? "in the target" : " (in the target)";
      co_return error;
    }
  }
  if (!untold.empty()) co_await ask_again(merge, table, std::move(untold));
  table.seal();
  merge.whole = merge.whole && !table.had_twins();
  // Else they may be another run's.
  bool alone = shared_.target_can.exclusive_lock && !merge.node->others_at_work;
  bool would_go = first && shared_.job == Job::kDryRun && !merge.node->others_at_work;
  if (would_go) shared_.counters.temporaries_removed += temporaries.size();
  if (first && alone && writing() && !temporaries.empty()) {
    co_await remove_temporaries(merge.node, std::move(temporaries));
  }
  co_return ok();
}

// Names that the target listed without saying what has them. Nothing is replaced unseen: it may be
// newer, or to be kept.
Task<void> Worker::ask_again(Merge& merge, TargetTable& table, std::set<std::string> names) {
  std::vector<WantedName> wanted;
  for (const std::string& name : names) wanted.push_back(WantedName{merge.node->target, name});
  auto answers = co_await look_up_all(shared_, target_, std::move(wanted));
  std::size_t next = 0;
  for (const std::string& name : names) {
    const Result<Entry>& found = answers[next++];
    if (found)
      table.add(*found);
    else if (!means_no_entry(found.error()))
      merge.untold.insert_or_assign(name, found.error());
  }
}

// The target of another run, or a backup, inside this one's.
void Worker::leave_to_others(const NodePtr& node, std::string_view sign) {
  if (node->others_at_work.exchange(true) || verifying()) return;
  log(LogLevel::kWarning, "nothing is removed in " + quote_for_terminal(node->path()) +
                              ", nor below: " + std::string(sign) + " is in it, so " +
                              (sign == kLockName ? "another run may be at work there"
                                                 : "it keeps what earlier runs removed"));
}

// What runs that died left behind: this run holds the target's lock.
Task<void> Worker::remove_temporaries(NodePtr node, std::vector<std::string> names) {
  std::vector<RemoveEntry> requests;
  for (const std::string& name : names) requests.push_back({node->target.get(), name, false});
  auto removed = co_await target_.remove(requests);
  node->touched = true;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (removed[i] || means_vanished(removed[i].error()))
      ++shared_.counters.temporaries_removed;
    else
      shared_.entry_failed(Phase::kPrepare, node->path_of(names[i]), removed[i].error(), 1);
  }
}

}  // namespace nfsferry::copy

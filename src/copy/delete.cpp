// What only the target has: noted while directories are listed, removed when all else is done.
#include "base/escape.hpp"
#include "base/log.hpp"
#include "copy/sweep.hpp"
#include "copy/worker_parts.hpp"

namespace nfsferry::copy {

// False: nothing of this directory is deleted, as it is not sure that the source has nothing more.
bool Worker::note_surplus(const Merge& merge, SurplusNames& names) {
  if (shared_.stopping() || merge.node->others_at_work) return false;
  std::string where = merge.node->parent ? quote_for_terminal(merge.node->path()) : "the root";
  if (!merge.whole) {
    log(LogLevel::kWarning, "nothing is deleted in " + where +
                                ": the listings of source and target are not free of errors");
    shared_.counters.deletion_refused += merge.table.untaken();
    return false;
  }
  for (const TargetRow& row : merge.table.rows()) {
    if (!row.taken) names.add(row);
  }
  bool forgotten = merge.empty && !merge.node->parent && !shared_.options.max_delete;
  if (!forgotten || names.empty()) return true;
  shared_.entry_failed(Phase::kDelete, {},
                       own_error(Own::kTooManyDeletions, "delete",
                                 "the source is empty: nothing was deleted; --max-delete N allows "
                                 "N deletions all the same"),
                       1);
  return false;
}

Task<void> Worker::delete_surplus() {
  std::vector<Surplus::InDirectory> all = shared_.surplus.take();
  bool limited = shared_.options.max_delete.has_value();
  Status allowed = ok();
  std::string why_not;
  if (shared_.failures.count() > 0)
    why_not = "entries failed";
  else if (source_.root_entry().attributes.fileid == 0 ||
           target_.root_entry().attributes.fileid == 0)
    why_not = "a server tells no numbers of files";
  if (!all.empty() && !why_not.empty()) {
    leave_surplus(std::move(all), why_not);
    all.clear();
  }
  if (!all.empty() && limited) allowed = co_await refuse_to_delete(all);
  if (!allowed) {
    for (const Surplus::InDirectory& one : all) {
      shared_.counters.deletion_refused += one.names.size();
    }
    shared_.entry_failed(Phase::kDelete, {}, allowed.error(), 1);
  } else {
    Sweep sweep(shared_, source_, target_,
                writing() ? Sweep::Purpose::kDelete : Sweep::Purpose::kForetell);
    if (limited) sweep.allow_at_most(*shared_.options.max_delete);
    for (const Surplus::InDirectory& one : all) {
      if (locks_out(*one.node)) co_await open_up(one.node);
      sweep.add(one);
    }
    co_await sweep.run();
  }
  for (Surplus::InDirectory& one : all) release(std::move(one.node));
}

// What failed may have been moved, and the surplus be its only copy in the target; without fileids
// nothing can be told apart.
void Worker::leave_surplus(std::vector<Surplus::InDirectory> all, const std::string& why) {
  std::size_t names = 0;
  for (const Surplus::InDirectory& one : all) names += one.names.size();
  shared_.counters.deletion_refused += names;
  log(LogLevel::kWarning,
      "nothing is deleted, as " + why +
          "; names that only the target has, and that stay: " + std::to_string(names));
  for (Surplus::InDirectory& one : all) release(std::move(one.node));
}

// Errors: kTooManyDeletions, which --max-delete does not allow, or which cannot be counted.
Task<Status> Worker::refuse_to_delete(const std::vector<Surplus::InDirectory>& all) {
  Sweep count(shared_, source_, target_, Sweep::Purpose::kCount);
  for (const Surplus::InDirectory& one : all) count.add(one);
  co_await count.run();
  if (shared_.stopping()) co_return own_error(Own::kCancelled, "delete");
  std::uint64_t most = *shared_.options.max_delete;
  std::string why;
  if (!count.nothing_failed())
    why = "what would go cannot be counted";
  else if (count.entries() > most)
    why = "to delete: " + std::to_string(count.entries()) + ", more than --max-delete " +
          std::to_string(most);
  if (why.empty()) co_return ok();
  co_return own_error(Own::kTooManyDeletions, "delete", why + ": nothing was deleted");
}

}  // namespace nfsferry::copy

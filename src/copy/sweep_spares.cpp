// What a sweep leaves, and how it says so.
#include <utility>

#include "base/escape.hpp"
#include "base/log.hpp"
#include "base/nfsstat4.hpp"
#include "copy/backup.hpp"
#include "copy/lookups.hpp"
#include "copy/scope.hpp"
#include "copy/sweep_place.hpp"

namespace nfsferry::copy {

// Whether nothing goes of this directory: it is another run's target, a backup folder, or one of
// the copy whose source is another directory by now.
Task<bool> Sweep::is_left_alone(PlacePtr place) {
  if (place->parent) {
    bool of_a_run =
        co_await holds(place, kLockName, "another run may be at work in that directory");
    if (of_a_run || !spares()) co_return of_a_run;
    co_return co_await holds(place, kBackupNote, "that directory keeps what earlier runs removed");
  }
  const DirectoryNode& node = *place->node;
  if (!node.parent || counts()) co_return false;
  const char* why = nullptr;
  if (shared_.surplus.spares(node.target_fileid)) {
    why = "the target has it under another name, too";
  } else {
    bool current = co_await is_current(place->node);
    if (!current) why = "it, or a directory above it, was replaced in the source meanwhile";
  }
  if (why == nullptr) co_return false;
  log(LogLevel::kWarning, "nothing is deleted in " + quote_for_terminal(node.path()) + ": " + why);
  place->stays = true;
  if (reports()) shared_.counters.deletion_refused += place->names->size();
  co_return true;
}

// Whether the source has this directory, and all above it, still under their names.
Task<bool> Sweep::is_current(NodePtr node) {
  std::vector<NodePtr> asked;
  bool current = true;
  for (; node->parent && current; node = node->parent) {
    auto known = current_.find(node.get());
    if (known != current_.end()) {
      current = known->second;
      break;
    }
    auto now = co_await source_.lookup(node->parent->source, node->entry.name);
    current = now && now->attributes.fileid == node->entry.attributes.fileid;
    asked.push_back(node);
  }
  // Of a chain that broke at its end all that hangs below it is known to be elsewhere.
  for (const NodePtr& one : asked) current_[one.get()] = current;
  co_return current;
}

// Whether the directory has an entry of that name, for which it is left alone, or does not say so.
Task<bool> Sweep::holds(PlacePtr place, std::string_view name, std::string_view why) {
  std::string wanted(name);
  auto found = co_await target_.lookup(place->directory, std::move(wanted));
  if (!found && means_no_entry(found.error())) co_return false;
  if (found)
    refuse(*place, *found, why);
  else
    place_failed(*place, found.error());
  co_return true;
}

bool Sweep::asks(const Place& place) const { return place.names != nullptr && !counts(); }

// Takes out what must not go: what the source has by now, or says nothing clear about.
Task<void> Sweep::ask_the_source(PlacePtr place, std::vector<Entry>& entries) {
  auto names = names_in(place->node->source, entries);
  auto answers = co_await look_up_all(shared_, source_, std::move(names));
  std::vector<Entry> going;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!answers[i] && means_no_entry(answers[i].error())) {
      going.push_back(std::move(entries[i]));
      continue;
    }
    meet(*place, entries[i]);
    if (answers[i])
      refuse(*place, entries[i], "the source has it by now");
    else if (!shared_.stopping())
      failed(*place, entries[i], answers[i].error());
  }
  entries = std::move(going);
}

// Whether the entry must not be removed, and with it the directory that holds it.
bool Sweep::stays(Place& place, const Entry& entry) {
  bool directory = is_directory(entry);
  std::string_view why;
  if (directory && entry.attributes.fsid != target_.root_entry().attributes.fsid)
    why = "another file system is mounted there";
  else if (!spares())
    return false;
  else if (directory && shared_.surplus.spares(entry.attributes.fileid))
    why = "this run reads or writes that directory";
  else if (is_protected(entry))
    why = "such a name is never removed";
  else if (!shared_.filter.empty() &&
           shared_.filter.leaves_out(place.path_of(entry.name), directory))
    why = "the filters leave it out";
  if (why.empty()) return false;
  refuse(place, entry, why);
  return true;
}

void Sweep::refuse(Place& place, const Entry& entry, std::string_view why) {
  place.stays = true;
  std::string path = escape_for_terminal(place.path_of(entry.name));
  if (!why_) why_ = own_error(Own::kTypeConflict, "remove", path + " stays: " + std::string(why));
  if (!reports()) return;
  log(LogLevel::kInfo, "not deleted: " + path + ": " + std::string(why));
  ++shared_.counters.deletion_refused;
  tell(place, entry, EntryAction::kSkipped, {});
}

bool Sweep::is_allowed(Place& place, std::uint64_t entries) {
  if (!allowed_) return true;
  if (*allowed_ >= entries) {
    *allowed_ -= entries;
    return true;
  }
  place.stays = true;
  if (over_) return false;
  over_ = true;
  nothing_failed_ = false;
  shared_.entry_failed(Phase::kDelete, {},
                       own_error(Own::kTooManyDeletions, "delete",
                                 "more came than --max-delete allows since it was counted: the "
                                 "rest stays"),
                       1);
  return false;
}

}  // namespace nfsferry::copy

// Directories: listed by several coroutines at once, against a table of what the target has, made
// in batches, written into as soon as they exist.
#include <limits>
#include <utility>

#include "base/escape.hpp"
#include "base/log.hpp"
#include "base/nfsstat4.hpp"
#include "copy/refusals.hpp"
#include "copy/scope.hpp"
#include "copy/start_over.hpp"
#include "copy/worker.hpp"
#include "copy/worker_parts.hpp"

namespace nfsferry::copy {
namespace {

constexpr auto kLookAgain = std::chrono::milliseconds(10);

}  // namespace

Task<std::optional<NodePtr>> Worker::next_directory() {
  for (;;) {
    if (shared_.stopping()) co_return std::nullopt;
    if (auto node = shared_.directories.try_pop()) co_return node;
    if (shared_.directories.finished()) co_return std::nullopt;
    co_await news_->wait();
  }
}

Task<void> Worker::walker() {
  for (;;) {
    auto node = co_await next_directory();
    if (!node) co_return;
    co_await list_directory(*std::move(node));
    shared_.directories.done();
  }
}

Task<void> Worker::list_directory(NodePtr node) {
  Status listed = ok();
  for (std::uint32_t looks = 0;; ++looks) {
    listed = co_await open_and_merge(node);
    bool lost = !listed && means_vanished(listed.error()) && !node->target_failed;
    if (!lost || !node->parent || looks == kRestartsMost) break;
    // Gone, or another directory has its name now.
    auto now = co_await source_.lookup(node->parent->source, node->entry.name);
    if (now && now->attributes.type != FileType::kDirectory) {
      listed = co_await give_way(node, *now, listed.error());
      break;
    }
    bool another = now && is_another(*now, node->entry);
    if (!another) {
      bool gone = co_await is_gone(node->parent, node->entry);
      if (!gone) break;
      ++shared_.counters.vanished;
      tell_directory(*node, EntryAction::kVanished);
      listed = ok();
      break;
    }
    Status fits = co_await fits_in(node->parent, *now);
    if (!fits) {
      listed = std::move(fits);
      break;
    }
    node = co_await replace(std::move(node), *std::move(now));
  }
  node->left_out.close();
  FailedAt at = node->target_failed ? FailedAt::kTarget : FailedAt::kSource;
  if (!listed) failed_directory(Phase::kPrepare, *node, listed.error(), at);
  release(std::move(node));
}

// Errors: a directory that must not be copied.
Task<Status> Worker::fits_in(NodePtr parent, const Entry& entry) {
  bool inside_itself = co_await is_target(parent, entry);
  if (inside_itself) co_return own_error(Own::kSameDirectory, "copy");
  NFSFERRY_TRY(Ok ends, parent->refuse_endless(entry), co_return);
  auto attributes = wanted(entry);
  if (!attributes) co_return std::move(attributes).error();
  co_return ok();
}

// A file has a directory's name now. The directory that was made for it is removed, and the file
// looked at like any that has taken another one's place. Errors: what the target has stays.
Task<Status> Worker::give_way(NodePtr node, Entry now, const Error& error) {
  Error why = own_error(Own::kTypeConflict, "list",
                        "it has become a " + std::string(file_type_name(now.attributes.type)) +
                            " in the source meanwhile; run again, with --force");
  if (!writing() || node->existed) co_return why;
  co_await await_entries(node);
  std::vector<RemoveEntry> own{{node->parent->target.get(), node->entry.name, true}};
  auto removed = co_await target_.remove(own);
  if (!removed.front()) co_return why;
  node->removed = true;
  --shared_.counters.folders_created;
  if (is_skipped(node->parent, now)) co_return ok();
  ++node->parent->pending;
  ++node->parent->in_flight;
  ++shared_.counters.entries_found;
  ++shared_.counters.files_found;
  WorkItem item{node->parent, node->entry};
  co_await source_failed(std::move(item), error, 1);
  co_return ok();
}

// A node of its own: others may still read the old one's. It is listed when the files of the old
// one are done, and finished after the old one's links are made.
Task<NodePtr> Worker::replace(NodePtr old, Entry now) {
  log(LogLevel::kInfo, "replaced in the source while it was listed, listed again: " +
                           escape_for_terminal(old->path()));
  co_await await_entries(old);
  old->replaced = true;
  if (old->outlasts_files) {  // what it held may still be copied over what has the same name now
    ++shared_.counters.changed;
    tell_directory(*old, EntryAction::kChanged);
  }
  NodePtr node = DirectoryNode::child_of(old->parent, std::move(now));
  node->late = old->late;
  node->target = old->target;
  node->target_fileid = old->target_fileid;
  node->target_mode = old->target_mode;
  node->others_at_work = old->others_at_work.load();
  node->existed = old->existed || writing();
  node->made_here = old->made_here;
  node->pending = 2;  // its listing, and the old one
  ++node->parent->pending;
  ++shared_.directories_left;
  old->left_out.close();
  old->replaced_by = node;
  release(std::move(old));
  co_return node;
}

// Until all that was found in it so far, but directories and further names of files, is done.
Task<void> Worker::await_entries(NodePtr node) {
  shared_.work.hurry();
  while (node->in_flight > 0 && !shared_.stopping()) {
    (void)co_await loop_.sleep_for(kLookAgain);
  }
  shared_.work.stop_hurrying();
}

Task<Status> Worker::open_and_merge(NodePtr node) {
  if (!node->source) {
    auto opened = co_await source_.open_directory(node->parent->source, node->entry);
    if (!opened) co_return std::move(opened).error();
    node->source = *std::move(opened);
  }
  co_return co_await merge_directory(node);
}

// One pass for an ordinary directory; one for each range of names where the target's is too large
// for one table.
Task<Status> Worker::merge_directory(NodePtr node) {
  std::uint32_t ranges = 1;
  Surplus::InDirectory surplus{node, {}};
  const bool deletes = shared_.options.delete_surplus && !verifying();
  bool may_delete = deletes;
  for (std::uint32_t range = 0; range < ranges && !shared_.stopping(); ++range) {
    bool handles = verifying() || shared_.options.compare == CompareMode::kChecksum;
    Merge merge{node, TargetTable(shared_.name_seed, handles, range, ranges), {}, {}, {}};
    if (node->existed) {
      NFSFERRY_TRY(Ok loaded, co_await load_target(merge, merge.table, range == 0), co_return);
      ranges = merge.table.ranges();
    }
    for (unsigned restarts = 0;; ++restarts) {
      Status listed = co_await list_source(merge);
      if (listed) break;
      bool again = restarts < kRestartsMost;
      if (again) again = co_await can_start_over(node, listed.error());
      if (!again) co_return listed;
      NFSFERRY_TRY(Ok ready, co_await start_over(merge), co_return);
    }
    if (verifying() && !shared_.stopping()) shared_.counters.target_only += merge.table.untaken();
    if (may_delete)
      may_delete = note_surplus(merge, surplus.names);
    else if (deletes && !node->others_at_work)
      shared_.counters.deletion_refused += merge.table.untaken();
  }
  if (deletes && !may_delete) shared_.counters.deletion_refused += surplus.names.size();
  if (may_delete && !surplus.names.empty()) {
    surplus.names.seal();
    ++node->pending;
    shared_.surplus.add(std::move(surplus));
  }
  co_return ok();
}

// The server has forgotten the place, or calls a directory stale that is still there: nfs-ganesha
// (4.3) that keeps no pages of directories does so where an entry goes while it is listed.
Task<bool> Worker::can_start_over(NodePtr node, const Error& error) {
  if (means_start_over(error)) co_return true;
  if (!means_stale(error) || !node->parent) co_return false;
  auto now = co_await source_.lookup(node->parent->source, node->entry.name);
  bool there = now && now->attributes.fsid == node->entry.attributes.fsid;
  co_return there && !is_another(*now, node->entry);
}

// The source's listing is lost. What was taken so far is finished first; then what the target has
// meanwhile tells which names are done.
Task<Status> Worker::start_over(Merge& merge) {
  log(LogLevel::kInfo,
      "the source's listing of " + quote_for_terminal(merge.node->path()) + " is started over");
  ++shared_.counters.retries;
  merge.whole = false;
  co_await await_entries(merge.node);
  merge.since.emplace(shared_.name_seed, false, 0, 1, std::numeric_limits<std::size_t>::max());
  if (!writing()) co_return ok();
  co_return co_await load_target(merge, *merge.since, false);
}

Task<Status> Worker::list_source(Merge& merge) {
  auto listing = source_.list(merge.node->source);
  if (!listing) co_return std::move(listing).error();
  for (bool more = true; more && !shared_.stopping();) {
    auto page = co_await (*listing)->next();
    if (!page) co_return std::move(page).error();
    more = !page->eof;
    co_await take_page(merge, *std::move(page));
  }
  co_return ok();
}

Task<void> Worker::take_page(Merge& merge, ListingPage page) {
  const NodePtr& node = merge.node;
  merge.whole = merge.whole && page.refused.empty();
  merge.empty = merge.empty && page.entries.empty();
  for (const Error& error : page.refused) {
    bool known = !merge.table.holds(merge.table.key_of(error.path)) ||
                 !merge.refused.insert(error.path).second;
    if (known) continue;
    std::string path = node->path_of(error.path);
    shared_.entry_failed(Phase::kPrepare, std::move(path), error, 1, FailedAt::kSource);
  }
  std::vector<Subdirectory> subdirectories;
  for (Entry& entry : page.entries) {
    Hash128 key = merge.table.key_of(entry.name);
    if (!merge.table.holds(key)) continue;
    TargetRow* row = merge.table.find(key);
    if (merge.was_taken(key, row)) continue;
    if (row) row->taken = true;
    if (is_skipped(node, entry)) {
      node->left_out.add(key);
      continue;
    }
    if (is_backup_folder(*node, entry.name)) {
      failed(Phase::kPrepare, *node, entry,
             own_error(Own::kTypeConflict, "backup",
                       "the target's backup folder has this name; choose another --backup-dir, or "
                       "leave it out by a filter"));
      continue;
    }
    if (auto untold = merge.untold.find(entry.name); untold != merge.untold.end()) {
      failed(Phase::kPrepare, *node, entry, untold->second, 1, FailedAt::kTarget);
      continue;
    }
    note_losses(*node, entry);
    if (!shared_.observer.wants_entries()) entry.losses = {};  // nobody asks again
    if (entry.attributes.type == FileType::kDirectory) {
      Subdirectory found;
      if (row) found.there = merge.table.entry(*row, entry.name);
      if (row) found.row = *row;
      found.entry = std::move(entry);
      subdirectories.push_back(std::move(found));
      continue;
    }
    ++shared_.counters.entries_found;
    if (stands_in_the_way(entry, row)) {
      Entry there = merge.table.entry(*row, entry.name);
      bool cleared = co_await clear_the_way(node, entry, *row, std::move(there));
      if (!cleared) {
        ++shared_.counters.entries_done;
        continue;
      }
      row = nullptr;
    }
    if (Status kept = row ? refuse_kept(entry, *row) : ok(); !kept) {
      failed(Phase::kPrepare, *node, entry, kept.error());
      ++shared_.counters.entries_done;
      continue;
    }
    WorkItem item{node, std::move(entry)};
    if (take_entry(merge, item, row)) co_await hand_over(std::move(item));
  }
  page.entries.clear();
  page.entries.shrink_to_fit();
  if (!subdirectories.empty()) co_await take_subdirectories(node, std::move(subdirectories));
}

// The folder of --backup-dir is neither compared nor deleted.
bool Worker::is_backup_folder(const DirectoryNode& node, std::string_view name) const {
  return shared_.keeps_backup() && !node.parent && name == shared_.options.backup_dir;
}

// By the filters; left-overs of NFS clients and of our own runs; other file systems; devices nobody
// can hold.
bool Worker::is_skipped(const NodePtr& node, Entry& entry) {
  std::vector<Loss> losses = std::exchange(entry.losses, {});  // not of what is left out
  if (shared_.filters_out(*node, entry)) {
    tell(*node, entry, EntryAction::kSkipped);
    return true;
  }
  if (is_leftover(entry, shared_.options)) {
    ++shared_.counters.leftovers_skipped;
    tell(*node, entry, EntryAction::kSkipped);
    return true;
  }
  if (is_beyond(entry, node->entry.attributes.fsid, shared_.options)) {
    ++shared_.counters.mounts_not_entered;
    log(LogLevel::kWarning, "not entered, another file system (--cross-mounts enters it): " +
                                escape_for_terminal(node->path_of(entry.name)));
    tell(*node, entry, EntryAction::kSkipped);
    return true;
  }
  FileType type = entry.attributes.type;
  if (type == FileType::kOther || (is_device(type) && !shared_.target_can.devices)) {
    ++shared_.counters.special_skipped;
    log(LogLevel::kWarning, "skipped, the target holds no " + std::string(file_type_name(type)) +
                                ": " + escape_for_terminal(node->path_of(entry.name)));
    entry.losses.push_back(Loss{LossKind::kDevice, std::string(file_type_name(type))});
    note_losses(*node, entry);
    tell(*node, entry, EntryAction::kSkipped);
    return true;
  }
  entry.losses = std::move(losses);
  return false;
}

// A source that holds the target would be copied into itself for ever: ends the run.
Task<bool> Worker::is_target(NodePtr node, const Entry& entry) {
  if (!writing() || !may_be_target_root(entry.attributes, target_)) co_return false;
  auto opened = co_await source_.open_directory(node->source, entry);
  if (!opened) co_return false;  // listing it will say why
  auto same = co_await is_target_root(source_, *std::move(opened), target_);
  if (!same || !*same) co_return false;
  shared_.abort(own_error(
      Own::kSameDirectory, "copy",
      "the target lies inside the source, at " + escape_for_terminal(node->path_of(entry.name))));
  co_return true;
}

// A target that holds the source would have the source's own files replaced: ends the run.
Task<bool> Worker::is_source(NodePtr node, std::string_view name, DirectoryPtr directory) {
  auto same = co_await is_source_root(target_, std::move(directory), source_);
  if (!same || !*same) co_return false;
  shared_.abort(own_error(
      Own::kSameDirectory, "copy",
      "the source lies inside the target, at " + escape_for_terminal(node->path_of(name))));
  co_return true;
}

// Directories that the target has are opened by what its listing said; the others are made.
Task<void> Worker::take_subdirectories(NodePtr node, std::vector<Subdirectory> found) {
  std::vector<MakeDirectory> requests;
  std::vector<Subdirectory> to_make;
  for (Subdirectory& one : found) {
    bool inside_itself = co_await is_target(node, one.entry);
    if (inside_itself) co_return;
    // What is mounted here may lie in the target.
    const Attributes& own = one.entry.attributes;
    if (own.fsid != node->entry.attributes.fsid) shared_.surplus.spare(own.fileid);
    Status ends = node->refuse_endless(one.entry);
    if (!ends) {
      failed(Phase::kPrepare, *node, one.entry, ends.error());
      continue;
    }
    auto attributes = wanted(one.entry);
    if (!attributes) {
      failed(Phase::kPrepare, *node, one.entry, attributes.error());
      continue;
    }
    one.wanted = *std::move(attributes);
    bool free = !one.there;
    if (one.there && one.row.type != FileType::kDirectory) {
      if (Status kept = refuse_kept(one.entry, one.row); !kept) {
        failed(Phase::kPrepare, *node, one.entry, kept.error());
        continue;
      }
      free = co_await clear_the_way(node, one.entry, one.row, *one.there);
      if (!free) continue;
    }
    if (!free) {
      auto opened = co_await target_.open_directory(node->target, *one.there);
      if (opened) {
        MadeDirectory made{*std::move(opened), *one.there, false};
        co_await go_into(node, std::move(one), std::move(made));
      } else {
        failed(Phase::kTransfer, *node, one.entry, opened.error());
      }
    } else if (verifying()) {
      failed(Phase::kVerify, *node, one.entry, own_error(Own::kMissing, "compare"));
    } else if (!writing()) {
      node->left_out.add(name_key(one.entry.name, shared_.name_seed));
      node->touched = true;
      MadeDirectory imagined{nullptr, {}, true};
      co_await go_into(node, std::move(one), std::move(imagined));
    } else {
      requests.push_back(MakeDirectory{node->target, one.entry.name, one.wanted});
      to_make.push_back(std::move(one));
    }
  }
  if (requests.empty()) co_return;
  node->touched = true;
  if (locks_out(*node)) co_await open_up(node);
  auto made = co_await target_.make_directories(requests);
  for (std::size_t i = 0; i < to_make.size(); ++i) {
    if (made[i]) {
      // The listing did not show it: it is new, or of another spelling in the target.
      if (!made[i]->created || !made[i]->told)
        shared_.surplus.spare(made[i]->entry.attributes.fileid);
      co_await go_into(node, std::move(to_make[i]), *std::move(made[i]));
    } else {
      failed(Phase::kTransfer, *node, to_make[i].entry, made[i].error());
    }
  }
}

// A directory that has taken the place of something else since the listing.
Task<void> Worker::take_new_directory(NodePtr node, Entry entry) {
  if (is_skipped(node, entry)) co_return;
  std::vector<Subdirectory> found(1);
  found[0].entry = std::move(entry);
  found[0].late = true;
  co_await take_subdirectories(std::move(node), std::move(found));
}

Task<void> Worker::go_into(NodePtr node, Subdirectory found, MadeDirectory made) {
  const std::uint64_t fileid = made.entry.attributes.fileid;
  bool suspect = writing() && !made.created && fileid == source_.root_entry().attributes.fileid;
  if (suspect) {
    bool holds_itself = co_await is_source(node, found.entry.name, made.directory);
    if (holds_itself) co_return;
  }
  NodePtr child = DirectoryNode::child_of(node, std::move(found.entry));
  child->late = node->late || found.late;
  child->existed = !made.created;
  child->made_here = node->made_here || made.created;
  child->target = std::move(made.directory);
  child->target_fileid = fileid;
  if (suspect) child->touched = true;  // by the look
  if (!made.created) child->target_mode = made.entry.attributes.mode;
  child->others_at_work = node->others_at_work.load();
  node->outlasts_files = true;
  const Attributes& now = made.entry.attributes;
  child->owned = now.owner == Owner{found.wanted.owner.value_or(0), {}} &&
                 now.group == Owner{found.wanted.group.value_or(0), {}};
  if (found.there) {
    unsigned differences =
        compare(child->entry.attributes, found.wanted, found.row, shared_.target_can);
    child->attributes_right = differences == 0;
    if (verifying() && differences == 0) ++shared_.counters.folders_verified;
    if (verifying() && differences != 0) differs(node, child->entry, *found.there, differences);
  }
  if (made.created)
    ++shared_.counters.folders_created;
  else
    ++shared_.counters.folders_found_there;
  ++node->pending;
  ++shared_.directories_left;
  if (!child->late && shared_.directories.try_push(child)) co_return;
  if (shared_.stopping())
    release(std::move(child));
  else
    co_await list_directory(std::move(child));  // full: go deeper here, memory stays bounded
}

}  // namespace nfsferry::copy

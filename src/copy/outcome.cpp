// What became of an entry: counted, said, and its directory released.
#include "base/nfsstat4.hpp"
#include "base/treatment.hpp"
#include "copy/worker.hpp"

namespace nfsferry::copy {
namespace {

constexpr std::uint32_t kLooksMost = 5;

std::string id_text(const std::optional<std::uint32_t>& id) {
  return id ? std::to_string(*id) : std::string();
}

}  // namespace

bool means_vanished(const Error& error) { return means_no_entry(error) || means_stale(error); }

// A number may be given again at once, a handle with it never. What another file system shows was
// there before, under what was mounted.
bool is_another(const Entry& now, const Entry& before) {
  if (now.attributes.fsid != before.attributes.fsid) return false;
  bool other_handle = !now.handle.empty() && !before.handle.empty() && now.handle != before.handle;
  return now.attributes.fileid != before.attributes.fileid || other_handle;
}

// What the entry's copy shall be.
Result<NewAttributes> Worker::wanted(const Entry& entry) const {
  return shared_.ownership.of(entry.attributes);
}

void Worker::count_owner(const Entry& entry) {
  if (shared_.options.owner_errors != OwnerErrors::kWarn) return;
  auto given = wanted(entry);
  if (given && !(given->owner && given->group)) ++shared_.counters.owners_not_set;
}

// Whether an entry is no longer where it was listed: its name is gone or is another file's, or that
// is so of a directory above it. A server that has forgotten the whole tree proves nothing.
Task<bool> Worker::is_gone(NodePtr node, Entry entry) {
  for (;;) {
    auto now = co_await source_.lookup(node->source, entry.name);
    if (now) co_return is_another(*now, entry);
    if (means_no_entry(now.error())) co_return true;
    if (!means_stale(now.error()) || !node->parent) co_return false;
    entry = node->entry;
    node = node->parent;
  }
}

// The source would not give it. What has the name now is looked at: gone is no failure, and what
// has taken its place is copied instead.
Task<void> Worker::source_failed(WorkItem item, Error error, std::uint32_t attempts) {
  if (treatment(error) != Treatment::kSkipEntry || attempts > kLooksMost) {
    give_up(item, error, attempts, FailedAt::kSource);
    co_return;
  }
  auto now = co_await source_.lookup(item.node->source, item.entry.name);
  bool gone = !now && means_vanished(now.error());
  if (gone) gone = co_await is_gone(item.node, item.entry);
  if (gone) {
    vanished(item);
    co_return;
  }
  bool replaced =
      now && (is_another(*now, item.entry) || now->attributes.type != item.entry.attributes.type);
  if (!replaced || !writing()) {
    give_up(item, error, attempts, FailedAt::kSource);
    co_return;
  }
  ++shared_.counters.retries;
  FileType type = now->attributes.type;
  item.entry = *std::move(now);
  item.node->touched = true;
  if (item.action == Action::kCompare && type != FileType::kDirectory) {
    ++shared_.counters.files_found;
    if (type == FileType::kRegular)
      shared_.counters.bytes_found += item.entry.attributes.size_bytes;
  }
  if (type == FileType::kDirectory) {
    co_await take_new_directory(item.node, item.entry);
    entry_done(item);
  } else if (type == FileType::kRegular) {
    co_await copy_large_file(std::move(item), attempts + 1);
  } else {
    item.action = Action::kCopy;
    co_await carry_alone(std::move(item));
  }
}

// Counted in the report and told to the audit trail.
void Worker::failed(Phase phase, const DirectoryNode& node, const Entry& entry, const Error& error,
                    std::uint32_t attempts, FailedAt at) {
  node.left_out.add(name_key(entry.name, shared_.name_seed));
  shared_.entry_failed(phase, node.path_of(entry.name), error, attempts, at);
  tell(node, entry, EntryAction::kFailed, {}, error.name());
}

void Worker::failed_directory(Phase phase, const DirectoryNode& node, const Error& error,
                              FailedAt at) {
  if (node.parent) return failed(phase, *node.parent, node.entry, error, 1, at);
  shared_.entry_failed(phase, {}, error, 1, at);  // the root
}

void Worker::target_failed(const WorkItem& item, const Error& error, std::uint32_t attempts) {
  give_up(item, error, attempts, FailedAt::kTarget);
}

void Worker::give_up(const WorkItem& item, const Error& error, std::uint32_t attempts,
                     FailedAt at) {
  bool compared = error.is(Own::kVerifyMismatch) || verifying();
  Phase phase = compared ? Phase::kVerify : Phase::kTransfer;
  failed(phase, *item.node, item.entry, error, attempts, at);
  entry_done(item);
}

void Worker::entry_done(const WorkItem& item) {
  ++shared_.counters.entries_done;
  --item.node->in_flight;
  release(item.node);
}

void Worker::vanished(const WorkItem& item) {
  ++shared_.counters.vanished;
  tell(*item.node, item.entry, EntryAction::kVanished);
  entry_done(item);
}

// Counts a file's content as read, or not; the hashes as text where somebody wants them.
HashTexts Worker::note_hash(const DirectoryNode& node, const Entry& entry,
                            const std::optional<FileHash>& hash) {
  bool regular = entry.attributes.type == FileType::kRegular;
  if (regular && !hash) ++shared_.counters.files_unread;
  if (!hash) return {};
  node.write_path_of(entry.name, path_);
  shared_.add_digest(path_, hash->xxh3);
  if (!shared_.observer.wants_entries()) return {};
  HashTexts texts{to_hex(hash->xxh3)};
  if (hash->sha256) texts.sha256 = nfsferry::to_hex(*hash->sha256);
  return texts;
}

void Worker::tell(const DirectoryNode& node, const Entry& entry, EntryAction action, HashTexts hash,
                  std::string_view error) {
  if (!shared_.observer.wants_entries()) return;
  std::string path = node.path_of(entry.name);
  const Attributes& from = entry.attributes;
  EntryRecord record;
  record.path = path;
  record.action = action;
  record.type = file_type_name(from.type);
  record.size_bytes = from.size_bytes;
  record.hash = std::move(hash.xxh3);
  record.sha256 = std::move(hash.sha256);
  record.from = {owner_text(from.owner), owner_text(from.group), from.mode};
  auto given = wanted(entry);
  if (given) {
    record.to = {id_text(given->owner), id_text(given->group), given->mode.value_or(from.mode)};
  }
  record.error = error;
  bool is_there = action == EntryAction::kCopied || action == EntryAction::kMetadata ||
                  action == EntryAction::kLinked || action == EntryAction::kSkipped ||
                  action == EntryAction::kChanged;
  if (is_there && !verifying()) record.losses = entry.losses;
  shared_.observer.on_entry(record);
}

void Worker::tell_directory(const DirectoryNode& node, EntryAction action) {
  if (node.parent) tell(*node.parent, node.entry, action);
}

void Worker::file_in_place(const WorkItem& item, std::uint64_t size_bytes,
                           const std::optional<FileHash>& hash, bool changed) {
  Counters& counters = shared_.counters;
  ++counters.files_done;
  counters.bytes_written += size_bytes;
  if (shared_.verifies()) ++counters.files_verified;
  count_owner(item.entry);
  if (item.entry.attributes.link_count > 1)
    shared_.hard_links.in_place(item.node, item.entry, {}, hash);
  tell(*item.node, item.entry, changed ? EntryAction::kChanged : EntryAction::kCopied,
       note_hash(*item.node, item.entry, hash));
  entry_done(item);
}

}  // namespace nfsferry::copy

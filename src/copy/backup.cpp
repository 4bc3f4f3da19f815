#include "copy/backup.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "base/escape.hpp"
#include "base/nfsstat4.hpp"
#include "base/treatment.hpp"
#include "copy/lookups.hpp"
#include "copy/refusals.hpp"
#include "copy/shared.hpp"

namespace nfsferry::copy {
namespace {

constexpr std::string_view kNoteBegin =
    "Here nfsferry keeps what its runs replaced or deleted in the directory around this one: a\n";
constexpr std::string_view kNoteRest =
    "directory for each run that is named below, with everything at the path that it had.\n"
    "  nfsferry backups TARGET                  lists them, and removes old ones\n"
    "  nfsferry restore TARGET --run-id RUN     puts everything of one run back\n";
constexpr std::string_view kRunLine = "run ";
constexpr unsigned kNoteTriesMost = 8;

Error in_the_way(const Shared& shared, std::string_view what) {
  return own_error(
      Own::kTypeConflict, "backup",
      "in the target, " + quote_for_terminal(shared.options.backup_dir) + " " + std::string(what));
}

// Mode as the root of the target has it, and owner as a copy of the root would.
NewAttributes like_the_root(const Shared& shared, const Target& target) {
  const Attributes& root = target.root_entry().attributes;
  auto given = shared.ownership.of(root);
  NewAttributes like;
  if (given) {
    like.owner = given->owner;
    like.group = given->group;
  }
  like.mode = root.mode;
  return like;
}

// Whether names that differ in case alone are one name there, found out by a temporary.
Task<Result<bool>> ignores_case(Target& target) {
  std::string name = temporary_name(target.capabilities().lock_mark);
  std::string other = name;
  for (char& c : other) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  DirectoryPtr root = target.root();
  auto asked = co_await look_for_marker(target, root, std::move(name), target, root, other);
  if (!asked) co_return std::move(asked).error();
  const Result<Entry>& found = *asked;
  if (!found && !means_no_entry(found.error())) co_return found.error();
  co_return found.has_value();
}

// A target that takes two names for one, as those do that normalize them, lists only the other one.
Task<std::vector<Result<bool>>> are_there(const Shared& shared, Target& target,
                                          const std::vector<Kept>& entries) {
  std::vector<Result<bool>> there(entries.size(), true);
  std::vector<WantedName> names;
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].listed) continue;
    names.push_back(WantedName{entries[i].node->target, entries[i].name});
    asked.push_back(i);
  }
  auto answers = co_await look_up_all(shared, target, std::move(names));
  for (std::size_t j = 0; j < asked.size(); ++j) {
    if (answers[j]) continue;
    const Error& error = answers[j].error();
    there[asked[j]] = means_no_entry(error) ? Result<bool>(false) : Result<bool>(error);
  }
  co_return there;
}

// What is in the backup already is not linked there a second time: it has no place any more.
Task<void> leave_out_kept(const Shared& shared, Target& target, const std::vector<Kept>& entries,
                          std::vector<DirectoryPtr>& places, std::vector<Status>& results) {
  std::vector<WantedName> names;
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!places[i]) continue;
    names.push_back(WantedName{places[i], entries[i].name});
    asked.push_back(i);
  }
  auto answers = co_await look_up_all(shared, target, std::move(names));
  for (std::size_t j = 0; j < asked.size(); ++j) {
    const Result<Entry>& there = answers[j];
    if (!there && means_no_entry(there.error())) continue;
    if (!there) results[asked[j]] = there.error();
    places[asked[j]] = nullptr;
  }
}

// Several threads may make the same one; what is there already stays as it is.
Task<Result<DirectoryPtr>> make(Target& target, DirectoryPtr parent, std::string name,
                                NewAttributes attributes) {
  MakeDirectory request{std::move(parent), std::move(name), attributes};
  auto made = co_await target.make_directories(std::span<const MakeDirectory>(&request, 1));
  if (!made[0]) co_return std::move(made[0]).error();
  if (made[0]->created) {
    SetAttributes finish{made[0]->directory, {}, std::move(attributes)};
    auto set = co_await target.set_attributes(std::span<const SetAttributes>(&finish, 1));
    if (!set[0]) co_return std::move(set[0]).error();
  }
  co_return std::move(made[0]->directory);
}

std::optional<std::set<std::string>> runs_told_by(std::string_view text) {
  if (!text.starts_with(kNoteBegin)) return {};
  std::set<std::string> runs;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.starts_with(kRunLine)) runs.emplace(line.substr(kRunLine.size()));
  }
  return runs;
}

std::string note_of(const std::set<std::string>& runs) {
  std::string text(kNoteBegin);
  text += kNoteRest;
  for (const std::string& run : runs) text.append(kRunLine).append(run).append("\n");
  return text;
}

// The runs that have a backup in this folder. A folder that is no backup's, and holds something,
// is somebody's own, and an error.
Task<Result<std::set<std::string>>> accept_folder(const Shared& shared, FullTree& target,
                                                  DirectoryPtr folder) {
  NFSFERRY_TRY(BackupNote note, co_await read_note(target, folder), co_return);
  if (note.is_there && !note.runs) {
    co_return in_the_way(shared, "holds a " + std::string(kBackupNote) +
                                     " that is none of nfsferry's; choose another --backup-dir");
  }
  NFSFERRY_TRY(std::vector<Entry> entries, co_await list_all(target, folder, false), co_return);
  std::set<std::string> there;
  bool holds_more = false;
  for (const Entry& one : entries) {
    if (note.runs && note.runs->contains(one.name)) there.insert(one.name);
    if (one.name == kBackupNote) note.is_there = true;  // it may just have come
    holds_more = holds_more || !is_temporary_name(one.name);
  }
  if (note.is_there || !holds_more) co_return there;  // else the note was about to be written
  co_return in_the_way(shared, "holds no " + std::string(kBackupNote) +
                                   ", so it is no backup folder; choose another --backup-dir");
}

Task<Result<DirectoryPtr>> make_folder_of_run(const Shared& shared, FullTree& target) {
  NewAttributes like = like_the_root(shared, target);
  const CopyOptions& options = shared.options;
  NFSFERRY_TRY(DirectoryPtr folder, co_await make(target, target.root(), options.backup_dir, like),
               co_return);
  NFSFERRY_TRY(std::set<std::string> runs, co_await accept_folder(shared, target, folder),
               co_return);
  runs.insert(options.run_id);
  std::string text = note_of(runs);
  PutFile note;
  note.parent = folder.get();
  note.name = kBackupNote;
  note.data = std::as_bytes(std::span(text));
  note.attributes = like;
  note.attributes.mode = 0644;
  auto put = co_await target.put_files(std::span<const PutFile>(&note, 1), ReadBack::kNo);
  if (!put[0]) co_return std::move(put[0]).error();
  co_return co_await make(target, folder, options.run_id, like);
}

Task<Result<DirectoryPtr>> backup_of(Shared& shared, FullTree& target, NodePtr node) {
  std::vector<NodePtr> missing;  // deepest first
  DirectoryPtr at;
  for (NodePtr above = node; above && !at; above = above->parent) {
    at = shared.backup.find(above->path());
    if (!at) missing.push_back(above);
  }
  while (!missing.empty()) {
    NodePtr next = std::move(missing.back());
    missing.pop_back();
    if (!next->parent) {
      NFSFERRY_TRY(DirectoryPtr folder, co_await make_folder_of_run(shared, target), co_return);
      at = std::move(folder);
    } else {
      auto attributes = shared.ownership.of(next->entry.attributes);
      if (!attributes) co_return std::move(attributes).error();
      if (attributes->mode) *attributes->mode &= next->target_mode;
      NFSFERRY_TRY(DirectoryPtr made, co_await make(target, at, next->entry.name, *attributes),
                   co_return);
      at = std::move(made);
    }
    shared.backup.add(next->path(), at);
  }
  co_return at;
}

enum class Way : std::uint8_t { kLink, kMove };

Hash128 key_of(const Shared& shared, const Kept& entry) {
  return name_key(entry.node->path_of(entry.name), shared.name_seed);
}

// Not the backup, whose absence looks the same.
Task<bool> is_removed(Target& target, const Kept& entry) {
  auto now = co_await target.lookup(entry.node->target, entry.name);
  co_return !now && means_no_entry(now.error());
}

// Where names are not durable by themselves: what is kept is, before what it was takes new content.
Task<Status> sync_places(Target& target, const std::vector<DirectoryPtr>& places) {
  if (!target.capabilities().names_need_sync) co_return ok();
  std::set<const Directory*> seen;
  std::vector<SetAttributes> requests;
  for (const DirectoryPtr& place : places) {
    if (place && seen.insert(place.get()).second) requests.push_back(SetAttributes{place, {}, {}});
  }
  auto synced = co_await target.set_attributes(requests);
  for (Status& one : synced) {
    if (!one) co_return std::move(one);
  }
  co_return ok();
}

Task<std::vector<Status>> carry_out(Target& target, const std::vector<Kept>& entries,
                                    const std::vector<DirectoryPtr>& places, Way way) {
  if (way == Way::kLink) {
    std::vector<MakeLink> requests;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const Kept& one = entries[i];
      if (places[i]) {
        requests.push_back(MakeLink{one.node->target.get(), one.name, places[i].get(), one.name});
      }
    }
    co_return co_await target.make_links(requests);
  }
  std::vector<MoveEntry> requests;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Kept& one = entries[i];
    if (places[i]) {
      requests.push_back(MoveEntry{one.node->target.get(), one.name, places[i].get(), one.name});
    }
  }
  co_return co_await target.move(requests);
}

// That the move was refused is not what this says: the entry may be in the backup by now.
bool may_have_moved(const Error& error) {
  return error.is(Own::kOutcomeUnknown) || error.is(Own::kCancelled) || means_away(error);
}

Error not_kept(const Shared& shared, const Kept& entry, Error error, bool perhaps) {
  const CopyOptions& options = shared.options;
  if (perhaps) {
    std::string place =
        options.backup_dir + "/" + options.run_id + "/" + entry.node->path_of(entry.name);
    error.add_detail("it may have been moved to " + quote_for_terminal(place) + ": look there");
  } else {
    error.add_detail("it could not be kept in " + quote_for_terminal(options.backup_dir) +
                     " and is left as it is");
  }
  return error;
}

Task<std::vector<Status>> keep(Shared& shared, FullTree& target, std::vector<Kept> entries,
                               Way way) {
  std::vector<Status> results(entries.size(), ok());
  std::vector<DirectoryPtr> places(entries.size());
  std::vector<bool> first(entries.size());
  auto there = co_await are_there(shared, target, entries);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Kept& one = entries[i];
    if (!there[i]) {
      results[i] = std::move(there[i]).error();
      continue;
    }
    BackupDirectories::Claim claim = shared.backup.claim(key_of(shared, one));
    first[i] = claim == BackupDirectories::Claim::kMine;
    if (claim == BackupDirectories::Claim::kPending)
      results[i] = own_error(Own::kTypeConflict, "backup",
                             "it comes twice, and is being kept, or was perhaps");
    else if (!first[i] && way == Way::kMove)
      results[i] = own_error(Own::kTypeConflict, "backup", "the run has replaced it itself");
    if (first[i] && !*there[i]) shared.backup.settle(key_of(shared, one));
    if (!first[i] || !*there[i]) continue;
    auto place = co_await backup_of(shared, target, one.node);
    if (place)
      places[i] = *std::move(place);
    else
      results[i] = std::move(place).error();
  }
  if (way == Way::kLink) co_await leave_out_kept(shared, target, entries, places, results);
  auto done = co_await carry_out(target, entries, places, way);
  Status synced = co_await sync_places(target, places);
  std::size_t next = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (places[i]) results[i] = std::move(done[next++]);
    bool asked_to_move = places[i] && way == Way::kMove;
    bool perhaps = asked_to_move && (results[i] || may_have_moved(results[i].error()));
    if (places[i] && results[i] && !synced) results[i] = synced;
    bool gone = !results[i] && means_no_entry(results[i].error());
    if (gone) gone = co_await is_removed(target, entries[i]);
    if (results[i] && places[i]) ++shared.counters.backed_up;
    if (gone) results[i] = ok();
    if (results[i]) {
      if (first[i]) shared.backup.settle(key_of(shared, entries[i]));
      continue;
    }
    // What may be in the backup has its path there for good: whatever has the name by now, or gets
    // it, must not be moved over it, and is not in the backup either.
    if (first[i] && !perhaps) shared.backup.unclaim(key_of(shared, entries[i]));
    results[i] = not_kept(shared, entries[i], std::move(results[i]).error(), perhaps);
  }
  co_return results;
}

}  // namespace

DirectoryPtr BackupDirectories::find(const std::string& path) const {
  std::lock_guard lock(mutex_);
  auto found = made_.find(path);
  return found == made_.end() ? nullptr : found->second;
}

BackupDirectories::Claim BackupDirectories::claim(const Hash128& path) {
  std::lock_guard lock(mutex_);
  auto [found, inserted] = kept_.try_emplace(path, false);
  if (inserted) return Claim::kMine;
  return found->second ? Claim::kSettled : Claim::kPending;
}

void BackupDirectories::settle(const Hash128& path) {
  std::lock_guard lock(mutex_);
  kept_[path] = true;
}

void BackupDirectories::unclaim(const Hash128& path) {
  std::lock_guard lock(mutex_);
  kept_.erase(path);
}

void BackupDirectories::add(const std::string& path, DirectoryPtr directory) {
  std::lock_guard lock(mutex_);
  made_.emplace(path, std::move(directory));
}

Task<Result<std::vector<Entry>>> list_all(FullTree& tree, DirectoryPtr directory, bool strict) {
  std::vector<Entry> entries;
  auto listing = tree.list(std::move(directory));
  if (!listing) co_return std::move(listing).error();
  for (bool more = true; more;) {
    auto page = co_await (*listing)->next();
    if (!page) co_return std::move(page).error();
    if (strict && !page->refused.empty()) co_return std::move(page->refused.front());
    more = !page->eof;
    std::move(page->entries.begin(), page->entries.end(), std::back_inserter(entries));
  }
  co_return entries;
}

namespace {

Task<Result<BackupNote>> read_note_once(FullTree& tree, DirectoryPtr folder) {
  std::string name(kBackupNote);
  auto entry = co_await tree.lookup(folder, std::move(name));
  if (!entry && means_no_entry(entry.error())) co_return BackupNote{};
  if (!entry) co_return std::move(entry).error();
  BackupNote note;
  note.is_there = true;
  const Attributes& attributes = entry->attributes;
  bool readable = attributes.type == FileType::kRegular &&
                  attributes.size_bytes <= tree.preferences().small_file_bytes;
  if (!readable) co_return note;
  SourceItem item{folder.get(), &*entry};
  auto read = co_await tree.read_files(std::span<const SourceItem>(&item, 1));
  if (!read[0]) co_return std::move(read[0]).error();
  if (!read[0]->complete) co_return own_error(Own::kChangedDuringCopy, "READ", kBackupNote);
  std::span<const std::byte> bytes = read[0]->data.bytes;
  note.runs = runs_told_by({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  co_return note;
}

}  // namespace

// One that others replace or write meanwhile, who add their run, is looked for again.
Task<Result<BackupNote>> read_note(FullTree& tree, DirectoryPtr folder) {
  for (unsigned tries = 1;; ++tries) {
    auto note = co_await read_note_once(tree, folder);
    bool replaced = !note && (means_stale(note.error()) || means_no_entry(note.error()) ||
                              note.error().is(Own::kChangedDuringCopy));
    if (!replaced || tries == kNoteTriesMost) co_return note;
  }
}

Task<Status> check_backup(Shared& shared, FullTree& target) {
  const CopyOptions& options = shared.options;
  if (options.backup_dir.empty()) co_return ok();
  if (!target.capabilities().hard_links) {
    co_return own_error(Own::kUnsupported, "backup",
                        "the target takes no hard links, by which --backup-dir keeps files");
  }
  Result<bool> folds = false;
  if (shared.job != Job::kDryRun) folds = co_await ignores_case(target);
  if (!folds) co_return std::move(folds).error();
  if (*folds) {
    co_return own_error(Own::kUnsupported, "backup",
                        "the target ignores the case of names: --backup-dir could not tell what it "
                        "replaces");
  }
  auto there = co_await target.lookup(target.root(), options.backup_dir);
  if (!there && means_no_entry(there.error())) co_return ok();
  if (!there) co_return std::move(there).error();
  if (there->attributes.type != FileType::kDirectory) {
    co_return in_the_way(shared, "is no directory; choose another --backup-dir");
  }
  auto folder = co_await target.open_directory(target.root(), *there);
  if (!folder) co_return std::move(folder).error();
  NFSFERRY_TRY(std::set<std::string> runs, co_await accept_folder(shared, target, *folder),
               co_return);
  auto mine = co_await target.lookup(*folder, options.run_id);
  if (!mine && means_no_entry(mine.error())) co_return ok();
  if (!mine) co_return std::move(mine).error();
  co_return in_the_way(
      shared, "has a backup of run " + options.run_id + " already; choose another --run-id");
}

Task<std::vector<Status>> keep_links(Shared& shared, FullTree& target, std::vector<Kept> entries) {
  return keep(shared, target, std::move(entries), Way::kLink);
}

Task<std::vector<Status>> keep_moved(Shared& shared, FullTree& target, std::vector<Kept> entries) {
  return keep(shared, target, std::move(entries), Way::kMove);
}

}  // namespace nfsferry::copy

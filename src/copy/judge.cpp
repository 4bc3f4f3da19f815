// What is to be done with an entry, by what the target has under its name.
#include "base/escape.hpp"
#include "copy/sweep.hpp"
#include "copy/worker.hpp"
#include "copy/worker_parts.hpp"

namespace nfsferry::copy {
namespace {

// Differences that only new content settles; a time alone is enough in a regular file.
unsigned needs_content(FileType type) {
  return type == FileType::kRegular ? kSize | kTime | kLinks : kSize | kLinks;
}

}  // namespace

// Another type has the name in the target.
bool Worker::stands_in_the_way(const Entry& entry, const TargetRow* row) const {
  return row && row->type != entry.attributes.type && !is_left_alone(entry, *row);
}

// A directory in place of a file, or a file in place of a directory: one's time says nothing of the
// other's, and all that it keeps out would be missed in silence.
Status Worker::refuse_kept(const Entry& entry, const TargetRow& row) const {
  FileType type = entry.attributes.type;
  bool directory = type == FileType::kDirectory || row.type == FileType::kDirectory;
  if (row.type == type || !directory || !is_left_alone(entry, row)) return ok();
  return own_error(Own::kTypeConflict, "compare",
                   "a " + std::string(file_type_name(row.type)) + " stands where a " +
                       std::string(file_type_name(type)) + " should be, and --overwrite keeps it");
}

// True where the entry is still to be handed over, for which somebody has to wait.
bool Worker::take_entry(Merge& merge, WorkItem& item, const TargetRow* row) {
  const NodePtr& node = merge.node;
  if (verifying() && !row) {
    ++node->pending;
    ++node->in_flight;
    target_failed(item, own_error(Own::kMissing, "compare"), 1);
    return false;
  }
  const Attributes& own = item.entry.attributes;
  bool linked = own.link_count > 1 && own.fileid != 0 && shared_.target_can.hard_links;
  if (verifying() && row && row->fileid == 0) linked = false;  // no telling: each name is compared
  if (linked && !(row && is_left_alone(item.entry, *row))) {
    FileNumber there = row ? merge.table.number_of(*row) : FileNumber{};
    LinkedName name{node, item.entry, there, row != nullptr};
    if (shared_.hard_links.add(std::move(name)) == HardLinks::Place::kLater) {
      ++node->pending;
      node->outlasts_files = true;
      node->left_out.add(merge.table.key_of(item.entry.name));
      return false;
    }
  }
  ++node->pending;
  ++node->in_flight;
  if (!decide(merge, item, row)) return false;
  return node->late || !shared_.work.try_add(this, kind_of(item, small_file_bytes_), item);
}

Task<void> Worker::hand_over(WorkItem item) {
  if (item.node->late) {
    co_await carry_alone(std::move(item));
    co_return;
  }
  WorkKind kind = kind_of(item, small_file_bytes_);
  while (!shared_.work.try_add(this, kind, item)) co_await queue_news_->wait();
}

// Is the entry to be carried? Otherwise it is done.
bool Worker::decide(Merge& merge, WorkItem& item, const TargetRow* row) {
  const Attributes& attributes = item.entry.attributes;
  if (row) {
    auto target = wanted(item.entry);
    if (!target) {
      target_failed(item, target.error(), 1);
      return false;
    }
    item.differences = compare(attributes, *target, *row, shared_.target_can);
    // Files that are apart in the source are one in the target: who changes one changes the other.
    bool grouped = verifying() && attributes.link_count > 1 && row->fileid != 0;
    if (grouped && !shared_.hard_links.claim(merge.table.number_of(*row))) {
      item.differences |= kLinks;
    }
    auto action = choose(merge, item, *row);
    bool used = action || item.differences != 0;
    if (used) item.there = std::make_shared<const Entry>(merge.table.entry(*row, item.entry.name));
    if (!action) {
      nothing_to_do(item, merge.table.number_of(*row));
      return false;
    }
    item.action = *action;
  }
  bool regular = attributes.type == FileType::kRegular;
  if (item.action == Action::kCopy) {
    ++shared_.counters.files_found;
    if (regular) shared_.counters.bytes_found += attributes.size_bytes;
    item.node->touched = true;
  } else if (item.action == Action::kCompare && regular) {
    shared_.counters.bytes_to_compare += attributes.size_bytes;
  }
  bool carried = writing() || item.action == Action::kCompare;
  if (!carried) would_do(item);
  return carried;
}

// What the differences ask for; empty where nothing is to be done.
std::optional<Action> Worker::choose(const Merge& merge, const WorkItem& item,
                                     const TargetRow& row) {
  const Attributes& attributes = item.entry.attributes;
  bool regular = attributes.type == FileType::kRegular;
  bool link = attributes.type == FileType::kSymlink;
  bool readable = (regular || link) && !(item.differences & kSize);
  if (verifying()) return readable ? std::optional(Action::kCompare) : std::nullopt;
  if (is_left_alone(item.entry, row)) return {};
  if (shared_.options.compare == CompareMode::kAll) return Action::kCopy;
  bool grouped = attributes.link_count > 1 && row.fileid != 0;
  if (grouped && !shared_.hard_links.claim(merge.table.number_of(row))) return Action::kCopy;
  // A symlink's text says more than a time that its server may not keep.
  bool undecided = link && (!shared_.target_can.symlink_times || item.differences & kTime);
  bool asked = shared_.options.compare == CompareMode::kChecksum && !(item.differences & kLinks);
  if (readable && (asked || undecided)) return Action::kCompare;
  if (item.differences & needs_content(attributes.type)) return Action::kCopy;
  if (item.differences != 0) return Action::kSetAttributes;
  return {};
}

// By --overwrite, whatever differs.
bool Worker::is_left_alone(const Entry& entry, const TargetRow& row) const {
  if (verifying()) return false;
  switch (shared_.options.overwrite) {
    case OverwriteMode::kAlways: return false;
    case OverwriteMode::kNever: return true;
    case OverwriteMode::kOlder: break;
  }
  return Time{row.mtime_seconds, row.mtime_nanoseconds} > entry.attributes.mtime;
}

void Worker::nothing_to_do(const WorkItem& item, const FileNumber& there) {
  const Attributes& attributes = item.entry.attributes;
  if (verifying() && item.differences != 0) {
    differs(item.node, item.entry, *item.there, item.differences);
    return entry_done(item);
  }
  if (attributes.link_count > 1) shared_.hard_links.in_place(item.node, item.entry, there, {});
  ++(verifying() ? shared_.counters.files_verified : shared_.counters.files_skipped);
  tell(*item.node, item.entry, verifying() ? EntryAction::kVerified : EntryAction::kSkipped,
       note_hash(*item.node, item.entry, std::nullopt));
  entry_done(item);
}

// Another type stands where the entry should be. True if it is gone now: with --force only.
Task<bool> Worker::clear_the_way(NodePtr node, const Entry& entry, const TargetRow& row,
                                 Entry there) {
  if (verifying()) {
    differs(node, entry, there, kType);
    co_return false;
  }
  if (!shared_.options.force) {
    failed(Phase::kTransfer, *node, entry,
           own_error(Own::kTypeConflict, "compare",
                     "a " + std::string(file_type_name(row.type)) + " stands where a " +
                         std::string(file_type_name(entry.attributes.type)) +
                         " should be; --force replaces it"));
    co_return false;
  }
  // What is no directory is replaced by the rename of what takes its name.
  bool directory = row.type == FileType::kDirectory;
  node->touched = true;
  if (!directory && entry.attributes.type != FileType::kDirectory) {
    WorkItem item{node, entry};
    item.there = std::make_shared<const Entry>(std::move(there));
    Status kept = ok();
    if (writing())
      kept = co_await keep_replaced(item);
    else if (shared_.keeps_backup())
      ++shared_.counters.backed_up;
    if (kept) co_return true;
    failed(Phase::kTransfer, *node, entry, kept.error());
    co_return false;
  }
  auto given = wanted(entry);
  if (!given) {
    failed(Phase::kTransfer, *node, entry, given.error());
    co_return false;
  }
  // First whether all of it can go: nothing is taken of a directory that must stay.
  Sweep count(shared_, source_, target_, Sweep::Purpose::kCount);
  count.add(node, there);
  co_await count.run();
  std::optional<Error> why_not = count.why_not_all();
  if (!why_not) {
    auto now = co_await source_.lookup(node->source, entry.name);
    if (!now) why_not = std::move(now).error();
  }
  if (!why_not) {
    Sweep sweep(shared_, source_, target_,
                writing() ? Sweep::Purpose::kClearTheWay : Sweep::Purpose::kForetell);
    sweep.add(node, std::move(there));
    co_await sweep.run();
    why_not = sweep.why_not_all();
  }
  if (!why_not) co_return true;
  failed(Phase::kTransfer, *node, entry, *why_not);
  co_return false;
}

}  // namespace nfsferry::copy

// Content of both sides, read and compared: for --compare checksum, where what differs is copied,
// and for verification, where it is a failure.
#include "copy/ranges.hpp"
#include "copy/worker_parts.hpp"

namespace nfsferry::copy {

Task<void> Worker::compare_small_files(std::vector<WorkItem> items) {
  bool go_on = co_await await_content(items);
  if (!go_on) co_return;
  std::vector<SourceItem> ours = in_source(items);
  std::vector<SourceItem> theirs = in_target(items);
  auto from = co_await source_.read_files(ours);
  auto to = co_await target_.read_files(theirs);
  std::vector<WorkItem> to_copy;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!from[i]) {
      co_await source_failed(std::move(items[i]), from[i].error(), 1);
      continue;
    }
    if (!to[i]) {
      target_failed(items[i], to[i].error(), 1);
      continue;
    }
    std::span<const std::byte> bytes = from[i]->data.bytes;
    if (!from[i]->complete || !to[i]->complete) {
      co_await compare_large_file(std::move(items[i]));
      continue;
    }
    bool same =
        std::equal(bytes.begin(), bytes.end(), to[i]->data.bytes.begin(), to[i]->data.bytes.end());
    if (same) {
      auto hash = hash_content(bytes, shared_.hashing());
      co_await same_content(std::move(items[i]), hash);
    } else {
      to_copy.push_back(std::move(items[i]));
    }
  }
  co_await other_content(std::move(to_copy));
}

Task<void> Worker::compare_large_file(WorkItem item) {
  Transfer transfer(item, item.entry.attributes, range_size_, shared_.hashing());
  Status compared = co_await compare_once(transfer);
  if (compared) {
    auto hash = transfer.file->ranges.hash();
    co_await same_content(std::move(item), hash);
    co_return;
  }
  Error error = std::move(compared).error();
  bool differs = error.is(Own::kDiffers) || error.is(Own::kChangedDuringCopy);
  if (differs) {
    std::vector<WorkItem> one;
    one.push_back(std::move(item));
    co_await other_content(std::move(one));
  } else if (transfer.target_at_fault) {
    target_failed(item, error, 1);
  } else {
    co_await source_failed(std::move(item), std::move(error), 1);
  }
}

Task<Status> Worker::compare_once(Transfer& transfer) {
  Ends& ends = transfer.ends;
  Status opened = co_await open_there(transfer.item(), ends);
  if (!opened) {
    transfer.target_at_fault = true;
    co_return opened;
  }
  Status compared = co_await open_source(transfer.item(), ends);
  if (compared) {
    compared = co_await pump(transfer);
    compared = co_await close_source(transfer, std::move(compared));
    bool changed = transfer.file->ranges.hashed_bytes() != transfer.expected.size_bytes ||
                   !is_unchanged(transfer.expected, transfer.after);
    if (compared && changed) compared = own_error(Own::kChangedDuringCopy, "READ");
  }
  Status closed = co_await ends.there->close();
  if (compared && !closed) co_return closed;
  co_return compared;
}

Task<Status> Worker::open_there(const WorkItem& item, Ends& ends) {
  SourceItem asked{item.node->target.get(), item.there.get()};
  auto there = co_await target_.open_file(asked);
  if (!there) co_return std::move(there).error();
  ends.there = *std::move(there);
  co_return ok();
}

Task<void> Worker::compare_symlinks(std::vector<WorkItem> items) {
  std::vector<SourceItem> ours = in_source(items);
  std::vector<SourceItem> theirs = in_target(items);
  auto from = co_await source_.read_links(ours);
  auto to = co_await target_.read_links(theirs);
  std::vector<WorkItem> to_copy;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!from[i])
      co_await source_failed(std::move(items[i]), from[i].error(), 1);
    else if (!to[i])
      target_failed(items[i], to[i].error(), 1);
    else if (*from[i] == *to[i])
      co_await same_content(std::move(items[i]), std::nullopt);
    else
      to_copy.push_back(std::move(items[i]));
  }
  co_await other_content(std::move(to_copy));
}

// What is left to do where the content is the same: attributes, or nothing.
Task<void> Worker::same_content(WorkItem item, std::optional<FileHash> hash) {
  const Entry& entry = item.entry;
  bool regular = entry.attributes.type == FileType::kRegular;
  if (regular) shared_.counters.bytes_compared += entry.attributes.size_bytes;
  if (entry.attributes.link_count > 1) {
    shared_.hard_links.in_place(item.node, entry, item.there->attributes.number(), hash);
  }
  if (item.differences != 0 && verifying()) {
    (void)note_hash(*item.node, entry, hash);
    differs(item.node, entry, *item.there, item.differences);
  } else if (item.differences != 0 && !writing()) {
    would_set_attributes(item, hash);
    co_return;
  } else if (item.differences != 0) {
    std::vector<WorkItem> one;
    one.push_back(std::move(item));
    co_await set_entry_attributes(std::move(one), hash);
    co_return;
  } else {
    ++(verifying() ? shared_.counters.files_verified : shared_.counters.files_skipped);
    tell(*item.node, entry, verifying() ? EntryAction::kVerified : EntryAction::kSkipped,
         note_hash(*item.node, entry, hash));
  }
  entry_done(item);
}

Task<void> Worker::other_content(std::vector<WorkItem> items) {
  if (items.empty()) co_return;
  if (verifying()) {
    for (const WorkItem& item : items) {
      differs(item.node, item.entry, *item.there, item.differences | kContent);
      entry_done(item);
    }
    co_return;
  }
  for (const WorkItem& item : items) {
    ++shared_.counters.files_found;
    item.node->touched = true;
    if (item.entry.attributes.type == FileType::kRegular) {
      shared_.counters.bytes_found += item.entry.attributes.size_bytes;
    }
  }
  if (!writing()) {
    for (const WorkItem& item : items) would_copy(item);
    co_return;
  }
  Work work;
  work.kind = WorkKind::kSmallFiles;
  if (items.front().entry.attributes.type == FileType::kSymlink)
    work.kind = WorkKind::kSymlinks;
  else if (items.size() == 1)
    work.kind = WorkKind::kLargeFile;
  work.items = std::move(items);
  co_await carry(std::move(work));
}

// Verification: a failure that says what is wrong.
void Worker::differs(const NodePtr& node, const Entry& entry, const Entry& there,
                     unsigned differences) {
  auto target = wanted(entry);
  std::string what =
      describe(differences, entry.attributes, target ? *target : NewAttributes{}, there.attributes);
  Error error = own_error(Own::kDiffers, "compare", what);
  failed(Phase::kVerify, *node, entry, error);
}

// Owner, mode and times of entries whose content is right; `hash` is that of a single one.
Task<void> Worker::set_entry_attributes(std::vector<WorkItem> items, std::optional<FileHash> hash) {
  std::vector<SetAttributes> requests;
  for (const WorkItem& item : items) {
    auto target = wanted(item.entry);
    NewAttributes repaired = target ? repair(item.differences, *target) : NewAttributes{};
    requests.push_back(SetAttributes{item.node->target, item.entry.name, std::move(repaired)});
  }
  auto results = co_await target_.set_attributes(requests);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const WorkItem& item = items[i];
    if (!results[i]) {
      target_failed(item, results[i].error(), 1);
      continue;
    }
    ++shared_.counters.metadata_repaired;
    if (item.entry.attributes.link_count > 1) {
      shared_.hard_links.in_place(item.node, item.entry, item.there->attributes.number(), hash);
    }
    tell(*item.node, item.entry, EntryAction::kMetadata, note_hash(*item.node, item.entry, hash));
    entry_done(item);
  }
}

}  // namespace nfsferry::copy

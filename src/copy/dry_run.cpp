// A dry run goes the way of a copy. Where that would write, it counts and tells what would be done.
#include "copy/worker_parts.hpp"

namespace nfsferry::copy {

void Worker::would_do(const WorkItem& item) {
  if (item.action == Action::kSetAttributes)
    would_set_attributes(item, std::nullopt);
  else
    would_copy(item);
}

// Content that changes meanwhile, or that cannot be read, is not known before the copy.
void Worker::would_copy(const WorkItem& item) {
  const Entry& entry = item.entry;
  const Attributes& attributes = entry.attributes;
  item.node->left_out.add(name_key(entry.name, shared_.name_seed));
  if (attributes.type == FileType::kRegular)
    shared_.counters.bytes_written += attributes.size_bytes;
  if (attributes.type == FileType::kSymlink) ++shared_.counters.symlinks;
  ++shared_.counters.files_done;
  if (item.there && shared_.keeps_backup()) ++shared_.counters.backed_up;
  count_owner(entry);
  if (attributes.link_count > 1) shared_.hard_links.in_place(item.node, entry, {}, {});
  tell(*item.node, entry, EntryAction::kCopied, note_hash(*item.node, entry, std::nullopt));
  entry_done(item);
}

void Worker::would_set_attributes(const WorkItem& item, const std::optional<FileHash>& hash) {
  ++shared_.counters.metadata_repaired;
  if (item.entry.attributes.link_count > 1) {
    shared_.hard_links.in_place(item.node, item.entry, item.there->attributes.number(), hash);
  }
  tell(*item.node, item.entry, EntryAction::kMetadata, note_hash(*item.node, item.entry, hash));
  entry_done(item);
}

void Worker::foretell_hard_links() {
  for (HardLinks::Group& group : shared_.hard_links.take()) {
    for (LinkedName& name : group.others) {
      if (shared_.stopping()) {
        release(std::move(name.node));
        continue;
      }
      ++name.node->in_flight;
      if (group.has_linked(name)) {
        already_linked(group, std::move(name));
        continue;
      }
      ++shared_.counters.files_found;
      if (name.there && shared_.keeps_backup()) ++shared_.counters.backed_up;
      if (group.in_place) {
        link_made(group, name);
      } else {  // the first name failed: this one takes its part
        would_copy(WorkItem{name.node, std::move(name.entry)});
        group.in_place = true;
        group.target = {};
      }
    }
  }
}

void Worker::would_finish(const DirectoryNode& node) {
  if (is_repaired(node)) ++shared_.counters.metadata_repaired;
  if (!node.existed) count_owner(node.entry);
  tell_directory(node, node.existed ? EntryAction::kMetadata : EntryAction::kCopied);
}

}  // namespace nfsferry::copy

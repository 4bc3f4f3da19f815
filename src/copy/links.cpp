// Symlinks, special files, and further names of files that have several.
#include "copy/worker.hpp"

namespace nfsferry::copy {

Task<void> Worker::copy_symlinks(std::vector<WorkItem> items) {
  std::vector<SourceItem> wanted;
  for (const WorkItem& item : items) {
    wanted.push_back(SourceItem{item.node->source.get(), &item.entry});
  }
  auto texts = co_await source_.read_links(wanted);
  std::vector<MakeSymlink> requests;
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!texts[i]) {
      source_failed(items[i], texts[i].error(), 1);
      continue;
    }
    auto attributes = shared_.ownership.of(items[i].entry.attributes);
    if (!attributes) {
      target_failed(items[i], attributes.error(), 1);
      continue;
    }
    requests.push_back(MakeSymlink{items[i].node->target.get(), items[i].entry.name, *texts[i],
                                   *std::move(attributes)});
    asked.push_back(i);
  }
  auto made = co_await target_.make_symlinks(requests);
  for (std::size_t j = 0; j < asked.size(); ++j) {
    const WorkItem& item = items[asked[j]];
    if (!made[j]) {
      target_failed(item, made[j].error(), 1);
      continue;
    }
    ++shared_.counters.symlinks;
    ++shared_.counters.files_done;
    entry_done(item);
  }
}

Task<void> Worker::copy_specials(std::vector<WorkItem> items) {
  std::vector<MakeSpecial> requests;
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Attributes& source = items[i].entry.attributes;
    auto attributes = shared_.ownership.of(source);
    if (!attributes) {
      target_failed(items[i], attributes.error(), 1);
      continue;
    }
    requests.push_back(MakeSpecial{items[i].node->target.get(), items[i].entry.name, source.type,
                                   source.device_major, source.device_minor,
                                   *std::move(attributes)});
    asked.push_back(i);
  }
  auto made = co_await target_.make_specials(requests);
  for (std::size_t j = 0; j < asked.size(); ++j) {
    if (!made[j]) {
      target_failed(items[asked[j]], made[j].error(), 1);
      continue;
    }
    ++shared_.counters.files_done;
    entry_done(items[asked[j]]);
  }
}

Task<void> Worker::make_hard_links() {
  for (HardLinks::Group& group : shared_.hard_links.take()) {
    co_await link_group(std::move(group));
  }
}

// Links the other names to the first. Where the first failed, or the target takes no more links,
// a name is copied as a file of its own and the rest is linked to that one.
Task<void> Worker::link_group(HardLinks::Group group) {
  std::vector<LinkedName> names = std::move(group.others);
  while (!names.empty() && !shared_.stopping()) {
    if (!group.copied) {
      LinkedName name = std::move(names.front());
      names.erase(names.begin());
      std::uint64_t failures = shared_.failures.count();
      group.node = name.node;
      group.name = name.entry.name;
      WorkItem item{name.node, std::move(name.entry)};
      co_await copy_large_file(std::move(item), 1);
      group.copied = shared_.failures.count() == failures;
      continue;
    }
    std::vector<MakeLink> requests;
    for (const LinkedName& name : names) {
      requests.push_back(
          MakeLink{group.node->target.get(), group.name, name.node->target.get(), name.entry.name});
    }
    auto made = co_await target_.make_links(requests);
    std::vector<LinkedName> left;
    for (std::size_t i = 0; i < names.size(); ++i) {
      WorkItem item{names[i].node, std::move(names[i].entry)};
      if (made[i]) {
        ++shared_.counters.hard_links;
        ++shared_.counters.files_done;
        entry_done(item);
      } else if (made[i].error().name() == "NFS4ERR_MLINK" || made[i].error().is_errno(EMLINK)) {
        left.push_back(LinkedName{item.node, std::move(item.entry)});
      } else {
        target_failed(item, made[i].error(), 1);
      }
    }
    names = std::move(left);
    group.copied = false;
  }
  for (LinkedName& name : names) release(std::move(name.node));
}

}  // namespace nfsferry::copy

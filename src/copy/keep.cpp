// What is about to be replaced is kept, where a backup is asked for.
#include "copy/backup.hpp"
#include "copy/worker.hpp"

namespace nfsferry::copy {
namespace {

bool holds_older(const DirectoryNode& node) { return node.existed && !node.made_here; }

bool may_replace(const LinkedName& name) { return !name.kept && holds_older(*name.node); }

}  // namespace

// A result for each item; what could not be kept must not be replaced.
Task<std::vector<Status>> Worker::keep_replaced(std::vector<WorkItem>& items) {
  std::vector<Status> results(items.size(), ok());
  std::vector<Kept> entries;
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < items.size() && shared_.keeps_backup(); ++i) {
    const WorkItem& item = items[i];
    if (item.kept || !holds_older(*item.node)) continue;
    entries.push_back(Kept{item.node, item.entry.name, item.there != nullptr});
    asked.push_back(i);
  }
  if (entries.empty()) co_return results;
  auto kept = co_await keep_links(shared_, target_, std::move(entries));
  for (std::size_t j = 0; j < asked.size(); ++j) {
    items[asked[j]].kept = kept[j].has_value();
    results[asked[j]] = std::move(kept[j]);
  }
  co_return results;
}

Task<Status> Worker::keep_replaced(WorkItem& item) {
  if (!shared_.keeps_backup()) co_return ok();
  std::vector<WorkItem> one(1, item);
  auto kept = co_await keep_replaced(one);
  item.kept = one.front().kept;
  co_return std::move(kept.front());
}

// Names that become links of other files, or files of their own. Those that could not be kept fail,
// and leave their group.
Task<void> Worker::keep_linked(std::span<HardLinks::Group> groups) {
  if (!shared_.keeps_backup()) co_return;
  std::vector<Kept> entries;
  for (const HardLinks::Group& group : groups) {
    for (const LinkedName& name : group.others) {
      if (may_replace(name)) entries.push_back(Kept{name.node, name.entry.name, name.there});
    }
  }
  if (entries.empty()) co_return;
  auto kept = co_await keep_links(shared_, target_, std::move(entries));
  std::size_t next = 0;
  for (HardLinks::Group& group : groups) {
    std::vector<LinkedName> left;
    for (LinkedName& name : group.others) {
      bool asked = may_replace(name);
      const Status* result = asked ? &kept[next++] : nullptr;
      if (!result || *result) {
        name.kept = name.kept || asked;
        left.push_back(std::move(name));
      } else {
        target_failed(WorkItem{name.node, std::move(name.entry)}, result->error(), 1);
      }
    }
    group.others = std::move(left);
  }
}

}  // namespace nfsferry::copy

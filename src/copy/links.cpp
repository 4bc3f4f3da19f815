// Symlinks, special files, and further names of files that have several.
#include <cerrno>

#include "base/escape.hpp"
#include "base/log.hpp"
#include "base/nfsstat4.hpp"
#include "copy/worker_parts.hpp"

namespace nfsferry::copy {
namespace {

constexpr std::size_t kLinksAtOnce = 1024;

bool is_file(const Entry& entry) { return entry.attributes.type == FileType::kRegular; }

// The file has as many names as it can have, or this one lies in another file system.
bool takes_no_link(const Error& error) {
  return error.is_errno(EMLINK) || is_nfs_status(error, Nfsstat4::kMlink) ||
         error.is_errno(EXDEV) || is_nfs_status(error, Nfsstat4::kXdev);
}

}  // namespace

Task<void> Worker::copy_symlinks(std::vector<WorkItem> items) {
  std::vector<SourceItem> to_read = in_source(items);
  auto texts = co_await source_.read_links(to_read);
  std::vector<MakeSymlink> requests;
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!texts[i]) {
      co_await source_failed(std::move(items[i]), texts[i].error(), 1);
      continue;
    }
    auto attributes = wanted(items[i].entry);
    if (!attributes) {
      target_failed(items[i], attributes.error(), 1);
      continue;
    }
    Status kept = co_await keep_replaced(items[i]);
    if (!kept) {
      target_failed(items[i], kept.error(), 1);
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
    made_anew(item);
  }
}

Task<void> Worker::copy_specials(std::vector<WorkItem> items) {
  std::vector<MakeSpecial> requests;
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Attributes& source = items[i].entry.attributes;
    auto attributes = wanted(items[i].entry);
    if (!attributes) {
      target_failed(items[i], attributes.error(), 1);
      continue;
    }
    Status kept = co_await keep_replaced(items[i]);
    if (!kept) {
      target_failed(items[i], kept.error(), 1);
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
    made_anew(items[asked[j]]);
  }
}

void Worker::made_anew(const WorkItem& item) {
  ++shared_.counters.files_done;
  count_owner(item.entry);
  if (item.entry.attributes.link_count > 1)
    shared_.hard_links.in_place(item.node, item.entry, {}, {});
  tell(*item.node, item.entry, EntryAction::kCopied);
  entry_done(item);
}

// Links the other names of all groups to their first. A name that has become a directory is gone
// through on the way, and may hold further groups.
Task<void> Worker::make_hard_links() {
  for (;;) {
    std::vector<HardLinks::Group> groups = shared_.hard_links.take();
    if (groups.empty()) co_return;
    co_await link_all(std::move(groups));
  }
}

// Many groups in one call. What could not be linked at once goes group by group.
Task<void> Worker::link_all(std::vector<HardLinks::Group> groups) {
  for (HardLinks::Group& group : groups) {
    std::vector<LinkedName> to_link;
    // What has the first name in the target may be another file by now.
    group.in_place = group.in_place && !group.node->is_overtaken();
    for (LinkedName& name : group.others) {
      ++name.node->in_flight;
      if (name.node->removed)
        vanished(WorkItem{std::move(name.node), std::move(name.entry)});
      else if (group.has_linked(name))
        already_linked(group, std::move(name));
      else
        to_link.push_back(std::move(name));
    }
    group.others = std::move(to_link);
    shared_.counters.files_found += group.others.size();
  }
  std::vector<HardLinks::Group> slow;
  for (std::size_t begin = 0; begin < groups.size();) {
    std::size_t end = begin;
    std::size_t names = 0;
    while (end < groups.size() && names < kLinksAtOnce) names += groups[end++].others.size();
    std::span<HardLinks::Group> some(groups.data() + begin, end - begin);
    if (!shared_.stopping()) co_await link_groups(some);
    for (HardLinks::Group& group : some) {
      if (!group.others.empty()) slow.push_back(std::move(group));
    }
    begin = end;
  }
  for (HardLinks::Group& group : slow) co_await link_or_copy(std::move(group));
}

// Verification: names of one file in the source are names of one file in the target.
void Worker::check_hard_links() {
  for (HardLinks::Group& group : shared_.hard_links.take()) {
    for (LinkedName& name : group.others) {
      if (shared_.stopping()) {  // not compared
        release(std::move(name.node));
        continue;
      }
      ++name.node->in_flight;
      WorkItem item{name.node, name.entry};
      if (!group.in_place) {
        target_failed(item, own_error(Own::kDiffers, "compare", "the file it is a name of differs"),
                      1);
      } else if (name.target != group.target) {
        target_failed(
            item,
            own_error(Own::kDiffers, "compare",
                      "not linked to " + escape_for_terminal(group.node->path_of(group.name))),
            1);
      } else {
        ++shared_.counters.files_verified;
        tell(*name.node, name.entry, EntryAction::kVerified,
             note_hash(*name.node, name.entry, group.hash));
        entry_done(item);
      }
    }
  }
}

void Worker::already_linked(const HardLinks::Group& group, LinkedName name) {
  ++shared_.counters.files_skipped;
  tell(*name.node, name.entry, EntryAction::kSkipped,
       note_hash(*name.node, name.entry, group.hash));
  WorkItem item{std::move(name.node), std::move(name.entry)};
  entry_done(item);
}

void Worker::link_made(const HardLinks::Group& group, const LinkedName& name) {
  ++shared_.counters.hard_links;
  ++shared_.counters.files_done;
  name.node->touched = true;
  tell(*name.node, name.entry, EntryAction::kLinked, note_hash(*name.node, name.entry, group.hash));
  WorkItem item{name.node, name.entry};
  entry_done(item);
}

// One call for the names of groups whose first name is in place. What is left in a group is what
// the target takes no more links for (or none at all, of a symlink), or a group whose first name
// failed.
Task<void> Worker::link_groups(std::span<HardLinks::Group> groups) {
  co_await keep_linked(groups);
  std::vector<MakeLink> requests;
  for (const HardLinks::Group& group : groups) {
    if (!group.in_place) continue;
    for (const LinkedName& name : group.others) {
      if (locks_out(*name.node)) co_await open_up(name.node);
      requests.push_back(
          MakeLink{group.node->target.get(), group.name, name.node->target.get(), name.entry.name});
    }
  }
  auto made = co_await target_.make_links(requests);
  std::size_t next = 0;
  for (HardLinks::Group& group : groups) {
    if (!group.in_place) continue;
    std::vector<LinkedName> left;
    for (LinkedName& name : group.others) {
      const Status& status = made[next++];
      if (status) {
        link_made(group, name);
      } else if (takes_no_link(status.error()) || !is_file(name.entry)) {
        left.push_back(std::move(name));
      } else {
        WorkItem item{name.node, std::move(name.entry)};
        target_failed(item, status.error(), 1);
      }
    }
    if (!left.empty()) {
      log(LogLevel::kWarning, "the target takes no more links to " +
                                  escape_for_terminal(group.node->path_of(group.name)) + "; " +
                                  std::to_string(left.size()) +
                                  " further names become another copy of it");
    }
    group.others = std::move(left);
    group.in_place = false;  // what is left needs another first name
  }
}

// Where the first name failed, or the target takes no more links, a name is copied as a file of
// its own and the rest is linked to that one.
Task<void> Worker::link_or_copy(HardLinks::Group group) {
  while (!group.others.empty() && !shared_.stopping()) {
    LinkedName name = std::move(group.others.front());
    group.others.erase(group.others.begin());
    group.node = name.node;
    group.name = name.entry.name;
    name.node->touched = true;
    shared_.hard_links.add(LinkedName{name.node, name.entry});
    WorkItem item{name.node, name.entry};
    co_await carry_alone(std::move(item));
    HardLinks::Group made = shared_.hard_links.take_group(name.entry);
    group.in_place = made.in_place;
    group.hash = made.hash;
    shared_.counters.files_found += made.others.size();
    for (LinkedName& more : made.others) {  // found on the way
      ++more.node->in_flight;
      group.others.push_back(std::move(more));
    }
    std::span<HardLinks::Group> one(&group, 1);
    if (group.in_place) co_await link_groups(one);
  }
  for (LinkedName& name : group.others) release(std::move(name.node));
}

}  // namespace nfsferry::copy

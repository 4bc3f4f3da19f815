// Symlinks, special files and hard links; attributes of what is there; removal.
#include "nfs3/listing.hpp"
#include "nfs3/nfs3_tree.hpp"
#include "tree/moved.hpp"

namespace nfsferry::nfs3 {
namespace {

Error of_entry(Error error, std::string_view name) {
  if (error.path.empty()) error.path = std::string(name);
  return error;
}

// Calls `once`, which gives a task, until it succeeds or another attempt would not help.
template <typename Once>
Task<Status> several_times(Once once, std::string_view name) {
  for (unsigned attempts = 1;; ++attempts) {
    Status result = co_await once();
    if (result) co_return ok();
    bool again = begins_again(result.error()) && attempts < Nfs3Tree::kAttemptsMost;
    if (!again) co_return of_entry(std::move(result).error(), name);
  }
}

// Of attempts to take a name away: once one may have been carried out, a missing name is a success.
class GoneMeansDone {
 public:
  Task<Status> watch(Task<Status> attempt) {
    Status result = co_await std::move(attempt);
    if (result) co_return ok();
    const Error& error = result.error();
    if (unknown_ && is_status(error, Nfsstat3::kNoent)) co_return ok();
    unknown_ = unknown_ || error.is(Own::kOutcomeUnknown);
    co_return result;
  }

 private:
  bool unknown_ = false;
};

Task<Result<bool>> is_there(Client& client, const Directory* directory, std::string_view name) {
  auto found = co_await nfs3::lookup(client, handle_of(directory), std::string(name));
  if (found) co_return true;
  if (is_status(found.error(), Nfsstat3::kNoent)) co_return false;
  co_return std::move(found).error();
}

// The new name is free before: what has it alone after an attempt of unknown outcome was moved
// there. Where both names are taken nobody can tell: repeated, the request could move what somebody
// has put in the old place meanwhile, and over what was moved.
Task<Status> move_entry(Client& client, const MoveEntry& item) {
  bool unknown = false;
  for (unsigned attempts = 1;; ++attempts) {
    Status renamed = co_await rename(client, handle_of(item.parent), std::string(item.name),
                                     handle_of(item.to_parent), std::string(item.to_name));
    if (renamed) co_return ok();
    bool lost = renamed.error().is(Own::kOutcomeUnknown);
    bool gone = is_status(renamed.error(), Nfsstat3::kNoent);
    unknown = unknown || lost;
    if (lost || (unknown && gone)) {
      auto moved = co_await is_there(client, item.to_parent, item.to_name);
      auto left = co_await is_there(client, item.parent, item.name);
      NFSFERRY_TRY(bool done, was_moved(moved, left), co_return);
      if (done) co_return ok();
    }
    if (!begins_again(renamed.error()) || attempts >= Nfs3Tree::kAttemptsMost) co_return renamed;
  }
}

// Of nodes: times where the tree keeps them, and no mode for a link.
NewAttributes settable(NewAttributes attributes, bool is_link, bool link_times) {
  if (!is_link) return attributes;
  attributes.mode = std::nullopt;
  if (!link_times) attributes.mtime = attributes.atime = std::nullopt;
  return attributes;
}

Status accept_symlink(const MakeSymlink& item) {
  if (item.text.empty() || item.text.find('\0') != std::string_view::npos) {
    return own_error(Own::kBadName, "SYMLINK", "a link's text is not empty and holds no NUL");
  }
  return check_name("SYMLINK", item.name);
}

Status accept_special(const MakeSpecial& item) {
  switch (item.type) {
    case FileType::kRegular:
    case FileType::kDirectory:
    case FileType::kSymlink:
    case FileType::kOther: return own_error(Own::kUnsupported, "MKNOD", "not a special file");
    default: return check_name("MKNOD", item.name);
  }
}

}  // namespace

template <typename Item>
Task<std::vector<Status>> Nfs3Tree::each(std::span<const Item> items, std::string_view operation,
                                         Task<void> (Nfs3Tree::*one)(const Item&, Status&)) {
  std::vector<Status> results(items.size(), own_error(Own::kCancelled, operation));
  TaskGroup group;
  for (std::size_t i = 0; i < items.size(); ++i) group.spawn((this->*one)(items[i], results[i]));
  co_await group.join();
  co_return results;
}

Task<Status> Nfs3Tree::make_symlink_once(const MakeSymlink& item) {
  const FileHandle& directory = handle_of(item.parent);
  std::string temporary = temporary_name(mark());
  std::string text(item.text);
  AttrChoice choice{owner_at_create(), false, false};
  auto made =
      co_await symlink(client_, directory, temporary, std::move(text), item.attributes, choice);
  Status done = made ? ok() : Status(made.error());
  if (made) done = co_await finish_node(item.parent, temporary, item.name, *made, item.attributes);
  if (!done) co_await remove_quietly(client_, directory, std::move(temporary));
  co_return done;
}

Task<Status> Nfs3Tree::make_special_once(const MakeSpecial& item) {
  const FileHandle& directory = handle_of(item.parent);
  std::string temporary = temporary_name(mark());
  Special special{item.type, item.device_major, item.device_minor};
  NewAttributes first = item.attributes;
  first.mode = 0600;
  AttrChoice choice{owner_at_create(), true, false};
  auto made = co_await mknod(client_, directory, temporary, special, first, choice);
  Status done = made ? ok() : Status(made.error());
  if (made) done = co_await finish_node(item.parent, temporary, item.name, *made, item.attributes);
  if (!done) co_await remove_quietly(client_, directory, std::move(temporary));
  co_return done;
}

// The owner again even where the server keeps it at creation: in a set-group-id directory
// nfs-ganesha (4.3) gives a node the directory's group instead of the caller's own.
Task<Status> Nfs3Tree::finish_node(const Directory* parent, std::string temporary,
                                   std::string_view name, Made made, NewAttributes attributes) {
  std::string final_name(name);
  auto node = co_await found_of(client_, handle_of(parent), temporary, std::move(made));
  if (!node) co_return std::move(node).error();
  bool is_link = node->attributes->type == FileType::kSymlink;
  NewAttributes wanted = settable(std::move(attributes), is_link, capabilities_.symlink_times);
  bool owner = wanted.group.has_value() || !owner_at_create();
  NFSFERRY_TRY(Ok dressed, co_await set_in_order(client_, node->handle, wanted, owner), co_return);
  co_return co_await rename_into_place(client_, handle_of(parent), std::move(temporary),
                                       std::move(final_name), node->attributes->fileid);
}

Task<void> Nfs3Tree::make_symlink(const MakeSymlink& item, Status& result) {
  result = accept_symlink(item);
  if (!result) co_return;
  auto once = [this, &item] { return make_symlink_once(item); };
  result = co_await several_times(once, item.name);
}

Task<std::vector<Status>> Nfs3Tree::make_symlinks(std::span<const MakeSymlink> items) {
  return each(items, "SYMLINK", &Nfs3Tree::make_symlink);
}

Task<void> Nfs3Tree::make_special(const MakeSpecial& item, Status& result) {
  result = accept_special(item);
  if (!result) co_return;
  auto once = [this, &item] { return make_special_once(item); };
  result = co_await several_times(once, item.name);
}

Task<std::vector<Status>> Nfs3Tree::make_specials(std::span<const MakeSpecial> items) {
  return each(items, "MKNOD", &Nfs3Tree::make_special);
}

// To a temporary name that is then renamed over what stands there. RENAME onto a link of the same
// file succeeds, does nothing and leaves the temporary.
Task<Status> Nfs3Tree::replace_by_link(const MakeLink& item, const Entry& existing) {
  const FileHandle& directory = handle_of(item.parent);
  std::string temporary = temporary_name(mark());
  Status done = co_await link(client_, existing.handle, directory, temporary);
  std::string name(item.name);
  if (done) {
    done = co_await rename_into_place(client_, directory, temporary, std::move(name),
                                      existing.attributes.fileid);
  }
  co_await remove_quietly(client_, directory, std::move(temporary));
  co_return done;
}

Task<Status> Nfs3Tree::make_link_once(const MakeLink& item) {
  std::string existing_name(item.existing_name);
  auto existing =
      co_await entry_of(client_, handle_of(item.existing_parent), std::move(existing_name));
  if (!existing) co_return std::move(existing).error();
  std::string name(item.name);
  Status made = co_await link(client_, existing->handle, handle_of(item.parent), std::move(name));
  bool taken = !made && is_status(made.error(), Nfsstat3::kExist);
  if (!taken) co_return made;
  co_return co_await replace_by_link(item, *existing);
}

Task<void> Nfs3Tree::make_link(const MakeLink& item, Status& result) {
  result = check_name("LINK", item.name);
  if (!result) co_return;
  auto once = [this, &item] { return make_link_once(item); };
  result = co_await several_times(once, item.name);
}

Task<std::vector<Status>> Nfs3Tree::make_links(std::span<const MakeLink> items) {
  return each(items, "LINK", &Nfs3Tree::make_link);
}

Task<void> Nfs3Tree::set_one(const SetAttributes& item, Status& result) {
  FileHandle handle = handle_of(item.parent.get());
  if (!item.name.empty()) {
    result = check_name("SETATTR", item.name);
    if (!result) co_return;
    auto found = co_await nfs3::lookup(client_, handle, item.name);
    if (!found) {
      result = std::move(found).error();
      co_return;
    }
    handle = std::move(found->handle);
  }
  result = co_await set_in_order(client_, handle, item.attributes, true);
  if (!result) result = of_entry(std::move(result).error(), item.name);
}

Task<std::vector<Status>> Nfs3Tree::set_attributes(std::span<const SetAttributes> items) {
  return each(items, "SETATTR", &Nfs3Tree::set_one);
}

Task<void> Nfs3Tree::remove_one(const RemoveEntry& item, Status& result) {
  result = check_name("REMOVE", item.name);
  if (!result) co_return;
  GoneMeansDone gone;
  auto once = [this, &item, &gone] {
    auto remove = item.is_directory ? &rmdir : &nfs3::remove;
    return gone.watch(remove(client_, handle_of(item.parent), std::string(item.name)));
  };
  result = co_await several_times(once, item.name);
}

Task<void> Nfs3Tree::move_one(const MoveEntry& item, Status& result) {
  result = check_name("RENAME", item.name);
  if (result) result = check_name("RENAME", item.to_name);
  if (!result) co_return;
  result = co_await move_entry(client_, item);
  if (!result) result = of_entry(std::move(result).error(), item.name);
}

Task<std::vector<Status>> Nfs3Tree::move(std::span<const MoveEntry> items) {
  return each(items, "RENAME", &Nfs3Tree::move_one);
}

Task<std::vector<Status>> Nfs3Tree::remove(std::span<const RemoveEntry> items) {
  return each(items, "REMOVE", &Nfs3Tree::remove_one);
}

}  // namespace nfsferry::nfs3

// Attributes of entries that are there, and removal.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "local/local_tree.hpp"

namespace nfsferry {
namespace {

Status set_entry(int directory_fd, const SetAttributes& item) {
  NFSFERRY_TRY(Ok usable, check_name("set_attributes", item.name), return);
  // Pinned: owner, mode and times meet the same entry, whoever renames around us. O_PATH opens
  // files of mode 0000 too.
  NFSFERRY_TRY(UniqueFd entry, pin_at(directory_fd, item.name), return);
  return apply_attributes(entry.get(), item.attributes, item.name);
}

// The directory itself: its names are made durable here, once, when it is finished.
Status set_directory(int fd, const SetAttributes& item) {
  const std::string& name = local(item.parent.get()).name();
  NFSFERRY_TRY(Ok applied, apply_attributes(fd, item.attributes, name), return);
  Status synced = sync_file(fd, name);
  // EBADF: opened by O_PATH, as it may not be read; EINVAL: its file system syncs no directories.
  if (!synced && (synced.error().is_errno(EBADF) || synced.error().is_errno(EINVAL))) return ok();
  return synced;
}

Status remove_entry(const Result<DirectoryFd>& parent, const RemoveEntry& item) {
  NFSFERRY_TRY(Ok usable, check_name("remove", item.name), return);
  if (!parent) return parent.error();
  std::string name(item.name);
  if (::unlinkat((**parent).get(), name.c_str(), item.is_directory ? AT_REMOVEDIR : 0) != 0) {
    return errno_error(errno, "unlinkat", item.name);
  }
  return ok();
}

Status move_entry(const Result<DirectoryFd>& parent, const Result<DirectoryFd>& to_parent,
                  const MoveEntry& item) {
  NFSFERRY_TRY(Ok usable, check_name("move", item.name), return);
  NFSFERRY_TRY(Ok to_usable, check_name("move", item.to_name), return);
  if (!parent) return parent.error();
  if (!to_parent) return to_parent.error();
  std::string from(item.name);
  std::string to(item.to_name);
  int from_fd = (**parent).get();
  int to_fd = (**to_parent).get();
  if (::renameat2(from_fd, from.c_str(), to_fd, to.c_str(), RENAME_NOREPLACE) == 0) return ok();
  bool unknown = errno == EINVAL || errno == ENOSYS;  // to the file system, or to the kernel
  if (unknown && ::renameat(from_fd, from.c_str(), to_fd, to.c_str()) == 0) return ok();
  return errno_error(errno, "renameat2", item.name);
}

}  // namespace

Task<std::vector<Status>> LocalTree::set_attributes(std::span<const SetAttributes> items) {
  auto one = [](BatchDirectories& directories, const SetAttributes& item) -> Status {
    const Result<DirectoryFd>& parent = directories.of(item.parent);
    if (!parent) return parent.error();
    int fd = (**parent).get();
    return item.name.empty() ? set_directory(fd, item) : set_entry(fd, item);
  };
  return batch<Status>("set_attributes", items, one);
}

Task<std::vector<Status>> LocalTree::remove(std::span<const RemoveEntry> items) {
  auto one = [](BatchDirectories& directories, const RemoveEntry& item) {
    return remove_entry(directories.of(item.parent), item);
  };
  return batch<Status>("remove", items, one);
}

Task<std::vector<Status>> LocalTree::move(std::span<const MoveEntry> items) {
  auto one = [](BatchDirectories& directories, const MoveEntry& item) {
    Result<DirectoryFd> parent = directories.of(item.parent);
    return move_entry(parent, directories.of(item.to_parent), item);
  };
  return batch<Status>("move", items, one);
}

}  // namespace nfsferry

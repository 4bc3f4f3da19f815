// Directories, symlinks, hard links and special files. All but directories are made under a
// temporary name and renamed, so that a name shows the old entry or the finished new one.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "local/local_tree.hpp"

namespace nfsferry {
namespace {

// Opens what mkdirat has just made, or what was there before it.
Result<UniqueFd> open_made(int parent_fd, const std::string& name) {
  Result<UniqueFd> fd = open_at(parent_fd, name, O_RDONLY | O_DIRECTORY);
  if (fd) return fd;
  if (fd.error().is_errno(EACCES)) return open_at(parent_fd, name, O_DIRECTORY | O_PATH);
  if (!fd.error().is_errno(ENOTDIR) && !fd.error().is_errno(ELOOP)) return fd;
  NFSFERRY_TRY(Attributes found, attributes_at(parent_fd, name), return);
  Error error =
      own_error(Own::kTypeConflict, "mkdirat",
                "a " + std::string(file_type_name(found.type)) + " of this name is in the way");
  error.path = name;
  return error;
}

Result<MadeDirectory> make_directory(const Result<DirectoryFd>& parent, const MakeDirectory& item) {
  NFSFERRY_TRY(Ok usable, check_name("make_directories", item.name), return);
  if (!parent) return parent.error();
  int parent_fd = (**parent).get();
  MadeDirectory made;
  made.created = ::mkdirat(parent_fd, item.name.c_str(), 0700) == 0;
  if (!made.created && errno != EEXIST) return errno_error(errno, "mkdirat", item.name);
  NFSFERRY_TRY(UniqueFd fd, open_made(parent_fd, item.name), return);
  if (made.created) {
    // The mode too: the umask and a set-group-id parent have had their say.
    NewAttributes owners{0700, item.attributes.owner, item.attributes.group, {}, {}};
    Status applied = apply_attributes(fd.get(), owners, item.name);
    if (!applied) {
      static_cast<void>(::unlinkat(parent_fd, item.name.c_str(), AT_REMOVEDIR));
      return std::move(applied).error();
    }
  }
  NFSFERRY_TRY(Attributes found, attributes_of(fd.get(), item.name), return);
  made.entry = Entry{item.name, found, {}};
  made.directory = LocalDirectory::make_child(local(item.parent), item.name, found, std::move(fd));
  return made;
}

// Gives what was made under a temporary name its attributes and its final name, or removes it.
Status place(int directory_fd, const std::string& temporary, FileType type, std::string_view name,
             NewAttributes attributes) {
  auto finish = [&]() -> Status {
    NFSFERRY_TRY(UniqueFd made, pin_at(directory_fd, temporary), return);
    NFSFERRY_TRY(Attributes found, attributes_of(made.get(), name), return);
    // The directory's owner may have swapped it for a link to something else meanwhile.
    if (found.type != type || found.link_count != 1) return errno_error(ESTALE, "open", name);
    if (!attributes.mode) attributes.mode = 0600;  // whatever the umask is
    NFSFERRY_TRY(Ok applied, apply_attributes(made.get(), attributes, name), return);
    return rename_within(directory_fd, temporary, std::string(name));
  };
  Status status = finish();
  if (!status) {
    if (status.error().path == temporary) status.error().path = std::string(name);
    remove_quietly(directory_fd, temporary);
  }
  return status;
}

Status make_symlink(const Result<DirectoryFd>& parent, const MakeSymlink& item,
                    const std::string& mark) {
  NFSFERRY_TRY(Ok usable, check_name("make_symlinks", item.name), return);
  if (!parent) return parent.error();
  if (item.text.find('\0') != std::string_view::npos) {
    return errno_error(EINVAL, "symlinkat", item.name);
  }
  std::string temporary = temporary_name(mark);
  std::string text(item.text);
  if (::symlinkat(text.c_str(), (**parent).get(), temporary.c_str()) != 0) {
    return errno_error(errno, "symlinkat", item.name);
  }
  return place((**parent).get(), temporary, FileType::kSymlink, item.name, item.attributes);
}

Status make_link(const Result<DirectoryFd>& existing_parent, const Result<DirectoryFd>& parent,
                 const MakeLink& item, const std::string& mark) {
  NFSFERRY_TRY(Ok existing_usable, check_name("make_links", item.existing_name), return);
  NFSFERRY_TRY(Ok usable, check_name("make_links", item.name), return);
  if (!existing_parent) return existing_parent.error();
  if (!parent) return parent.error();
  std::string existing(item.existing_name);
  std::string name(item.name);
  int from_fd = (**existing_parent).get();
  int to_fd = (**parent).get();
  if (::linkat(from_fd, existing.c_str(), to_fd, name.c_str(), 0) == 0) return ok();
  if (errno != EEXIST) return errno_error(errno, "linkat", item.name);
  std::string temporary = temporary_name(mark);
  if (::linkat(from_fd, existing.c_str(), to_fd, temporary.c_str(), 0) != 0) {
    return errno_error(errno, "linkat", item.name);
  }
  Status renamed = rename_within(to_fd, temporary, name);
  // A rename onto another name of the same file does nothing and leaves the temporary.
  remove_quietly(to_fd, temporary);
  return renamed;
}

Result<mode_t> special_type(const MakeSpecial& item) {
  switch (item.type) {
    case FileType::kFifo: return S_IFIFO;
    case FileType::kSocket: return S_IFSOCK;
    case FileType::kBlockDevice: return S_IFBLK;
    case FileType::kCharacterDevice: return S_IFCHR;
    default: return errno_error(EINVAL, "mknodat", item.name);
  }
}

Status make_special(const Result<DirectoryFd>& parent, const MakeSpecial& item,
                    const std::string& mark) {
  NFSFERRY_TRY(Ok usable, check_name("make_specials", item.name), return);
  if (!parent) return parent.error();
  NFSFERRY_TRY(mode_t type, special_type(item), return);
  bool device = type == S_IFBLK || type == S_IFCHR;
  dev_t number = device ? makedev(item.device_major, item.device_minor) : 0;
  std::string temporary = temporary_name(mark);
  if (::mknodat((**parent).get(), temporary.c_str(), type | 0600, number) != 0) {
    return errno_error(errno, "mknodat", item.name);
  }
  return place((**parent).get(), temporary, item.type, item.name, item.attributes);
}

}  // namespace

Task<std::vector<Result<MadeDirectory>>> LocalTree::make_directories(
    std::span<const MakeDirectory> items) {
  auto one = [](BatchDirectories& directories, const MakeDirectory& item) {
    return make_directory(directories.of(item.parent), item);
  };
  return batch<Result<MadeDirectory>>("make_directories", items, one);
}

Task<std::vector<Status>> LocalTree::make_symlinks(std::span<const MakeSymlink> items) {
  auto one = [this](BatchDirectories& directories, const MakeSymlink& item) {
    return make_symlink(directories.of(item.parent), item, mark());
  };
  return batch<Status>("make_symlinks", items, one);
}

Task<std::vector<Status>> LocalTree::make_links(std::span<const MakeLink> items) {
  auto one = [this](BatchDirectories& directories, const MakeLink& item) {
    Result<DirectoryFd> existing = directories.of(item.existing_parent);
    return make_link(existing, directories.of(item.parent), item, mark());
  };
  return batch<Status>("make_links", items, one);
}

Task<std::vector<Status>> LocalTree::make_specials(std::span<const MakeSpecial> items) {
  auto one = [this](BatchDirectories& directories, const MakeSpecial& item) {
    return make_special(directories.of(item.parent), item, mark());
  };
  return batch<Status>("make_specials", items, one);
}

}  // namespace nfsferry

#include "copy/scope.hpp"

namespace nfsferry::copy {

namespace {

// As clients of NFS call what was removed while it was open.
bool is_nfs_leftover(std::string_view name) {
  return name.starts_with(".nfs") && !name.starts_with(kTemporaryPrefix);
}

}  // namespace

bool is_ours(std::string_view name) { return name == kLockName || is_temporary_name(name); }

bool is_leftover(const Entry& entry, const CopyOptions& options) {
  if (entry.attributes.type == FileType::kDirectory) return false;
  return is_ours(entry.name) || (is_nfs_leftover(entry.name) && !options.include_nfs_leftovers);
}

bool is_beyond(const Entry& entry, const FileSystemId& directory, const CopyOptions& options) {
  bool mounted =
      entry.attributes.type == FileType::kDirectory && entry.attributes.fsid != directory;
  return mounted && !options.cross_mounts;
}

bool is_protected(const Entry& entry) {
  return entry.name == "lost+found" || is_nfs_leftover(entry.name);
}

bool is_device(FileType type) {
  return type == FileType::kBlockDevice || type == FileType::kCharacterDevice;
}

}  // namespace nfsferry::copy

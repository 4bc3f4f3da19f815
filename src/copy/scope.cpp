#include "copy/scope.hpp"

namespace nfsferry::copy {

bool is_leftover(const Entry& entry, const CopyOptions& options) {
  if (entry.attributes.type == FileType::kDirectory) return false;
  return entry.name.starts_with(kTemporaryPrefix) ||
         (entry.name.starts_with(".nfs") && !options.include_nfs_leftovers);
}

bool is_beyond(const Entry& entry, const FileSystemId& directory, const CopyOptions& options) {
  bool mounted =
      entry.attributes.type == FileType::kDirectory && entry.attributes.fsid != directory;
  return mounted && !options.cross_mounts;
}

bool is_protected(const Entry& entry) {
  if (entry.name == "lost+found") return true;
  return entry.name.starts_with(".nfs") && !entry.name.starts_with(kTemporaryPrefix);
}

bool is_device(FileType type) {
  return type == FileType::kBlockDevice || type == FileType::kCharacterDevice;
}

}  // namespace nfsferry::copy

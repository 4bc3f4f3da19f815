#pragma once

#include "nfsferry/options.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

// A name of a run's lock or of one of its temporaries.
bool is_ours(std::string_view name);
// Left behind in the source by an NFS client (.nfs*) or by a run of ours: not copied.
bool is_leftover(const Entry& entry, const CopyOptions& options);
// Lies on another file system than its directory, which is not entered.
bool is_beyond(const Entry& entry, const FileSystemId& directory, const CopyOptions& options);
bool is_device(FileType type);
inline bool is_directory(const Entry& entry) {
  return entry.attributes.type == FileType::kDirectory;
}
// In the target, and never removed because the source has no such name: what an NFS client keeps of
// an open file that was removed (.nfs*), and where a file system puts what it found (lost+found).
bool is_protected(const Entry& entry);

}  // namespace nfsferry::copy

#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "local/file_calls.hpp"
#include "tree/tree.hpp"

namespace nfsferry {

class LocalDirectory;

// Which directories of a tree hold an open descriptor: the ones used last, at most kOpenMax (and
// those that a job is working with). A walk that is deep or wide holds no more. Thread-safe.
class OpenDirectories {
 public:
  static constexpr std::size_t kOpenMax = 64;

 private:
  friend class LocalDirectory;
  std::mutex mutex_;
  std::list<const LocalDirectory*> by_use_;  // latest first
};

// A directory by its parent and one name, down from a root that stays open. Its descriptor is
// opened from the parent's when it is needed, and what opens must be the directory that was listed
// (device and inode), so a name that leads elsewhere meanwhile is ESTALE and never entered.
class LocalDirectory final : public Directory {
 public:
  static std::shared_ptr<const LocalDirectory> make_root(UniqueFd fd, const Attributes& found);
  // `fd` may be empty: opened when needed.
  static std::shared_ptr<const LocalDirectory> make_child(
      std::shared_ptr<const LocalDirectory> parent, std::string name, const Attributes& listed,
      UniqueFd fd = {});
  ~LocalDirectory() override;
  LocalDirectory(const LocalDirectory&) = delete;
  LocalDirectory& operator=(const LocalDirectory&) = delete;

  const std::string& name() const { return name_; }
  // Blocks: file threads only. Errors: errno; ESTALE. A directory that may not be read but entered
  // gives an O_PATH descriptor.
  Result<DirectoryFd> descriptor() const;

 private:
  struct Private {};  // only the make functions construct

 public:
  LocalDirectory(Private, std::shared_ptr<OpenDirectories> open,
                 std::shared_ptr<const LocalDirectory> parent, std::string name,
                 const Attributes& listed);

 private:
  DirectoryFd if_open() const;
  // Keeps the descriptor, or drops it for one that another thread has opened meanwhile.
  DirectoryFd keep(UniqueFd fd) const;
  Result<UniqueFd> open_from(int parent_fd) const;

  const std::shared_ptr<OpenDirectories> open_;
  std::shared_ptr<const LocalDirectory> parent_;  // empty: the root
  const std::string name_;
  const FileSystemId fsid_;  // of the directory that was listed
  const std::uint64_t fileid_;
  // Guarded by open_->mutex_; the root's is set once, before it is shared.
  mutable DirectoryFd fd_;
  mutable std::list<const LocalDirectory*>::iterator place_;
};

inline const LocalDirectory& local(const Directory* directory) {
  return *static_cast<const LocalDirectory*>(directory);
}
inline std::shared_ptr<const LocalDirectory> local(const DirectoryPtr& directory) {
  return std::static_pointer_cast<const LocalDirectory>(directory);
}

// The descriptors of a batch's directories. Items mostly share one: it is looked up once.
class BatchDirectories {
 public:
  const Result<DirectoryFd>& of(const Directory* directory) {
    if (directory != last_) {
      last_ = directory;
      fd_ = local(directory).descriptor();
    }
    return fd_;
  }
  const Result<DirectoryFd>& of(const DirectoryPtr& directory) { return of(directory.get()); }

 private:
  const Directory* last_ = nullptr;
  Result<DirectoryFd> fd_ = DirectoryFd();
};

}  // namespace nfsferry

#include "local/local_directory.hpp"

#include <fcntl.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "tree/release_flat.hpp"

namespace nfsferry {

std::shared_ptr<const LocalDirectory> LocalDirectory::make_root(UniqueFd fd,
                                                                const Attributes& found) {
  auto root = std::make_shared<const LocalDirectory>(Private{}, std::make_shared<OpenDirectories>(),
                                                     nullptr, std::string(), found);
  root->fd_ = std::make_shared<const UniqueFd>(std::move(fd));
  return root;
}

std::shared_ptr<const LocalDirectory> LocalDirectory::make_child(
    std::shared_ptr<const LocalDirectory> parent, std::string name, const Attributes& listed,
    UniqueFd fd) {
  auto open = parent->open_;
  auto child = std::make_shared<const LocalDirectory>(Private{}, std::move(open), std::move(parent),
                                                      std::move(name), listed);
  if (fd) child->keep(std::move(fd));
  return child;
}

LocalDirectory::LocalDirectory(Private, std::shared_ptr<OpenDirectories> open,
                               std::shared_ptr<const LocalDirectory> parent, std::string name,
                               const Attributes& listed)
    : open_(std::move(open)),
      parent_(std::move(parent)),
      name_(std::move(name)),
      fsid_(listed.fsid),
      fileid_(listed.fileid) {}

LocalDirectory::~LocalDirectory() {
  if (!parent_) return;
  {
    std::lock_guard guard(open_->mutex_);
    if (fd_) open_->by_use_.erase(place_);
  }
  release_flat(std::move(parent_));
}

DirectoryFd LocalDirectory::if_open() const {
  if (!parent_) return fd_;
  std::lock_guard guard(open_->mutex_);
  if (fd_) open_->by_use_.splice(open_->by_use_.begin(), open_->by_use_, place_);
  return fd_;
}

DirectoryFd LocalDirectory::keep(UniqueFd fd) const {
  auto opened = std::make_shared<const UniqueFd>(std::move(fd));
  DirectoryFd dropped;  // closed after the lock is given back
  std::lock_guard guard(open_->mutex_);
  if (fd_) {
    std::swap(opened, dropped);
    return fd_;
  }
  fd_ = std::move(opened);
  open_->by_use_.push_front(this);
  place_ = open_->by_use_.begin();
  if (open_->by_use_.size() > OpenDirectories::kOpenMax) {
    std::swap(open_->by_use_.back()->fd_, dropped);
    open_->by_use_.pop_back();
  }
  return fd_;
}

Result<UniqueFd> LocalDirectory::open_from(int parent_fd) const {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY;
  Result<UniqueFd> fd = open_at(parent_fd, name_, kFlags);
  if (!fd && fd.error().is_errno(EACCES)) fd = open_at(parent_fd, name_, kFlags | O_PATH);
  if (!fd) return fd;
  NFSFERRY_TRY(Attributes found, attributes_of(fd->get(), name_), return);
  if (found.fsid == fsid_ && found.fileid == fileid_) return fd;
  Error error = errno_error(ESTALE, "open", name_);
  error.detail = "it is not the directory any more that was listed";
  return error;
}

Result<DirectoryFd> LocalDirectory::descriptor() const {
  std::vector<const LocalDirectory*> closed;
  const LocalDirectory* at = this;
  DirectoryFd fd = at->if_open();
  while (!fd) {
    closed.push_back(at);
    at = at->parent_.get();
    fd = at->if_open();
  }
  for (; !closed.empty(); closed.pop_back()) {
    NFSFERRY_TRY(UniqueFd opened, closed.back()->open_from((*fd).get()), return);
    fd = closed.back()->keep(std::move(opened));
  }
  return fd;
}

}  // namespace nfsferry

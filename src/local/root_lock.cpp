#include "local/root_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "tree/lock_holder.hpp"

namespace nfsferry {
namespace {

const std::string kName(kLockName);

Result<LockHolder> read_holder(int fd) {
  std::array<std::byte, kLockTextMost> bytes{};
  NFSFERRY_TRY(std::size_t size, read_up_to(fd, 0, bytes, kName), return);
  return LockHolder::from_text(std::string_view(reinterpret_cast<const char*>(bytes.data()), size));
}

Status write_holder(int fd, const LockHolder& holder) {
  std::string text = holder.text();
  if (::ftruncate(fd, 0) != 0) return errno_error(errno, "ftruncate", kName);
  return write_all(fd, std::as_bytes(std::span(text.data(), text.size())), kName);
}

Result<UniqueFd> open_lock_file(int root_fd) {
  NFSFERRY_TRY(UniqueFd fd, open_at(root_fd, kName, O_RDWR | O_CREAT | O_NONBLOCK, 0600), return);
  NFSFERRY_TRY(Attributes found, attributes_of(fd.get(), kName), return);
  // The target's owner may have put something here that leads to another file: never write to it.
  if (found.type == FileType::kRegular && found.link_count <= 1) return fd;
  Error error = own_error(Own::kTypeConflict, "open",
                          "it is not the lock file that nfsferry makes; remove it");
  error.path = kName;
  return error;
}

// False: somebody else's lock is in the way.
Result<bool> try_flock(int fd, int kind) {
  while (::flock(fd, kind | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) return errno_error(errno, "flock", kName);
  }
  return true;
}

// The holder before us removes the file: what we have locked may have no name any more.
bool has_lost_its_name(int root_fd, int fd) {
  Result<Attributes> named = attributes_at(root_fd, kName);
  Result<Attributes> ours = attributes_of(fd, kName);
  return !named || !ours || !is_same_file(*named, *ours);
}

}  // namespace

Result<RootLock::Attempt> RootLock::attempt(int root_fd, const std::string& run_id) {
  NFSFERRY_TRY(UniqueFd fd, open_lock_file(root_fd), return);
  NFSFERRY_TRY(bool alone, try_flock(fd.get(), LOCK_EX), return);
  if (alone) {
    Status written = write_holder(fd.get(), LockHolder::this_process(run_id));
    if (!written) {  // the target is full, perhaps
      if (!has_lost_its_name(root_fd, fd.get())) remove_quietly(root_fd, kName);
      return std::move(written).error();
    }
  }
  // Going over to sharing is not atomic: another run may come in between, hence the look after it.
  NFSFERRY_TRY(bool shared, try_flock(fd.get(), LOCK_SH), return);
  if (!shared || has_lost_its_name(root_fd, fd.get())) return Attempt::kAgain;
  NFSFERRY_TRY(LockHolder holder, read_holder(fd.get()), return);
  if (holder.run_id != run_id) return holder.locked("flock");
  fd_ = std::move(fd);
  mark_ = std::move(holder.mark);
  return Attempt::kHeld;
}

Status RootLock::take(DirectoryFd root, const std::string& run_id) {
  using std::chrono::milliseconds;
  constexpr milliseconds kPause(10);
  for (milliseconds waited(0); waited < milliseconds(kWaitMs); waited += kPause) {
    NFSFERRY_TRY(Attempt result, attempt((*root).get(), run_id), return);
    if (result == Attempt::kHeld) {
      root_ = std::move(root);
      return ok();
    }
    std::this_thread::sleep_for(kPause);
  }
  Error error = own_error(Own::kLocked, "flock",
                          "another process holds the lock file; wait for its end or stop it");
  error.path = kName;
  return error;
}

void RootLock::release() {
  if (!fd_) return;
  Result<bool> last = try_flock(fd_.get(), LOCK_EX);
  if (last && *last && !has_lost_its_name((*root_).get(), fd_.get())) {
    remove_quietly((*root_).get(), kName);
  }
  fd_.reset();
  root_.reset();
}

}  // namespace nfsferry

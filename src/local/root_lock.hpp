#pragma once

#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "local/file_calls.hpp"

namespace nfsferry {

// Keeps other runs out of a root: a shared flock on `.nfsferry-lock`, whose first line is the run
// id. Who finds it unlocked takes it exclusively, writes the own id and goes over to sharing; who
// finds it shared compares the id. The kernel drops the flock of a dead process, so a file that
// was left behind blocks nobody. Functions block (take: up to kWaitMs): file threads only.
class RootLock {
 public:
  static constexpr int kWaitMs = 3000;

  RootLock() = default;
  // Errors: kLocked with the holder; kTypeConflict when something else has the lock's name; errno.
  Status take(DirectoryFd root, const std::string& run_id);
  // The last holder removes the file.
  void release();
  bool is_held() const { return static_cast<bool>(fd_); }
  const std::string& mark() const { return mark_; }  // while it is held

 private:
  enum class Attempt { kHeld, kAgain };
  Result<Attempt> attempt(int root_fd, const std::string& run_id);

  DirectoryFd root_;
  UniqueFd fd_;
  std::string mark_;
};

}  // namespace nfsferry

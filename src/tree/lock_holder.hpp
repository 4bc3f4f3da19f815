// Who holds a target's root: what stands in `.nfsferry-lock`, the same on every tree that keeps
// such a file.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace nfsferry {

// Bytes of the file that are looked at: a line each for run id, process, host, time of locking and
// mark.
inline constexpr std::size_t kLockTextMost = 512;

struct LockHolder {
  std::string run_id;
  std::string process;
  std::string host;
  std::string since;  // UTC, 2026-01-31T23:59:59Z
  // In the temporary names of all who share this lock, and of nobody who had it before: 16
  // characters that begin as the run id does.
  std::string mark;

  static LockHolder this_process(std::string run_id);
  // Lines that are missing stay empty; what follows them is no concern of ours.
  static LockHolder from_text(std::string_view text);
  std::string text() const;
  // True if it was a process of this host that is no more. The bytes are not trusted: whoever can
  // write the file can remove it as well.
  bool is_gone() const;
  // kLocked, with who it is and what to do. The file's bytes are not trusted.
  Error locked(std::string_view operation) const;
};

}  // namespace nfsferry

// Watching a run. Calls come from the run's own threads, one at a time; they must not block.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nfsferry/loss.hpp"
#include "nfsferry/report.hpp"

namespace nfsferry {

struct Progress {
  std::uint64_t elapsed_ms = 0;
  std::uint64_t files_found = 0;  // so far
  std::uint64_t bytes_found = 0;
  std::uint64_t files_done = 0;
  std::uint64_t bytes_done = 0;
  std::uint64_t failures = 0;
  std::uint64_t answers = 0;   // requests that both sides answered with success, leases left out
  bool walk_finished = false;  // files_found and bytes_found are final
};

// What became of an entry.
enum class EntryAction : std::uint8_t {
  kCopied,
  kMetadata,  // only owner, mode or times were set
  kLinked,    // made a further name of a file that was copied
  kSkipped,   // the same already, or not to be copied
  kDeleted,
  kFailed,
  kChanged,  // copied, but it changed while it was read
  kVanished,
  kVerified,  // read in source and target and found equal
};

// One side's owner and mode; owners that are no numbers come as text.
struct EntryOwnership {
  std::string owner;  // empty: not known
  std::string group;
  std::uint32_t mode = 0;
};

struct EntryRecord {
  std::string_view path;  // bytes, relative to the root, "" for the root itself
  EntryAction action = EntryAction::kCopied;
  std::string_view type;  // "file", "directory", "symlink", "fifo", "socket", ...
  std::uint64_t size_bytes = 0;
  std::string hash;          // of a regular file whose content this run read: 32 hexadecimal digits
  std::string sha256;        // of the same, 64 digits; empty without CopyOptions::content_sha256
  EntryOwnership from;       // as in the source
  EntryOwnership to;         // as the target was given it
  std::string_view error;    // of kFailed: "NFS4ERR_ACCESS"
  std::vector<Loss> losses;  // what of it is not in the target
};

class Observer {
 public:
  virtual ~Observer() = default;
  // What a bench does next, between its runs, in a few words.
  virtual void on_step(std::string_view) {}
  // About ten times a second while the run lasts, and once at its end.
  virtual void on_progress(const Progress&) {}
  // An entry failed; `path` is bytes.
  virtual void on_failure(const Failure&) {}
  // Whether on_entry is to be called; asked once, before the run starts.
  virtual bool wants_entries() const { return false; }
  // An entry is done: once for each, and once more when it is verified at the end.
  virtual void on_entry(const EntryRecord&) {}
};

}  // namespace nfsferry

// What a run did, as plain values. Durations in milliseconds, sizes in bytes, times in
// milliseconds since 1970, UTC. Counters are exact.
#pragma once

#include <csignal>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nfsferry/loss.hpp"
#include "nfsferry/options.hpp"

namespace nfsferry {

// Exit codes of the command line (docs/report.md).
enum class ExitCode : int {
  kDone = 0,
  kEntriesFailed = 1,
  kUsage = 2,
  kSourceUnreachable = 3,
  kTargetUnusable = 4,
  kOnlyChangedFiles = 5,
  kTemporary = 75,
  kInterrupted = 130,
  kTerminated = 143,
};

// The exit code of a run that this signal has stopped; SIGHUP's is SIGTERM's.
constexpr ExitCode stopped_by(int signal) {
  return signal == SIGINT ? ExitCode::kInterrupted : ExitCode::kTerminated;
}

struct Percentiles {
  std::uint64_t count = 0;
  std::uint64_t p50_us = 0;
  std::uint64_t p95_us = 0;
  std::uint64_t p99_us = 0;
};

struct Failure {
  std::string path;  // bytes, relative to the root
  std::string operation;
  std::string error;    // "NFS4ERR_ACCESS"
  std::string message;  // for people
  std::uint32_t attempts = 1;
};

struct SideReport {
  std::string location;
  std::string nfs_version;  // "4.1", empty for a local path
  std::uint32_t max_operations = 0;
  std::uint32_t slots = 0;
  std::uint32_t connections = 0;
  std::uint64_t requests = 0;
  std::map<std::string, Percentiles> latency;  // by request kind
};

// A stretch of a run: when it started and ended within the run, and how.
struct PhaseReport {
  std::uint64_t duration_ms = 0;
  bool success = true;
};

inline constexpr std::size_t kFailuresKept = 1000;

// An entry that lost something. Of several extended attributes the names are joined by blanks.
struct EntryLoss {
  std::string path;  // bytes, relative to the root
  Loss loss;
};

inline constexpr std::size_t kLossesKept = 20;  // of each kind

// What the source has and the target has not, by entries.
struct LossReport {
  std::uint64_t acls = 0;
  std::uint64_t xattrs = 0;
  std::uint64_t devices = 0;
  std::uint64_t holes = 0;        // files
  std::uint64_t holes_bytes = 0;  // that these take beyond what they take in the source
  bool acls_told = false;         // the source tells them; else there may be more than are counted
  bool xattrs_told = false;       // likewise
  std::vector<EntryLoss> examples;  // the first kLossesKept of each kind
  bool examples_truncated = false;
};

struct CopyReport {
  CopyOptions options;  // effective
  ExitCode exit_code = ExitCode::kDone;
  std::string run_id;
  std::string engine;  // "io_uring" or "epoll"
  std::string engine_note;
  std::uint64_t start_ms = 0;
  std::uint64_t end_ms = 0;
  std::uint64_t duration_ms = 0;
  std::uint64_t previous_start_ms = 0;  // of the pass before this one; 0: not known

  std::uint64_t estimated_files = 0;  // what the walk found: files, links, special files
  std::uint64_t estimated_bytes = 0;
  std::uint64_t files_transferred = 0;  // regular files, symlinks, hard links, FIFOs, sockets
  std::uint64_t files_skipped = 0;
  std::uint64_t files_verified = 0;
  std::uint64_t files_deleted = 0;  // all but directories
  std::uint64_t folders_deleted = 0;
  std::uint64_t deletion_refused = 0;     // entries that stay though only the target has them
  std::uint64_t backed_up = 0;            // entries that were kept in the backup, whole directories
                                          // as one
  std::uint64_t folders_transferred = 0;  // created
  std::uint64_t folders_skipped = 0;      // were there already
  std::uint64_t folders_verified = 0;
  std::uint64_t bytes_verified = 0;     // content that was compared by verify()
  std::uint64_t bytes_written = 0;      // logical bytes written to the target
  std::uint64_t bytes_transferred = 0;  // bytes sent
  std::uint64_t failed_prepare = 0;
  std::uint64_t failed_transfer = 0;
  std::uint64_t failed_verify = 0;
  std::uint64_t failed_delete = 0;
  std::uint64_t hard_links = 0;
  std::uint64_t symlinks = 0;
  std::uint64_t special_skipped = 0;
  std::uint64_t sparse_bytes_saved = 0;
  std::uint64_t changed_during_copy = 0;
  std::uint64_t vanished = 0;
  std::uint64_t retries = 0;
  std::uint64_t throttled_ms = 0;
  std::uint64_t peak_rss_bytes = 0;
  std::uint64_t leftovers_skipped = 0;    // .nfs* and our own temporaries in the source
  std::uint64_t mounts_not_entered = 0;   // of other file systems in the source
  std::uint64_t files_filtered = 0;       // left out by the filters: all but directories
  std::uint64_t folders_filtered = 0;     // likewise; what is in them is not known
  std::uint64_t metadata_repaired = 0;    // entries whose owner, mode or times alone were set
  std::uint64_t temporaries_removed = 0;  // of earlier runs that died, in the target
  std::uint64_t owners_not_set = 0;       // with --owner-errors warn
  std::uint64_t target_only = 0;          // names that only the target has
  LossReport losses;

  PhaseReport prepare;  // connecting and opening both sides
  PhaseReport transfer;
  PhaseReport verify;
  SideReport source;
  SideReport target;
  std::string tree_digest;  // hex; empty unless every file's content was read by this run
  bool manifest_complete = false;

  std::string error_code;         // of what ended the run, empty if it ran through
  std::string error_detail;       // one line: what, where, why, what to do
  std::vector<Failure> failures;  // the first kFailuresKept
  bool failures_truncated = false;
};

struct DirectoryReport {
  ExitCode exit_code = ExitCode::kDone;  // else as for the target of a copy
  std::string error_code;                // of the last look, empty if it is there
  std::string error_detail;
  std::uint64_t waited_ms = 0;
  std::string owner;  // decimal, or the text that the server gave
  std::string group;
  std::uint32_t mode = 0;
};

enum class Provisioned : std::uint8_t {
  kNot,  // error_code and error_detail say why
  kCreated,
  kRepaired,   // was there with another owner or mode
  kUnchanged,  // was there
};

struct ProvisionReport {
  Provisioned result = Provisioned::kNot;
  ExitCode exit_code = ExitCode::kDone;  // else as for the target of a copy
  std::string error_code;
  std::string error_detail;
};

struct MinorVersionProbe {
  std::string version;  // "4.0", "4.1", "4.2", "3"
  bool offered = false;
  std::string answer;  // "NFS4_OK", "NFS4ERR_MINOR_VERS_MISMATCH", "no answer: ..."
};

struct ProbeReport {
  ExitCode exit_code = ExitCode::kDone;
  std::string error_code;
  std::string error_detail;
  std::string location;
  std::string engine;
  std::string engine_note;
  std::vector<MinorVersionProbe> versions;
  std::uint64_t round_trip_us = 0;  // median of empty requests
  std::uint32_t max_operations = 0;
  std::uint32_t slots = 0;
  std::uint64_t max_request_bytes = 0;
  std::uint64_t max_response_bytes = 0;
  std::uint64_t max_cached_response_bytes = 0;
  std::uint64_t max_read_bytes = 0;
  std::uint64_t max_write_bytes = 0;
  std::uint64_t lease_seconds = 0;
  std::string server_owner;
  std::string server_scope;
  std::uint64_t space_total_bytes = 0;
  std::uint64_t space_free_bytes = 0;
  std::uint64_t space_available_bytes = 0;
  std::uint64_t files_free = 0;
  std::uint32_t root_mode = 0;
  std::string root_owner;
  std::string root_group;
  std::uint64_t root_fileid = 0;
  std::uint64_t root_fsid_major = 0;
  std::uint64_t root_fsid_minor = 0;
};

}  // namespace nfsferry

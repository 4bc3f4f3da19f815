// What a copy is asked to do. Plain values; the defaults are the command line's.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace nfsferry {

enum class OwnerRule : std::uint8_t {
  kKeep,    // ids as they are
  kFixed,   // everything to uid:gid
  kTarget,  // what the source root's owner owns goes to the target root's owner and group
};

// What becomes of an owner that the target does not let us set.
enum class OwnerErrors : std::uint8_t {
  kFail,
  kWarn,  // said once; owners stay as the target makes them
};

// Set-user-id and set-group-id bits of files; kAuto drops them when ownership is mapped.
enum class SuidMode : std::uint8_t { kAuto, kKeep, kDrop };

// When an entry that is in the target already counts as the same.
enum class CompareMode : std::uint8_t {
  kChanged,   // type, size, mtime; mode and owner are repaired without sending data
  kAll,       // never: everything is copied again
  kChecksum,  // the content of both is read and compared
};

// When an entry that differs may be replaced.
enum class OverwriteMode : std::uint8_t {
  kAlways,
  kNever,
  kOlder,  // not when the target's file is newer
};

enum class VerifyMode : std::uint8_t {
  kNone,
  kTransferred,  // what is written is read back before it takes its name
  kAll,          // and everything is compared once more at the end
};
enum class ChecksumMode : std::uint8_t { kXxh3, kNone };
enum class EngineMode : std::uint8_t { kAuto, kIoUring, kEpoll };

// `count` ids of the source from `from` on become as many in the target, from `to` on.
struct IdMap {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  std::uint32_t count = 1;
};

// What becomes of entries of the source that a glob matches (docs/report.md, Filters).
struct FilterRule {
  bool include = false;
  std::string glob;  // bytes
};

// How fast to go, each at most kRateMost; 0: as fast as it gets.
struct Rates {
  std::uint64_t bytes_per_second = 0;     // of content, read from the source
  std::uint64_t requests_per_second = 0;  // to source and target together
};
inline constexpr std::uint64_t kRateMost = std::uint64_t{1} << 40;

// Rates of several runs together, which may change while they run (run.hpp).
struct RateLimits;

struct CopyOptions {
  std::string source;  // nfs:// URL or path
  std::string target;
  OwnerRule owner = OwnerRule::kKeep;
  std::uint32_t owner_uid = 0;  // for kFixed
  std::uint32_t owner_gid = 0;
  std::vector<IdMap> map_uid;  // before `owner`: an id that is listed here, once, is mapped here
  std::vector<IdMap> map_gid;
  OwnerErrors owner_errors = OwnerErrors::kFail;
  SuidMode suid = SuidMode::kAuto;
  std::vector<FilterRule> filters;  // the first that matches decides; what none does is included
  CompareMode compare = CompareMode::kChanged;
  OverwriteMode overwrite = OverwriteMode::kAlways;
  bool delete_surplus = false;  // what only the target has is removed, once all else is done
  std::optional<std::uint64_t> max_delete;  // more entries than that: none is deleted
  // A name in the target's root: what is replaced or deleted is kept in NAME/RUN_ID there. Empty:
  // it is gone.
  std::string backup_dir;
  bool dry_run = false;  // nothing is written: the report says what would have been done
  bool force = false;    // an entry of another type that stands in the way is removed
  bool create_target = false;
  bool root_attributes = false;        // the target's root gets the source root's, too
  bool cross_mounts = false;           // other file systems below are copied as well
  bool include_nfs_leftovers = false;  // .nfs* are copied as well
  VerifyMode verify = VerifyMode::kTransferred;
  ChecksumMode checksum = ChecksumMode::kXxh3;
  bool content_sha256 = false;  // also SHA-256 where there is a checksum, for Observer::on_entry
  EngineMode engine = EngineMode::kAuto;
  std::uint32_t threads = 0;  // 0: one a core, at most 4; reports have what it was
  std::uint64_t shared_file_bytes = 64u << 20;  // left of a file that several threads carry
  std::uint32_t connections = 1;                // per thread and side
  std::uint64_t timeout_ms = 300'000;           // how long a server may stay away
  Rates rates;                                  // in a report as they were at the end of the run
  std::shared_ptr<RateLimits> limits;  // in place of `rates`, with the other runs that have them
  std::string run_id;                  // random when empty; [A-Za-z0-9_-], at most 64
};

// Comparing a tree with its copy: the members of CopyOptions that say where the trees are, how
// ownership is mapped, what is left out, and how to work. Nothing is written.
using VerifyOptions = CopyOptions;

struct ProbeOptions {
  std::string location;
  EngineMode engine = EngineMode::kAuto;
  std::uint64_t timeout_ms = 10'000;
};

// Waiting for a directory that others are about to make.
struct AwaitOptions {
  std::string location;
  std::uint64_t wait_ms = 0;             // 0: look once
  std::uint64_t first_pause_ms = 2'000;  // between two looks; doubles
  std::uint64_t longest_pause_ms = 30'000;
  std::uint64_t timeout_ms = 300'000;  // how long a server may stay away in one look
  EngineMode engine = EngineMode::kAuto;
  std::function<void()> on_wait;  // before each pause; may be empty
};

// A directory to be there with this owner and mode. Its parent must be there.
struct ProvisionOptions {
  std::string location;
  std::uint32_t owner_uid = 0;
  std::uint32_t owner_gid = 0;
  std::uint32_t mode = 0700;
  bool repair = true;  // an existing directory is given owner and mode; else it must have them
  std::uint64_t timeout_ms = 300'000;
  EngineMode engine = EngineMode::kAuto;
};

// Asks a run to stop from a signal handler or another thread: the number of the signal, 0 to go
// on. Work in flight is finished or undone, temporaries are removed, the report is made.
using StopFlag = std::atomic<int>;

}  // namespace nfsferry

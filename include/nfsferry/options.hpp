// What a copy is asked to do. Plain values; the defaults are the command line's.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace nfsferry {

enum class OwnerRule : std::uint8_t {
  kKeep,    // ids as they are
  kFixed,   // everything to uid:gid
  kTarget,  // what the source root's owner owns goes to the target root's owner and group
};

enum class VerifyMode : std::uint8_t { kNone, kTransferred, kAll };
enum class EngineMode : std::uint8_t { kAuto, kIoUring, kEpoll };

struct CopyOptions {
  std::string source;  // nfs:// URL or path
  std::string target;
  OwnerRule owner = OwnerRule::kKeep;
  std::uint32_t owner_uid = 0;  // for kFixed
  std::uint32_t owner_gid = 0;
  bool create_target = false;
  VerifyMode verify = VerifyMode::kNone;
  EngineMode engine = EngineMode::kAuto;
  std::uint32_t threads = 1;
  std::uint32_t connections = 1;       // per thread and side
  std::uint64_t timeout_ms = 300'000;  // how long a server may stay away
  std::string run_id;                  // random when empty; [A-Za-z0-9_-], at most 64
};

struct ProbeOptions {
  std::string location;
  EngineMode engine = EngineMode::kAuto;
  std::uint64_t timeout_ms = 10'000;
};

// Asks a run to stop from a signal handler or another thread: the number of the signal, 0 to go
// on. Work in flight is finished or undone, temporaries are removed, the report is made.
using StopFlag = std::atomic<int>;

}  // namespace nfsferry

// What runs with CopyOptions::backup_dir kept of what they replaced and deleted. Sizes in bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nfsferry/report.hpp"

namespace nfsferry {

struct BackupsOptions {
  std::string target;
  EngineMode engine = EngineMode::kAuto;
  std::uint64_t timeout_ms = 300'000;           // how long a server may stay away
  std::vector<std::string> prune;               // run ids whose backups are removed
  std::optional<std::uint64_t> prune_older_ms;  // and those whose last entry came so long ago
};

// What one run kept.
struct Backup {
  std::string folder;  // the name in the target's root
  std::string run_id;
  std::uint64_t time_ms = 0;  // when the run's directory changed last, since 1970
  std::uint64_t entries = 0;  // of any type
  std::uint64_t bytes = 0;    // of regular files, holes included
  bool removed = false;
};

struct BackupsReport {
  CopyReport run;               // exit code and its reason, what failed, times
  std::vector<Backup> backups;  // oldest first
};

struct RestoreOptions {
  std::string target;
  std::string backup_of;  // the run whose backup is put back
  EngineMode engine = EngineMode::kAuto;
  std::uint64_t timeout_ms = 300'000;
  std::string run_id;  // of this run, whose backup what is displaced becomes; random when empty
};

struct RestoreReport {
  CopyReport run;
  std::uint64_t restored = 0;   // entries that were put back, whole directories as one
  std::uint64_t unchanged = 0;  // that are in place as they were
  std::uint64_t displaced = 0;  // entries that stood there, now in the backup of this run
};

}  // namespace nfsferry

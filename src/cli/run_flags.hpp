// What the commands that go through a whole tree have in common: their operands and flags.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/flags.hpp"
#include "nfsferry/options.hpp"

namespace CLI {
class App;
}

namespace nfsferry::cli {

struct RunArguments {
  CopyOptions options;
  std::optional<std::string> report_json;  // a path, or "-"
  std::string limits_file;                 // empty: none
  bool quiet = false;
  ProgressMode progress = ProgressMode::kAuto;
  std::uint64_t progress_interval_ms = 1000;
  std::optional<LogLevel> log_level;
  bool log_json = false;
};

// The heading in --help of the flags that are added next.
void begin_group(CLI::App& app, const char* heading);

void add_operands(CLI::App& app, const char* source_help, const char* target_help,
                  CopyOptions& options);
// --owner, --map-uid, --map-gid, --owner-map, --suid.
void add_mapping_flags(CLI::App& app, CopyOptions& options);
// --cross-mounts, --include-nfs-leftovers, --include, --exclude, --filter-from.
void add_scope_flags(CLI::App& app, CopyOptions& options);
// --threads, --engine, --timeout, --run-id, and the limits.
void add_work_flags(CLI::App& app, RunArguments& arguments);
// --report-json and what is shown meanwhile.
void add_output_flags(CLI::App& app, RunArguments& arguments);

}  // namespace nfsferry::cli

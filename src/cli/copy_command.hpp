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

// `nfsferry copy SOURCE TARGET`: what was asked for.
struct CopyArguments {
  CopyOptions options;
  std::optional<std::string> report_json;  // a path, or "-"
  bool quiet = false;
  ProgressMode progress = ProgressMode::kAuto;
  std::uint64_t progress_interval_ms = 1000;
  std::optional<LogLevel> log_level;
  bool log_json = false;
};

CLI::App* add_copy_command(CLI::App& app, CopyArguments& arguments);
// Returns the exit code.
int run_copy_command(CopyArguments arguments);

}  // namespace nfsferry::cli

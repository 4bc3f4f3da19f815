#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/batch.hpp"
#include "cli/flags.hpp"
#include "recover/recover.hpp"

namespace CLI {
class App;
}

namespace nfsferry::cli {

// `nfsferry recover`: what was asked for.
struct RecoverArguments {
  std::string input;  // FILE, "-" or "env:NAME"; empty with a batch
  BatchFlags batch;
  recover::RecoverOptions options;
  std::optional<std::string> report_json;  // a path, or "-"
  bool quiet = false;
  ProgressMode progress = ProgressMode::kAuto;
  std::optional<LogLevel> log_level;
  bool log_json = false;
};

CLI::App* add_recover_command(CLI::App& app, RecoverArguments& arguments);
// Returns the exit code.
int run_recover_command(RecoverArguments arguments);

}  // namespace nfsferry::cli

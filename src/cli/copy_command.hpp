#pragma once

#include <optional>
#include <string>

#include "cli/run_flags.hpp"

namespace nfsferry::cli {

// `nfsferry copy SOURCE TARGET`: what was asked for. Outputs are a path, or "-".
struct CopyArguments : RunArguments {
  std::optional<std::string> manifest;
  std::optional<std::string> log_entries;
  bool check = false;  // only whether it can be done
};

CLI::App* add_copy_command(CLI::App& app, CopyArguments& arguments);
// Returns the exit code.
int run_copy_command(CopyArguments arguments);

}  // namespace nfsferry::cli

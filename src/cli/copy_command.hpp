#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "cli/manifests.hpp"
#include "cli/run_flags.hpp"
#include "report/next_pass.hpp"

namespace nfsferry::cli {

// `nfsferry copy SOURCE TARGET`: what was asked for. Outputs are a path, or "-".
struct CopyArguments : RunArguments {
  ManifestPaths manifests;
  std::optional<std::string> log_entries;
  bool check = false;  // only whether it can be done
  std::optional<std::string> previous_report;
};

// The report that --previous-report names, if any. Errors: kBadInput, errno of a failed read.
Result<std::optional<PreviousPass>> read_previous(const CopyArguments& arguments);

// Refuses flags that contradict each other. Errors: kBadInput.
Status check_together(const CopyArguments& arguments);

CLI::App* add_copy_command(CLI::App& app, CopyArguments& arguments);
// Returns the exit code.
int run_copy_command(CopyArguments arguments);

}  // namespace nfsferry::cli

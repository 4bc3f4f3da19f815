#pragma once

#include "cli/manifests.hpp"
#include "cli/run_flags.hpp"

namespace nfsferry::cli {

// `nfsferry verify SOURCE TARGET`: what was asked for.
struct VerifyArguments : RunArguments {
  bool json = false;
  ManifestPaths manifests;
};

CLI::App* add_verify_command(CLI::App& app, VerifyArguments& arguments);
// Returns the exit code.
int run_verify_command(VerifyArguments arguments);

}  // namespace nfsferry::cli

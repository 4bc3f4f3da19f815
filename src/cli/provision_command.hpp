#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/flags.hpp"
#include "nfsferry/options.hpp"

namespace CLI {
class App;
}

namespace nfsferry::cli {

// `nfsferry provision LOCATION...`: what was asked for.
struct ProvisionArguments {
  std::vector<std::string> locations;  // "-": further ones from stdin
  std::optional<Owner> owner;
  ProvisionOptions options;
  bool quiet = false;
};

CLI::App* add_provision_command(CLI::App& app, ProvisionArguments& arguments);
// Returns the exit code.
int run_provision_command(const ProvisionArguments& arguments);

}  // namespace nfsferry::cli

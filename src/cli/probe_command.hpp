#pragma once

#include "nfsferry/options.hpp"

namespace CLI {
class App;
}

namespace nfsferry::cli {

// `nfsferry probe URL`: what was asked for.
struct ProbeArguments {
  ProbeOptions options;
  bool json = false;
};

CLI::App* add_probe_command(CLI::App& app, ProbeArguments& arguments);
// Returns the exit code.
int run_probe_command(const ProbeArguments& arguments);

}  // namespace nfsferry::cli

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "nfsferry/options.hpp"

namespace CLI {
class App;
}

namespace nfsferry::cli {

// `nfsferry probe URL`: what was asked for.
struct ProbeArguments {
  std::string location;
  EngineMode engine = EngineMode::kAuto;
  std::optional<std::uint64_t> timeout_ms;
  bool owners = false;  // who has how much, in place of what the server offers
  bool json = false;
};

CLI::App* add_probe_command(CLI::App& app, ProbeArguments& arguments);
// Returns the exit code.
int run_probe_command(const ProbeArguments& arguments);

}  // namespace nfsferry::cli

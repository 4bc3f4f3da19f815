#pragma once

#include <cstdint>
#include <string>

#include "cli/batch.hpp"
#include "cli/run_flags.hpp"
#include "recover/recover.hpp"

namespace CLI {
class App;
}

namespace nfsferry::cli {

// `nfsferry recover`: what was asked for.
struct RecoverArguments : RunArguments {
  std::string input;  // FILE, "-" or "env:NAME"; empty with a batch
  BatchFlags batch;
  recover::RecoverOptions recover;  // its `copy` is what `options` says
  std::uint64_t heartbeat_ms = 30'000;
};

CLI::App* add_recover_command(CLI::App& app, RecoverArguments& arguments);
// Returns the exit code.
int run_recover_command(RecoverArguments arguments);
// The command line of a recovery could not be read: a workflow that waits is told why.
void tell_waiting_task(const std::string& why);

}  // namespace nfsferry::cli

#pragma once

#include "cli/run_flags.hpp"
#include "nfsferry/bench.hpp"

namespace nfsferry::cli {

// `nfsferry bench SOURCE TARGET`: what was asked for.
struct BenchArguments : RunArguments {
  BenchOptions bench;
  bool json = false;
};

CLI::App* add_bench_command(CLI::App& app, BenchArguments& arguments);
// Returns the exit code.
int run_bench_command(BenchArguments arguments);

}  // namespace nfsferry::cli

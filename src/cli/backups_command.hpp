#pragma once

#include "nfsferry/backups.hpp"

namespace CLI {
class App;
}

namespace nfsferry::cli {

// `nfsferry backups TARGET` and `nfsferry restore TARGET --run-id ID`: what was asked for.
struct BackupsArguments {
  BackupsOptions options;
  bool json = false;
};
struct RestoreArguments {
  RestoreOptions options;
  bool json = false;
};

CLI::App* add_backups_command(CLI::App& app, BackupsArguments& arguments);
CLI::App* add_restore_command(CLI::App& app, RestoreArguments& arguments);
// Return the exit code.
int run_backups_command(const BackupsArguments& arguments);
int run_restore_command(const RestoreArguments& arguments);

}  // namespace nfsferry::cli

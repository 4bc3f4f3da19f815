#pragma once

#include <string>

#include "recover/decide.hpp"
#include "recover/ledger.hpp"

namespace CLI {
class App;
}

namespace nfsferry::cli {

// `nfsferry ledger COMMAND`: what was asked for.
struct LedgerArguments {
  int (*run)(const LedgerArguments&) = nullptr;  // the command; returns the exit code
  std::string ledger;                            // as open_ledger() takes it
  std::string input = "-";                       // FILE, "-" or "env:NAME"
  recover::LedgerRow row;                        // for most commands its key alone
  recover::LedgerKey source;
  recover::LedgerKey target;
  recover::DecideOptions decide;
  bool any_uid = false;
  bool json = false;
  bool stream_record = false;
};

CLI::App* add_ledger_command(CLI::App& app, LedgerArguments& arguments);
// Returns the exit code.
int run_ledger_command(const LedgerArguments& arguments);

}  // namespace nfsferry::cli

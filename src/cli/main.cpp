#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "cli/backups_command.hpp"
#include "cli/bench_command.hpp"
#include "cli/console.hpp"
#include "cli/copy_batch.hpp"
#include "cli/copy_command.hpp"
#include "cli/ledger_command.hpp"
#include "cli/probe_command.hpp"
#include "cli/provision_command.hpp"
#include "cli/recover_command.hpp"
#include "cli/verify_command.hpp"
#include "nfsferry/report.hpp"
#include "nfsferry/version.hpp"

namespace nfsferry::cli {
namespace {

int print_and_leave(const std::string& text) {
  Status printed = print_result(text);
  if (printed) return static_cast<int>(ExitCode::kDone);
  print_error(printed.error().message());
  return static_cast<int>(ExitCode::kEntriesFailed);
}

// What was not understood is told before what is missing: that is often a consequence.
std::string extra_text(const CLI::App& app) {
  std::vector<std::string> extras = app.remaining(true);
  if (extras.empty()) return {};
  auto flag = std::find_if(extras.begin(), extras.end(),
                           [](const std::string& text) { return text.starts_with('-'); });
  if (flag != extras.end()) return "unknown flag '" + *flag + "'";
  bool command = app.get_subcommands().empty();
  return (command ? "unknown command '" : "unexpected argument '") + extras.front() + "'";
}

// Where CLI11's own words would not tell a user what to do, better ones.
std::string mistake_text(const CLI::App& app, const CLI::ParseError& error) {
  std::string text = error.what();
  std::string option = text.substr(0, text.find(':'));
  if (dynamic_cast<const CLI::ValidationError*>(&error) != nullptr) return text;
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    if (text.find("override") != std::string::npos) {
      return "--" + text.substr(0, text.find(' ')) + ": takes no value";
    }
    bool twice = text.find("received") != std::string::npos;
    return option + (twice ? ": given more than once" : ": its value is missing");
  }
  if (std::string extra = extra_text(app); !extra.empty()) return extra;
  if (dynamic_cast<const CLI::RequiredError*>(&error) == nullptr) return text;
  if (text.find("subcommand is required") != std::string::npos) return "a command is missing";
  return option.substr(0, option.find(' ')) + " is missing";
}

std::string usage_text(const CLI::App& app, const CLI::ParseError& error) {
  auto chosen = app.get_subcommands();
  std::string command = chosen.empty() ? "" : chosen.back()->get_name() + " ";
  return mistake_text(app, error) + "; try 'nfsferry " + command + "--help'";
}

// One command: `nfsferry COMMAND ...`.
int run_main(int count, char** arguments) {
  CLI::App app("Copy directory trees between NFS servers, without mounts and without a daemon.",
               "nfsferry");
  CopyArguments copy_arguments;
  VerifyArguments verify_arguments;
  BatchFlags copy_batch;
  BenchArguments bench_arguments;
  ProbeArguments probe_arguments;
  LedgerArguments ledger_arguments;
  RecoverArguments recover_arguments;
  ProvisionArguments provision_arguments;
  BackupsArguments backups_arguments;
  RestoreArguments restore_arguments;
  app.set_version_flag("--version", std::string("nfsferry ") + kVersion + " (report schema " +
                                        std::to_string(kReportSchema) + ")");
  CLI::App* copy = add_copy_command(app, copy_arguments);
  CLI::App* verify = add_verify_command(app, verify_arguments);
  add_copy_batch(*copy, copy_batch);
  CLI::App* restore = add_restore_command(app, restore_arguments);
  CLI::App* backups = add_backups_command(app, backups_arguments);
  CLI::App* recover = add_recover_command(app, recover_arguments);
  CLI::App* provision = add_provision_command(app, provision_arguments);
  CLI::App* ledger = add_ledger_command(app, ledger_arguments);
  CLI::App* bench = add_bench_command(app, bench_arguments);
  add_probe_command(app, probe_arguments);
  app.require_subcommand(1);
  app.footer(
      "Example:\n"
      "  nfsferry copy nfs://server/old nfs://server/new --report-json report.json\n\n"
      "'nfsferry COMMAND --help' tells more.");
  try {
    app.parse(count, arguments);
  } catch (const CLI::CallForVersion& version) {
    return print_and_leave(std::string(version.what()) + "\n");
  } catch (const CLI::Success&) {
    return print_and_leave(app.help());
  } catch (const CLI::ParseError& error) {
    std::string text = usage_text(app, error);
    print_error(text);
    if (recover->parsed()) tell_waiting_task(text);
    return static_cast<int>(ExitCode::kUsage);
  }
  if (verify->parsed()) return run_verify_command(std::move(verify_arguments));
  if (!copy_batch.file.empty()) return run_copy_batch(std::move(copy_arguments), copy_batch);
  if (copy->parsed()) return run_copy_command(std::move(copy_arguments));
  if (restore->parsed()) return run_restore_command(restore_arguments);
  if (backups->parsed()) return run_backups_command(backups_arguments);
  if (recover->parsed()) return run_recover_command(std::move(recover_arguments));
  if (provision->parsed()) return run_provision_command(provision_arguments);
  if (bench->parsed()) return run_bench_command(std::move(bench_arguments));
  if (ledger->parsed()) return run_ledger_command(ledger_arguments);
  return run_probe_command(probe_arguments);
}

}  // namespace
}  // namespace nfsferry::cli

int main(int count, char** arguments) {
  nfsferry::cli::fill_standard_descriptors();
  return nfsferry::cli::run_main(count, arguments);
}

#include "cli/probe_command.hpp"

#include <CLI/CLI.hpp>

#include "base/log.hpp"
#include "cli/console.hpp"
#include "cli/flags.hpp"
#include "cli/parsed_option.hpp"
#include "cli/signals.hpp"
#include "nfsferry/run.hpp"
#include "report/owners_text.hpp"
#include "report/report_json.hpp"
#include "report/summary.hpp"

namespace nfsferry::cli {
namespace {

void complain(const std::string& code, const std::string& detail) {
  if (!code.empty()) print_error(detail.empty() ? code : detail);
}

// Prints the result; what cannot be written is a failure, unless there is a worse one.
int print(const std::string& text, ExitCode code) {
  Status written = print_result(text);
  if (!written) print_error("the result cannot be written: " + written.error().message());
  bool fine = written || code != ExitCode::kDone;
  return static_cast<int>(fine ? code : ExitCode::kEntriesFailed);
}

int ask_server(const ProbeArguments& arguments) {
  ProbeOptions options{arguments.location, arguments.engine};
  options.timeout_ms = arguments.timeout_ms.value_or(options.timeout_ms);
  ProbeReport report = probe(options);
  complain(report.error_code, report.error_detail);
  if (arguments.json) return print(probe_report_json(report), report.exit_code);
  bool failed = report.exit_code != ExitCode::kDone;
  return print(failed ? "" : probe_summary(report), report.exit_code);
}

int count_owners(const ProbeArguments& arguments, const StopFlag& stop) {
  OwnersOptions options{arguments.location, arguments.engine};
  options.timeout_ms = arguments.timeout_ms.value_or(options.timeout_ms);
  OwnersReport report = owners(options, stop);
  const CopyReport& run = report.run;
  complain(run.error_code, run.error_detail);
  if (arguments.json) return print(owners_report_json(report), run.exit_code);
  return print(report.users.empty() ? "" : owners_table(report), run.exit_code);
}

}  // namespace

CLI::App* add_probe_command(CLI::App& app, ProbeArguments& arguments) {
  CLI::App* command = app.add_subcommand(
      "probe", "Ask an NFS server what it offers, or count whose the files of a tree are");
  command->add_option("URL", arguments.location, "Location to ask; with --owners also a path")
      ->required()
      ->type_name("");
  add_switch(*command, "--json", "Print one JSON object", arguments.json);
  add_switch(*command, "--owners", "Go through the tree: entries and bytes of each uid and gid",
             arguments.owners);
  add_named(*command, "--engine", "Kernel interface (auto)", kEngineNames, arguments.engine);
  add_parsed(*command, "--timeout", "DURATION",
             "How long to wait for the server (10s; with --owners 300s)", parse_timeout,
             [&arguments](std::uint64_t ms) { arguments.timeout_ms = ms; });
  command->footer(
      "Example:\n"
      "  nfsferry probe nfs://127.0.0.1:2049/export --json\n"
      "  nfsferry probe --owners nfs://127.0.0.1:2049/export\n\n"
      "Exit codes: 0 answered, 1 not all could be counted, 2 usage, 3 not reached,\n"
      "75 try again later, 130 and 143 interrupted.");
  return command;
}

int run_probe_command(const ProbeArguments& arguments) {
  log_start({LogLevel::kWarning, false, {}});
  if (arguments.owners) return count_owners(arguments, handle_signals());
  end_on_signals();
  return ask_server(arguments);
}

}  // namespace nfsferry::cli

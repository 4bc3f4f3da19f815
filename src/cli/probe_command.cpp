#include "cli/probe_command.hpp"

#include <CLI/CLI.hpp>

#include "base/log.hpp"
#include "cli/console.hpp"
#include "cli/flags.hpp"
#include "cli/parsed_option.hpp"
#include "cli/signals.hpp"
#include "nfsferry/run.hpp"
#include "report/report_json.hpp"
#include "report/summary.hpp"

namespace nfsferry::cli {

CLI::App* add_probe_command(CLI::App& app, ProbeArguments& arguments) {
  CLI::App* command = app.add_subcommand("probe", "Ask an NFS server what it offers");
  command->add_option("URL", arguments.options.location, "Location to ask")
      ->required()
      ->type_name("");
  add_switch(*command, "--json", "Print one JSON object", arguments.json);
  ProbeOptions& options = arguments.options;
  add_named(*command, "--engine", "Kernel interface (auto)", kEngineNames, options.engine);
  add_parsed(*command, "--timeout", "DURATION", "How long to wait for the server (10s)",
             parse_timeout, [&options](std::uint64_t ms) { options.timeout_ms = ms; });
  command->footer(
      "Example:\n"
      "  nfsferry probe nfs://127.0.0.1:2049/export --json\n\n"
      "Exit codes: 0 answered, 2 usage, 3 not reached.");
  return command;
}

int run_probe_command(const ProbeArguments& arguments) {
  log_start({LogLevel::kWarning, false, {}});
  handle_signals();
  ProbeReport report = probe(arguments.options);
  bool failed = report.exit_code != ExitCode::kDone;
  if (failed) {
    print_error(report.error_detail.empty() ? report.error_code : report.error_detail);
  }
  Status written = ok();
  if (arguments.json) {
    written = print_result(probe_report_json(report));
  } else if (!failed) {
    written = print_result(probe_summary(report));
  }
  if (!written) print_error("the result cannot be written: " + written.error().message());
  if (!written && !failed) return static_cast<int>(ExitCode::kEntriesFailed);
  return static_cast<int>(report.exit_code);
}

}  // namespace nfsferry::cli

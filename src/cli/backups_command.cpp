#include "cli/backups_command.hpp"

#include <CLI/CLI.hpp>

#include "base/log.hpp"
#include "cli/console.hpp"
#include "cli/flags.hpp"
#include "cli/parsed_option.hpp"
#include "cli/progress_line.hpp"
#include "cli/signals.hpp"
#include "nfsferry/run.hpp"
#include "report/backups_text.hpp"

namespace nfsferry::cli {
namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 done, 1 something failed, 2 usage, 4 target, 75 try again later,\n"
    "130 and 143 interrupted.";

// What failed, then the result, which is printed also after a failure.
int finish(const CopyReport& run, const std::string& text) {
  for (const Failure& failure : run.failures) {
    bool ended_the_run =
        failure.message == run.error_detail;  // said below, of many at once perhaps
    if (!ended_the_run) print_error(failure_text(failure));
  }
  if (!run.error_code.empty()) {
    print_error(run.error_detail.empty() ? run.error_code : run.error_detail);
  }
  Status written = print_result(text);
  if (!written) print_error("the result cannot be written: " + written.error().message());
  bool fine = written || run.exit_code != ExitCode::kDone;
  return static_cast<int>(fine ? run.exit_code : ExitCode::kEntriesFailed);
}

template <typename Options>
void add_target_flags(CLI::App& command, Options& options, bool& json) {
  command.add_option("TARGET", options.target, "The directory that was copied into")
      ->required()
      ->type_name("");
  add_switch(command, "--json", "Print one JSON object", json);
  add_named(command, "--engine", "Kernel interface (auto)", kEngineNames, options.engine);
  add_parsed(command, "--timeout", "DURATION", "How long a server may stay away (300s)",
             parse_timeout, [&options](std::uint64_t ms) { options.timeout_ms = ms; });
}

}  // namespace

CLI::App* add_backups_command(CLI::App& app, BackupsArguments& arguments) {
  CLI::App* command = app.add_subcommand(
      "backups", "List what runs with --backup-dir kept in a target, and remove it");
  BackupsOptions& options = arguments.options;
  add_target_flags(*command, options, arguments.json);
  add_repeated(*command, "--prune", "RUN", "Remove the backup of this run; may be given again",
               parse_run_id,
               [&options](std::string id) { options.prune.push_back(std::move(id)); });
  add_parsed(*command, "--older-than", "DURATION",
             "Remove backups that nothing was added to for so long, such as 720h", parse_age,
             [&options](std::uint64_t ms) { options.prune_older_ms = ms; });
  command->footer(std::string("Example:\n"
                              "  nfsferry backups nfs://fs-new.example/200010\n\n") +
                  kExitCodes);
  return command;
}

CLI::App* add_restore_command(CLI::App& app, RestoreArguments& arguments) {
  CLI::App* command = app.add_subcommand(
      "restore", "Put back what a run with --backup-dir replaced and deleted in a target");
  RestoreOptions& options = arguments.options;
  add_target_flags(*command, options, arguments.json);
  add_parsed(*command, "--run-id", "RUN", "The run that is undone; `backups` lists them",
             parse_run_id, [&options](std::string id) { options.backup_of = std::move(id); })
      ->required();
  command->footer(std::string("Example:\n"
                              "  nfsferry restore nfs://fs-new.example/200010 --run-id nightly-7"
                              "\n\n") +
                  kExitCodes);
  return command;
}

int run_backups_command(const BackupsArguments& arguments) {
  log_start({LogLevel::kWarning, false, {}});
  BackupsReport report = backups(arguments.options, handle_signals());
  return finish(report.run, arguments.json ? backups_report_json(report) : backups_table(report));
}

int run_restore_command(const RestoreArguments& arguments) {
  log_start({LogLevel::kWarning, false, {}});
  RestoreReport report = restore(arguments.options, handle_signals());
  return finish(report.run, arguments.json ? restore_report_json(report) : restore_text(report));
}

}  // namespace nfsferry::cli

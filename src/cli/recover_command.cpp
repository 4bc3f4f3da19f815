#include "cli/recover_command.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/log.hpp"
#include "base/units.hpp"
#include "cli/console.hpp"
#include "cli/input_text.hpp"
#include "cli/limits_file.hpp"
#include "cli/parsed_option.hpp"
#include "cli/progress_line.hpp"
#include "cli/run_output.hpp"
#include "cli/signals.hpp"
#include "report/report_json.hpp"
#include "report/summary.hpp"

namespace nfsferry::cli {
namespace {

constexpr const char* kRecoverExample =
    "Example:\n"
    "  nfsferry recover --input input.json --ledger sqlite:ledger.db \\\n"
    "      --map fs-0123=nfs://fs-old.example/ --map fs-0456=/mnt/efs --report-json -\n"
    "  nfsferry recover --batch homes.jsonl --homes 8 --report-dir reports \\\n"
    "      --failed again.jsonl --ledger sqlite:ledger.db\n\n"
    "Exit codes and errors: 0 all done, 1 Nfsferry.PartialCopy or .VerifyFailed, 2 .BadInput,\n"
    "3 .SourceMissing, 4 .NoSpace or .Denied, 75 .TargetNotReady or .Transient, 130 and 143\n"
    "interrupted.";

void add_recover_flags(CLI::App& app, RecoverArguments& arguments) {
  recover::RecoverOptions& options = arguments.recover;
  CLI::Option* input =
      app.add_option("--input", arguments.input, "Input of the workflow: FILE, - or env:NAME")
          ->type_name("FILE|-|env:NAME");
  add_batch_flags(app, arguments.batch);
  CLI::Option* batch = app.get_option("--batch")->excludes(input);
  app.callback([input, batch] {
    if (input->count() + batch->count() == 0) throw CLI::RequiredError("--input");
  });
  app.add_option("--ledger", options.ledger, "Write the result's row there (also NFSFERRY_LEDGER)")
      ->envname("NFSFERRY_LEDGER")
      ->type_name("sqlite:FILE");
  add_repeated(app, "--map", "fs-ID=URL|PATH", "Where a file system's root is; may be repeated",
               recover::parse_file_system_map,
               [&options](recover::FileSystemMap map) { options.maps.push_back(std::move(map)); });
  add_parsed(app, "--wait-target", "DURATION", "How long to wait for the target's directory (15m)",
             parse_duration_ms, [&options](std::uint64_t ms) { options.wait_target_ms = ms; });
  app.add_flag_callback(
         "--allow-any-uid", [&options] { options.uid_rule = recover::UidRule::kAny; },
         "Homes may have any directory's name, not only a Studio uid")
      ->disable_flag_override();
}

int refuse(std::string_view text) {
  print_error(text);
  return static_cast<int>(ExitCode::kUsage);
}

int refuse_input(const Error& error) {
  return refuse(std::string(recover::kBadInput) + ": " + error.message());
}

HomeEnd recover_one(const std::string& input, const recover::RecoverOptions& options,
                    Observer& observer, const StopFlag& stop) {
  recover::Recovered recovered = recover_home(input, options, observer, stop);
  return HomeEnd{recovered.outcome.error, recovered.detail, std::move(recovered.report)};
}

int run_recover_batch(const RecoverArguments& arguments, LimitsFile& limits) {
  auto text = read_input(arguments.batch.file);
  if (!text) return refuse_input(text.error());
  auto homes = recover::parse_recover_batch(*text, arguments.recover.uid_rule);
  if (!homes) return refuse_input(homes.error());
  BatchRun batch{arguments.batch, *homes, arguments.quiet, arguments.progress, {}};
  batch.run_home = [&](std::size_t index, Observer& observer, const StopFlag& stop) {
    recover::RecoverOptions options = arguments.recover;
    if (options.copy.threads == 0) options.copy.threads = 1;  // the homes are the batch's threads
    options.copy.run_id = home_run_id(options.copy.run_id, (*homes)[index]);
    return recover_one((*homes)[index].text, options, observer, stop);
  };
  StopFlag& stop = handle_signals();
  limits.follow();
  return run_batch(batch, stop);
}

}  // namespace

CLI::App* add_recover_command(CLI::App& app, RecoverArguments& arguments) {
  CLI::App* command =
      app.add_subcommand("recover", "Copy a home as the recovery workflow's input asks");
  add_recover_flags(*command, arguments);
  add_work_flags(*command, arguments);
  add_output_flags(*command, arguments);
  command->get_option("--batch")->excludes("--report-json");
  command->footer(kRecoverExample);
  return command;
}

int run_recover_command(RecoverArguments arguments) {
  begin_run(arguments);
  auto limits = LimitsFile::open(arguments);
  if (!limits) return refuse(arguments, limits.error());
  arguments.recover.copy = arguments.options;
  if (std::getenv("NFSFERRY_TASK_TOKEN") != nullptr) {
    return refuse("NFSFERRY_TASK_TOKEN is set, but answering a workflow is not built yet");
  }
  if (!arguments.batch.file.empty()) return run_recover_batch(arguments, **limits);
  auto file = open_report(arguments);
  if (!file) return refuse(arguments, file.error());
  auto input = read_input(arguments.input);
  if (!input) return refuse_input(input.error());

  StopFlag& stop = handle_signals();
  (*limits)->follow();
  ProgressLine progress = progress_of(arguments);
  recover::Recovered recovered = recover_home(*input, arguments.recover, progress, stop);
  progress.erase();

  for (const std::string& note : recovered.notes) log(LogLevel::kInfo, one_line(note));
  const recover::Outcome& outcome = recovered.outcome;
  if (!outcome.error.empty()) print_error(outcome.error + ": " + recovered.detail);
  OutputCheck check(arguments);
  if (*file) check.add((*file)->write(copy_report_json(recovered.report)));
  bool stdout_taken = uses_stdout({{"--report-json", arguments.report_json}});
  bool summary = outcome.error.empty() && !arguments.quiet && !stdout_taken;
  if (summary) check.add(print_result(copy_summary(recovered.report)));
  return check.exit_code(outcome.exit_code);
}

}  // namespace nfsferry::cli

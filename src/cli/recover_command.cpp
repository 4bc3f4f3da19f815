#include "cli/recover_command.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/log.hpp"
#include "base/units.hpp"
#include "cli/console.hpp"
#include "cli/input_text.hpp"
#include "cli/limits_file.hpp"
#include "cli/observers.hpp"
#include "cli/parsed_option.hpp"
#include "cli/progress_line.hpp"
#include "cli/run_output.hpp"
#include "cli/signals.hpp"
#include "nfsferry/run.hpp"
#include "recover/aws_error.hpp"
#include "recover/waiting_task.hpp"
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
    "interrupted.\n\n"
    "With NFSFERRY_TASK_TOKEN in its environment it answers the task of the workflow that waits:\n"
    "the report, or the error; no row is written then, the workflow does that.";

constexpr const char* kNoLedger =
    "NFSFERRY_TASK_TOKEN is set, so the workflow writes the row; the ledger is left alone";

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
      ->type_name("sqlite:FILE|dynamodb:TABLE");
  add_repeated(app, "--map", "fs-ID=URL|PATH", "Where a file system's root is; may be repeated",
               recover::parse_file_system_map,
               [&options](recover::FileSystemMap map) { options.maps.push_back(std::move(map)); });
  add_parsed(app, "--wait-target", "DURATION", "How long to wait for the target's directory (15m)",
             parse_duration_ms, [&options](std::uint64_t ms) { options.wait_target_ms = ms; });
  add_parsed(app, "--heartbeat", "DURATION",
             "For a workflow that waits: at least this between two heartbeats (30s)",
             parse_duration_ms, [&arguments](std::uint64_t ms) { arguments.heartbeat_ms = ms; });
  app.add_flag_callback(
         "--allow-any-uid", [&options] { options.uid_rule = recover::UidRule::kAny; },
         "Homes may have any directory's name, not only a Studio uid")
      ->disable_flag_override();
}

// How a recovery ended, for the shell and for a task that waits.
struct End {
  ExitCode exit_code = ExitCode::kDone;
  std::string error;  // "Nfsferry.BadInput"; empty: done
  std::string detail;
  std::string report = {};  // JSON, where it got so far
  bool task_waits = true;   // as far as is known
};

End complained(ExitCode exit_code, std::string_view error, std::string detail) {
  print_error(std::string(error) + ": " + detail);
  return {exit_code, std::string(error), std::move(detail)};
}

End refused(const RunArguments& arguments, const Error& error) {
  refuse(arguments, error);
  return {ExitCode::kUsage, std::string(recover::kBadInput), error.detail};
}

End refused_input(const Error& error) {
  return complained(ExitCode::kUsage, recover::kBadInput, error.message());
}

// Nothing was copied: the answer would not be taken at the end either.
End not_begun(const Error& error) {
  if (error.is(Own::kBadInput)) return refused_input(error);
  bool temporary = recover::is_refusal(error) || recover::may_pass(error);
  End end = temporary ? complained(ExitCode::kTemporary, recover::kTransient,
                                   "no workflow is known to wait for this task: " + error.message())
                      : complained(ExitCode::kTargetUnusable, recover::kDenied,
                                   "the workflow's task cannot be answered: " + error.message());
  end.task_waits = !temporary;
  return end;
}

void note_refusal(recover::Recovered& recovered, const Error& refusal) {
  recovered.outcome = {std::string(recover::kTransient), ExitCode::kTemporary};
  recovered.detail =
      "the copy was stopped, the workflow no longer waits for it: " + refusal.message();
  recovered.report.exit_code = ExitCode::kTemporary;
  recovered.report.error_code = refusal.name();
  recovered.report.error_detail = recovered.detail;
}

// Says on stderr and stdout and in the report's file how it went.
End tell(const RunArguments& arguments, const recover::Recovered& recovered,
         std::optional<ReportFile>& file) {
  for (const std::string& note : recovered.notes) log(LogLevel::kInfo, one_line(note));
  const recover::Outcome& outcome = recovered.outcome;
  if (!outcome.error.empty()) print_error(outcome.error + ": " + recovered.detail);
  End end{outcome.exit_code, outcome.error, recovered.detail, copy_report_json(recovered.report)};
  OutputCheck check(arguments);
  if (file) check.add(file->write(end.report));
  bool stdout_taken = uses_stdout({{"--report-json", arguments.report_json}});
  bool summary = outcome.error.empty() && !arguments.quiet && !stdout_taken;
  if (summary) check.add(print_result(copy_summary(recovered.report)));
  end.exit_code = static_cast<ExitCode>(check.exit_code(outcome.exit_code));
  return end;
}

End run_one(RecoverArguments& arguments, recover::WaitingTask* task) {
  auto limits = LimitsFile::open(arguments);
  if (!limits) return refused(arguments, limits.error());
  arguments.recover.copy = arguments.options;
  auto file = open_report(arguments);
  if (!file) return refused(arguments, file.error());
  auto input = read_input(arguments.input);
  if (!input) return refused_input(input.error());

  StopFlag& stop = handle_signals();
  ProgressLine progress = progress_of(arguments);
  Observers observers;
  observers.add(progress);
  if (task != nullptr) {
    if (Status begun = task->begin(stop); !begun) return not_begun(begun.error());
    observers.add(*task);
    arguments.recover.on_wait = [task] { task->note_life(); };
    if (!arguments.recover.ledger.empty()) log(LogLevel::kWarning, kNoLedger);
    arguments.recover.ledger.clear();
  }
  (*limits)->follow();
  recover::Recovered recovered = recover_home(*input, arguments.recover, observers, stop);
  progress.erase();
  std::optional<Error> refusal = task == nullptr ? std::nullopt : task->end();
  if (refusal) note_refusal(recovered, *refusal);
  End end = tell(arguments, recovered, *file);
  end.task_waits = !refusal;
  return end;
}

int run_recover_batch(RecoverArguments& arguments) {
  auto limits = LimitsFile::open(arguments);
  if (!limits) return refuse(arguments, limits.error());
  arguments.recover.copy = arguments.options;
  auto text = read_input(arguments.batch.file);
  if (!text) return static_cast<int>(refused_input(text.error()).exit_code);
  auto homes =
      recover::parse_recover_batch(*text, arguments.recover.uid_rule, arguments.recover.maps);
  if (!homes) return static_cast<int>(refused_input(homes.error()).exit_code);
  for (const recover::BatchHome& home : *homes) {
    CopyOptions copy = arguments.options;
    copy.source = home.source;
    copy.target = home.target;
    std::string refusal = refusal_of(copy);
    if (refusal.empty()) continue;
    return static_cast<int>(refused_input(bad_line(home, refusal)).exit_code);
  }
  BatchRun batch{arguments.batch, *homes, arguments.quiet, arguments.progress, {}};
  batch.progress_interval_ms = arguments.progress_interval_ms;
  batch.run_home = [&](std::size_t index, Observer& observer, const StopFlag& stop) {
    recover::RecoverOptions options = arguments.recover;
    if (options.copy.threads == 0) options.copy.threads = 1;  // the homes are the batch's threads
    options.copy.run_id = home_run_id(options.copy.run_id, (*homes)[index]);
    recover::Recovered recovered = recover_home((*homes)[index].text, options, observer, stop);
    return HomeEnd{recovered.outcome.error, recovered.detail, std::move(recovered.report)};
  };
  StopFlag& stop = handle_signals();
  (*limits)->follow();
  return run_batch(batch, stop);
}

int answer(recover::WaitingTask& task, const End& end) {
  Status told = ok();
  if (end.task_waits) {
    told = end.error.empty() ? task.succeed(end.report) : task.fail(end.error, end.detail);
  }
  if (told) return static_cast<int>(end.exit_code);
  bool done = end.error.empty();
  print_error((done ? std::string(recover::kTransient) + ": the copy is done, t" : "t") +
              "he workflow was not told: " + told.error().message());
  return static_cast<int>(done ? ExitCode::kTemporary : end.exit_code);
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
  auto task = recover::WaitingTask::open(arguments.heartbeat_ms);
  if (!task) return refuse(arguments, task.error());
  bool is_batch = !arguments.batch.file.empty();
  if (*task == nullptr) {
    return is_batch ? run_recover_batch(arguments)
                    : static_cast<int>(run_one(arguments, nullptr).exit_code);
  }
  Error no_batch = own_error(Own::kBadInput, "",
                             "NFSFERRY_TASK_TOKEN is set, and a task waits for "
                             "one home; leave out --batch");
  return answer(**task, is_batch ? refused(arguments, no_batch) : run_one(arguments, task->get()));
}

void tell_waiting_task(const std::string& why) {
  auto task = recover::WaitingTask::open(0);
  if (!task) return print_error(task.error().detail);
  End end{ExitCode::kUsage, std::string(recover::kBadInput), why};
  if (*task != nullptr) answer(**task, end);
}

}  // namespace nfsferry::cli

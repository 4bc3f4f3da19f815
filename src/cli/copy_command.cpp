#include "cli/copy_command.hpp"

#include <CLI/CLI.hpp>
#include <utility>

#include "base/log.hpp"
#include "cli/console.hpp"
#include "cli/parsed_option.hpp"
#include "cli/progress_line.hpp"
#include "cli/signals.hpp"
#include "nfsferry/run.hpp"
#include "report/report_file.hpp"
#include "report/report_json.hpp"
#include "report/summary.hpp"

namespace nfsferry::cli {
namespace {

constexpr const char* kExample =
    "Locations are nfs://HOST[:PORT]/PATH[?version=4.1&uid=N&gid=N] or paths.\n\n"
    "Example:\n"
    "  nfsferry copy nfs://fs-old.example/200005 nfs://fs-new.example/200010 \\\n"
    "      --owner target --report-json report.json\n\n"
    "Exit codes: 0 all done, 1 some entries failed, 2 usage, 3 source, 4 target,\n"
    "5 files changed during the copy, 75 try again later, 130 and 143 interrupted.";

void add_copy_flags(CLI::App& app, CopyOptions& options) {
  add_parsed(app, "--owner", "keep|target|UID:GID", "Owner of what is copied (keep)", parse_owner,
             [&options](Owner owner) {
               options.owner = owner.rule;
               options.owner_uid = owner.uid;
               options.owner_gid = owner.gid;
             });
  app.add_flag("--create-target", options.create_target, "Make the target's root if it is missing")
      ->disable_flag_override();
  add_parsed(app, "--verify", "none", "What is read back and compared: nothing yet (none)",
             parse_verify, [&options](VerifyMode mode) { options.verify = mode; });
  add_parsed(app, "--engine", "auto|io_uring|epoll", "Kernel interface (auto)", parse_engine,
             [&options](EngineMode mode) { options.engine = mode; });
  add_parsed(app, "--threads", "N", "Threads, 1 to 64 (" + std::to_string(options.threads) + ")",
             parse_threads, [&options](std::uint32_t number) { options.threads = number; });
  add_parsed(app, "--connections", "1", "Connections of each thread to each side: only 1 yet",
             parse_connections, [&options](std::uint32_t number) { options.connections = number; });
  add_parsed(app, "--timeout", "DURATION", "How long a server may stay away (300s)", parse_timeout,
             [&options](std::uint64_t ms) { options.timeout_ms = ms; });
  add_parsed(app, "--run-id", "ID", "Name of the run in report and log (random)", parse_run_id,
             [&options](std::string id) { options.run_id = std::move(id); });
}

void add_output_flags(CLI::App& app, CopyArguments& arguments) {
  auto non_empty = [](std::string_view text) -> Result<std::string> {
    if (!text.empty()) return std::string(text);
    return own_error(Own::kBadInput, "", "the name is empty; write a file's name or -");
  };
  add_parsed(app, "--report-json", "FILE|-", "Write the report there; - is stdout", non_empty,
             [&arguments](std::string path) { arguments.report_json = std::move(path); });
  app.add_flag("--quiet", arguments.quiet, "No summary, no progress, no log but errors")
      ->disable_flag_override();
  add_parsed(app, "--progress", "auto|always|never", "Progress line; auto: on a terminal (auto)",
             parse_progress, [&arguments](ProgressMode mode) { arguments.progress = mode; });
  add_parsed(app, "--progress-interval", "DURATION", "Time between two progress lines (1s)",
             parse_progress_interval,
             [&arguments](std::uint64_t ms) { arguments.progress_interval_ms = ms; });
  add_parsed(app, "--log-level", "debug|info|warning|error|off", "Log to stderr (warning)",
             parse_log_level, [&arguments](LogLevel level) { arguments.log_level = level; });
  app.add_flag("--log-json", arguments.log_json, "Log one JSON object a line")
      ->disable_flag_override();
}

// Other names of stdout: replacing them like files would do harm.
bool is_stdout(const std::string& path) {
  return path == "-" || path == "/dev/stdout" || path == "/dev/fd/1" || path == "/proc/self/fd/1";
}

bool did_nothing(const CopyReport& report) {
  return report.exit_code == ExitCode::kUsage ||
         (!report.error_code.empty() && report.estimated_files == 0 &&
          report.files_transferred == 0 && report.folders_transferred == 0);
}

// What stderr is told at the end of a run, empty if nothing.
std::string complaint(const CopyReport& report) {
  if (!report.error_detail.empty()) return report.error_detail;
  if (!report.error_code.empty()) return report.error_code;
  if (report.exit_code != ExitCode::kEntriesFailed) return {};
  std::uint64_t failed =
      report.failed_prepare + report.failed_transfer + report.failed_verify + report.failed_delete;
  std::string text = counted(failed, "entry") + " failed";
  if (!report.failures.empty()) text += ", the first: " + failure_text(report.failures.front());
  return text;
}

// Everything on stderr is JSON with --log-json, but nothing is silent.
void complain(const CopyArguments& arguments, const std::string& text) {
  bool logged = arguments.log_json && arguments.log_level != LogLevel::kOff;
  if (logged) {
    log(LogLevel::kError, one_line(text));
  } else {
    print_error(text);
  }
}

// A report that was asked for and not written is a failure, unless there is a worse one.
int after_output(const CopyArguments& arguments, const Status& written, ExitCode code) {
  if (written) return static_cast<int>(code);
  complain(arguments, "the result cannot be written: " + written.error().message());
  bool fine = code == ExitCode::kDone || code == ExitCode::kOnlyChangedFiles;
  return static_cast<int>(fine ? ExitCode::kEntriesFailed : code);
}

}  // namespace

CLI::App* add_copy_command(CLI::App& app, CopyArguments& arguments) {
  CLI::App* command = app.add_subcommand("copy", "Copy a tree: data, links, modes, owners, times");
  command->add_option("SOURCE", arguments.options.source, "Location of the directory to read")
      ->required()
      ->type_name("");
  command->add_option("TARGET", arguments.options.target, "Location of the directory to fill")
      ->required()
      ->type_name("");
  add_copy_flags(*command, arguments.options);
  add_output_flags(*command, arguments);
  command->footer(kExample);
  return command;
}

int run_copy_command(CopyArguments arguments) {
  CopyOptions& options = arguments.options;
  if (options.run_id.empty()) options.run_id = random_run_id();
  LogLevel usual_level = arguments.quiet ? LogLevel::kError : LogLevel::kWarning;
  log_start({arguments.log_level.value_or(usual_level), arguments.log_json, options.run_id});

  bool report_on_stdout = arguments.report_json && is_stdout(*arguments.report_json);
  std::optional<ReportFile> file;
  if (arguments.report_json && !report_on_stdout) {
    auto prepared = ReportFile::prepare(*arguments.report_json);
    if (!prepared) {
      complain(arguments, "--report-json: " + prepared.error().message() +
                              "; name a file in a directory that exists and can be written");
      return static_cast<int>(ExitCode::kUsage);
    }
    file = *std::move(prepared);
  }

  StopFlag& stop = handle_signals();
  ProgressLine progress(arguments.progress, arguments.quiet || arguments.log_json,
                        arguments.progress_interval_ms);
  CopyReport report = run(options, progress, stop);
  progress.erase();

  if (std::string text = complaint(report); !text.empty()) complain(arguments, text);
  Status written = ok();
  if (file) written = file->write(copy_report_json(report));
  if (report_on_stdout) {
    written = print_result(copy_report_json(report));
  } else if (!arguments.quiet && !did_nothing(report)) {
    Status printed = print_result(copy_summary(report));
    if (written) written = std::move(printed);
  }
  return after_output(arguments, written, report.exit_code);
}

}  // namespace nfsferry::cli

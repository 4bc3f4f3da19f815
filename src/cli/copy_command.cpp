#include "cli/copy_command.hpp"

#include <CLI/CLI.hpp>
#include <utility>
#include <vector>

#include "cli/console.hpp"
#include "cli/input_text.hpp"
#include "cli/limits_file.hpp"
#include "cli/observers.hpp"
#include "cli/parsed_option.hpp"
#include "cli/run_output.hpp"
#include "cli/signals.hpp"
#include "nfsferry/run.hpp"
#include "report/entry_log.hpp"
#include "report/report_json.hpp"
#include "report/summary.hpp"

namespace nfsferry::cli {
namespace {

constexpr const char* kCopyExample =
    "Locations are nfs://HOST[:PORT]/PATH[?version=4.1&uid=N&gid=N] or paths.\n\n"
    "Example:\n"
    "  nfsferry copy nfs://fs-old.example/200005 nfs://fs-new.example/200010 \\\n"
    "      --owner target --report-json report.json\n\n"
    "Exit codes: 0 all done, 1 some entries failed, 2 usage, 3 source, 4 target,\n"
    "5 files changed during the copy, 75 try again later, 130 and 143 interrupted.";

void add_copy_flags(CLI::App& app, CopyArguments& arguments) {
  CopyOptions& options = arguments.options;
  begin_group(app, "What is copied");
  add_named(app, "--compare",
            "Copy where size or time differ, everything, or where content differs (changed)",
            kCompareNames, options.compare);
  add_named(app, "--overwrite", "Replace what differs; older: but not what is newer (always)",
            kOverwriteNames, options.overwrite);
  add_switch(app, "--delete", "Remove from the target what the source does not have",
             options.delete_surplus);
  add_parsed(app, "--max-delete", "N", "Remove nothing if it would be more than N entries",
             parse_max_delete, [&options](std::uint64_t number) { options.max_delete = number; });
  add_parsed(app, "--backup-dir", "NAME",
             "Keep what is replaced or deleted in NAME/RUN-ID of the target", parse_backup_dir,
             [&options](std::string name) { options.backup_dir = std::move(name); });
  add_switch(app, "--force", "Remove what stands in the way with another type", options.force);
  add_switch(app, "--create-target", "Make the target's root if it is missing",
             options.create_target);
  add_switch(app, "--root-attributes", "Give the target's root the source root's owner and mode",
             options.root_attributes);
  add_scope_flags(app, options);

  begin_group(app, "Ownership");
  add_mapping_flags(app, options);
  add_named(app, "--owner-errors", "What a refused owner is: a failure, or said once (fail)",
            kOwnerErrorsNames, options.owner_errors);

  begin_group(app, "Verification");
  add_named(app, "--verify", "Read back nothing, what was copied, or all at the end (transferred)",
            kVerifyNames, options.verify);
  add_named(app, "--checksum", "Hash of content; none needs --verify none (xxh3-128)",
            kChecksumNames, options.checksum);

  begin_group(app, "Work");
  add_work_flags(app, arguments);
}

void add_file_flags(CLI::App& app, CopyArguments& arguments) {
  add_manifest_flags(app, arguments.manifests, arguments.options);
  add_parsed(app, "--log-entries", "FILE|-", "Write a JSON line for each entry that is done",
             parse_output,
             [&arguments](std::string path) { arguments.log_entries = std::move(path); });
  app.add_option("--previous-report", arguments.previous_report,
                 "Report of the pass before: say what a next pass will find")
      ->type_name("FILE|-");
}

std::vector<NamedOutput> outputs_of(const CopyArguments& arguments) {
  std::vector<NamedOutput> outputs{{"--report-json", arguments.report_json}};
  add_outputs(outputs, arguments.manifests);
  outputs.push_back({"--log-entries", arguments.log_entries});
  return outputs;
}

// What a copy leaves behind besides the copy.
struct Outputs {
  std::optional<ReportFile> report;
  Manifests manifests;
  std::optional<EntryLog> entries;
};

// Errors: kBadInput for what cannot be written. An older trail of entries is emptied last.
Status open_outputs(const CopyArguments& arguments, Outputs& outputs) {
  std::vector<NamedOutput> all = outputs_of(arguments);
  NFSFERRY_TRY(Ok apart, refuse_shared_outputs(all), return);
  NFSFERRY_TRY(Ok outside, refuse_outputs_inside(all, arguments.options), return);
  NFSFERRY_TRY(auto report, open_report(arguments), return);
  outputs.report = std::move(report);
  NFSFERRY_TRY(Ok opened, outputs.manifests.open(arguments.manifests, arguments.options.verify),
               return);
  if (arguments.log_entries) {
    auto file = OutputFile::in_place(*arguments.log_entries);
    if (!file) return unusable_output("--log-entries", file.error());
    outputs.entries.emplace(*std::move(file));
  }
  return ok();
}

// What takes the place of the copy with --check; its result goes where the report would.
int check_only(const CopyArguments& arguments, const std::optional<ReportFile>& file,
               LimitsFile& limits) {
  StopFlag& stop = handle_signals();
  limits.follow();
  ProgressLine progress = progress_of(arguments);
  CheckReport report = check(arguments.options, progress, stop);
  progress.erase();
  complain_about(arguments, report.run);
  OutputCheck written(arguments);
  if (file) written.add(file->write(check_report_json(report)));
  bool summary = !arguments.quiet && report.run.prepare.success;
  summary = summary && !uses_stdout(outputs_of(arguments));
  if (summary) written.add(print_result(check_summary(report)));
  return written.exit_code(report.run.exit_code);
}

// A report of another copy says nothing about this one.
void note_previous(CopyReport& report, const std::optional<PreviousPass>& previous) {
  if (!previous) return;
  if (is_same_copy(*previous, report)) {
    report.previous_start_ms = previous->start_ms;
  } else {
    print_error("--previous-report is not of this source and target: no word on the next pass");
  }
}

}  // namespace

Result<std::optional<PreviousPass>> read_previous(const CopyArguments& arguments) {
  if (!arguments.previous_report) return std::optional<PreviousPass>();
  auto text = read_input(*arguments.previous_report);
  if (!text) return own_error(Own::kBadInput, "", "--previous-report: " + text.error().message());
  auto previous = parse_previous_pass(*text);
  if (previous) return std::optional(*std::move(previous));
  return own_error(Own::kBadInput, "", "--previous-report: " + previous.error().message());
}

Status check_together(const CopyArguments& arguments) {
  if (arguments.options.checksum == ChecksumMode::kNone) {
    const char* needs = nullptr;
    if (arguments.manifests.xxh3) needs = "--manifest needs checksums; leave one of them out";
    if (arguments.manifests.sha256) {
      needs = "--manifest-sha256 needs checksums; leave one of them out";
    }
    if (arguments.options.compare == CompareMode::kChecksum) {
      needs = "--compare checksum needs them; leave one of them out";
    }
    if (arguments.options.verify != VerifyMode::kNone) {
      needs = "verification needs checksums and is on by default; add --verify none";
    }
    if (needs != nullptr) {
      return own_error(Own::kBadInput, "", std::string("--checksum none: ") + needs);
    }
  }
  if (arguments.options.max_delete && !arguments.options.delete_surplus) {
    return own_error(Own::kBadInput, "", "--max-delete goes with --delete alone");
  }
  if (arguments.options.dry_run && (arguments.check || arguments.manifests.any())) {
    return own_error(
        Own::kBadInput, "",
        "--dry-run goes neither with --check nor with a manifest: it copies nothing that "
        "could be in one");
  }
  bool of_a_copy = arguments.manifests.any() || arguments.log_entries || arguments.previous_report;
  if (arguments.check && of_a_copy) {
    return own_error(
        Own::kBadInput, "",
        "--check copies nothing: leave out --manifest, --manifest-sha256, --log-entries "
        "and --previous-report");
  }
  return ok();
}

CLI::App* add_copy_command(CLI::App& app, CopyArguments& arguments) {
  CLI::App* command = app.add_subcommand("copy", "Copy a tree: data, links, modes, owners, times");
  add_operands(*command, "Location of the directory to read", "Location of the directory to fill",
               arguments.options);
  add_copy_flags(*command, arguments);
  add_switch(*command, "--check",
             "Copy nothing: tell whether it can be done and how long it would take",
             arguments.check);
  add_switch(*command, "--dry-run", "Write nothing: tell what would be done",
             arguments.options.dry_run);
  begin_group(*command, "Output");
  add_file_flags(*command, arguments);
  add_output_flags(*command, arguments);
  command->footer(kCopyExample);
  return command;
}

int run_copy_command(CopyArguments arguments) {
  begin_run(arguments);
  Outputs outputs;
  auto previous = read_previous(arguments);
  if (!previous) return refuse(arguments, previous.error());
  auto limits = LimitsFile::open(arguments);
  if (!limits) return refuse(arguments, limits.error());
  Status usable = check_together(arguments);
  if (usable) usable = open_outputs(arguments, outputs);
  if (!usable) return refuse(arguments, usable.error());
  if (arguments.check) return check_only(arguments, outputs.report, **limits);

  StopFlag& stop = handle_signals();
  (*limits)->follow();
  ProgressLine progress = progress_of(arguments);
  Observers observers;
  observers.add(progress);
  outputs.manifests.watch(observers);
  if (outputs.entries) observers.add(*outputs.entries);
  CopyReport report = run(arguments.options, observers, stop);
  progress.erase();
  complain_about(arguments, report);
  note_previous(report, *previous);

  OutputCheck check(arguments);
  if (!outputs.manifests.finish(check)) report.manifest_complete = false;
  if (outputs.entries) check.add(outputs.entries->finish());
  bool summary = !arguments.quiet && !did_nothing(report) && !uses_stdout(outputs_of(arguments));
  check.note_in(report);
  if (outputs.report) check.add(outputs.report->write(copy_report_json(report)));
  if (summary) check.add(print_result(copy_summary(report)));
  return check.exit_code(report.exit_code);
}

}  // namespace nfsferry::cli

#include "cli/verify_command.hpp"

#include <CLI/CLI.hpp>
#include <utility>

#include "cli/console.hpp"
#include "cli/difference_lines.hpp"
#include "cli/limits_file.hpp"
#include "cli/parsed_option.hpp"
#include "cli/run_output.hpp"
#include "cli/signals.hpp"
#include "nfsferry/run.hpp"
#include "report/report_file.hpp"
#include "report/report_json.hpp"
#include "report/summary.hpp"

namespace nfsferry::cli {
CLI::App* add_verify_command(CLI::App& app, VerifyArguments& arguments) {
  CLI::App* command =
      app.add_subcommand("verify", "Compare a tree with its copy; nothing is written");
  add_operands(*command, "Location of the directory that was copied", "Location of its copy",
               arguments.options);
  begin_group(*command, "What is compared");
  add_scope_flags(*command, arguments.options);
  begin_group(*command, "Ownership, as it was mapped by the copy");
  add_mapping_flags(*command, arguments.options);
  begin_group(*command, "Work");
  add_work_flags(*command, arguments);
  begin_group(*command, "Output");
  add_switch(*command, "--json", "Print one JSON object", arguments.json);
  add_manifest_flags(*command, arguments.manifests, arguments.options);
  add_output_flags(*command, arguments);
  command->footer(
      "Locations are nfs://HOST[:PORT]/PATH[?version=4.1&uid=N&gid=N] or paths.\n\n"
      "Example:\n"
      "  nfsferry verify nfs://fs-old.example/200005 nfs://fs-new.example/200010 \\\n"
      "      --owner target\n\n"
      "Exit codes: 0 equal, 1 differences or entries that could not be compared, 2 usage,\n"
      "3 source, 4 target, 75 try again later, 130 and 143 interrupted.");
  return command;
}

int run_verify_command(VerifyArguments arguments) {
  begin_run(arguments);
  auto limits = LimitsFile::open(arguments);
  if (!limits) return refuse(arguments, limits.error());
  std::vector<NamedOutput> outputs = json_outputs(arguments, arguments.json);
  add_outputs(outputs, arguments.manifests);
  Status usable = refuse_shared_outputs(outputs);
  auto file = open_report(arguments);
  if (usable && !file) usable = file.error();
  Manifests manifests;
  if (usable) usable = manifests.open(arguments.manifests, arguments.options.verify);
  if (!usable) return refuse(arguments, usable.error());

  bool for_people = !arguments.quiet && !uses_stdout(outputs);
  StopFlag& stop = handle_signals();
  (*limits)->follow();
  ProgressLine progress = progress_of(arguments);
  DifferenceLines lines(progress, for_people);
  Observers observers;
  observers.add(lines);
  manifests.watch(observers);
  CopyReport report = verify(arguments.options, observers, stop);
  progress.erase();
  complain_about(arguments, report);

  OutputCheck check(arguments);
  if (!manifests.finish(check)) report.manifest_complete = false;
  check.add(lines.printed());
  bool summary = for_people && !did_nothing(report);
  check.note_in(report);
  if (*file) check.add((*file)->write(verify_report_json(report)));
  if (arguments.json) check.add(print_result(verify_report_json(report)));
  if (summary) check.add(print_result(verify_summary(report)));
  return check.exit_code(report.exit_code);
}

}  // namespace nfsferry::cli

#include "cli/bench_command.hpp"

#include <CLI/CLI.hpp>
#include <utility>

#include "base/units.hpp"
#include "cli/console.hpp"
#include "cli/limits_file.hpp"
#include "cli/parsed_option.hpp"
#include "cli/run_output.hpp"
#include "cli/signals.hpp"
#include "nfsferry/run.hpp"
#include "report/bench_text.hpp"

namespace nfsferry::cli {
namespace {

constexpr std::uint32_t kFilesMax = 1'000'000;
constexpr std::uint32_t kRoundsMax = 1000;

void add_tree_flags(CLI::App& app, BenchOptions& bench) {
  begin_group(app, "The synthetic trees");
  add_parsed(
      app, "--shape", "small|large|studio-home", "Only trees of this shape (all three)",
      [](std::string_view text) { return parse_named(text, kBenchShapeNames); },
      [&bench](BenchShape shape) { bench.shapes = {shape}; });
  add_count(app, "--files", "Files of small and studio-home, about (10000)", kFilesMax, "files",
            bench.files);
  add_parsed(app, "--size", "SIZE", "Size of large in all, four files (1GiB)", parse_size,
             [&bench](std::uint64_t bytes) { bench.large_bytes = bytes; });
  add_count(app, "--rounds", "Copies of each tree (3)", kRoundsMax, "rounds", bench.rounds);
  add_parsed(
      app, "--seed", "N", "Another number gives other trees (1)",
      [](std::string_view text) { return parse_unsigned(text, UINT64_MAX); },
      [&bench](std::uint64_t seed) { bench.seed = seed; });
}

}  // namespace

CLI::App* add_bench_command(CLI::App& app, BenchArguments& arguments) {
  CLI::App* command = app.add_subcommand(
      "bench", "Measure what a pair of places can do, with trees that are made and removed");
  CopyOptions& options = arguments.options;
  add_operands(*command, "Location of a directory to make trees in",
               "Location of a directory to copy them to", options);
  add_tree_flags(*command, arguments.bench);
  begin_group(*command, "Work");
  add_named(*command, "--verify", "Read back nothing, or what was copied, or all (transferred)",
            kVerifyNames, options.verify);
  add_work_flags(*command, arguments);
  begin_group(*command, "Output");
  add_switch(*command, "--json", "Print one JSON object", arguments.json);
  add_output_flags(*command, arguments);
  command->footer(
      "Both directories must exist. Only directories named nfsferry-bench-... are made in them, "
      "and\n"
      "removed again, after an interrupt as well.\n\n"
      "Example:\n"
      "  nfsferry bench nfs://fs-old.example/scratch nfs://fs-new.example/scratch --rounds 5\n\n"
      "Exit codes: as for copy.");
  return command;
}

int run_bench_command(BenchArguments arguments) {
  begin_run(arguments);
  auto limits = LimitsFile::open(arguments);
  if (!limits) return refuse(arguments, limits.error());
  std::vector<NamedOutput> outputs = json_outputs(arguments, arguments.json);
  Status usable = refuse_shared_outputs(outputs);
  auto file = open_report(arguments);
  if (usable && !file) usable = file.error();
  if (!usable) return refuse(arguments, usable.error());

  BenchOptions options = std::move(arguments.bench);
  options.source = std::move(arguments.options.source);
  options.target = std::move(arguments.options.target);
  options.copy = arguments.options;
  StopFlag& stop = handle_signals();
  (*limits)->follow();
  ProgressLine progress = progress_of(arguments);
  BenchReport report = bench(options, progress, stop);
  progress.erase();
  if (!report.error_detail.empty()) print_error(report.error_detail);

  OutputCheck check(arguments);
  if (*file) check.add((*file)->write(bench_report_json(report)));
  if (arguments.json) check.add(print_result(bench_report_json(report)));
  bool table = !arguments.quiet && !report.rounds.empty() && !uses_stdout(outputs);
  if (table) check.add(print_result(bench_table(report)));
  return check.exit_code(report.exit_code);
}

}  // namespace nfsferry::cli

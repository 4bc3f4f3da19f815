#include "cli/copy_batch.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <utility>

#include "base/log.hpp"
#include "cli/console.hpp"
#include "cli/input_text.hpp"
#include "cli/limits_file.hpp"
#include "cli/run_output.hpp"
#include "cli/signals.hpp"
#include "nfsferry/run.hpp"

namespace nfsferry::cli {
namespace {

using recover::CopyHome;

// The flags that may differ from home to home, with '_' for '-'.
constexpr std::array<std::string_view, 20> kHomeOptions{
    "owner",        "owner_map",     "map_uid",         "map_gid",
    "owner_errors", "suid",          "compare",         "overwrite",
    "force",        "create_target", "root_attributes", "verify",
    "checksum",     "cross_mounts",  "engine",          "include_nfs_leftovers",
    "threads",      "timeout",       "connections",     "run_id"};

// Those of them that are set or not.
struct Switch {
  std::string_view name;
  bool CopyOptions::* member;
};
constexpr std::array<Switch, 5> kSwitches{{
    {"force", &CopyOptions::force},
    {"create_target", &CopyOptions::create_target},
    {"root_attributes", &CopyOptions::root_attributes},
    {"cross_mounts", &CopyOptions::cross_mounts},
    {"include_nfs_leftovers", &CopyOptions::include_nfs_leftovers},
}};

bool is_switch(std::string_view name) {
  return std::any_of(kSwitches.begin(), kSwitches.end(),
                     [name](const Switch& one) { return one.name == name; });
}

// The line as the arguments of a `copy` of its own, the last one first, as CLI11 takes them.
std::vector<std::string> arguments_of(const CopyHome& home) {
  std::vector<std::string> arguments{"copy"};
  for (const auto& [name, value] : home.options) {
    if (value == "false" && is_switch(name)) continue;  // see clear_switches
    std::string flag = "--" + name;
    std::replace(flag.begin(), flag.end(), '_', '-');
    arguments.push_back(std::move(flag));
    if (value != "true") arguments.push_back(value);
  }
  arguments.insert(arguments.end(), {"--", home.source, home.target});
  std::reverse(arguments.begin(), arguments.end());
  return arguments;
}

// A line that says no is not overruled by the command line.
void clear_switches(const CopyHome& home, CopyOptions& options) {
  for (const auto& [name, value] : home.options) {
    if (value != "false") continue;
    for (const Switch& one : kSwitches) {
      if (one.name == name) options.*one.member = false;
    }
  }
}

Result<CopyOptions> options_of(const CopyHome& home, const CopyArguments& common,
                               const BatchFlags& flags) {
  for (const auto& [name, value] : home.options) {
    bool known = std::find(kHomeOptions.begin(), kHomeOptions.end(), name) != kHomeOptions.end();
    if (!known) return bad_line(home, "options." + name + " is not known");
  }
  CopyArguments arguments = common;
  clear_switches(home, arguments.options);
  CLI::App app;
  add_copy_command(app, arguments);
  try {
    app.parse(arguments_of(home));
  } catch (const CLI::ParseError& error) {
    return bad_line(home, error.what());
  }
  Status fine = check_together(arguments);
  if (fine) fine = refuse_outputs_inside(batch_outputs(flags), arguments.options);
  if (!fine) return bad_line(home, fine.error().detail);
  std::string refusal = refusal_of(arguments.options);
  if (!refusal.empty()) return bad_line(home, refusal);
  return arguments.options;
}

Result<std::vector<CopyOptions>> all_options(const std::vector<CopyHome>& homes,
                                             const CopyArguments& common, const BatchFlags& flags) {
  std::vector<CopyOptions> all;
  for (const CopyHome& home : homes) {
    NFSFERRY_TRY(CopyOptions options, options_of(home, common, flags), return);
    bool own_id = options.run_id != common.options.run_id;
    if (!own_id) options.run_id = home_run_id(common.options.run_id, home);
    if (options.threads == 0) options.threads = 1;  // the homes are the batch's threads
    all.push_back(std::move(options));
  }
  return all;
}

HomeEnd copy_home(const CopyOptions& options, Observer& observer, const StopFlag& stop) {
  HomeEnd end;
  end.report = run(options, observer, stop);
  ExitCode code = end.report.exit_code;
  if (code == ExitCode::kDone || code == ExitCode::kOnlyChangedFiles) return end;
  end.error = end.report.error_code;
  end.detail = end.report.error_detail;
  return end;
}

int refuse(const Error& error) {
  print_error(error.message());
  return static_cast<int>(ExitCode::kUsage);
}

}  // namespace

void add_copy_batch(CLI::App& copy, BatchFlags& flags) {
  add_batch_flags(copy, flags);
  CLI::Option* batch = copy.get_option("--batch");
  for (const char* one_copys :
       {"--report-json", "--manifest", "--manifest-sha256", "--log-entries", "--check"}) {
    if (CLI::Option* option = copy.get_option_no_throw(one_copys)) batch->excludes(option);
  }
  CLI::Option* source = copy.get_option("SOURCE")->required(false);
  CLI::Option* target = copy.get_option("TARGET")->required(false);
  copy.callback([batch, source, target] {
    if (batch->count() > 0 && source->count() > 0) {
      throw CLI::ValidationError("--batch", "takes no SOURCE and TARGET");
    }
    if (batch->count() > 0) return;
    if (source->count() == 0) throw CLI::RequiredError("SOURCE");
    if (target->count() == 0) throw CLI::RequiredError("TARGET");
  });
}

int run_copy_batch(CopyArguments common, const BatchFlags& flags) {
  begin_run(common);
  auto limits = LimitsFile::open(common);
  if (!limits) return refuse(limits.error());
  auto text = read_input(flags.file);
  if (!text) return refuse(text.error());
  auto homes = recover::parse_copy_batch(*text);
  if (!homes) return refuse(homes.error());
  auto options = all_options(*homes, common, flags);
  if (!options) return refuse(options.error());

  auto previous = read_previous(common);
  if (!previous) return refuse(previous.error());
  bool of_a_copy = *previous && !(*previous)->is_batch;
  if (of_a_copy) return refuse(own_error(Own::kBadInput, "", "--previous-report: not of a batch"));

  BatchRun batch{flags, {homes->begin(), homes->end()}, common.quiet, common.progress, {}};
  if (*previous) batch.previous_start_ms = (*previous)->start_ms;
  batch.dry_run = common.options.dry_run;
  batch.progress_interval_ms = common.progress_interval_ms;
  batch.run_home = [&options](std::size_t index, Observer& observer, const StopFlag& stop) {
    return copy_home((*options)[index], observer, stop);
  };
  StopFlag& stop = handle_signals();
  (*limits)->follow();
  return run_batch(batch, stop);
}

}  // namespace nfsferry::cli

#include "cli/provision_command.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <sstream>
#include <utility>

#include "base/escape.hpp"
#include "base/log.hpp"
#include "cli/console.hpp"
#include "cli/input_text.hpp"
#include "cli/parsed_option.hpp"
#include "cli/signals.hpp"
#include "nfsferry/run.hpp"
#include "report/summary.hpp"

namespace nfsferry::cli {
namespace {

constexpr const char* kProvisionExample =
    "Examples:\n"
    "  nfsferry provision nfs://fs-new.example/200001 --owner 200001:1001 --mode 0700\n"
    "  nfsferry provision - < homes    # lines of LOCATION, or LOCATION, a tab, UID:GID\n\n"
    "Exit codes: 0 all are there, 2 usage, 4 not permitted or something else stands there,\n"
    "1 some of several failed, 75 a server went away: try again, 130 and 143 interrupted.";

Result<Owner> parse_fixed_owner(std::string_view text) {
  auto owner = parse_owner(text);
  if (owner && owner->rule == OwnerRule::kFixed) return owner;
  return own_error(Own::kBadInput, "",
                   "'" + std::string(text) + "' is not an owner; write UID:GID in numbers");
}

Result<std::uint32_t> parse_mode(std::string_view text) {
  constexpr std::uint32_t kModeMax = 07777;
  std::uint32_t mode = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error == std::errc() && end == text.data() + text.size() && mode <= kModeMax) return mode;
  return own_error(Own::kBadInput, "",
                   "'" + std::string(text) + "' is not a mode; write octal digits such as 0700");
}

// A directory to be made: the command's owner, or the one of its line.
struct Wanted {
  std::string location;
  std::optional<Owner> owner;
};

Result<std::vector<Wanted>> parse_lines(const std::string& text) {
  std::vector<Wanted> wanted;
  std::istringstream lines(text);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.empty()) continue;
    std::size_t tab = line.find('\t');
    Wanted one{line.substr(0, tab), {}};
    if (tab != std::string::npos) {
      auto owner = parse_fixed_owner(line.substr(tab + 1));
      if (!owner) {
        return own_error(Own::kBadInput, "stdin",
                         "line " + std::to_string(number) + ": " + owner.error().detail);
      }
      one.owner = *owner;
    }
    wanted.push_back(std::move(one));
  }
  return wanted;
}

Result<std::vector<Wanted>> all_wanted(const ProvisionArguments& arguments) {
  std::vector<Wanted> all;
  for (const std::string& location : arguments.locations) {
    if (location != "-") {
      all.push_back({location, {}});
      continue;
    }
    NFSFERRY_TRY(std::string text, read_input("-"), return);
    NFSFERRY_TRY(auto lines, parse_lines(text), return);
    all.insert(all.end(), lines.begin(), lines.end());
  }
  for (Wanted& one : all) {
    if (!one.owner) one.owner = arguments.owner;
    if (!one.owner) {
      return own_error(Own::kBadInput, "",
                       escape_for_terminal(one.location) + " has no owner; write --owner UID:GID");
    }
  }
  return all;
}

const char* word(Provisioned result) {
  switch (result) {
    case Provisioned::kNot: return "failed";
    case Provisioned::kCreated: return "created";
    case Provisioned::kRepaired: return "repaired";
    case Provisioned::kUnchanged: return "unchanged";
  }
  return "failed";
}

}  // namespace

CLI::App* add_provision_command(CLI::App& app, ProvisionArguments& arguments) {
  CLI::App* command =
      app.add_subcommand("provision", "Make directories with an owner and a mode, or repair them");
  command
      ->add_option("LOCATION", arguments.locations,
                   "Directories to make in parents that exist; - reads more from stdin")
      ->required()
      ->type_name("");
  ProvisionOptions& options = arguments.options;
  add_parsed(*command, "--owner", "UID:GID", "Owner, for lines that name none", parse_fixed_owner,
             [&arguments](Owner owner) { arguments.owner = owner; });
  add_parsed(*command, "--mode", "OCTAL", "Mode (0700)", parse_mode,
             [&options](std::uint32_t mode) { options.mode = mode; });
  command
      ->add_flag_callback(
          "--no-repair", [&options] { options.repair = false; },
          "A directory that is there must have owner and mode already")
      ->disable_flag_override();
  add_named(*command, "--engine", "Kernel interface (auto)", kEngineNames, options.engine);
  add_parsed(*command, "--timeout", "DURATION", "How long a server may stay away (300s)",
             parse_timeout, [&options](std::uint64_t ms) { options.timeout_ms = ms; });
  command->add_flag("--quiet", arguments.quiet, "Print failures only")->disable_flag_override();
  command->footer(kProvisionExample);
  return command;
}

int run_provision_command(const ProvisionArguments& arguments) {
  log_start({LogLevel::kWarning, false, {}});
  auto wanted = all_wanted(arguments);
  if (!wanted) {
    print_error(wanted.error().message());
    return static_cast<int>(ExitCode::kUsage);
  }
  StopFlag& stop = handle_signals();
  ExitCode failed = ExitCode::kDone;
  for (const Wanted& one : *wanted) {
    ProvisionOptions options = arguments.options;
    options.location = one.location;
    options.owner_uid = one.owner->uid;
    options.owner_gid = one.owner->gid;
    ProvisionReport report = provision(options, stop);
    if (report.exit_code != ExitCode::kDone) {
      print_error(report.error_detail);
      failed = report.exit_code;
    } else if (!arguments.quiet) {
      std::string line = std::string(word(report.result)) + " " + one_line(one.location) + "\n";
      Status printed = print_result(line);
      if (!printed) return static_cast<int>(ExitCode::kEntriesFailed);
    }
    if (int signal = stop.load(); signal != 0) return static_cast<int>(stopped_by(signal));
  }
  bool several = wanted->size() > 1 && failed != ExitCode::kDone;
  return static_cast<int>(several ? ExitCode::kEntriesFailed : failed);
}

}  // namespace nfsferry::cli

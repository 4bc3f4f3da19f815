#include "cli/ledger_command.hpp"

#include <CLI/CLI.hpp>
#include <optional>
#include <utility>

#include "base/escape.hpp"
#include "base/wall_clock.hpp"
#include "cli/console.hpp"
#include "cli/input_text.hpp"
#include "nfsferry/report.hpp"
#include "recover/ledger_steps.hpp"
#include "recover/row_json.hpp"
#include "report/report_json.hpp"
#include "report/summary.hpp"

namespace nfsferry::cli {
namespace {

using recover::Ledger;
using recover::LedgerKey;
using recover::LedgerRow;
using recover::OpenMode;
using recover::UidRule;

UidRule uid_rule(const LedgerArguments& arguments) {
  return arguments.any_uid ? UidRule::kAny : UidRule::kStudio;
}

// ---- what the commands print

int fail(const Error& error) {
  print_error(error.message());
  if (error.is(Own::kBadInput)) return static_cast<int>(ExitCode::kUsage);
  return static_cast<int>(recover::is_busy(error) ? ExitCode::kTemporary
                                                  : ExitCode::kEntriesFailed);
}

int fail(const std::string& text) {
  print_error(text);
  return static_cast<int>(ExitCode::kEntriesFailed);
}

int print(const std::string& text) {
  Status printed = print_result(text);
  return printed ? static_cast<int>(ExitCode::kDone) : fail(printed.error());
}

std::string home_text(const LedgerRow& row) {
  return (row.space_name.empty() ? "user " : "space ") + escape_for_terminal(row.profile_name) +
         " of " + escape_for_terminal(row.domain_name) + ": " +
         escape_for_terminal(row.efs_sys_id + "/" + row.efs_uid);
}

std::string row_text(const LedgerRow& row) {
  std::string text = home_text(row) + (row.replication ? "" : ", not to be replicated");
  if (row.replication_status.empty()) return text + "\n";
  return text + ", " + escape_for_terminal(row.replication_status) + " (" +
         escape_for_terminal(row.files_transferred) + " files, " +
         escape_for_terminal(row.bytes_written) + " bytes, " +
         escape_for_terminal(row.total_duration_ms) + " ms)\n";
}

std::string shown(const LedgerArguments& arguments, const LedgerRow& row) {
  return arguments.json ? recover::row_json(row) : row_text(row);
}

// ---- the commands

int seed(const LedgerArguments& arguments) {
  auto text = read_input(arguments.input);
  if (!text) return fail(text.error());
  auto rows = recover::parse_rows(*text, uid_rule(arguments));
  if (!rows) return fail(rows.error());
  auto ledger = open_ledger(arguments.ledger, OpenMode::kCreate);
  if (!ledger) return fail(ledger.error());
  auto seeded = recover::seed(**ledger, *rows, wall_clock_ms());
  if (!seeded) return fail(seeded.error());
  if (arguments.json) {
    return print("{\"added\":" + std::to_string(seeded->added) +
                 ",\"present\":" + std::to_string(seeded->present) + "}\n");
  }
  return print(counted(seeded->added, "row") + " added, " + grouped(seeded->present) +
               " there already\n");
}

int upsert(const LedgerArguments& arguments) {
  auto row = recover::complete_row(arguments.row, uid_rule(arguments));
  if (!row) return fail(row.error());
  auto ledger = open_ledger(arguments.ledger, OpenMode::kCreate);
  if (!ledger) return fail(ledger.error());
  recover::TellChange tell;
  if (arguments.stream_record) {
    tell = [&row](const std::optional<LedgerRow>& before) {
      return print_result(recover::stream_record_json(before, *row));
    };
  }
  auto before = recover::upsert(**ledger, *row, wall_clock_ms(), tell);
  if (!before) return fail(before.error());
  if (arguments.stream_record) return static_cast<int>(ExitCode::kDone);
  return print(shown(arguments, *row));
}

int flag(const LedgerArguments& arguments) {
  auto ledger = open_ledger(arguments.ledger, OpenMode::kExisting);
  if (!ledger) return fail(ledger.error());
  LedgerKey key = arguments.row.key();
  auto set = (*ledger)->set_replication(key, arguments.row.replication);
  if (!set) return fail(set.error());
  if (!*set) return fail(named(key) + " is not in the ledger");
  auto row = (*ledger)->get(key);
  if (!row) return fail(row.error());
  return *row ? print(shown(arguments, **row)) : fail(named(key) + " has gone meanwhile");
}

int add_target(const LedgerArguments& arguments) {
  auto ledger = open_ledger(arguments.ledger, OpenMode::kExisting);
  if (!ledger) return fail(ledger.error());
  auto row = recover::add_target(**ledger, arguments.source, arguments.target);
  return row ? print(shown(arguments, *row)) : fail(row.error());
}

int show(const LedgerArguments& arguments) {
  auto ledger = open_ledger(arguments.ledger, OpenMode::kExisting);
  if (!ledger) return fail(ledger.error());
  LedgerKey key = arguments.row.key();
  if (key.profile_name.empty()) {
    auto rows = (*ledger)->list();
    if (!rows) return fail(rows.error());
    std::string text;
    for (const LedgerRow& row : *rows) text += shown(arguments, row);
    return print(text);
  }
  auto row = (*ledger)->get(key);
  if (!row) return fail(row.error());
  return *row ? print(shown(arguments, **row)) : fail(named(key) + " is not in the ledger");
}

int history(const LedgerArguments& arguments) {
  auto ledger = open_ledger(arguments.ledger, OpenMode::kExisting);
  if (!ledger) return fail(ledger.error());
  auto entries = (*ledger)->history(arguments.row.profile_name);
  if (!entries) return fail(entries.error());
  std::string text;
  for (const recover::HistoryEntry& entry : *entries) {
    text += arguments.json ? recover::history_entry_json(entry)
                           : rfc3339(entry.epoctime) + " " + home_text(entry.row) + "\n";
  }
  return print(text);
}

int decide(const LedgerArguments& arguments) {
  auto text = read_input(arguments.input);
  if (!text) return fail(text.error());
  auto record = recover::parse_stream_record(*text);
  if (!record) return fail(record.error());
  recover::DecideOptions options = arguments.decide;
  options.uid_rule = uid_rule(arguments);
  auto decision = recover::decide(*record, options);
  if (!decision) return fail(decision.error());
  if (arguments.json) return print(recover::decision_json(*decision));
  return print(decision->copy ? decision->input + "\n"
                              : "no copy: " + escape_for_terminal(decision->reason) + "\n");
}

// ---- their flags

using Run = int (*)(const LedgerArguments&);

CLI::App* add_step(CLI::App& group, LedgerArguments& arguments, const char* name, const char* what,
                   Run run, const std::string& example) {
  CLI::App* command = group.add_subcommand(name, what);
  command->callback([&arguments, run] { arguments.run = run; });
  command->add_flag("--json", arguments.json, "Print JSON")->disable_flag_override();
  command->footer("Example:\n  nfsferry ledger " + example +
                  "\n\nExit codes: 0 done, 1 failed or not there, 2 bad input, 75 ledger busy.");
  return command;
}

void add_ledger_flag(CLI::App& command, LedgerArguments& arguments) {
  command.add_option("--ledger", arguments.ledger, "The ledger (also from NFSFERRY_LEDGER)")
      ->envname("NFSFERRY_LEDGER")
      ->required()
      ->type_name("sqlite:FILE|dynamodb:TABLE");
}

CLI::Option* add_text(CLI::App& command, const char* name, std::string& text, const char* what) {
  return command.add_option(name, text, what)->type_name("TEXT");
}

void add_any_uid_flag(CLI::App& command, LedgerArguments& arguments) {
  command
      .add_flag("--allow-any-uid", arguments.any_uid,
                "Homes may have any directory's name, not only a Studio uid")
      ->disable_flag_override();
}

void add_input(CLI::App& command, LedgerArguments& arguments, const char* what) {
  command.add_option("INPUT", arguments.input, std::string(what) + ": FILE, - or env:NAME (-)")
      ->type_name("");
}

void add_key(CLI::App& command, LedgerArguments& arguments, bool required) {
  add_text(command, "--profile-name", arguments.row.profile_name, "Name of the profile or space")
      ->required(required);
  CLI::Option* profile = command.get_option("--profile-name");
  CLI::Option* domain =
      add_text(command, "--domain-name", arguments.row.domain_name, "Name of its domain");
  domain->required(required);
  domain->needs(profile);
  profile->needs(domain);
}

CLI::Option* add_replication(CLI::App& command, LedgerArguments& arguments) {
  return command
      .add_flag("--replication,!--no-replication", arguments.row.replication,
                "Whether the next re-creation is given this home's files")
      ->disable_flag_override();
}

void add_seed(CLI::App& group, LedgerArguments& arguments) {
  CLI::App* command = add_step(group, arguments, "seed", "Enter profiles and spaces that exist",
                               seed, "seed profiles.json --ledger sqlite:ledger.db");
  add_input(*command, arguments, "JSON list of rows");
  add_ledger_flag(*command, arguments);
  add_any_uid_flag(*command, arguments);
}

void add_upsert(CLI::App& group, LedgerArguments& arguments) {
  CLI::App* command =
      add_step(group, arguments, "upsert", "Note that a profile or space was created", upsert,
               "upsert --ledger sqlite:ledger.db --profile-name user1 \\\n"
               "      --domain-name a --efs-sys-id fs-0123 --efs-uid 200010");
  add_ledger_flag(*command, arguments);
  add_key(*command, arguments, true);
  LedgerRow& row = arguments.row;
  add_text(*command, "--efs-sys-id", row.efs_sys_id, "File system of the home")->required();
  add_text(*command, "--efs-uid", row.efs_uid, "Directory of the home")->required();
  add_text(*command, "--domain-id", row.domain_id, "Id of the domain");
  add_text(*command, "--user-profile-name", row.user_profile_name, "For a user profile (usual)");
  add_text(*command, "--space-name", row.space_name, "For a space");
  add_text(*command, "--role-name", row.role_name, "Its role");
  add_replication(*command, arguments);
  add_any_uid_flag(*command, arguments);
  command
      ->add_flag("--stream-record", arguments.stream_record,
                 "Print the change as a table's stream would tell it, for 'decide'")
      ->disable_flag_override();
}

void add_flag_command(CLI::App& group, LedgerArguments& arguments) {
  CLI::App* command = add_step(group, arguments, "flag",
                               "Set whether the next re-creation is given the files", flag,
                               "flag --ledger sqlite:ledger.db --profile-name user1 \\\n"
                               "      --domain-name a --no-replication");
  add_ledger_flag(*command, arguments);
  add_key(*command, arguments, true);
  add_replication(*command, arguments)->required();
}

void add_add_target(CLI::App& group, LedgerArguments& arguments) {
  CLI::App* command =
      add_step(group, arguments, "add-target", "Let a profile to come be given another one's files",
               add_target,
               "add-target --ledger sqlite:ledger.db --src-profile-name user1 \\\n"
               "      --src-domain-name a --target-profile-name user1 --target-domain-name b");
  add_ledger_flag(*command, arguments);
  auto add = [command](const char* name, std::string& text, const char* what) {
    add_text(*command, name, text, what)->required();
  };
  add("--src-profile-name", arguments.source.profile_name, "Profile that has the files");
  add("--src-domain-name", arguments.source.domain_name, "Its domain");
  add("--target-profile-name", arguments.target.profile_name, "Profile to come");
  add("--target-domain-name", arguments.target.domain_name, "Its domain");
}

void add_show(CLI::App& group, LedgerArguments& arguments) {
  CLI::App* command = add_step(group, arguments, "show", "Print one row, or all of them", show,
                               "show --ledger sqlite:ledger.db --profile-name user1 \\\n"
                               "      --domain-name a --json");
  add_ledger_flag(*command, arguments);
  add_key(*command, arguments, false);
}

void add_history(CLI::App& group, LedgerArguments& arguments) {
  CLI::App* command = add_step(group, arguments, "history", "Print the homes that a profile had",
                               history, "history --ledger sqlite:ledger.db --profile-name user1");
  add_ledger_flag(*command, arguments);
  add_text(*command, "--profile-name", arguments.row.profile_name, "Name of the profile or space")
      ->required();
}

void add_decide(CLI::App& group, LedgerArguments& arguments) {
  CLI::App* command =
      add_step(group, arguments, "decide",
               "Print the workflow's input for a change of the ledger, or why there is none",
               decide, "decide record.json --region eu-west-1 --account 123456789012");
  add_input(*command, arguments, "Stream record");
  recover::DecideOptions& options = arguments.decide;
  add_text(*command, "--region", options.region, "Of the file systems (the table's)");
  add_text(*command, "--account", options.account, "Of the file systems (the table's)");
  add_text(*command, "--log-group-arn", options.log_group_arn, "For the input's Log");
  add_any_uid_flag(*command, arguments);
}

}  // namespace

CLI::App* add_ledger_command(CLI::App& app, LedgerArguments& arguments) {
  CLI::App* group =
      app.add_subcommand("ledger", "Remember which home belongs to which profile or space");
  add_seed(*group, arguments);
  add_upsert(*group, arguments);
  add_flag_command(*group, arguments);
  add_add_target(*group, arguments);
  add_show(*group, arguments);
  add_history(*group, arguments);
  add_decide(*group, arguments);
  group->require_subcommand(1);
  group->footer(
      "Example:\n"
      "  nfsferry ledger show --ledger sqlite:ledger.db\n\n"
      "'nfsferry ledger COMMAND --help' tells more.");
  return group;
}

int run_ledger_command(const LedgerArguments& arguments) { return arguments.run(arguments); }

}  // namespace nfsferry::cli

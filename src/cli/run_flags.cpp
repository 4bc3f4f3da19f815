#include "cli/run_flags.hpp"

#include <CLI/CLI.hpp>
#include <utility>

#include "cli/filter_rules.hpp"
#include "cli/owner_map.hpp"
#include "cli/parsed_option.hpp"

namespace nfsferry::cli {
namespace {

void add_id_map_flag(CLI::App& app, const std::string& name, const std::string& help,
                     std::vector<IdMap>& maps) {
  auto parse = [&maps](std::string_view text) -> Status {
    NFSFERRY_TRY(IdMap map, parse_id_map(text), return);
    return add_id_map(maps, map);
  };
  add_repeated(app, name, "OLD:NEW", help, parse, [](Ok) {});
}

// In the order of the command line, whichever flag brings the rule.
void add_rule_flag(CLI::App& app, const std::string& name, const std::string& help, bool include,
                   std::vector<FilterRule>& rules) {
  auto parse = [include, &rules](std::string_view glob) {
    return add_filter_rule(rules, FilterRule{include, std::string(glob)});
  };
  add_repeated(app, name, "GLOB", help, parse, [](Ok) {})->trigger_on_parse();
}

void add_filter_flags(CLI::App& app, std::vector<FilterRule>& rules) {
  add_rule_flag(app, "--include", "Copy what matches; the first filter that does decides", true,
                rules);
  add_rule_flag(app, "--exclude", "Leave out what matches, and do not enter such directories",
                false, rules);
  auto read = [&rules](std::string_view file) {
    return read_filter_rules(std::string(file), rules);
  };
  add_repeated(app, "--filter-from", "FILE|-", "Filters in lines of '+ GLOB' and '- GLOB'", read,
               [](Ok) {})
      ->trigger_on_parse();
}

}  // namespace

void begin_group(CLI::App& app, const char* heading) { app.option_defaults()->group(heading); }

void add_operands(CLI::App& app, const char* source_help, const char* target_help,
                  CopyOptions& options) {
  app.add_option("SOURCE", options.source, source_help)->required()->type_name("");
  app.add_option("TARGET", options.target, target_help)->required()->type_name("");
}

void add_mapping_flags(CLI::App& app, CopyOptions& options) {
  add_parsed(app, "--owner", "keep|target|UID:GID", "Owner of what is copied (keep)", parse_owner,
             [&options](Owner owner) {
               options.owner = owner.rule;
               options.owner_uid = owner.uid;
               options.owner_gid = owner.gid;
             });
  add_id_map_flag(app, "--map-uid", "This user becomes that one, before --owner; may be repeated",
                  options.map_uid);
  add_id_map_flag(app, "--map-gid", "This group becomes that one, before --owner; may be repeated",
                  options.map_gid);
  // After these two, so that it is held against what they say.
  auto read_map = [&options](std::string_view file) {
    return read_owner_map(std::string(file), options);
  };
  add_parsed(app, "--owner-map", "FILE|-", "More of both, in lines of 'uid|gid OLD[-LAST] NEW'",
             read_map, [](Ok) {});
  add_named(app, "--suid", "Set-user-id and set-group-id bits (drop where owners are mapped)",
            kSuidNames, options.suid);
}

void add_scope_flags(CLI::App& app, CopyOptions& options) {
  add_switch(app, "--cross-mounts", "Enter other file systems that are mounted below",
             options.cross_mounts);
  add_switch(app, "--include-nfs-leftovers", "Do not leave out .nfs* files",
             options.include_nfs_leftovers);
  add_filter_flags(app, options.filters);
}

void add_work_flags(CLI::App& app, RunArguments& arguments) {
  CopyOptions& options = arguments.options;
  add_parsed(app, "--threads", "N",
             "Threads, 1 to 64 (one a core, at most 4; 1 for each home of a batch)", parse_threads,
             [&options](std::uint32_t number) { options.threads = number; });
  add_parsed(app, "--connections", "N",
             "TCP connections of each thread to each NFSv4.1 or NFSv3 server, 1 to 16 (1)",
             parse_connections, [&options](std::uint32_t number) { options.connections = number; });
  add_named(app, "--engine", "Kernel interface (auto)", kEngineNames, options.engine);
  add_parsed(app, "--timeout", "DURATION", "How long a server may stay away (300s)", parse_timeout,
             [&options](std::uint64_t ms) { options.timeout_ms = ms; });
  add_parsed(app, "--run-id", "ID", "Name of the run in report and log (random)", parse_run_id,
             [&options](std::string id) { options.run_id = std::move(id); });
  add_parsed(app, "--bwlimit", "SIZE", "Bytes a second to read of the source's files (no limit)",
             parse_bwlimit,
             [&options](std::uint64_t bytes) { options.rates.bytes_per_second = bytes; });
  add_parsed(app, "--iops-limit", "N",
             "Requests a second to both sides together, as the report counts them (no limit)",
             parse_iops_limit,
             [&options](std::uint64_t number) { options.rates.requests_per_second = number; });
  app.add_option("--limits-file", arguments.limits_file,
                 "Lines bwlimit=SIZE and iops-limit=N that may change during the run")
      ->type_name("FILE");
}

void add_output_flags(CLI::App& app, RunArguments& arguments) {
  add_parsed(app, "--report-json", "FILE|-", "Write the report there; - is stdout", parse_output,
             [&arguments](std::string path) { arguments.report_json = std::move(path); });
  add_switch(app, "--quiet", "No summary, no progress, no log but errors", arguments.quiet);
  add_named(app, "--progress", "Progress line; auto: on a terminal (auto)", kProgressNames,
            arguments.progress);
  add_parsed(app, "--progress-interval", "DURATION", "Time between two progress lines (1s)",
             parse_progress_interval,
             [&arguments](std::uint64_t ms) { arguments.progress_interval_ms = ms; });
  add_parsed(
      app, "--log-level", "debug|info|warning|error|off", "Log to stderr (warning)",
      [](std::string_view text) { return parse_named(text, kLogLevelNames); },
      [&arguments](LogLevel level) { arguments.log_level = level; });
  add_switch(app, "--log-json", "Log one JSON object a line", arguments.log_json);
}

}  // namespace nfsferry::cli

#include "report/summary.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/escape.hpp"
#include "base/units.hpp"
#include "report/next_pass.hpp"
#include "report/report_json.hpp"

namespace nfsferry {
namespace {

void add_line(std::string& out, std::string_view label, std::string_view text) {
  constexpr std::size_t kLabelWidth = 16;
  out += label;
  out.append(label.size() < kLabelWidth ? kLabelWidth - label.size() : 1, ' ');
  out += text;
  out += '\n';
}

void add_count(std::string& out, std::string_view label, std::uint64_t number, const char* noun) {
  if (number > 0) add_line(out, label, counted(number, noun));
}

// A folder that was left out is not entered: nobody knows how much is in it.
void add_filtered(std::string& out, std::uint64_t files, std::uint64_t folders) {
  if (files + folders == 0) return;
  add_line(out, "filtered", counted(files, "file") + ", " + counted(folders, "folder"));
}

std::string copied_text(const CopyReport& report) {
  std::string out =
      counted(report.files_transferred, "file") + ", " + format_size(report.bytes_written) + ", " +
      counted(report.folders_transferred, "folder") + " in " + format_duration(report.duration_ms);
  if (report.options.dry_run || report.files_transferred == 0 || report.duration_ms == 0)
    return out;
  return out + " (" + grouped(per_second(report.files_transferred, report.duration_ms)) +
         " files/s, " + format_size(per_second(report.bytes_written, report.duration_ms)) + "/s)";
}

std::string lost_text(const CopyReport& report) {
  const LossReport& losses = report.losses;
  std::string out;
  auto add = [&out](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
  if (report.special_skipped > 0) add(counted(report.special_skipped, "special file"));
  if (losses.acls > 0) add(counted(losses.acls, "ACL"));
  if (losses.xattrs > 0) add("extended attributes of " + counted(losses.xattrs, "entry"));
  if (losses.holes > 0) {
    add("holes of " + counted(losses.holes, "file") + ", which take " +
        format_size(losses.holes_bytes) + " more");
  }
  return out;
}

void add_run(std::string& out, const CopyReport& report) {
  std::string run = report.run_id;
  if (!report.engine.empty()) run += " (" + report.engine + ")";
  if (!run.empty()) add_line(out, "run", run);
}

const char* outcome(ExitCode code) {
  switch (code) {
    case ExitCode::kDone: return "done";
    case ExitCode::kOnlyChangedFiles: return "done, but files changed during the copy";
    case ExitCode::kEntriesFailed: return "finished, with failures";
    case ExitCode::kInterrupted:
    case ExitCode::kTerminated: return "interrupted; run it again to go on";
    case ExitCode::kTemporary: return "ended early; run it again to go on";
    case ExitCode::kUsage:
    case ExitCode::kSourceUnreachable:
    case ExitCode::kTargetUnusable: return "ended early";
  }
  return "ended early";
}

std::string versions_text(const ProbeReport& report) {
  std::string out;
  for (const MinorVersionProbe& probe : report.versions) {
    if (!out.empty()) out += ", ";
    out += probe.version;
    if (!probe.offered) out += " no (" + escape_for_terminal(probe.answer) + ")";
  }
  return out;
}

std::string milliseconds_text(std::uint64_t microseconds) {
  char out[40];
  std::snprintf(out, sizeof out, "%llu.%03llu ms",
                static_cast<unsigned long long>(microseconds / 1000),
                static_cast<unsigned long long>(microseconds % 1000));
  return out;
}

void add_session_lines(std::string& out, const ProbeReport& report) {
  if (report.slots > 0) {
    add_line(out, "session",
             counted(report.slots, "slot") + ", " + counted(report.max_operations, "operation") +
                 " a request");
    add_line(out, "messages",
             format_size(report.max_request_bytes) + " request, " +
                 format_size(report.max_response_bytes) + " reply, " +
                 format_size(report.max_cached_response_bytes) + " kept reply");
  }
  if (report.max_read_bytes > 0) {
    add_line(out, "transfer",
             format_size(report.max_read_bytes) + " a READ, " +
                 format_size(report.max_write_bytes) + " a WRITE");
  }
  if (report.lease_seconds > 0) add_line(out, "lease", counted(report.lease_seconds, "second"));
}

const char* check_outcome(ExitCode code) {
  switch (code) {
    case ExitCode::kDone: return "ready";
    case ExitCode::kEntriesFailed: return "ready, but not all of the source can be read";
    case ExitCode::kInterrupted:
    case ExitCode::kTerminated: return "interrupted";
    default: return "not ready";
  }
}

std::string side_text(const SideReport& side, std::uint64_t round_trip_us) {
  std::string out = escape_for_terminal(side.location);
  if (!side.nfs_version.empty()) {
    out += ": NFSv" + side.nfs_version + ", " + counted(side.max_operations, "operation") +
           " a request, " + counted(side.slots, "request") + " at once";
  }
  return out + ", round trip " + milliseconds_text(round_trip_us);
}

std::string survey_text(const SurveyReport& source) {
  std::string out = source.complete ? "" : "at least ";
  out += counted(source.files, "file") + ", " + format_size(source.bytes) + ", " +
         counted(source.directories, "folder");
  if (source.symlinks > 0) out += ", " + counted(source.symlinks, "symlink");
  if (source.hard_links > 0) out += ", " + counted(source.hard_links, "hard link");
  if (source.specials > 0) out += ", " + counted(source.specials, "special file");
  return out + "; listed in " + format_duration(source.duration_ms);
}

std::string room_text(const CheckReport& report) {
  std::string out = report.target_empty ? "empty" : "not empty";
  if (report.space_total_bytes == 0) return out + ", free space not told";
  return out + ", " + format_size(report.space_available_bytes) + " available of " +
         format_size(report.space_total_bytes);
}

std::string clock_text(std::int64_t ahead_ms) {
  std::uint64_t by_ms = static_cast<std::uint64_t>(std::abs(ahead_ms));
  return "the target's is " + grouped(by_ms) + " ms " + (ahead_ms < 0 ? "behind" : "ahead of") +
         " this machine's";
}

std::string trial_text(const TrialReport& trial) {
  std::string out;
  if (trial.files > 0) {
    out = counted(trial.files, "small file") + ": " + grouped(trial.files_per_second) + " files/s";
  }
  if (trial.bytes > 0) {
    out += out.empty() ? "" : ", ";
    out += format_size(trial.bytes) + " of a large file: " + format_size(trial.bytes_per_second) +
           "/s";
  }
  return out.empty() ? "the source has no file to try" : out;
}

std::string engine_text(const std::string& engine, const std::string& note) {
  return engine + (note.empty() ? "" : " (" + note + ")");
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string counted(std::uint64_t number, const char* noun) {
  std::string_view one = noun;
  std::string out = grouped(number) + " ";
  if (number == 1) return out + noun;
  if (one.ends_with('y')) return out + std::string(one.substr(0, one.size() - 1)) + "ies";
  return out + noun + "s";
}

bool is_difference(const Failure& failure) {
  return failure.error == "differs" || failure.error == "missing";
}

std::uint64_t failed_entries(const CopyReport& report) {
  return report.failed_prepare + report.failed_transfer + report.failed_verify +
         report.failed_delete;
}

std::string copy_summary(const CopyReport& report) {
  std::string out;
  bool dry = report.options.dry_run;
  std::string ended = outcome(report.exit_code);
  add_line(out, "outcome", dry ? ended + "; dry run, nothing was written" : ended);
  add_line(out, dry ? "would copy" : "copied", copied_text(report));
  add_count(out, "skipped", report.files_skipped, "file");
  add_count(out, dry ? "would repair" : "repaired", report.metadata_repaired, "entry");
  add_count(out, "verified", report.files_verified, "file");
  add_count(out, dry ? "would delete" : "deleted", report.files_deleted + report.folders_deleted,
            "entry");
  add_count(out, "not deleted", report.deletion_refused, "entry");
  add_count(out, "in the backup", report.backed_up, "entry");
  add_count(out, "hard links", report.hard_links, "name");
  std::string lost = lost_text(report);
  if (!lost.empty()) add_line(out, "not carried", lost);
  add_filtered(out, report.files_filtered, report.folders_filtered);
  add_count(out, "left out", report.leftovers_skipped, "left-over");
  add_count(out, "not entered", report.mounts_not_entered, "other file system");
  add_count(out, "cleaned up", report.temporaries_removed, "temporary file");
  add_count(out, "owner not set", report.owners_not_set, "entry");
  add_count(out, "only in target", report.target_only, "name");
  add_count(out, "changed", report.changed_during_copy, "file");
  add_count(out, "vanished", report.vanished, "entry");
  add_count(out, "failed", failed_entries(report), "entry");
  add_count(out, "retried", report.retries, "request");
  if (auto next = next_pass(report)) add_line(out, "next pass", next_pass_text(*next));
  add_run(out, report);
  return out;
}

std::string check_summary(const CheckReport& report) {
  const CopyReport& run = report.run;
  std::string out;
  add_line(out, "outcome", check_outcome(run.exit_code));
  add_line(out, "source", side_text(run.source, report.source_round_trip_us));
  add_line(out, "", survey_text(report.source));
  add_filtered(out, report.source.files_filtered, report.source.folders_filtered);
  add_line(out, "target", side_text(run.target, report.target_round_trip_us));
  add_line(out, "", room_text(report));
  add_line(out, "", report.sets_owners ? "owners can be set" : "owners cannot be set");
  if (report.clock_ahead_ms) add_line(out, "clock", clock_text(*report.clock_ahead_ms));
  add_line(out, "engine", engine_text(run.engine, run.engine_note));
  add_line(out, "tried", trial_text(report.trial));
  add_line(out, "expected",
           report.expected_ms
               ? "about " + format_duration(*report.expected_ms) + " for a first copy"
               : "not known");
  for (const std::string& note : report.notes) add_line(out, "note", escape_for_terminal(note));
  for (const std::string& problem : report.problems) {
    add_line(out, "problem", escape_for_terminal(problem));
  }
  return out;
}

std::string verify_summary(const CopyReport& report) {
  bool ended = report.exit_code == ExitCode::kDone || report.exit_code == ExitCode::kEntriesFailed;
  bool equal = report.exit_code == ExitCode::kDone;
  std::string out;
  add_line(out, "outcome", equal ? "equal" : ended ? "not equal" : outcome(report.exit_code));
  add_line(out, "compared",
           counted(report.files_verified, "file") + ", " + format_size(report.bytes_verified) +
               ", " + counted(report.folders_verified, "folder") + " in " +
               format_duration(report.duration_ms));
  add_filtered(out, report.files_filtered, report.folders_filtered);
  add_count(out, "not entered", report.mounts_not_entered, "other file system");
  add_count(out, "not equal", failed_entries(report), "entry");
  add_count(out, "only in target", report.target_only, "name");
  add_count(out, "retried", report.retries, "request");
  add_run(out, report);
  return out;
}

std::string probe_summary(const ProbeReport& report) {
  std::string out;
  add_line(out, "location", escape_for_terminal(report.location));
  add_line(out, "versions", versions_text(report));
  add_line(out, "round trip", milliseconds_text(report.round_trip_us));
  add_session_lines(out, report);
  if (!report.server_owner.empty()) {
    add_line(out, "server", escape_for_terminal(report.server_owner));
  }
  if (report.space_total_bytes > 0) {
    add_line(out, "space",
             format_size(report.space_available_bytes) + " available of " +
                 format_size(report.space_total_bytes));
  }
  add_line(out, "directory",
           "owner " + escape_for_terminal(report.root_owner) + ":" +
               escape_for_terminal(report.root_group) + ", mode " + mode_text(report.root_mode) +
               ", fileid " + std::to_string(report.root_fileid));
  add_line(out, "engine", engine_text(report.engine, report.engine_note));
  return out;
}

}  // namespace nfsferry

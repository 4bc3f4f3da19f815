#include "cli/run_output.hpp"

#include <algorithm>
#include <filesystem>

#include "base/escape.hpp"
#include "base/log.hpp"
#include "base/run_id.hpp"
#include "cli/console.hpp"
#include "report/output_file.hpp"
#include "report/summary.hpp"

namespace nfsferry::cli {
namespace {

namespace fs = std::filesystem;

// Everything on stderr is JSON with --log-json, but nothing is silent.
void complain(const RunArguments& arguments, const std::string& text) {
  bool logged = arguments.log_json && arguments.log_level != LogLevel::kOff;
  if (logged) {
    log(LogLevel::kError, one_line(text));
  } else {
    print_error(text);
  }
}

bool is_one_place(const std::string& one, const std::string& other) {
  if (is_stdout(one) || is_stdout(other)) return is_stdout(one) && is_stdout(other);
  if (one.starts_with("/dev/")) return false;  // a device takes what several writers give
  std::error_code error;
  bool same = fs::equivalent(one, other, error) && !error;
  return same || fs::weakly_canonical(one, error) == fs::weakly_canonical(other, error);
}

// The directory itself, whatever leads to it; nothing where it is on a server.
std::optional<fs::path> local_root(const std::string& location) {
  if (location.starts_with("nfs:")) return {};
  std::error_code error;
  fs::path path = fs::canonical(location, error);
  if (error) return {};
  return path;
}

bool is_inside(const std::string& file, const fs::path& directory) {
  std::error_code error;
  fs::path at = fs::weakly_canonical(fs::absolute(file).parent_path(), error);
  if (error) return false;
  auto [end, ignored] = std::mismatch(directory.begin(), directory.end(), at.begin(), at.end());
  return end == directory.end();
}

}  // namespace

void begin_run(RunArguments& arguments) {
  if (arguments.options.run_id.empty()) arguments.options.run_id = random_run_id();
  LogLevel usual_level = arguments.quiet ? LogLevel::kError : LogLevel::kWarning;
  log_start(
      {arguments.log_level.value_or(usual_level), arguments.log_json, arguments.options.run_id});
}

std::vector<NamedOutput> json_outputs(const RunArguments& arguments, bool json) {
  NamedOutput printed{"--json", {}};
  if (json) printed.path = "-";
  return {printed, {"--report-json", arguments.report_json}};
}

Status refuse_shared_outputs(const std::vector<NamedOutput>& outputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    for (std::size_t j = i + 1; j < outputs.size(); ++j) {
      const NamedOutput& one = outputs[i];
      const NamedOutput& other = outputs[j];
      if (!one.path || !other.path || !is_one_place(*one.path, *other.path)) continue;
      std::string place = is_stdout(*one.path) ? "stdout" : "the same file";
      return own_error(Own::kBadInput, "",
                       std::string(one.flag) + " and " + other.flag + " both write to " + place +
                           "; name another file for one of them");
    }
  }
  return ok();
}

Status refuse_outputs_inside(const std::vector<NamedOutput>& outputs, const CopyOptions& options) {
  auto source = local_root(options.source);
  auto target = local_root(options.target);
  for (const NamedOutput& output : outputs) {
    if (!output.path || is_stdout(*output.path)) continue;
    std::string why;
    if (source && is_inside(*output.path, *source)) {
      why = "inside the source, and would be copied while it is written";
    } else if (target && options.delete_surplus && is_inside(*output.path, *target)) {
      why = "inside the target, where --delete would remove it";
    }
    if (why.empty()) continue;
    return own_error(Own::kBadInput, "",
                     std::string(output.flag) + ": " + quote_for_terminal(*output.path) + " is " +
                         why + "; name a file elsewhere");
  }
  return ok();
}

bool uses_stdout(const std::vector<NamedOutput>& outputs) {
  for (const NamedOutput& output : outputs) {
    if (output.path && is_stdout(*output.path)) return true;
  }
  return false;
}

Error unusable_output(const char* flag, const Error& error) {
  return own_error(Own::kBadInput, "",
                   std::string(flag) + ": " + error.message() +
                       "; name a file in a directory that exists and can be written");
}

Result<std::optional<ReportFile>> open_report(const RunArguments& arguments) {
  if (!arguments.report_json) return std::optional<ReportFile>();
  auto file = ReportFile::prepare(*arguments.report_json);
  if (!file) return unusable_output("--report-json", file.error());
  return std::optional(*std::move(file));
}

ProgressLine progress_of(const RunArguments& arguments) {
  return ProgressLine(arguments.progress, arguments.quiet || arguments.log_json,
                      arguments.progress_interval_ms);
}

int refuse(const RunArguments& arguments, const Error& error) {
  complain(arguments, error.detail);
  return static_cast<int>(ExitCode::kUsage);
}

bool did_nothing(const CopyReport& report) {
  return report.exit_code == ExitCode::kUsage ||
         (!report.error_code.empty() && report.estimated_files == 0 && report.failures.empty() &&
          report.files_transferred == 0 && report.folders_transferred == 0);
}

void complain_about(const RunArguments& arguments, const CopyReport& report) {
  if (!report.error_detail.empty()) return complain(arguments, report.error_detail);
  if (!report.error_code.empty()) complain(arguments, report.error_code);
}

void OutputCheck::add(const Status& written) {
  if (written) return;
  all_written_ = false;
  complain(arguments_, "the result cannot be written: " + written.error().message());
}

void OutputCheck::note_in(CopyReport& report) const {
  if (all_written_) return;
  report.exit_code = static_cast<ExitCode>(exit_code(report.exit_code));
  if (!report.error_code.empty()) return;
  report.error_code = "output_not_written";
  report.error_detail = "an output that was asked for could not be written";
}

int OutputCheck::exit_code(ExitCode code) const {
  bool fine = code == ExitCode::kDone || code == ExitCode::kOnlyChangedFiles;
  return static_cast<int>(fine && !all_written_ ? ExitCode::kEntriesFailed : code);
}

}  // namespace nfsferry::cli

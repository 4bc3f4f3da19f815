// What the commands that go through a whole tree tell and leave behind.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/progress_line.hpp"
#include "cli/run_flags.hpp"
#include "nfsferry/report.hpp"
#include "report/report_file.hpp"

namespace nfsferry::cli {

// Gives the run its id and starts the log.
void begin_run(RunArguments& arguments);

// Something that is written, and the flag that asked for it.
struct NamedOutput {
  const char* flag;
  std::optional<std::string> path;
};
// Of a command whose one result goes to stdout with --json, and where --report-json says.
std::vector<NamedOutput> json_outputs(const RunArguments& arguments, bool json);
// Refuses two outputs to stdout or to one file. Errors: kBadInput.
Status refuse_shared_outputs(const std::vector<NamedOutput>& outputs);
// Refuses outputs among what is copied, or where --delete would remove them. Errors: kBadInput.
Status refuse_outputs_inside(const std::vector<NamedOutput>& outputs, const CopyOptions& options);
bool uses_stdout(const std::vector<NamedOutput>& outputs);
// The error of an output that cannot be opened, as the user is told.
Error unusable_output(const char* flag, const Error& error);

// Where --report-json goes, if anywhere. Errors: kBadInput.
Result<std::optional<ReportFile>> open_report(const RunArguments& arguments);

ProgressLine progress_of(const RunArguments& arguments);

// Bad input: says why and returns the exit code.
int refuse(const RunArguments& arguments, const Error& error);

// Whether the run ended before it did anything that a summary could tell.
bool did_nothing(const CopyReport& report);

// Says why the run ended early, or that entries failed.
void complain_about(const RunArguments& arguments, const CopyReport& report);

// Collects how the outputs fared.
class OutputCheck {
 public:
  explicit OutputCheck(const RunArguments& arguments) : arguments_(arguments) {}

  void add(const Status& written);  // says at once what could not be written
  // An output that was asked for and not written is a failure, unless there is a worse one.
  void note_in(CopyReport& report) const;
  int exit_code(ExitCode code) const;

 private:
  const RunArguments& arguments_;
  bool all_written_ = true;
};

}  // namespace nfsferry::cli

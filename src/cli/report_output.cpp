#include "cli/report_output.hpp"

#include <utility>

#include "cli/console.hpp"

namespace nfsferry::cli {

Result<ReportOutput> ReportOutput::prepare(const std::optional<std::string>& path) {
  ReportOutput output;
  if (!path) return output;
  // Other names of stdout: replacing them like files would do harm.
  for (const char* name : {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}) {
    if (*path == name) output.on_stdout_ = true;
  }
  if (output.on_stdout_) return output;
  NFSFERRY_TRY(ReportFile file, ReportFile::prepare(*path), return);
  output.file_ = std::move(file);
  return output;
}

Status ReportOutput::write(const std::string& report) const {
  if (on_stdout_) return print_result(report);
  return file_ ? file_->write(report) : ok();
}

}  // namespace nfsferry::cli

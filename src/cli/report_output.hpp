#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "report/report_file.hpp"

namespace nfsferry::cli {

// Where --report-json sends a report: a file, stdout ("-") or nowhere.
class ReportOutput {
 public:
  // Errors: the report could not be written there at the end.
  static Result<ReportOutput> prepare(const std::optional<std::string>& path);

  bool on_stdout() const { return on_stdout_; }
  Status write(const std::string& report) const;

 private:
  bool on_stdout_ = false;
  std::optional<ReportFile> file_;
};

}  // namespace nfsferry::cli

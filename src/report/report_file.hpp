#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace nfsferry {

// Where a report goes that is written in one piece: a file that is replaced whole, or what
// OutputFile takes besides.
class ReportFile {
 public:
  // Finds out whether the report can be written at the end, by making and removing a temporary.
  // Errors: errno of what failed.
  static Result<ReportFile> prepare(std::string path);

  // Errors: errno of what failed; the old report, if any, is then untouched.
  Status write(std::string_view text) const;

 private:
  explicit ReportFile(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

}  // namespace nfsferry

#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace nfsferry {

// Where a report goes: a file that is replaced whole (a temporary beside it, then a rename), so
// that a reader sees the old report or the new one; or, where the path names something that is
// not a regular file (a pipe, /dev/stderr), that thing itself. "-" is the caller's business.
class ReportFile {
 public:
  // Finds out whether the report can be written at the end, by making and removing a temporary.
  // Errors: errno of what failed, kBadInput for a directory.
  static Result<ReportFile> prepare(std::string path);

  // Errors: errno of what failed; the old report, if any, is then untouched.
  Status write(std::string_view text) const;

 private:
  explicit ReportFile(std::string path) : path_(std::move(path)) {}

  Status replace(std::string_view text) const;

  std::string path_;
  bool in_place_ = false;
};

// Writes all of it. Errors: errno of write, under the name `path`.
Status write_all(int fd, std::string_view text, std::string_view path);

}  // namespace nfsferry

#include "report/report_file.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "report/output_file.hpp"

namespace nfsferry {

Result<ReportFile> ReportFile::prepare(std::string path) {
  struct stat status;
  bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) return errno_error(EISDIR, "open", path);
  // A pipe is not opened: its reader would see the end of it.
  bool replaced = !is_stdout(path) && !(exists && !S_ISREG(status.st_mode));
  if (replaced) {
    NFSFERRY_TRY(OutputFile unfinished, OutputFile::replacing(path), return);
  }
  return ReportFile(std::move(path));
}

Status ReportFile::write(std::string_view text) const {
  NFSFERRY_TRY(OutputFile file, OutputFile::replacing(path_), return);
  file.write(text);
  return file.finish();
}

}  // namespace nfsferry

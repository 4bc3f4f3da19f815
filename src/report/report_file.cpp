#include "report/report_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "base/unique_fd.hpp"

namespace nfsferry {
namespace {

// A name of our own in the directory of `path`.
std::string temporary_beside(const std::string& path) {
  std::size_t slash = path.rfind('/');
  std::string directory = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  return directory + ".nfsferry-report-" + std::to_string(::getpid());
}

Result<UniqueFd> create(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (!fd && errno == EEXIST) {  // of a dead process that had our number
    ::unlink(path.c_str());
    fd = UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
  }
  if (!fd) return errno_error(errno, "create", path);
  return fd;
}

Status close_checked(UniqueFd fd, const std::string& path) {
  if (::close(fd.release()) != 0 && errno != EINTR) return errno_error(errno, "close", path);
  return ok();
}

Status write_new(const std::string& path, std::string_view text) {
  NFSFERRY_TRY(UniqueFd fd, create(path), return);
  Status written = write_all(fd.get(), text, path);
  if (!written) return written;
  if (::fsync(fd.get()) != 0) return errno_error(errno, "fsync", path);
  return close_checked(std::move(fd), path);
}

}  // namespace

Status write_all(int fd, std::string_view text, std::string_view path) {
  while (!text.empty()) {
    ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {  // a pipe that somebody else made non-blocking
      pollfd writable{fd, POLLOUT, 0};
      ::poll(&writable, 1, -1);
      continue;
    }
    if (written < 0) return errno_error(errno, "write", path);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ok();
}

Result<ReportFile> ReportFile::prepare(std::string path) {
  struct stat status;
  bool exists = ::stat(path.c_str(), &status) == 0;
  if (!exists && errno != ENOENT) return errno_error(errno, "open", path);
  if (exists && S_ISDIR(status.st_mode)) return errno_error(EISDIR, "open", path);
  if (path.empty() || path.back() == '/') return errno_error(EISDIR, "open", path);

  if (exists && !S_ISREG(status.st_mode)) {
    ReportFile file(std::move(path));
    file.in_place_ = true;
    return file;
  }
  if (exists) {  // a link stays a link: what it leads to is replaced
    std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
    if (!real) return errno_error(errno, "open", path);
    path = real.get();
  }
  std::string temporary = temporary_beside(path);
  auto created = create(temporary);
  if (!created) {
    created.error().path = path;  // the name the user knows
    return std::move(created).error();
  }
  if (::unlink(temporary.c_str()) != 0) return errno_error(errno, "unlink", temporary);
  return ReportFile(std::move(path));
}

Status ReportFile::write(std::string_view text) const {
  if (!in_place_) return replace(text);
  UniqueFd fd(::open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return errno_error(errno, "open", path_);
  Status written = write_all(fd.get(), text, path_);
  if (!written) return written;
  return close_checked(std::move(fd), path_);
}

Status ReportFile::replace(std::string_view text) const {
  std::string temporary = temporary_beside(path_);
  Status written = write_new(temporary, text);
  if (written && ::rename(temporary.c_str(), path_.c_str()) != 0) {
    written = errno_error(errno, "rename", path_);
  }
  if (!written) ::unlink(temporary.c_str());
  return written;
}

}  // namespace nfsferry

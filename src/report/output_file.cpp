#include "report/output_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "base/run_id.hpp"

namespace nfsferry {
namespace {

constexpr std::size_t kBufferBytes = 64 * 1024;

struct Temporary {
  std::string path;
  UniqueFd fd;
};

// A file of our own beside `path`: what has a name already may be another process's, on another
// machine even. The name does not begin as the temporaries of a copy do: those are removed from a
// target, where this file may stand.
Result<Temporary> create_beside(const std::string& path) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
  constexpr int kTriesMax = 16;
  std::string directory = path.substr(0, path.rfind('/') + 1);  // empty where there is none
  for (int tries = 1;; ++tries) {
    std::string name = directory + ".unfinished-nfsferry-" + random_run_id();
    UniqueFd fd(::open(name.c_str(), kFlags, 0666));
    if (fd) return Temporary{std::move(name), std::move(fd)};
    if (errno != EEXIST || tries == kTriesMax) return errno_error(errno, "create", path);
  }
}

}  // namespace

bool is_stdout(std::string_view path) {
  return path == "-" || path == "/dev/stdout" || path == "/dev/fd/1" || path == "/proc/self/fd/1";
}

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

Result<OutputFile> OutputFile::replacing(std::string path) {
  if (is_stdout(path)) return to_stdout();
  struct stat status;
  bool exists = ::stat(path.c_str(), &status) == 0;
  if (!exists && errno != ENOENT) return errno_error(errno, "open", path);
  if (path.empty() || path.back() == '/') return errno_error(EISDIR, "open", path);
  if (exists && !S_ISREG(status.st_mode)) return in_place(std::move(path));

  if (exists) {  // a link stays a link: what it leads to is replaced
    std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
    if (!real) return errno_error(errno, "open", path);
    path = real.get();
  }
  NFSFERRY_TRY(Temporary temporary, create_beside(path), return);
  OutputFile file(std::move(path), std::move(temporary.fd));
  file.temporary_ = std::move(temporary.path);
  return file;
}

Result<OutputFile> OutputFile::in_place(std::string path) {
  if (is_stdout(path)) return to_stdout();
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY;
  UniqueFd fd(::open(path.c_str(), kFlags, 0666));
  if (!fd) return errno_error(errno, "open", path);
  return OutputFile(std::move(path), std::move(fd));
}

Result<OutputFile> OutputFile::to_stdout() {
  UniqueFd fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  if (!fd) return errno_error(errno, "dup", "stdout");
  return OutputFile("stdout", std::move(fd));
}

OutputFile::~OutputFile() {
  if (fd_ && !temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::write(std::string_view text) {
  if (!status_) return;
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) flush();
}

void OutputFile::flush() {
  if (status_) status_ = write_all(fd_.get(), buffer_, path_);
  buffer_.clear();
}

Status OutputFile::finish() {
  flush();
  Status closed = close_durably();
  if (status_) status_ = std::move(closed);
  if (temporary_.empty()) return status_;
  if (status_ && ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    status_ = errno_error(errno, "rename", path_);
  }
  if (!status_) ::unlink(temporary_.c_str());
  return status_;
}

Status OutputFile::close_durably() {
  struct stat status;
  bool regular = ::fstat(fd_.get(), &status) == 0 && S_ISREG(status.st_mode);
  bool synced = !regular || ::fsync(fd_.get()) == 0;
  int sync_error = errno;
  if (::close(fd_.release()) != 0 && errno != EINTR) return errno_error(errno, "close", path_);
  if (!synced) return errno_error(sync_error, "fsync", path_);
  return ok();
}

}  // namespace nfsferry

#include "local/file_calls.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

namespace nfsferry {
namespace {

constexpr std::size_t kCompareBytes = 64 << 10;
// Linux 6.6; one number on every architecture but alpha. Not in Debian 12's headers.
constexpr long kFchmodat2 = 452;

FileType type_of(std::uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return FileType::kRegular;
    case S_IFDIR: return FileType::kDirectory;
    case S_IFLNK: return FileType::kSymlink;
    case S_IFBLK: return FileType::kBlockDevice;
    case S_IFCHR: return FileType::kCharacterDevice;
    case S_IFSOCK: return FileType::kSocket;
    case S_IFIFO: return FileType::kFifo;
    default: return FileType::kOther;
  }
}

Time time_of(const struct statx_timestamp& stamp) { return Time{stamp.tv_sec, stamp.tv_nsec}; }

Attributes attributes_from(const struct statx& status) {
  Attributes attributes;
  attributes.type = type_of(status.stx_mode);
  attributes.mode = status.stx_mode & 07777u;
  attributes.link_count = status.stx_nlink;
  attributes.size_bytes = status.stx_size;
  attributes.used_bytes = status.stx_blocks * 512;
  attributes.fileid = status.stx_ino;
  attributes.change = static_cast<std::uint64_t>(status.stx_ctime.tv_sec) * 1'000'000'000u +
                      status.stx_ctime.tv_nsec;
  attributes.fsid = FileSystemId{status.stx_dev_major, status.stx_dev_minor};
  attributes.owner.id = status.stx_uid;
  attributes.group.id = status.stx_gid;
  attributes.mtime = time_of(status.stx_mtime);
  attributes.atime = time_of(status.stx_atime);
  attributes.device_major = status.stx_rdev_major;
  attributes.device_minor = status.stx_rdev_minor;
  return attributes;
}

Result<Attributes> statx_of(int fd, const char* path, int flags, std::string_view name) {
  struct statx status{};
  flags |= AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
  if (::statx(fd, path, flags, STATX_BASIC_STATS, &status) != 0) {
    return errno_error(errno, "statx", name);
  }
  return attributes_from(status);
}

timespec timespec_of(const std::optional<Time>& time) {
  timespec converted{};
  if (time) {
    converted.tv_sec = static_cast<time_t>(time->seconds);
    converted.tv_nsec = static_cast<long>(time->nanoseconds);
  } else {
    converted.tv_nsec = UTIME_OMIT;
  }
  return converted;
}

bool is_path_only(int fd) {
  int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_PATH) != 0;
}

// A path that leads to what an O_PATH descriptor pins, a symlink itself included.
struct ProcPath {
  explicit ProcPath(int fd) { std::snprintf(text, sizeof text, "/proc/self/fd/%d", fd); }
  char text[32];
};

// fchmod for O_PATH descriptors: a system call since Linux 6.6, by way of /proc before.
int chmod_pinned(int fd, mode_t mode) {
  if (::syscall(kFchmodat2, fd, "", mode, AT_EMPTY_PATH) == 0) return 0;
  if (errno != ENOSYS && errno != EPERM && errno != EINVAL) return -1;
  return ::chmod(ProcPath(fd).text, mode);
}

// futimens for them: AT_EMPTY_PATH is taken since Linux 5.8.
int set_times_pinned(int fd, const timespec* times) {
  if (::utimensat(fd, "", times, AT_EMPTY_PATH) == 0) return 0;
  if (errno != EINVAL) return -1;
  return ::utimensat(AT_FDCWD, ProcPath(fd).text, times, 0);
}

}  // namespace

Result<UniqueFd> open_at(int directory_fd, const std::string& name, int flags, std::uint32_t mode) {
  static std::atomic<bool> has_openat2{true};
  flags |= O_NOFOLLOW | O_CLOEXEC;
  if (has_openat2.load(std::memory_order_relaxed)) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags);
    how.mode = mode;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    long fd = ::syscall(SYS_openat2, directory_fd, name.c_str(), &how, sizeof how);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    if (errno == ENOSYS) has_openat2.store(false, std::memory_order_relaxed);
    if (errno != ENOSYS && errno != EPERM) return errno_error(errno, "openat2", name);
  }
  int fd = ::openat(directory_fd, name.c_str(), flags, mode);
  if (fd < 0) return errno_error(errno, "openat", name);
  return UniqueFd(fd);
}

Result<UniqueFd> open_listed_file(int directory_fd, const Entry& entry) {
  // O_NONBLOCK: a FIFO that has taken the file's place must not block us.
  constexpr int kFlags = O_RDONLY | O_NONBLOCK;
  Result<UniqueFd> fd = open_at(directory_fd, entry.name, kFlags | O_NOATIME);
  if (!fd && fd.error().is_errno(EPERM)) fd = open_at(directory_fd, entry.name, kFlags);
  if (!fd && (fd.error().is_errno(ELOOP) || fd.error().is_errno(ENXIO))) {
    Error error = errno_error(ESTALE, fd.error().operation, entry.name);
    error.detail = "it is no regular file any more (" + fd.error().name() + ")";
    return error;
  }
  if (!fd) return fd;
  NFSFERRY_TRY(Attributes found, attributes_of(fd->get(), entry.name), return);
  if (found.type != FileType::kRegular || !is_same_file(found, entry.attributes)) {
    Error error = errno_error(ESTALE, "open", entry.name);
    error.detail = "it is not the file any more that was listed";
    return error;
  }
  // Where files are fetched from an archive first, reads of a non-blocking one give EAGAIN.
  int flags = ::fcntl(fd->get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd->get(), F_SETFL, flags & ~O_NONBLOCK) < 0) {
    return errno_error(errno, "fcntl", entry.name);
  }
  return fd;
}

Result<UniqueFd> pin_at(int directory_fd, const std::string& name) {
  return open_at(directory_fd, name, O_PATH);
}

Result<Attributes> attributes_at(int directory_fd, const std::string& name) {
  return statx_of(directory_fd, name.c_str(), 0, name);
}

Result<Attributes> attributes_of(int fd, std::string_view name) {
  return statx_of(fd, "", AT_EMPTY_PATH, name);
}

Result<Attributes> attributes_now(int fd, std::string_view name) {
  return statx_of(fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, name);
}

bool is_same_file(const Attributes& one, const Attributes& other) {
  return one.number() == other.number();
}

Status apply_attributes(int fd, const NewAttributes& wanted, std::string_view name) {
  NFSFERRY_TRY(Attributes now, attributes_of(fd, name), return);
  bool other_owner = wanted.owner && *wanted.owner != now.owner.id;
  bool other_group = wanted.group && *wanted.group != now.group.id;
  if (other_owner || other_group) {
    uid_t owner = other_owner ? *wanted.owner : static_cast<uid_t>(-1);
    gid_t group = other_group ? *wanted.group : static_cast<gid_t>(-1);
    if (::fchownat(fd, "", owner, group, AT_EMPTY_PATH) != 0) {
      return errno_error(errno, "fchownat", name);
    }
  }
  // chown clears set-id bits, so the mode is set after it even when it was right before.
  bool other_mode = wanted.mode && (*wanted.mode != now.mode || other_owner || other_group);
  if (other_mode && now.type != FileType::kSymlink) {
    mode_t mode = *wanted.mode & 07777u;
    int failed = is_path_only(fd) ? chmod_pinned(fd, mode) : ::fchmod(fd, mode);
    if (failed != 0) return errno_error(errno, "fchmod", name);
  }
  return set_times(fd, wanted, name);
}

Status set_times(int fd, const NewAttributes& wanted, std::string_view name) {
  if (!wanted.mtime && !wanted.atime) return ok();
  timespec times[2] = {timespec_of(wanted.atime), timespec_of(wanted.mtime)};
  int failed = is_path_only(fd) ? set_times_pinned(fd, times) : ::futimens(fd, times);
  if (failed != 0) return errno_error(errno, "utimensat", name);
  return ok();
}

Status write_all(int fd, std::span<const std::byte> bytes, std::string_view name) {
  while (!bytes.empty()) {
    ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(errno, "write", name);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return ok();
}

Result<std::size_t> read_up_to(int fd, std::uint64_t offset_bytes, std::span<std::byte> into,
                               std::string_view name) {
  std::size_t done = 0;
  while (done < into.size()) {
    ssize_t count = ::pread(fd, into.data() + done, into.size() - done,
                            static_cast<off_t>(offset_bytes + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(errno, "pread", name);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Status compare_content(int fd, std::span<const std::byte> wanted, std::string_view name) {
  std::vector<std::byte> back(std::min(wanted.size() + 1, kCompareBytes));
  for (std::uint64_t offset = 0;; wanted = wanted.subspan(back.size()), offset += back.size()) {
    NFSFERRY_TRY(std::size_t size, read_up_to(fd, offset, back, name), return);
    std::span<const std::byte> piece = wanted.first(std::min(wanted.size(), back.size()));
    if (size != piece.size() || !std::equal(piece.begin(), piece.end(), back.begin())) {
      Error error =
          own_error(Own::kVerifyMismatch, "pread", "the bytes read back are not the bytes written");
      error.path = std::string(name);
      return error;
    }
    if (size < back.size()) return ok();
  }
}

Status sync_file(int fd, std::string_view name) {
  if (::fsync(fd) != 0) return errno_error(errno, "fsync", name);
  return ok();
}

Status close_checked(UniqueFd fd, std::string_view name) {
  // Linux frees the descriptor even when close fails, EINTR included: never close it twice.
  if (::close(fd.release()) != 0 && errno != EINTR) return errno_error(errno, "close", name);
  return ok();
}

Status rename_within(int directory_fd, const std::string& from, const std::string& to) {
  if (::renameat(directory_fd, from.c_str(), directory_fd, to.c_str()) != 0) {
    return errno_error(errno, "renameat", to);
  }
  return ok();
}

void remove_quietly(int directory_fd, const std::string& name) {
  static_cast<void>(::unlinkat(directory_fd, name.c_str(), 0));
}

}  // namespace nfsferry

#include "local/local_tree.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "base/escape.hpp"

namespace nfsferry {
namespace {

// Why a root did not open, for people: looks at one prefix of the path after the other.
std::string diagnosis(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    std::string prefix = path.substr(0, end);
    bool last = end == std::string::npos || end + 1 == path.size();
    struct stat status{};
    if (::stat(prefix.c_str(), &status) != 0) {
      if (errno == ENOENT) {
        return quote_for_terminal(prefix) + " does not exist" + (last ? "" : "; make it first");
      }
      if (errno == EACCES) {
        return "user " + std::to_string(::geteuid()) + " may not enter the directory above " +
               quote_for_terminal(prefix) + "; run as its owner or as root";
      }
      return quote_for_terminal(prefix) + " cannot be looked at";
    }
    if (!S_ISDIR(status.st_mode)) return quote_for_terminal(prefix) + " is no directory; name one";
    if (last) break;
  }
  return "user " + std::to_string(::geteuid()) + " may not read " + quote_for_terminal(path) +
         "; run as its owner or as root";
}

struct OpenedRoot {
  UniqueFd fd;
  Attributes attributes;
};

Result<OpenedRoot> open_root(const std::string& path, bool create_missing) {
  // The one place where symlinks are followed: the user wrote this path.
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  UniqueFd fd(::open(path.c_str(), kFlags));
  if (!fd && errno == ENOENT && create_missing) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
      Error error = errno_error(errno, "mkdir", path);
      error.detail = diagnosis(path);
      return error;
    }
    fd = UniqueFd(::open(path.c_str(), kFlags));
  }
  if (!fd) {
    Error error = errno_error(errno, "open", path);
    error.detail = diagnosis(path);
    return error;
  }
  NFSFERRY_TRY(Attributes found, attributes_of(fd.get(), path), return);
  return OpenedRoot{std::move(fd), found};
}

// By its magic number; nothing where it cannot be told.
std::optional<std::uint32_t> file_system_of(int fd) {
  struct statfs found;
  if (::fstatfs(fd, &found) != 0) return std::nullopt;
  return static_cast<std::uint32_t>(found.f_type);
}

// Somebody else's, who decides, and may only pretend, and who is asked for each thing.
bool is_behind_others(std::optional<std::uint32_t> file_system) {
  if (!file_system) return true;
  switch (*file_system) {
    case NFS_SUPER_MAGIC:
    case SMB_SUPER_MAGIC:
    case SMB2_SUPER_MAGIC:
    case CIFS_SUPER_MAGIC:
    case V9FS_MAGIC:
    case FUSE_SUPER_MAGIC: return true;
    default: return false;
  }
}

// Where each look at an entry's attributes is a request, or shows what servers keep there.
bool shows_attributes_of_servers(std::optional<std::uint32_t> file_system) {
  constexpr std::uint32_t kCeph = 0x00c36400, kLustre = 0x0bd00bd0, kGpfs = 0x47504653;
  bool of_servers = file_system == AFS_SUPER_MAGIC || file_system == kCeph ||
                    file_system == kLustre || file_system == kGpfs;
  return of_servers || is_behind_others(file_system);
}

}  // namespace

LocalTree::LocalTree(Loop& loop, Location location, LocalOptions options)
    : loop_(loop), location_(std::move(location)), options_(std::move(options)) {}

Task<void> LocalTree::keep_pace() {
  if (options_.pace != nullptr) co_await options_.pace->await_request(loop_);
}

void LocalTree::count(const char* kind, Clock::time_point begin) {
  auto taken = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
  ++counters_.requests;
  counters_.latency[kind].add(static_cast<std::uint64_t>(taken.count()));
}

Task<Status> LocalTree::open() {
  auto work = [this] { return open_root(location_.path, options_.create_missing); };
  Result<OpenedRoot> opened = co_await job("open", std::move(work));
  if (!opened) co_return std::move(opened).error();
  root_entry_ = Entry{{}, opened->attributes, {}};
  std::optional<std::uint32_t> file_system = file_system_of(opened->fd.get());
  bool link_times = !is_behind_others(file_system);
  tells_losses_ = options_.tells_losses && !shows_attributes_of_servers(file_system) &&
                  tells_extended_attributes(opened->fd.get());
  root_ = LocalDirectory::make_root(std::move(opened->fd), opened->attributes);
  // A first guess; probe() finds out.
  bool is_root = ::geteuid() == 0;
  capabilities_.change_owner = is_root;
  capabilities_.owner_at_create = is_root;
  capabilities_.devices = is_root;
  capabilities_.names_need_sync = true;
  capabilities_.symlink_times = link_times;
  capabilities_.granularity_at_most_ns = granularity_shown_by(opened->attributes);
  co_return ok();
}

Task<void> LocalTree::close() {
  if (!lock_.is_held()) co_return;
  auto work = [this] {
    lock_.release();
    return ok();
  };
  Status released = co_await job("close", std::move(work));
  check(released.has_value(), "releasing a lock cannot fail");
}

Preferences LocalTree::preferences() const {
  Preferences preferences;
  // Jobs queue for a few file threads, so more in flight gains nothing.
  preferences.requests_in_flight = 8;
  return preferences;
}

TreeFacts LocalTree::facts() const {
  TreeFacts facts;
  facts.location = location_.text;
  facts.tells_acls = facts.tells_xattrs = tells_losses_;
  return facts;
}

Task<Result<DirectoryPtr>> LocalTree::open_directory(DirectoryPtr parent, const Entry& entry) {
  NFSFERRY_TRY(Ok usable, check_name("open_directory", entry.name), co_return);
  if (entry.attributes.type != FileType::kDirectory) {
    co_return errno_error(ENOTDIR, "open_directory", entry.name);
  }
  co_return DirectoryPtr(LocalDirectory::make_child(local(parent), entry.name, entry.attributes));
}

Task<Result<Entry>> LocalTree::lookup(DirectoryPtr directory, std::string name) {
  NFSFERRY_TRY(Ok usable, check_name("lookup", name), co_return);
  auto work = [&]() -> Result<Entry> {
    NFSFERRY_TRY(DirectoryFd fd, local(directory.get()).descriptor(), return);
    NFSFERRY_TRY(Attributes attributes, attributes_at((*fd).get(), name), return);
    return Entry{name, attributes, {}};
  };
  co_return co_await job("lookup", std::move(work));
}

Task<Result<Space>> LocalTree::space() {
  auto work = [this]() -> Result<Space> {
    NFSFERRY_TRY(DirectoryFd root, root_->descriptor(), return);
    struct statvfs told{};
    if (::fstatvfs((*root).get(), &told) != 0) return errno_error(errno, "statvfs", location_.path);
    std::uint64_t unit_bytes = told.f_frsize;
    return Space{told.f_blocks * unit_bytes, told.f_bavail * unit_bytes, told.f_favail};
  };
  co_return co_await job("statvfs", std::move(work));
}

Task<Status> LocalTree::lock_root(std::string run_id) {
  if (lock_.is_held() && options_.run_id == run_id) co_return ok();
  if (lock_.is_held()) co_await close();
  auto work = [&]() -> Status {
    NFSFERRY_TRY(DirectoryFd root, root_->descriptor(), return);
    return lock_.take(std::move(root), run_id);
  };
  Status taken = co_await job("lock_root", std::move(work));
  if (!taken) co_return taken;
  options_.run_id = run_id;
  capabilities_.lock_mark = lock_.mark();
  co_return ok();
}

}  // namespace nfsferry

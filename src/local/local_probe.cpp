// What a mounted file system can do is found out by trying, in temporaries that are removed again.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "local/local_tree.hpp"

namespace nfsferry {
namespace {

// The names that an experiment uses; whatever stands under them at the end is removed.
class ProbeNames {
 public:
  ProbeNames(int directory_fd, const std::string& mark)
      : first(temporary_name(mark)), second(temporary_name(mark)), directory_fd_(directory_fd) {}
  ~ProbeNames() {
    remove_quietly(directory_fd_, first);
    remove_quietly(directory_fd_, second);
  }
  ProbeNames(const ProbeNames&) = delete;
  ProbeNames& operator=(const ProbeNames&) = delete;

  const std::string first;
  const std::string second;

 private:
  const int directory_fd_;
};

// Errors that say "this cannot be done here", as opposed to trouble of another kind.
bool says_impossible(int number) {
  return number == EPERM || number == EOPNOTSUPP || number == ENOSYS || number == EINVAL ||
         number == EMLINK || number == EACCES;
}
Result<bool> outcome(bool done, const char* call) {
  if (done) return true;
  if (says_impossible(errno)) return false;
  return errno_error(errno, call, "");
}

struct Experiment {
  int root;
  const std::string& mark;
  std::uint32_t owner;
  std::uint32_t group;
  Capabilities found;  // begins with what is known already

  Status run() {
    NFSFERRY_TRY(Ok file, try_file(), return);
    NFSFERRY_TRY(Ok link, try_symlink(), return);
    NFSFERRY_TRY(bool fifo, try_special(S_IFIFO), return);
    NFSFERRY_TRY(bool socket, try_special(S_IFSOCK), return);
    NFSFERRY_TRY(bool device, try_special(S_IFBLK), return);
    found.fifos_and_sockets = fifo && socket;
    found.devices = device;
    return ok();
  }

  Status try_file() {
    ProbeNames names(root, mark);
    NFSFERRY_TRY(UniqueFd fd, open_at(root, names.first, O_RDWR | O_CREAT | O_EXCL, 0600), return);
    NFSFERRY_TRY(Time kept, keep(fd.get(), kOddTime, names.first), return);
    found.learn_granularity(kept);
    NFSFERRY_TRY(Time past, keep(fd.get(), kFarPast, names.first), return);
    found.learn_least_time(past);
    NFSFERRY_TRY(Time future, keep(fd.get(), kFarFuture, names.first), return);
    found.learn_most_time(future);
    NFSFERRY_TRY(bool given, outcome(::fchown(fd.get(), owner, group) == 0, "fchown"), return);
    NFSFERRY_TRY(Attributes owned, attributes_of(fd.get(), names.first), return);
    found.change_owner = given && owned.owner.id == owner && owned.group.id == group;
    found.owner_at_create = found.change_owner;  // our files get theirs before their name
    const char* first = names.first.c_str();
    const char* second = names.second.c_str();
    NFSFERRY_TRY(bool linked, outcome(::linkat(root, first, root, second, 0) == 0, "linkat"),
                 return);
    found.hard_links = linked;
    if (linked) remove_quietly(root, names.second);
    NFSFERRY_TRY(bool renamed, outcome(::renameat(root, first, root, second) == 0, "renameat"),
                 return);
    found.rename = renamed;
    return ok();
  }

  // What becomes of this time.
  Result<Time> keep(int fd, Time time, const std::string& name) {
    NewAttributes times{{}, {}, {}, time, {}};
    NFSFERRY_TRY(Ok set, set_times(fd, times, name), return);
    NFSFERRY_TRY(Attributes dated, attributes_of(fd, name), return);
    return dated.mtime;
  }

  Status try_symlink() {
    ProbeNames names(root, mark);
    NFSFERRY_TRY(bool made,
                 outcome(::symlinkat("probe", root, names.first.c_str()) == 0, "symlinkat"),
                 return);
    found.symlinks = made;
    found.symlink_times = false;
    if (!made) return ok();
    NFSFERRY_TRY(UniqueFd link, pin_at(root, names.first), return);
    NewAttributes times{{}, {}, {}, kOddTime, {}};
    if (!set_times(link.get(), times, names.first)) return ok();
    NFSFERRY_TRY(Attributes dated, attributes_at(root, names.first), return);
    found.symlink_times = dated.mtime.seconds == kOddTime.seconds;
    return ok();
  }

  Result<bool> try_special(mode_t type) {
    ProbeNames names(root, mark);
    // 1,0 is a RAM disk that nothing opens here. (A 0,0 character device would prove nothing: it
    // is an overlay's whiteout, which anybody may make.)
    dev_t number = type == S_IFBLK ? makedev(1, 0) : 0;
    return outcome(::mknodat(root, names.first.c_str(), type | 0600, number) == 0, "mknodat");
  }
};

}  // namespace

Task<Status> LocalTree::probe(std::uint32_t foreign_owner, std::uint32_t foreign_group) {
  auto work = [&]() -> Result<Capabilities> {
    NFSFERRY_TRY(DirectoryFd root, root_->descriptor(), return);
    Experiment experiment{(*root).get(), mark(), foreign_owner, foreign_group, capabilities_};
    NFSFERRY_TRY(Ok done, experiment.run(), return);
    return experiment.found;
  };
  Result<Capabilities> found = co_await job("probe", std::move(work));
  if (!found) co_return std::move(found).error();
  capabilities_ = *std::move(found);
  co_return ok();
}

}  // namespace nfsferry

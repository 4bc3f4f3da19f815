#include "volume.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <system_error>

#include "base/unique_fd.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kBySteps = 256 << 10;

std::string why(const std::string& what) {
  return what + ": " + std::generic_category().message(errno);
}

// Once: from then on mounts of this thread, and of what it starts, are its own.
const std::string& leave_the_mounts_of_others() {
  static const std::string problem = [] {
    if (::unshare(CLONE_NEWNS) != 0) return why("unshare");
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return why("mount");
    return std::string();
  }();
  return problem;
}

const char* name_of(Volume::Kind kind) {
  switch (kind) {
    case Volume::Kind::kTmpfs: return "tmpfs";
    case Volume::Kind::kExt4: return "ext4";
    case Volume::Kind::kBtrfs: return "btrfs";
  }
  return "";
}

std::string run(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0 ? "" : command + " failed";
}

}  // namespace

std::string require_mounts() {
  const char* ci = std::getenv("CI");
  bool required = ci != nullptr && *ci != '\0';
  return required || leave_the_mounts_of_others().empty() ? "" : "nothing can be mounted here";
}

bool Volume::is_known(Kind kind) {
  std::ifstream types("/proc/filesystems");
  for (std::string word; types >> word;) {
    if (word == name_of(kind)) return true;
  }
  return false;
}

Volume::~Volume() {
  if (!mounted_.empty()) ::umount2(mounted_.c_str(), MNT_DETACH);
  std::error_code ignored;
  if (!base_.empty()) fs::remove_all(base_, ignored);
}

std::string Volume::mount(Kind kind, unsigned size_mib) {
  if (!leave_the_mounts_of_others().empty()) return leave_the_mounts_of_others();
  std::string base = testing::TempDir() + "nfsferry-volume-XXXXXX";
  if (::mkdtemp(base.data()) == nullptr) return why("mkdtemp");
  base_ = base;
  fs::path place = base_ / "mounted";
  fs::create_directory(place);
  std::string size = std::to_string(size_mib) + "m";
  std::string problem;
  if (kind == Kind::kTmpfs) {
    int result = ::mount("tmpfs", place.c_str(), "tmpfs", 0, ("size=" + size).c_str());
    if (result != 0) problem = why("mount tmpfs");
  } else {
    std::string image = base_ / "image";
    bool plain = kind == Kind::kExt4;
    std::string make("mkfs.btrfs -q -f ");
    if (plain) make = "mkfs.ext4 -q -F -m 0 -O ^has_journal -N 4096 ";
    std::string type(name_of(kind));
    problem = run("truncate -s " + size + " " + image);
    if (problem.empty()) problem = run(make + image);
    if (problem.empty()) {
      problem = run("mount -t " + type + " -o loop " + image + " " + place.string());
    }
  }
  if (!problem.empty()) return problem;
  mounted_ = place;
  fs::create_directory(folder());
  return {};
}

std::string Volume::leave_free(std::uint64_t bytes) {
  struct statvfs now{};
  if (::statvfs(mounted_.c_str(), &now) != 0) return why("statvfs");
  std::uint64_t free_bytes = std::uint64_t{now.f_bavail} * now.f_frsize;
  if (free_bytes < bytes) return "it has only " + std::to_string(free_bytes) + " bytes free";
  UniqueFd fd(::open((mounted_ / "ballast").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  // The last part by small steps: the file system takes some of its space for its own lists.
  std::uint64_t at_once = free_bytes - std::max(bytes, std::min(free_bytes, kBySteps));
  errno = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(at_once));
  if (errno != 0) return why("posix_fallocate");
  const std::string step(1024, 'x');
  while (now.f_bavail * now.f_frsize > bytes) {
    ssize_t written = ::write(fd.get(), step.data(), step.size());
    if (written < 0 && errno == ENOSPC) return {};
    if (written < 0) return why("write");
    ::statvfs(mounted_.c_str(), &now);
  }
  return {};
}

void Volume::give_room() { fs::remove(mounted_ / "ballast"); }

std::string Volume::set_read_only(bool read_only) {
  unsigned long flags = MS_REMOUNT | (read_only ? MS_RDONLY : 0);
  int result = ::mount(nullptr, mounted_.c_str(), nullptr, flags, nullptr);
  return result == 0 ? "" : why("remount");
}

}  // namespace nfsferry::test

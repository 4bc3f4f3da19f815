// Which ACLs and extended attributes an entry has, by name alone. The kernel tells those that this
// user may see.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <string_view>

#include "local/file_calls.hpp"

namespace nfsferry {
namespace {

// Linux 6.13; one number on every architecture but alpha.
constexpr long kListxattrat = 465;
constexpr std::size_t kListUsual = 256;
constexpr std::size_t kListMost = 64 << 10;  // XATTR_LIST_MAX

// By way of /proc before Linux 6.13: what a descriptor is of, and one name below it.
ssize_t list_by_proc(int directory_fd, const std::string& name, std::span<char> into) {
  std::array<char, 288> path;
  int size =
      std::snprintf(path.data(), path.size(), "/proc/self/fd/%d/%s", directory_fd, name.c_str());
  if (size < 0 || static_cast<std::size_t>(size) >= path.size()) return -1;
  return ::llistxattr(path.data(), into.data(), into.size());
}

ssize_t list_at(int directory_fd, const std::string& name, std::span<char> into) {
  static std::atomic<bool> has_call{true};
  if (has_call.load(std::memory_order_relaxed)) {
    long size = ::syscall(kListxattrat, directory_fd, name.c_str(), AT_SYMLINK_NOFOLLOW,
                          into.data(), into.size());
    if (size >= 0 || (errno != ENOSYS && errno != EPERM && errno != EACCES)) return size;
    has_call.store(false, std::memory_order_relaxed);
  }
  return list_by_proc(directory_fd, name, into);
}

bool is_acl(std::string_view attribute) {
  return attribute == "system.posix_acl_access" || attribute == "system.posix_acl_default" ||
         attribute == "system.richacl" || attribute == "security.NTACL";
}

// Labels of security modules and what network file systems show belong to this system. XFS shows an
// ACL once more as the attribute that it keeps it in.
bool is_content(std::string_view attribute) {
  bool trusted = attribute.starts_with("trusted.") && !attribute.starts_with("trusted.SGI_ACL_");
  return attribute.starts_with("user.") || trusted || attribute == "security.capability";
}

// `list`: names, each with a NUL behind it.
std::vector<Loss> losses_of(std::string_view list) {
  std::vector<Loss> out;
  bool acl = false;
  while (!list.empty()) {
    std::string_view attribute = list.substr(0, list.find('\0'));
    list.remove_prefix(std::min(list.size(), attribute.size() + 1));
    acl = acl || is_acl(attribute);
    if (is_content(attribute) && out.size() < kXattrsNamed) {
      out.push_back(Loss{LossKind::kXattr, std::string(attribute)});
    }
  }
  if (acl) out.push_back(Loss{LossKind::kAcl, {}});
  return out;
}

}  // namespace

bool tells_extended_attributes(int directory_fd) {
  std::array<char, kListUsual> usual;
  if (list_at(directory_fd, ".", usual) >= 0) return true;
  // Without an answer of the file system nothing is known; ENOTSUP is one: it has none.
  return errno == ENOTSUP || errno == ERANGE || errno == E2BIG;
}

std::vector<Loss> extended_attributes_at(int directory_fd, const std::string& name) {
  std::array<char, kListUsual> usual;
  ssize_t size = list_at(directory_fd, name, usual);
  if (size == 0) return {};
  if (size > 0) return losses_of({usual.data(), static_cast<std::size_t>(size)});
  if (errno != ERANGE) return {};
  std::vector<char> most(kListMost);
  size = list_at(directory_fd, name, most);
  bool more_than_can_be_told = size < 0 && (errno == E2BIG || errno == ERANGE);
  if (more_than_can_be_told) return {Loss{LossKind::kXattr, {}}};
  if (size <= 0) return {};
  return losses_of({most.data(), static_cast<std::size_t>(size)});
}

}  // namespace nfsferry

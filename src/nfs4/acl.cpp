#include "nfs4/acl.hpp"

#include <string_view>

#include "nfs4/types.hpp"

namespace nfsferry::nfs4 {
namespace {

constexpr std::uint32_t kAllow = 0;  // acetype4
constexpr std::uint32_t kDeny = 1;

// aceflag4: to files, to directories, not further, only inherited.
constexpr std::uint32_t kInheritFlags = 0x0f;

constexpr std::uint32_t kReadData = 0x1;  // acemask4; of a directory: to list it
constexpr std::uint32_t kWriteData = 0x2;
constexpr std::uint32_t kAppendData = 0x4;
constexpr std::uint32_t kExecute = 0x20;
constexpr std::uint32_t kDeleteChild = 0x40;
constexpr std::uint32_t kDelete = 0x10000;
constexpr std::uint32_t kWriteAcl = 0x40000;
constexpr std::uint32_t kWriteOwner = 0x80000;

// What no mode gives to anybody but the owner.
constexpr std::uint32_t kOwnersAlone = kDelete | kWriteAcl | kWriteOwner;

bool agrees(std::uint32_t allowed, std::uint32_t bits, bool is_directory) {
  bool reads = (bits & 4) != 0;
  bool writes = (bits & 2) != 0;
  bool executes = (bits & 1) != 0;
  auto may = [allowed](std::uint32_t right) { return (allowed & right) != 0; };
  bool removes_unasked = is_directory && may(kDeleteChild) && !writes;
  return may(kReadData) == reads && may(kWriteData) == writes && may(kAppendData) == writes &&
         may(kExecute) == executes && !removes_unasked;
}

}  // namespace

void Acl::decode(XdrReader& in) {
  std::uint32_t count = in.u32();
  for (std::uint32_t i = 0; i < count && !in.failed(); ++i) {
    std::uint32_t type = in.u32();
    std::uint32_t flags = in.u32();
    std::uint32_t rights = in.u32();
    add(type, flags, rights, in.text(kOpaqueMost));
  }
}

void Acl::add(std::uint32_t type, std::uint32_t flags, std::uint32_t rights, std::string_view who) {
  empty_ = false;
  bool everyone = who == "EVERYONE@";
  bool classes[] = {everyone || who == "OWNER@", everyone || who == "GROUP@", everyone};
  bool special = classes[0] || classes[1];
  if (!special || type > kDeny || (flags & kInheritFlags) != 0) {
    beyond_ = true;
    return;
  }
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    if (!classes[i]) continue;
    if (type == kAllow) classes_[i].allowed |= rights & ~classes_[i].decided;
    classes_[i].decided |= rights;
  }
}

bool Acl::says_more_than(std::uint32_t mode, bool is_directory) const {
  if (empty_ || beyond_) return beyond_;
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    std::uint32_t allowed = classes_[i].allowed;
    if (!agrees(allowed, mode >> (6 - 3 * i) & 7, is_directory)) return true;
    if (i > 0 && (allowed & kOwnersAlone) != 0) return true;
  }
  return false;
}

}  // namespace nfsferry::nfs4

#include "copy/ownership.hpp"

namespace nfsferry::copy {
namespace {

constexpr std::uint32_t kSetIdBits = 06000;

Result<std::uint32_t> numeric(const Owner& owner, std::string_view what) {
  if (owner.is_numeric()) return owner.id;
  return own_error(
      Own::kOwnerNotNumeric, "getattr",
      "the " + std::string(what) + " '" + owner.text +
          "' is not a number; use --owner UID:GID, or switch the server to numeric ids");
}

}  // namespace

Ownership::Ownership(const CopyOptions& options, const Attributes& source_root,
                     const Attributes& target_root)
    : rule_(options.owner),
      fixed_uid_(options.owner_uid),
      fixed_gid_(options.owner_gid),
      from_owner_(source_root.owner),
      from_group_(source_root.group),
      to_owner_(target_root.owner),
      to_group_(target_root.group) {}

Result<NewAttributes> Ownership::of(const Attributes& source) const {
  NewAttributes out;
  out.mode = source.mode;
  out.mtime = source.mtime;
  out.atime = source.atime;
  if (rule_ == OwnerRule::kFixed) {
    out.owner = fixed_uid_;
    out.group = fixed_gid_;
  } else {
    bool map = rule_ == OwnerRule::kTarget;
    const Owner& owner = map && source.owner == from_owner_ ? to_owner_ : source.owner;
    const Owner& group = map && source.group == from_group_ ? to_group_ : source.group;
    NFSFERRY_TRY(std::uint32_t uid, numeric(owner, "owner"), return);
    NFSFERRY_TRY(std::uint32_t gid, numeric(group, "group"), return);
    out.owner = uid;
    out.group = gid;
  }
  if (rule_ != OwnerRule::kKeep && source.type != FileType::kDirectory) {
    out.mode = source.mode & ~kSetIdBits;
  }
  return out;
}

}  // namespace nfsferry::copy

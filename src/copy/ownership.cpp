#include "copy/ownership.hpp"

#include <algorithm>
#include <iterator>

namespace nfsferry::copy {
namespace {

constexpr std::uint32_t kSetIdBits = 06000;

bool drops_set_id(const CopyOptions& options) {
  if (options.suid != SuidMode::kAuto) return options.suid == SuidMode::kDrop;
  return options.owner != OwnerRule::kKeep || !options.map_uid.empty() || !options.map_gid.empty();
}

std::vector<IdMap> sorted(std::vector<IdMap> maps) {
  std::sort(maps.begin(), maps.end(),
            [](const IdMap& one, const IdMap& other) { return one.from < other.from; });
  return maps;
}

// What the id is mapped to, if it is; by maps in the order of their ids.
std::optional<std::uint32_t> mapped(const std::vector<IdMap>& maps, std::uint32_t id) {
  auto behind =
      std::upper_bound(maps.begin(), maps.end(), id,
                       [](std::uint32_t wanted, const IdMap& map) { return wanted < map.from; });
  if (behind == maps.begin()) return {};
  const IdMap& map = *std::prev(behind);
  std::uint32_t nth = id - map.from;
  return nth < map.count ? std::optional(map.to + nth) : std::nullopt;
}

}  // namespace

Ownership::Ownership(const CopyOptions& options, const Attributes& source_root,
                     const Attributes& target_root)
    : user_{options.owner, options.owner_uid, source_root.owner, target_root.owner,
            sorted(options.map_uid)},
      group_{options.owner, options.owner_gid, source_root.group, target_root.group,
             sorted(options.map_gid)},
      warn_only_(options.owner_errors == OwnerErrors::kWarn),
      drop_set_id_(drops_set_id(options)) {}

void Ownership::give_only_to(std::uint32_t uid, std::uint32_t gid) {
  user_.only = uid;
  group_.only = gid;
}

Result<std::uint32_t> Ownership::id_of(const Side& side, const Owner& owner,
                                       const char* what) const {
  if (owner.is_numeric()) {
    if (auto to = mapped(side.maps, owner.id)) return *to;
  }
  if (side.rule == OwnerRule::kFixed) return side.fixed;
  const Owner& out = side.rule == OwnerRule::kTarget && owner == side.from ? side.to : owner;
  if (out.is_numeric()) return out.id;
  return own_error(
      Own::kOwnerNotNumeric, "getattr",
      "the " + std::string(what) + " '" + out.text +
          "' is not a number; use --owner UID:GID, or switch the server to numeric ids");
}

Result<NewAttributes> Ownership::of(const Attributes& source) const {
  NewAttributes out;
  out.mode = source.mode;
  out.mtime = source.mtime;
  out.atime = source.atime;
  if (drop_set_id_ && source.type != FileType::kDirectory) out.mode = source.mode & ~kSetIdBits;
  auto uid = id_of(user_, source.owner, "owner");
  auto gid = id_of(group_, source.group, "group");
  if (uid && !leave_owners_ && user_.gives(*uid)) out.owner = *uid;
  if (gid && !leave_owners_ && group_.gives(*gid)) out.group = *gid;
  if (!warn_only_ && !uid) return std::move(uid).error();
  if (!warn_only_ && !gid) return std::move(gid).error();
  // Nobody's program becomes another user's: without its owner a file is no set-id program.
  bool whole = out.owner && out.group;
  if (!whole && source.type != FileType::kDirectory) out.mode = *out.mode & ~kSetIdBits;
  return out;
}

}  // namespace nfsferry::copy

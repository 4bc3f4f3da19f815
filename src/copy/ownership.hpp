#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "nfsferry/options.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

// What a target entry's owner, group and mode shall be, in the same pass as its content.
class Ownership {
 public:
  Ownership() = default;
  // kTarget maps the source root's owner and group to the target root's.
  Ownership(const CopyOptions& options, const Attributes& source_root,
            const Attributes& target_root);

  // The target gives no files away: owners and groups are neither set nor compared.
  void leave_owners() { leave_owners_ = true; }
  // It gives them to these alone: of others neither is set nor compared.
  void give_only_to(std::uint32_t uid, std::uint32_t gid);

  // Owner, group, mode and times for a copy of an entry with these attributes. An id that a map
  // lists goes by the map, any other by the rule. Errors: kOwnerNotNumeric, unless owners that
  // cannot be set are only warned of: then they stay unset.
  Result<NewAttributes> of(const Attributes& source) const;

 private:
  struct Side {
    OwnerRule rule = OwnerRule::kKeep;
    std::uint32_t fixed = 0;
    Owner from;  // of the roots
    Owner to;
    std::vector<IdMap> maps;              // in the order of their ids
    std::optional<std::uint32_t> only{};  // whom the target gives files to; unset: anybody
    bool gives(std::uint32_t id) const { return !only || *only == id; }
  };
  Result<std::uint32_t> id_of(const Side& side, const Owner& owner, const char* what) const;

  Side user_;
  Side group_;
  bool leave_owners_ = false;
  bool warn_only_ = false;
  bool drop_set_id_ = false;
};

}  // namespace nfsferry::copy

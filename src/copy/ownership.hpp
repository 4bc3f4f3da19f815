#pragma once

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

  // Owner, group, mode and times for a copy of an entry with these attributes. Set-id bits are
  // dropped when ownership is mapped. Errors: kOwnerNotNumeric.
  Result<NewAttributes> of(const Attributes& source) const;

 private:
  OwnerRule rule_ = OwnerRule::kKeep;
  std::uint32_t fixed_uid_ = 0;
  std::uint32_t fixed_gid_ = 0;
  Owner from_owner_;
  Owner from_group_;
  Owner to_owner_;
  Owner to_group_;
};

}  // namespace nfsferry::copy

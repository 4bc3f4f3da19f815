#pragma once

#include <map>
#include <string>
#include <vector>

#include "copy/shared.hpp"
#include "copy/source_walk.hpp"
#include "loop/loop.hpp"
#include "nfsferry/owners.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

// Goes through the source and adds up what each owner and each group has. One use.
class OwnerCount {
 public:
  OwnerCount(Shared& shared, Source& source);

  Task<void> go();
  std::vector<OwnerShare> users() const { return by_size(users_); }
  std::vector<OwnerShare> groups() const { return by_size(groups_); }

 private:
  using Shares = std::map<std::string, OwnerShare>;
  static std::vector<OwnerShare> by_size(const Shares& shares);
  static void add(Shares& shares, const Owner& owner, std::uint64_t bytes);
  void count(const Entry& entry);

  Shared& shared_;
  Source& source_;
  SourceWalk walk_;
  FirstNames first_names_;
  Shares users_;
  Shares groups_;
};

}  // namespace nfsferry::copy

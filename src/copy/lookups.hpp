#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "copy/shared.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

struct WantedName {
  DirectoryPtr directory;
  std::string name;
};
// What has these names now, asked side by side; kCancelled where a stop came first.
Task<std::vector<Result<Entry>>> look_up_all(const Shared& shared, Tree& tree,
                                             std::vector<WantedName> names);
// All of one directory.
std::vector<WantedName> names_in(const DirectoryPtr& directory, const std::vector<Entry>& entries);

}  // namespace nfsferry::copy

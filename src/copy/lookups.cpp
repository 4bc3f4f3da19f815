#include "copy/lookups.hpp"

#include <algorithm>

#include "loop/sync.hpp"

namespace nfsferry::copy {
namespace {

constexpr std::size_t kLanesMost = 64;

struct Lookups {
  const Shared& shared;
  Tree& tree;
  std::vector<WantedName> names;
  std::vector<Result<Entry>> answers;
  std::size_t next = 0;
};

Task<void> look_up_some(Lookups& lookups) {
  while (lookups.next < lookups.names.size() && !lookups.shared.stopping()) {
    std::size_t i = lookups.next++;
    const WantedName& wanted = lookups.names[i];
    lookups.answers[i] = co_await lookups.tree.lookup(wanted.directory, wanted.name);
  }
}

}  // namespace

Task<std::vector<Result<Entry>>> look_up_all(const Shared& shared, Tree& tree,
                                             std::vector<WantedName> names) {
  std::vector<Result<Entry>> unknown(names.size(), own_error(Own::kCancelled, "lookup"));
  Lookups lookups{shared, tree, std::move(names), std::move(unknown)};
  TaskGroup lanes;
  std::size_t count = std::min(kLanesMost, lookups.names.size());
  for (std::size_t i = 0; i < count; ++i) lanes.spawn(look_up_some(lookups));
  co_await lanes.join();
  co_return std::move(lookups.answers);
}

std::vector<WantedName> names_in(const DirectoryPtr& directory, const std::vector<Entry>& entries) {
  std::vector<WantedName> names;
  names.reserve(entries.size());
  for (const Entry& entry : entries) names.push_back(WantedName{directory, entry.name});
  return names;
}

}  // namespace nfsferry::copy

#include "copy/surplus.hpp"

#include <algorithm>

namespace nfsferry::copy {

void SurplusNames::seal() {
  std::sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) { return a.key < b.key; });
}

bool SurplusNames::has(const Hash128& key, std::uint64_t fileid) const {
  auto found = std::lower_bound(rows_.begin(), rows_.end(), key,
                                [](const Row& row, const Hash128& k) { return row.key < k; });
  return found != rows_.end() && found->key == key && found->fileid == fileid;
}

void Surplus::add(InDirectory one) {
  std::lock_guard lock(mutex_);
  found_.push_back(std::move(one));
}

std::vector<Surplus::InDirectory> Surplus::take() {
  std::lock_guard lock(mutex_);
  return std::move(found_);
}

}  // namespace nfsferry::copy

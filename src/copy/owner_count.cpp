#include "copy/owner_count.hpp"

#include <algorithm>
#include <tuple>

namespace nfsferry::copy {

OwnerCount::OwnerCount(Shared& shared, Source& source)
    : shared_(shared),
      source_(source),
      walk_(shared, source, [this](const NodePtr&, const Entry& entry) { count(entry); }) {}

Task<void> OwnerCount::go() {
  count(source_.root_entry());
  co_await walk_.go();
  shared_.walk_finished = !walk_.over();
}

void OwnerCount::count(const Entry& entry) {
  const Attributes& attributes = entry.attributes;
  bool directory = attributes.type == FileType::kDirectory;
  if (!directory && !first_names_.is_first(attributes)) return;
  std::uint64_t bytes = attributes.type == FileType::kRegular ? attributes.size_bytes : 0;
  add(users_, attributes.owner, bytes);
  add(groups_, attributes.group, bytes);
}

void OwnerCount::add(Shares& shares, const Owner& owner, std::uint64_t bytes) {
  std::string id = owner_text(owner);
  OwnerShare& share = shares[id];
  share.id = std::move(id);
  ++share.entries;
  share.bytes += bytes;
}

std::vector<OwnerShare> OwnerCount::by_size(const Shares& shares) {
  std::vector<OwnerShare> out;
  for (const auto& [id, share] : shares) out.push_back(share);
  std::sort(out.begin(), out.end(), [](const OwnerShare& one, const OwnerShare& other) {
    return std::tie(other.bytes, other.entries, one.id) <
           std::tie(one.bytes, one.entries, other.id);
  });
  return out;
}

}  // namespace nfsferry::copy

// What the source has and the target has not, though all went well.
#include "copy/losses.hpp"

#include <algorithm>
#include <optional>

#include "copy/worker.hpp"

namespace nfsferry::copy {
namespace {

// What a file gives for holes: from this on, or half of its holes, it is named.
constexpr std::uint64_t kHolesLeast = 64 << 10;

constexpr std::size_t place_of(LossKind kind) { return static_cast<std::size_t>(kind); }

// Of one kind, the details joined; none where there are none of it.
std::optional<Loss> all_of(LossKind kind, const std::vector<Loss>& losses) {
  std::optional<Loss> out;
  for (const Loss& loss : losses) {
    if (loss.kind != kind) continue;
    if (out)
      out->detail += " " + loss.detail;
    else
      out = loss;
  }
  return out;
}

}  // namespace

void Losses::add(const std::string& path, const std::vector<Loss>& losses,
                 std::uint64_t filled_bytes) {
  std::lock_guard lock(mutex_);
  holes_bytes_ += filled_bytes;
  for (std::size_t i = 0; i < kLossKinds; ++i) {
    auto loss = all_of(static_cast<LossKind>(i), losses);
    if (!loss) continue;
    if (entries_[i]++ < kLossesKept) first_.push_back(EntryLoss{path, *std::move(loss)});
  }
}

void Losses::give_to(LossReport& report) {
  std::lock_guard lock(mutex_);
  report.acls = entries_[place_of(LossKind::kAcl)];
  report.xattrs = entries_[place_of(LossKind::kXattr)];
  report.devices = entries_[place_of(LossKind::kDevice)];
  report.holes = entries_[place_of(LossKind::kHoles)];
  report.holes_bytes = holes_bytes_;
  report.examples = std::move(first_);
  report.examples_truncated = std::any_of(entries_.begin(), entries_.end(),
                                          [](std::uint64_t count) { return count > kLossesKept; });
}

void Worker::note_losses(const DirectoryNode& node, const Entry& entry) {
  if (!entry.losses.empty()) shared_.losses.add(node.path_of(entry.name), entry.losses);
}

// A file whose content has so many bytes of zeros, in whole blocks, is in place. Where the source
// did not keep room for all of them, the target is looked at: whether zeros were sent, or the
// target knows no holes, is the same to who pays for them. What else takes less room in the source
// than its size, such as compressed files, has no zeros.
Task<void> Worker::note_holes(WorkItem& item, std::uint64_t zero_bytes) {
  const Attributes& from = item.entry.attributes;
  if (zero_bytes == 0 || from.used_bytes >= from.size_bytes) co_return;
  std::uint64_t holes = from.size_bytes - from.used_bytes;
  std::uint64_t least = std::min(kHolesLeast, holes / 2);
  if (std::min(holes, zero_bytes) < least) co_return;
  auto there = co_await target_.lookup(item.node->target, item.entry.name);
  if (!there) co_return;
  std::uint64_t used = there->attributes.used_bytes;
  if (used == kUsedNotTold || used <= from.used_bytes) co_return;
  std::uint64_t filled = std::min({used - from.used_bytes, holes, zero_bytes});
  if (filled < least) co_return;
  std::vector<Loss> lost{Loss{LossKind::kHoles, std::to_string(filled)}};
  shared_.losses.add(item.node->path_of(item.entry.name), lost, filled);
  item.entry.losses.push_back(std::move(lost.front()));
}

}  // namespace nfsferry::copy

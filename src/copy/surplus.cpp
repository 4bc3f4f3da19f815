#include "copy/surplus.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace nfsferry::copy {
namespace {

// What an entry looks like, in 64 bits. Only sizes that each server tells alike take part.
std::uint64_t looks_of(FileType type, std::uint64_t fileid, std::uint64_t size_bytes, Time mtime) {
  bool sized = type == FileType::kRegular || type == FileType::kSymlink;
  const std::array<std::uint64_t, 5> parts{
      static_cast<std::uint64_t>(type), fileid, sized ? size_bytes : 0,
      static_cast<std::uint64_t>(mtime.seconds), mtime.nanoseconds};
  return hash_of(std::as_bytes(std::span(parts))).low;
}

}  // namespace

void SurplusNames::add(const TargetRow& row) {
  Time mtime{row.mtime_seconds, row.mtime_nanoseconds};
  rows_.push_back({row.key, looks_of(row.type, row.fileid, row.size_bytes, mtime)});
}

void SurplusNames::seal() {
  std::sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) { return a.key < b.key; });
}

SurplusNames::Answer SurplusNames::look_for(const Hash128& key, const Attributes& now) const {
  auto found = std::lower_bound(rows_.begin(), rows_.end(), key,
                                [](const Row& row, const Hash128& k) { return row.key < k; });
  if (found == rows_.end() || found->key != key) return Answer::kNotHere;
  std::uint64_t looks = looks_of(now.type, now.fileid, now.size_bytes, now.mtime);
  return found->looks == looks ? Answer::kSame : Answer::kChanged;
}

void Surplus::add(InDirectory one) {
  std::lock_guard lock(mutex_);
  found_.push_back(std::move(one));
}

std::vector<Surplus::InDirectory> Surplus::take() {
  std::lock_guard lock(mutex_);
  return std::move(found_);
}

void Surplus::spare(std::uint64_t fileid) {
  if (fileid == 0) return;
  std::lock_guard lock(mutex_);
  spared_.insert(fileid);
}

bool Surplus::spares(std::uint64_t fileid) const {
  std::lock_guard lock(mutex_);
  return spared_.contains(fileid);
}

}  // namespace nfsferry::copy

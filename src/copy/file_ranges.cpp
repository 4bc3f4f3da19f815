#include "copy/file_ranges.hpp"

#include <algorithm>
#include <utility>

namespace nfsferry::copy {

bool FileRanges::enter(const void* thread, std::function<void()> waker) {
  std::lock_guard lock(mutex_);
  auto [found, inserted] = threads_.try_emplace(thread);
  if (!inserted) return false;
  found->second.waker = std::move(waker);
  ++threads_here_;
  return true;
}

void FileRanges::leave(const void* thread, bool may_come_again) {
  std::lock_guard lock(mutex_);
  if (may_come_again)
    threads_.erase(thread);
  else
    threads_.at(thread).here = false;
  --threads_here_;
  wake();
}

bool FileRanges::is_alone(const void* thread) {
  std::lock_guard lock(mutex_);
  if (threads_here_ == 1) return true;
  threads_.at(thread).waits = true;
  return false;
}

bool FileRanges::is_over(const void* thread) {
  std::lock_guard lock(mutex_);
  if (is_over()) return true;
  threads_.at(thread).waits_for_end = true;
  return false;
}

void FileRanges::begin_at(std::uint64_t offset_bytes) {
  std::lock_guard lock(mutex_);
  next_bytes_ = hashed_bytes_ = offset_bytes;
}

std::optional<FileRanges::Range> FileRanges::take() {
  std::lock_guard lock(mutex_);
  if (is_over()) return {};
  Range range{next_bytes_, std::min<std::uint64_t>(range_bytes_, size_bytes_ - next_bytes_)};
  next_bytes_ += range.size_bytes;
  if (is_over()) wake_at_end();
  return range;
}

std::uint64_t FileRanges::left_bytes() const {
  std::lock_guard lock(mutex_);
  return error_ || end_bytes_ ? 0 : size_bytes_ - next_bytes_;
}

void FileRanges::add(std::uint64_t offset_bytes, std::span<const std::byte> bytes) {
  std::lock_guard lock(mutex_);
  waiting_.emplace(offset_bytes, bytes);
  if (offset_bytes != hashed_bytes_) return;
  for (auto next = waiting_.begin(); next != waiting_.end() && next->first == hashed_bytes_;
       next = waiting_.erase(next)) {
    hash_.update(next->second);
    hashed_bytes_ += next->second.size();
  }
  wake();
}

bool FileRanges::may_free(const void* thread, std::uint64_t offset_bytes) {
  std::lock_guard lock(mutex_);
  auto found = waiting_.find(offset_bytes);
  if (found == waiting_.end()) return true;
  bool needless = error_ || (end_bytes_ && offset_bytes >= *end_bytes_);
  if (needless) {
    waiting_.erase(found);
    return true;
  }
  threads_.at(thread).waits = true;
  return false;
}

void FileRanges::end_at(std::uint64_t offset_bytes) {
  std::lock_guard lock(mutex_);
  end_bytes_ = std::min(end_bytes_.value_or(offset_bytes), offset_bytes);
  wake();
  wake_at_end();
}

void FileRanges::fail(Error error, FailedAt at) {
  std::lock_guard lock(mutex_);
  if (error_) return;
  error_ = std::move(error);
  failed_at_ = at;
  wake();
  wake_at_end();
}

bool FileRanges::has_failed() const {
  std::lock_guard lock(mutex_);
  return error_.has_value();
}

std::optional<Error> FileRanges::error() const {
  std::lock_guard lock(mutex_);
  return error_;
}

FailedAt FileRanges::failed_at() const {
  std::lock_guard lock(mutex_);
  return failed_at_;
}

bool FileRanges::is_whole() const {
  std::lock_guard lock(mutex_);
  return hashed_bytes_ == end_bytes_.value_or(size_bytes_);
}

std::uint64_t FileRanges::hashed_bytes() const {
  std::lock_guard lock(mutex_);
  return hashed_bytes_;
}

std::optional<FileHash> FileRanges::hash() const {
  std::lock_guard lock(mutex_);
  return hash_.value();
}

void FileRanges::wake() {
  for (auto& [thread, one] : threads_) {
    if (one.here && std::exchange(one.waits, false)) one.waker();
  }
}

void FileRanges::wake_at_end() {
  for (auto& [thread, one] : threads_) {
    if (one.here && std::exchange(one.waits_for_end, false)) one.waker();
  }
}

}  // namespace nfsferry::copy

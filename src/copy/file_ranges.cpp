#include "copy/file_ranges.hpp"

#include <algorithm>
#include <utility>

namespace nfsferry::copy {

bool FileRanges::enter(const void* thread, std::function<void()> waker) {
  std::lock_guard lock(mutex_);
  if (crew_ == Crew::kDismissed) return false;
  auto [found, inserted] = threads_.try_emplace(thread);
  if (!inserted) return false;
  if (!first_) first_ = thread;
  found->second.waker = std::move(waker);
  ++threads_here_;
  return true;
}

void FileRanges::leave(const void* thread) {
  std::lock_guard lock(mutex_);
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

void FileRanges::first_is_done() {
  std::lock_guard lock(mutex_);
  if (crew_ != Crew::kDismissed) crew_ = Crew::kStays;
  end_pause();
}

bool FileRanges::is_paused(const void* thread) {
  std::lock_guard lock(mutex_);
  bool pauses = crew_ == Crew::kPauses || crew_ == Crew::kAlone;
  if (!pauses || thread == first_ || is_over()) return false;
  threads_.at(thread).pauses = true;
  return true;
}

void FileRanges::begin_at(std::uint64_t offset_bytes) {
  std::lock_guard lock(mutex_);
  next_bytes_ = hashed_bytes_ = offset_bytes;
}

std::optional<FileRanges::Range> FileRanges::take(const void* thread) {
  std::lock_guard lock(mutex_);
  if (is_over() || !is_of_crew(thread)) return {};
  Range range{next_bytes_, std::min<std::uint64_t>(range_bytes_, size_bytes_ - next_bytes_)};
  next_bytes_ += range.size_bytes;
  if (is_over()) end_pause();
  return range;
}

std::uint64_t FileRanges::left_bytes() const {
  std::lock_guard lock(mutex_);
  return error_ || end_bytes_ ? 0 : size_bytes_ - next_bytes_;
}

void FileRanges::add(std::uint64_t offset_bytes, std::span<const std::byte> bytes,
                     Clock::time_point now) {
  std::lock_guard lock(mutex_);
  note_pace(bytes.size(), now);
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
  end_pause();
}

void FileRanges::fail(Error error, FailedAt at) {
  std::lock_guard lock(mutex_);
  if (error_) return;
  error_ = std::move(error);
  failed_at_ = at;
  wake();
  end_pause();
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

void FileRanges::note_pace(std::uint64_t bytes, Clock::time_point now) {
  if (crew_ == Crew::kStays || crew_ == Crew::kDismissed) return;
  bool others = threads_here_ > 1;
  if (!others) period_began_.reset();
  if (others && !period_began_) {
    period_began_ = now;
    period_bytes_ = 0;
    crew_ = Crew::kGathers;
    end_pause();
  }
  if (!period_began_) return;
  period_bytes_ += bytes;
  std::chrono::duration<double> period = now - *period_began_;
  if (period < kPacePeriod || period_bytes_ < kPaceRanges * range_bytes_) return;
  decide(static_cast<double>(period_bytes_) / period.count());
  period_began_ = now;
  period_bytes_ = 0;
}

void FileRanges::decide(double pace) {
  switch (crew_) {
    case Crew::kGathers: crew_ = Crew::kTogether; break;
    case Crew::kTogether:
      pace_together_ = pace;
      crew_ = Crew::kPauses;
      break;
    case Crew::kPauses: crew_ = Crew::kAlone; break;
    case Crew::kAlone:
      crew_ = pace_together_ >= pace * kGainLeast ? Crew::kStays : Crew::kDismissed;
      end_pause();
      break;
    case Crew::kStays:
    case Crew::kDismissed: break;
  }
}

void FileRanges::end_pause() {
  for (auto& [thread, one] : threads_) {
    if (one.here && std::exchange(one.pauses, false)) one.waker();
  }
}

void FileRanges::wake() {
  for (auto& [thread, one] : threads_) {
    if (one.here && std::exchange(one.waits, false)) one.waker();
  }
}

}  // namespace nfsferry::copy

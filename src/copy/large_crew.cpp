#include "copy/large_crew.hpp"

#include <algorithm>
#include <utility>

namespace nfsferry::copy {

void LargeCrew::join(const void* thread, std::function<void()> waker) {
  std::lock_guard lock(mutex_);
  threads_[thread].waker = std::move(waker);
}

void LargeCrew::leave(const void* thread) {
  std::lock_guard lock(mutex_);
  threads_.erase(thread);
}

bool LargeCrew::may_begin(const void* thread, Clock::time_point now) {
  std::lock_guard lock(mutex_);
  forget_decision(now);
  Thread& one = threads_.at(thread);
  bool may = true;
  if (is_for_one()) may = thread == first_;
  // Those that rest with files under way come before new ones.
  if (state_ == State::kDismissed) may = with_files_ == (one.files > 0 ? 1u : 0u);
  if (!may) one.waits = true;
  return may;
}

void LargeCrew::begin(const void* thread) {
  std::lock_guard lock(mutex_);
  if (threads_.at(thread).files++ > 0) return;
  ++with_files_;
  if (!first_) first_ = thread;
}

void LargeCrew::end(const void* thread) {
  std::lock_guard lock(mutex_);
  if (--threads_.at(thread).files > 0) return;
  --with_files_;
  bool was_first = first_ == thread;
  if (was_first) first_ = next();
  bool measuring = !is_decided() && state_ != State::kDissolved;
  if (measuring && (with_files_ < 2 || (was_first && is_for_one()))) measure_anew();
  wake();
}

void LargeCrew::start_reading(const void* thread) {
  std::lock_guard lock(mutex_);
  Thread& one = threads_.at(thread);
  if (one.reading++ > 0) return;
  one.reads_since = ++reads_begun_;
  bool idle = !first_ || threads_.at(first_).reading == 0;
  if (state_ == State::kDismissed && idle) first_ = thread;
}

void LargeCrew::stop_reading(const void* thread) {
  std::lock_guard lock(mutex_);
  Thread& one = threads_.at(thread);
  if (--one.reading > 0 || state_ != State::kDismissed || first_ != thread) return;
  first_ = next();
  wake();
}

// Who has waited longest; of those that read if any do.
const void* LargeCrew::next() const {
  const std::pair<const void* const, Thread>* found = nullptr;
  for (const auto& one : threads_) {
    if (one.second.files == 0) continue;
    bool better = !found || (one.second.reading > 0 && found->second.reading == 0);
    bool alike = found && (one.second.reading > 0) == (found->second.reading > 0);
    if (alike) better = one.second.reads_since < found->second.reads_since;
    if (better) found = &one;
  }
  return found ? found->first : nullptr;
}

bool LargeCrew::is_resting(const void* thread) {
  std::lock_guard lock(mutex_);
  if (thread == first_ || !(is_for_one() || state_ == State::kDismissed)) return false;
  threads_.at(thread).waits = true;
  return true;
}

bool LargeCrew::is_dismissed(const void* thread) const {
  std::lock_guard lock(mutex_);
  return state_ == State::kDismissed && thread != first_;
}

void LargeCrew::note(std::uint64_t bytes, Clock::time_point now) {
  std::lock_guard lock(mutex_);
  forget_decision(now);
  if (with_files_ < 2 || is_decided()) return;
  if (!period_began_) {
    measured_from_ = now;
    period_began_ = now;
    return;
  }
  period_bytes_ += bytes;
  ++period_pieces_;
  std::chrono::duration<double> period = now - *period_began_;
  if (period < kPacePeriod || period_pieces_ < kPacePieces) return;
  decide(static_cast<double>(period_bytes_) / period.count(), now);
  period_began_ = now;
  period_bytes_ = 0;
  period_pieces_ = 0;
}

void LargeCrew::dissolve() {
  std::lock_guard lock(mutex_);
  state_ = State::kDissolved;
  wake();
}

void LargeCrew::forget_decision(Clock::time_point now) {
  if (is_decided() && now >= decided_until_) measure_anew();
}

void LargeCrew::measure_anew() {
  state_ = State::kGathers;
  period_began_.reset();
  period_bytes_ = 0;
  period_pieces_ = 0;
  wake();
}

void LargeCrew::decide(double pace, Clock::time_point now) {
  switch (state_) {
    case State::kGathers: state_ = State::kTogether; break;
    case State::kTogether:
      pace_together_ = pace;
      state_ = State::kThinsOut;
      break;
    case State::kThinsOut: state_ = State::kAlone; break;
    case State::kAlone:
      state_ = pace_together_ >= pace * kGainLeast ? State::kStays : State::kDismissed;
      decided_until_ =
          now + std::min<Clock::duration>(kHoldsTimes * (now - measured_from_), kHoldsMost);
      wake();
      break;
    case State::kStays:
    case State::kDismissed:
    case State::kDissolved: break;
  }
}

void LargeCrew::wake() {
  for (auto& [thread, one] : threads_) {
    if (std::exchange(one.waits, false)) one.waker();
  }
}

}  // namespace nfsferry::copy

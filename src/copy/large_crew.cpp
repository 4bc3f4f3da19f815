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

bool LargeCrew::may_begin(const void* thread) {
  std::lock_guard lock(mutex_);
  Thread& one = threads_.at(thread);
  bool may = true;
  if (first_is_measured()) may = thread == first_;
  // Those that rest with files under way come before new ones.
  if (state_ == State::kDismissed) may = with_files_ == (one.files > 0 ? 1u : 0u);
  if (!may) one.waits = true;
  return may;
}

void LargeCrew::begin(const void* thread) {
  std::lock_guard lock(mutex_);
  if (threads_.at(thread).files++ == 0) ++with_files_;
}

void LargeCrew::end(const void* thread) {
  std::lock_guard lock(mutex_);
  if (--threads_.at(thread).files > 0) return;
  --with_files_;
  wake();
}

void LargeCrew::start_reading(const void* thread) {
  std::lock_guard lock(mutex_);
  Thread& one = threads_.at(thread);
  if (one.reading++ > 0) return;
  one.reads_since = ++reads_begun_;
  if (!first_) first_ = thread;
  if (++readers_ == 2 && is_measuring()) measure_anew();
}

void LargeCrew::stop_reading(const void* thread, Clock::time_point now) {
  std::lock_guard lock(mutex_);
  if (--threads_.at(thread).reading > 0) return;
  --readers_;
  bool was_first = first_ == thread;
  if (was_first) first_ = longest_reading();
  if (first_is_measured() && (was_first || readers_ < 2))
    decide(State::kStays, now - measured_from_, now);
  else if (is_measuring() && readers_ < 2)
    measure_anew();
  else if (was_first)
    wake();
}

const void* LargeCrew::longest_reading() const {
  const void* found = nullptr;
  std::uint64_t least = reads_begun_ + 1;
  for (const auto& [thread, one] : threads_) {
    if (one.reading == 0 || one.reads_since >= least) continue;
    least = one.reads_since;
    found = thread;
  }
  return found;
}

bool LargeCrew::is_resting(const void* thread) {
  std::lock_guard lock(mutex_);
  if (thread == first_ || !(first_is_measured() || state_ == State::kDismissed)) return false;
  threads_.at(thread).waits = true;
  return true;
}

bool LargeCrew::is_dismissed(const void* thread) const {
  std::lock_guard lock(mutex_);
  return state_ == State::kDismissed && thread != first_;
}

void LargeCrew::note(std::uint64_t bytes, bool tells, Clock::time_point now) {
  std::lock_guard lock(mutex_);
  noted_ = now;
  if (!is_measuring() || readers_ < 2) return;
  if (!tells) return measure_anew();
  if (!period_began_) {
    measured_from_ = now;
    period_began_ = now;
    return;
  }
  period_bytes_ += bytes;
  ++period_pieces_;
  std::chrono::duration<double> period = now - *period_began_;
  if (period < kPacePeriod || period_pieces_ < kPacePieces) return;
  go_on(static_cast<double>(period_bytes_) / period.count(), now);
  period_began_ = now;
  period_bytes_ = 0;
  period_pieces_ = 0;
}

void LargeCrew::look(Clock::time_point now) {
  std::lock_guard lock(mutex_);
  if (is_decided() && now >= decided_until_) measure_anew();
  bool others_rest = state_ == State::kDismissed || first_is_measured();
  if (others_rest && readers_ > 1 && now - noted_ > kPatience)
    decide(State::kStays, kPatience, now);
}

void LargeCrew::dissolve() {
  std::lock_guard lock(mutex_);
  state_ = State::kDissolved;
  wake();
}

void LargeCrew::measure_anew() {
  bool some_wait = state_ != State::kGathers;
  state_ = State::kGathers;
  period_began_.reset();
  period_bytes_ = 0;
  period_pieces_ = 0;
  if (some_wait) wake();
}

void LargeCrew::go_on(double pace, Clock::time_point now) {
  switch (state_) {
    case State::kGathers: state_ = State::kTogether; break;
    case State::kTogether:
      pace_together_ = pace;
      state_ = State::kThinsOut;
      break;
    case State::kThinsOut: state_ = State::kAlone; break;
    case State::kAlone: {
      bool faster = pace_together_ >= pace * kGainLeast;
      decide(faster ? State::kStays : State::kDismissed, now - measured_from_, now);
      break;
    }
    case State::kStays:
    case State::kDismissed:
    case State::kDissolved: break;
  }
}

void LargeCrew::decide(State state, Clock::duration took, Clock::time_point now) {
  state_ = state;
  decided_until_ = now + std::min<Clock::duration>(kHoldsTimes * took, kHoldsMost);
  wake();
}

void LargeCrew::wake() {
  for (auto& [thread, one] : threads_) {
    if (std::exchange(one.waits, false)) one.waker();
  }
}

}  // namespace nfsferry::copy

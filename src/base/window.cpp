#include "base/window.hpp"

#include <algorithm>
#include <utility>

namespace nfsferry {
namespace {

// Of a measurement.
constexpr auto kTimeLeast = std::chrono::milliseconds(2);
constexpr unsigned kMeasurementsBetweenTrials = 4;
// A trial with more must bring this share of what it would if no request waited for another.
constexpr double kGainLeast = 0.25;
constexpr double kLossMost = 0.05;  // of one with fewer

}  // namespace

Window::Window(std::uint32_t most) : Window(most, Shape()) {}

Window::Window(std::uint32_t most, Shape shape)
    : shape_(shape), most_(most), limit_(std::min(shape.start, most)) {}

void Window::set_most(std::uint32_t most) {
  most_ = most;
  if (limit_ <= most_) return;
  trial_ = Trial::kNone;
  set_limit(most_);
}

void Window::replied(bool full, Time now) {
  if (settling_ > 0) {
    --settling_;
    return;
  }
  just_refused_ = false;
  if (!measuring_) {
    begin_measurement(now);
    return;
  }
  ++replies_;
  if (full) ++full_;
  std::uint32_t wanted = starting_ ? limit_ : 2 * limit_;  // the start is soon over
  if (replies_ < std::max(wanted, shape_.measured) || now - began_ < kTimeLeast) return;
  double rate = replies_ / std::chrono::duration<double>(now - began_).count();
  bool was_full = full_ * 4 >= replies_ * 3;
  begin_measurement(now);
  if (was_full)
    judge(rate);
  else if (trial_ != Trial::kNone)
    take_back();
}

void Window::begin_measurement(Time now) {
  measuring_ = true;
  began_ = now;
  replies_ = 0;
  full_ = 0;
}

void Window::judge(double rate) {
  switch (trial_) {
    case Trial::kNone:
      rate_before_ = rate;
      if (starting_ || ++measurements_ >= kMeasurementsBetweenTrials) try_other(next_);
      break;
    case Trial::kMore: {
      double growth = static_cast<double>(limit_) / limit_before_ - 1;
      if (rate < rate_before_ * (1 + kGainLeast * growth)) {
        take_back();
        break;
      }
      rate_before_ = rate;
      try_other(Trial::kMore);
      break;
    }
    case Trial::kFewer:
      // Against the rate before the first of several: small losses do not add up.
      if (rate < rate_before_ * (1 - kLossMost))
        take_back();
      else
        try_other(Trial::kFewer);
      break;
  }
}

void Window::try_other(Trial direction) {
  std::uint32_t wanted = limit_;
  if (direction == Trial::kFewer) {
    wanted = std::min(limit_, std::max(limit_ * 3 / 4, shape_.least));
  } else {
    bool doubles = starting_ || limit_ < shape_.least;
    wanted = std::min(doubles ? 2 * limit_ : limit_ + std::max(limit_ / 4, 1u), most_);
  }
  measurements_ = 0;
  next_ = direction == Trial::kMore ? Trial::kFewer : Trial::kMore;
  trial_ = wanted == limit_ ? Trial::kNone : direction;
  if (wanted == limit_) {
    starting_ = false;
    return;
  }
  limit_before_ = limit_;
  set_limit(wanted);
}

void Window::take_back() {
  starting_ = false;
  trial_ = Trial::kNone;
  set_limit(std::min(limit_before_, most_));
}

void Window::refused() {
  if (just_refused_ && settling_ > 0) {
    --settling_;
    return;
  }
  starting_ = false;
  trial_ = Trial::kNone;
  next_ = Trial::kMore;
  measurements_ = 0;
  set_limit(std::max(limit_ / 2, 1u));
  just_refused_ = true;
}

void Window::set_limit(std::uint32_t limit) {
  settling_ = std::max(limit_, limit);
  limit_ = limit;
  measuring_ = false;
}

}  // namespace nfsferry

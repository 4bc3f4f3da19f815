#pragma once

#include <chrono>
#include <cstdint>

namespace nfsferry {

// How many requests are kept in flight, or ranges of large files. It grows for as long as more of
// them bring more replies a second, and goes back where they only wait longer; both directions are
// tried again now and then, so that it follows a server that becomes faster or slower. It halves
// when the server says that it has too much to do. Only what is measured while the window is full
// counts: one who has little to ask learns nothing. Knows no clock: whoever calls says what time it
// is.
class Window {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::uint32_t kStart = 32;
  struct Shape {
    std::uint32_t start = kStart;
    std::uint32_t least = 4;      // but 1 where the server has too much to do
    std::uint32_t measured = 32;  // at least so many replies at a time
  };

  // `most`: what the server grants.
  explicit Window(std::uint32_t most);
  Window(std::uint32_t most, Shape shape);
  void set_most(std::uint32_t most);
  std::uint32_t limit() const { return limit_; }

  // A reply has come. `full`: another request waits for its place.
  void replied(bool full, Time now);
  // Nothing is in flight: the time until now tells nothing.
  void idle() { measuring_ = false; }
  // It said that the server has too much to do (DELAY).
  void refused();

 private:
  enum class Trial : std::uint8_t { kNone, kMore, kFewer };

  // Replies a second, with the limit as it is.
  void judge(double rate);
  void try_other(Trial direction);
  void take_back();
  void set_limit(std::uint32_t limit);
  void begin_measurement(Time now);

  const Shape shape_;
  std::uint32_t most_;
  std::uint32_t limit_;
  bool starting_ = true;  // doubled, until that brings nothing
  Trial trial_ = Trial::kNone;
  Trial next_ = Trial::kMore;
  std::uint32_t limit_before_ = 0;  // of the trial
  double rate_before_ = 0;
  unsigned measurements_ = 0;  // since the last trial

  std::uint32_t settling_ = 0;  // replies to come that were asked for under another limit
  bool just_refused_ = false;   // and these know nothing of the halving
  bool measuring_ = false;
  Time began_{};
  std::uint32_t replies_ = 0;
  std::uint32_t full_ = 0;  // of them
};

}  // namespace nfsferry

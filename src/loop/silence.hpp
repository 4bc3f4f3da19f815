// How long the other side of a TCP connection has given no sign, and when that is too long. Time in
// which this process did not run is not the other side's, and is not counted.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/result.hpp"
#include "loop/loop.hpp"

namespace nfsferry {

class Silence {
 public:
  using Time = std::chrono::milliseconds;
  static constexpr Time kOpenPatience{30'000};

  struct Waiting {
    std::uint64_t call = 0;  // tells it from others
    Clock::time_point since;
  };
  struct Times {
    Time unanswered{0};  // calls wait, and no byte was received
    Time oldest{0};      // the same call has waited longest
    // The other side's host has not even acknowledged what it should have: nothing reaches it.
    Time unacknowledged{0};

    void add(const Times& other);  // the longest of both
  };

  // For a new socket: where nothing is said, the other side is asked whether it is still there,
  // often enough for the Times to show.
  static void set_up(int fd);
  // Has looks taken until it is stopped, and says how much time has passed since the last: one that
  // comes late counts as two at most.
  static Task<void> watch(Loop& loop, CancelToken& stop, std::function<void(Time passed)> look);

  struct Limits {
    Time unanswered;      // the timeout, or kOpenPatience
    Time unacknowledged;  // then a connection is dead, and is made again
  };
  // What is lost on its way before the server's client is open is not made again.
  static Limits limits(Time timeout, bool open);
  // Why that connection ends: kConnectionLost.
  static Error nothing_acknowledged();

  // To be called at each look, with whoever waits longest, if anybody does.
  const Times& look(int fd, Time passed, const std::optional<Waiting>& oldest);

 private:
  Times times_;
  std::uint64_t oldest_call_ = 0;
};

// Says once that a server is silent, and when that has been too long. A call may wait for longer
// than the timeout while others are answered, as on a slow network where each has those before it
// to wait for: four times as long at most.
class SilenceJudge {
 public:
  // `where`: the server, for people. Errors: kUnreachable after so long as `most`.
  Status judge(const Silence::Times& times, Silence::Time most, const std::string& where);
  // What comes is said again.
  void forget() { said_ = false; }

 private:
  bool said_ = false;
};

}  // namespace nfsferry

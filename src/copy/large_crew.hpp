#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>

#include "loop/operation.hpp"

namespace nfsferry::copy {

// Which threads carry large files. Several are not always faster than one: where the servers or the
// cores have no more to give, they only get into each other's way. So once several read some, their
// pace is measured, then all but the first rest and its pace alone is, and the others go on only if
// together they were faster, or where the first has nothing to read meanwhile. Else they take
// turns: one thread reads large files, the others begin none, and those that have begun some wait
// until it has nothing to read. A decision holds 50 times as long as it took, and ten minutes at
// most; those that rest wait five seconds at most for one that reads nothing. Small files and all
// else are every thread's work at any time.
//
// Thread-safe; nothing here waits: who was refused is woken when it is worth another try.
class LargeCrew {
 public:
  static constexpr auto kPacePeriod = std::chrono::milliseconds(100);
  static constexpr unsigned kPacePieces = 32;  // in a period, at least
  static constexpr double kGainLeast = 1.05;   // of several threads' pace over one's
  static constexpr int kHoldsTimes = 50;
  static constexpr auto kHoldsMost = std::chrono::minutes(10);
  static constexpr auto kPatience = std::chrono::seconds(5);

  // `waker` is called from any thread until leave() has returned.
  void join(const void* thread, std::function<void()> waker);
  void leave(const void* thread);

  // Whether this thread may begin another large file, or take part in one; who is told no is woken.
  bool may_begin(const void* thread);
  // A large file is this thread's, or a part of one, until end().
  void begin(const void* thread);
  void end(const void* thread);
  // Of one of those there are ranges to be read, until stop_reading().
  void start_reading(const void* thread);
  void stop_reading(const void* thread, Clock::time_point now = Clock::now());
  // Whether this thread, which has such ranges, is to take no more for now; who is told yes is
  // woken.
  bool is_resting(const void* thread);
  // Whether that is for longer than a measurement: nothing is to be left waiting for this thread.
  bool is_dismissed(const void* thread) const;

  // A piece has been read of what is being read here. `tells`: as fast as threads can.
  void note(std::uint64_t bytes, bool tells, Clock::time_point now = Clock::now());
  // Now and then.
  void look(Clock::time_point now = Clock::now());
  // The run ends: nobody rests any more.
  void dissolve();

 private:
  struct Thread {
    std::function<void()> waker;
    unsigned files = 0;
    unsigned reading = 0;
    std::uint64_t reads_since = 0;  // of reads_begun_
    bool waits = false;
  };
  // Each of the two paces that are compared is measured after a period of its own, in which what
  // was under way before comes to its end.
  enum class State : std::uint8_t {
    kGathers,
    kTogether,
    kThinsOut,
    kAlone,
    kStays,      // several are faster
    kDismissed,  // they are not
    kDissolved,
  };
  // With mutex_ held:
  bool is_decided() const { return state_ == State::kStays || state_ == State::kDismissed; }
  bool is_measuring() const { return !is_decided() && state_ != State::kDissolved; }
  bool first_is_measured() const { return state_ == State::kThinsOut || state_ == State::kAlone; }
  const void* longest_reading() const;
  void measure_anew();
  void go_on(double pace, Clock::time_point now);
  void decide(State state, Clock::duration took, Clock::time_point now);
  void wake();

  mutable std::mutex mutex_;
  std::map<const void*, Thread> threads_;
  std::size_t with_files_ = 0;   // threads
  std::size_t readers_ = 0;      // threads
  const void* first_ = nullptr;  // of those that read: whose turn it is
  std::uint64_t reads_begun_ = 0;
  State state_ = State::kGathers;
  Clock::time_point measured_from_;
  std::optional<Clock::time_point> period_began_;
  Clock::time_point decided_until_;
  Clock::time_point noted_;
  std::uint64_t period_bytes_ = 0;
  unsigned period_pieces_ = 0;
  double pace_together_ = 0;  // bytes a second
};

}  // namespace nfsferry::copy

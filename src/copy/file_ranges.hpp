#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>

#include "base/result.hpp"
#include "copy/content_hash.hpp"
#include "loop/operation.hpp"

namespace nfsferry::copy {

enum class FailedAt : std::uint8_t { kSource, kTarget };

// The ranges of one large file while it is copied or compared, by lanes of one thread or of
// several: who takes which, where the file turned out to end, what failed first, and the hash, in
// file order whoever has read the bytes. Thread-safe; nothing here waits: a thread whose lanes wait
// is woken when it is worth another look. A range that was taken is added whole, or ends the file,
// or fails it: those after it wait for that.
//
// Several threads are not always faster than one: where the servers or the cores have no more to
// give, they only get into each other's way. So once others have come, their pace is measured, then
// they pause and the first thread's alone is, and they go on only if together they were faster.
class FileRanges {
 public:
  struct Range {
    std::uint64_t offset_bytes;
    std::uint64_t size_bytes;
  };

  FileRanges(std::uint64_t size_bytes, std::uint32_t range_bytes, Hashing hashing)
      : size_bytes_(size_bytes), range_bytes_(range_bytes), hash_(hashing) {}

  std::uint32_t range_bytes() const { return range_bytes_; }  // all but the last one's

  static constexpr auto kPacePeriod = std::chrono::milliseconds(100);
  static constexpr std::uint64_t kPaceRanges = 32;  // in a period, at least
  static constexpr double kGainLeast = 1.05;        // of several threads' pace over one's

  // A thread comes, to stay until leave(). `waker` is called from any thread until then. False: it
  // has been here before, or others are no help.
  bool enter(const void* thread, std::function<void()> waker);
  void leave(const void* thread);
  // Whether all others have left; who is told no is woken.
  bool is_alone(const void* thread);

  // The first thread takes no more: nobody pauses for it any longer.
  void first_is_done();
  // Whether this thread's lanes are to take nothing for now; who is told yes is woken.
  bool is_paused(const void* thread);

  // Before the first range is taken: everything before this is in place, unseen.
  void begin_at(std::uint64_t offset_bytes);
  // The next range, in file order; none once there is no more, nobody needs it any more, or this
  // thread is no help.
  std::optional<Range> take(const void* thread);
  std::uint64_t left_bytes() const;  // for take()

  // Bytes of a range that was taken, which stay where they are until may_free().
  void add(std::uint64_t offset_bytes, std::span<const std::byte> bytes,
           Clock::time_point now = Clock::now());
  // Whether the bytes added at this offset are hashed, or nobody will; who is told no is woken.
  bool may_free(const void* thread, std::uint64_t offset_bytes);
  void note_zeros(std::uint64_t bytes) { zero_bytes_ += bytes; }  // among those added
  std::uint64_t zero_bytes() const { return zero_bytes_; }
  // A read at this offset found the file's end, before it was expected.
  void end_at(std::uint64_t offset_bytes);
  // The first one stays.
  void fail(Error error, FailedAt at);
  bool has_failed() const;

  // Once all lanes have ended.
  std::optional<Error> error() const;
  FailedAt failed_at() const;
  bool is_whole() const;  // up to its end, with no hole
  std::uint64_t hashed_bytes() const;
  std::optional<FileHash> hash() const;  // where it hashes

 private:
  struct Thread {
    std::function<void()> waker;
    bool here = true;
    bool waits = false;
    bool pauses = false;
  };
  // What the pace decides. Each of the two that are compared is measured after a period of its own,
  // in which what was under way before comes to its end.
  enum class Crew : std::uint8_t {
    kGathers,
    kTogether,
    kPauses,
    kAlone,
    kStays,      // several are faster
    kDismissed,  // they are not
  };
  // With mutex_ held:
  void wake();
  bool is_over() const { return error_ || end_bytes_ || next_bytes_ >= size_bytes_; }
  bool is_of_crew(const void* thread) const {
    return thread == first_ || crew_ != Crew::kDismissed;
  }
  void note_pace(std::uint64_t bytes, Clock::time_point now);
  void decide(double pace);
  void end_pause();

  const std::uint64_t size_bytes_;
  const std::uint32_t range_bytes_;
  std::atomic<std::uint64_t> zero_bytes_{0};
  mutable std::mutex mutex_;
  std::map<const void*, Thread> threads_;
  std::size_t threads_here_ = 0;
  const void* first_ = nullptr;
  Crew crew_ = Crew::kGathers;
  std::optional<Clock::time_point> period_began_;
  std::uint64_t period_bytes_ = 0;
  double pace_together_ = 0;                // bytes a second
  std::uint64_t next_bytes_ = 0;            // offset of the range to be taken next
  std::optional<std::uint64_t> end_bytes_;  // offset of the end, found before it was expected
  std::optional<Error> error_;
  FailedAt failed_at_ = FailedAt::kSource;
  ContentHash hash_;
  std::uint64_t hashed_bytes_ = 0;                               // in file order
  std::map<std::uint64_t, std::span<const std::byte>> waiting_;  // added, not yet hashed
};

}  // namespace nfsferry::copy

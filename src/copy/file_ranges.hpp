#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>

#include "base/result.hpp"
#include "copy/content_hash.hpp"

namespace nfsferry::copy {

enum class FailedAt : std::uint8_t { kSource, kTarget };

// The ranges of one large file while it is copied or compared, by lanes of one thread or of
// several: who takes which, where the file turned out to end, what failed first, and the hash, in
// file order whoever has read the bytes. Thread-safe; nothing here waits: a thread whose lanes wait
// is woken when it is worth another look. A range that was taken is added whole, or ends the file,
// or fails it: those after it wait for that.
class FileRanges {
 public:
  struct Range {
    std::uint64_t offset_bytes;
    std::uint64_t size_bytes;
  };

  FileRanges(std::uint64_t size_bytes, std::uint32_t range_bytes, Hashing hashing)
      : size_bytes_(size_bytes), range_bytes_(range_bytes), hash_(hashing) {}

  std::uint32_t range_bytes() const { return range_bytes_; }  // all but the last one's

  // A thread comes, to stay until leave(). `waker` is called from any thread until then. False: it
  // has been here before, and was not to come again.
  bool enter(const void* thread, std::function<void()> waker);
  void leave(const void* thread, bool may_come_again);
  // Whether all others have left; who is told no is woken.
  bool is_alone(const void* thread);
  // Whether nothing is left to take; who is told no is woken when it is so.
  bool is_over(const void* thread);

  // Before the first range is taken: everything before this is in place, unseen.
  void begin_at(std::uint64_t offset_bytes);
  // The next range, in file order; none once there is no more, or nobody needs it any more.
  std::optional<Range> take();
  std::uint64_t left_bytes() const;  // for take()

  // Bytes of a range that was taken, which stay where they are until may_free().
  void add(std::uint64_t offset_bytes, std::span<const std::byte> bytes);
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
    bool waits_for_end = false;
  };
  // With mutex_ held:
  void wake();
  void wake_at_end();
  bool is_over() const { return error_ || end_bytes_ || next_bytes_ >= size_bytes_; }

  const std::uint64_t size_bytes_;
  const std::uint32_t range_bytes_;
  std::atomic<std::uint64_t> zero_bytes_{0};
  mutable std::mutex mutex_;
  std::map<const void*, Thread> threads_;
  std::size_t threads_here_ = 0;
  std::uint64_t next_bytes_ = 0;            // offset of the range to be taken next
  std::optional<std::uint64_t> end_bytes_;  // offset of the end, found before it was expected
  std::optional<Error> error_;
  FailedAt failed_at_ = FailedAt::kSource;
  ContentHash hash_;
  std::uint64_t hashed_bytes_ = 0;                               // in file order
  std::map<std::uint64_t, std::span<const std::byte>> waiting_;  // added, not yet hashed
};

}  // namespace nfsferry::copy

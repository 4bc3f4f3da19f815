#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>

namespace nfsferry::test {

// A queue of bytes that doubles when asked to and starts over at its beginning, where the cache
// is warm, whenever it runs empty.
class ByteRing {
 public:
  using Pieces = std::array<iovec, 2>;

  explicit ByteRing(std::size_t capacity)
      : bytes_(std::make_unique_for_overwrite<std::byte[]>(capacity)), capacity_(capacity) {}

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  std::size_t free() const { return capacity_ - size_; }

  // Where the next bytes go; an empty second piece has length 0.
  Pieces writable() { return pieces((first_ + size_) % capacity_, free()); }
  void commit(std::size_t count) { size_ += count; }
  // The oldest `count` bytes.
  Pieces readable(std::size_t count) { return pieces(first_, count); }
  void consume(std::size_t count) {
    size_ -= count;
    first_ = size_ == 0 ? 0 : (first_ + count) % capacity_;
  }

  void grow() {
    auto larger = std::make_unique_for_overwrite<std::byte[]>(capacity_ * 2);
    Pieces old = readable(size_);
    std::memcpy(larger.get(), old[0].iov_base, old[0].iov_len);
    std::memcpy(larger.get() + old[0].iov_len, old[1].iov_base, old[1].iov_len);
    bytes_ = std::move(larger);
    capacity_ *= 2;
    first_ = 0;
  }

 private:
  Pieces pieces(std::size_t from, std::size_t count) {
    std::size_t front = std::min(count, capacity_ - from);
    return {iovec{bytes_.get() + from, front}, iovec{bytes_.get(), count - front}};
  }

  std::unique_ptr<std::byte[]> bytes_;
  std::size_t capacity_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace nfsferry::test

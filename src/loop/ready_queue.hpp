#pragma once

#include <coroutine>
#include <cstddef>
#include <vector>

namespace nfsferry {

// Coroutines to resume, first in, first out: a ring that grows to the largest number that was ever
// ready at once.
class ReadyQueue {
 public:
  bool empty() const { return head_ == tail_; }
  std::size_t capacity() const { return ring_.size(); }

  void push_back(std::coroutine_handle<> handle) {
    if (tail_ - head_ == ring_.size()) grow();
    ring_[tail_++ & (ring_.size() - 1)] = handle;
  }
  std::coroutine_handle<> pop_front() { return ring_[head_++ & (ring_.size() - 1)]; }

 private:
  void grow() {
    std::vector<std::coroutine_handle<>> larger(ring_.size() * 2);
    std::size_t count = tail_ - head_;
    for (std::size_t i = 0; i < count; ++i) larger[i] = ring_[(head_ + i) & (ring_.size() - 1)];
    ring_.swap(larger);
    head_ = 0;
    tail_ = count;
  }

  // A power of two, so that the ever-growing counts are masked to places.
  std::vector<std::coroutine_handle<>> ring_ = std::vector<std::coroutine_handle<>>(64);
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
};

}  // namespace nfsferry

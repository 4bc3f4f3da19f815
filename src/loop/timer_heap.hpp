#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "loop/operation.hpp"

namespace nfsferry {

// Sleeping operations, nearest deadline first; equal deadlines in the order in which they were
// added. Each operation knows its place, so that a cancelled timer leaves at once and nothing piles
// up behind timeouts that rarely fire.
class TimerHeap {
 public:
  bool empty() const { return heap_.empty(); }
  Clock::time_point nearest() const { return heap_.front().when; }
  Operation* first() const { return heap_.front().operation; }

  void add(Operation& operation) {
    heap_.push_back(Entry{operation.when, next_number_++, &operation});
    rise(heap_.size() - 1);
  }

  void remove(Operation& operation) {
    std::size_t hole = operation.timer_index;
    Entry last = heap_.back();
    heap_.pop_back();
    if (hole == heap_.size()) return;
    place(hole, last);
    rise(hole);
    sink(last.operation->timer_index);
  }

 private:
  struct Entry {
    Clock::time_point when;
    std::uint64_t number;  // breaks ties
    Operation* operation;

    bool before(const Entry& other) const {
      return when != other.when ? when < other.when : number < other.number;
    }
  };

  void place(std::size_t index, const Entry& entry) {
    heap_[index] = entry;
    entry.operation->timer_index = index;
  }

  void rise(std::size_t index) {
    Entry entry = heap_[index];
    while (index > 0 && entry.before(heap_[(index - 1) / 2])) {
      place(index, heap_[(index - 1) / 2]);
      index = (index - 1) / 2;
    }
    place(index, entry);
  }

  void sink(std::size_t index) {
    Entry entry = heap_[index];
    while (true) {
      std::size_t child = 2 * index + 1;
      if (child >= heap_.size()) break;
      if (child + 1 < heap_.size() && heap_[child + 1].before(heap_[child])) ++child;
      if (!heap_[child].before(entry)) break;
      place(index, heap_[child]);
      index = child;
    }
    place(index, entry);
  }

  std::vector<Entry> heap_;
  std::uint64_t next_number_ = 0;
};

}  // namespace nfsferry

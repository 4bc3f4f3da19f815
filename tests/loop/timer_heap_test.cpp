#include "loop/timer_heap.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

namespace nfsferry::test {
namespace {

class TimerHeapTest : public testing::Test {
 protected:
  Operation& add(int when) {
    Operation& operation = operations_.emplace_back(OperationKind::kSleep);
    operation.when = Clock::time_point(std::chrono::nanoseconds(when));
    heap_.add(operation);
    return operation;
  }
  Operation* take() {
    Operation* first = heap_.first();
    heap_.remove(*first);
    return first;
  }

  TimerHeap heap_;
  std::deque<Operation> operations_;
};

TEST_F(TimerHeapTest, GivesTheNearestDeadlineFirst) {
  Operation& late = add(30);
  Operation& early = add(10);
  Operation& middle = add(20);
  EXPECT_EQ(heap_.nearest(), early.when);
  EXPECT_EQ(take(), &early);
  EXPECT_EQ(take(), &middle);
  EXPECT_EQ(take(), &late);
  EXPECT_TRUE(heap_.empty());
}

TEST_F(TimerHeapTest, EqualDeadlinesKeepTheirOrder) {
  std::vector<Operation*> added;
  for (int i = 0; i < 50; ++i) added.push_back(&add(7));
  for (Operation* expected : added) EXPECT_EQ(take(), expected);
}

// Property: whatever is added and removed, what is taken is what a stable sort would give.
TEST_F(TimerHeapTest, AnyMixOfAddedAndRemovedTimersComesOutSorted) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<Operation*> expected;
  for (int i = 0; i < 5000; ++i) {
    if (expected.empty() || random() % 3 != 0) {
      expected.push_back(&add(static_cast<int>(random() % 500)));
    } else {
      auto victim = expected.begin() + static_cast<std::ptrdiff_t>(random() % expected.size());
      heap_.remove(**victim);
      expected.erase(victim);
    }
  }
  std::vector<Operation*> sorted;
  for (Operation* each : expected) {
    auto earlier = [](const Operation* one, const Operation* other) {
      return one->when < other->when;
    };
    sorted.insert(std::ranges::upper_bound(sorted, each, earlier), each);
  }
  for (Operation* each : sorted) ASSERT_EQ(take(), each);
  EXPECT_TRUE(heap_.empty());
}

}  // namespace
}  // namespace nfsferry::test

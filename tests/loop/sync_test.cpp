#include "loop/sync.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "engine_fixture.hpp"

namespace nfsferry::test {
namespace {

class SyncTest : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Engine, SyncTest, both_engines(), engine_label);

// ---- Semaphore

using Order = std::vector<int>;

Task<void> take_and_note(Semaphore& semaphore, std::uint64_t units, int number, Order& order) {
  co_await semaphore.acquire(units);
  order.push_back(number);
}

// Lets everything that is ready run.
Task<void> settle(Loop& loop) {
  for (int i = 0; i < 3; ++i) co_await pause(loop, std::chrono::nanoseconds(0));
}

Task<Order> wait_in_line(Loop& loop) {
  Semaphore semaphore(1);
  Order order;
  co_await semaphore.acquire();
  TaskGroup group;
  for (int i = 0; i < 5; ++i) group.spawn(take_and_note(semaphore, 1, i, order));
  co_await settle(loop);
  EXPECT_EQ(order, Order{});
  for (int i = 0; i < 5; ++i) {
    semaphore.release();
    co_await settle(loop);
    EXPECT_EQ(order.size(), static_cast<std::size_t>(i + 1));
  }
  co_await group.join();
  co_return order;
}

TEST_P(SyncTest, ASemaphoreServesItsWaitersInTheOrderInWhichTheyCame) {
  EXPECT_EQ(run(wait_in_line(loop())), (Order{0, 1, 2, 3, 4}));
}

Task<Order> large_before_small(Loop& loop) {
  Semaphore semaphore(10);
  Order order;
  co_await semaphore.acquire(5);
  TaskGroup group;
  group.spawn(take_and_note(semaphore, 8, 8, order));
  group.spawn(take_and_note(semaphore, 1, 1, order));
  co_await settle(loop);
  EXPECT_EQ(order, Order{});  // one unit is free, but the large request came first
  EXPECT_FALSE(semaphore.try_acquire(1));
  semaphore.release(5);
  co_await group.join();
  co_return order;
}

TEST_P(SyncTest, ALargeRequestIsNotOvertakenByLaterSmallOnes) {
  EXPECT_EQ(run(large_before_small(loop())), (Order{8, 1}));
}

Task<Order> over_the_limit(Loop& loop) {
  Semaphore semaphore(4);
  Order order;
  co_await semaphore.acquire(1);
  TaskGroup group;
  group.spawn(take_and_note(semaphore, 100, 100, order));
  group.spawn(take_and_note(semaphore, 1, 1, order));
  co_await settle(loop);
  EXPECT_EQ(order, Order{});
  semaphore.release(1);
  co_await settle(loop);
  EXPECT_EQ(order, Order{100});
  EXPECT_EQ(semaphore.free(), 0u);
  semaphore.release(100);
  co_await group.join();
  EXPECT_EQ(semaphore.free(), 3u);
  co_return order;
}

TEST_P(SyncTest, ARequestOverTheLimitHasTheSemaphoreToItself) {
  EXPECT_EQ(run(over_the_limit(loop())), (Order{100, 1}));
}

Task<Order> raise_limit(Loop& loop) {
  Semaphore semaphore(1);
  Order order;
  co_await semaphore.acquire();
  TaskGroup group;
  for (int i = 0; i < 3; ++i) group.spawn(take_and_note(semaphore, 1, i, order));
  co_await settle(loop);
  semaphore.set_limit(3);
  co_await settle(loop);
  EXPECT_EQ(order, (Order{0, 1}));
  semaphore.release();
  co_await group.join();
  co_return order;
}

TEST_P(SyncTest, ARaisedLimitWakesThoseWhoNowFit) {
  EXPECT_EQ(run(raise_limit(loop())), (Order{0, 1, 2}));
}

TEST(Semaphore, ALoweredLimitTakesEffectAsUnitsComeBack) {
  Semaphore semaphore(10);
  ASSERT_TRUE(semaphore.try_acquire(8));
  semaphore.set_limit(5);
  EXPECT_EQ(semaphore.free(), 0u);
  EXPECT_FALSE(semaphore.try_acquire(1));
  semaphore.release(4);
  EXPECT_EQ(semaphore.free(), 1u);
  semaphore.release(4);
  EXPECT_EQ(semaphore.free(), 5u);
}

TEST(Semaphore, UnitsAcquiredUnderAnotherLimitComeBackWhole) {
  Semaphore semaphore(10);
  ASSERT_TRUE(semaphore.try_acquire(8));
  semaphore.set_limit(5);
  semaphore.release(8);  // more than the limit that is in force now
  EXPECT_EQ(semaphore.free(), 5u);
  ASSERT_TRUE(semaphore.try_acquire(7));  // over the limit, alone
  semaphore.set_limit(10);
  EXPECT_EQ(semaphore.free(), 3u);
  semaphore.release(7);
  EXPECT_EQ(semaphore.free(), 10u);
}

Task<Order> lower_limit_below_a_waiter(Loop& loop) {
  Semaphore semaphore(10);
  Order order;
  co_await semaphore.acquire(10);
  TaskGroup group;
  group.spawn(take_and_note(semaphore, 9, 9, order));
  co_await settle(loop);
  semaphore.set_limit(4);
  semaphore.release(10);
  co_await group.join();
  co_return order;
}

TEST_P(SyncTest, AWaiterIsServedThoughTheLimitFellBelowItsRequest) {
  EXPECT_EQ(run(lower_limit_below_a_waiter(loop())), Order{9});
}

TEST(SemaphoreDeathTest, ReleasingMoreThanWasAcquiredIsAProgrammerError) {
  Semaphore semaphore(2);
  ASSERT_TRUE(semaphore.try_acquire());
  EXPECT_DEATH(semaphore.release(2), "released more");
}

// ---- Event

Task<void> note_event(Event& event, int number, Order& order) {
  co_await event.wait();
  order.push_back(number);
}

Task<Order> set_once(Loop& loop) {
  Event event;
  Order order;
  TaskGroup group;
  for (int i = 0; i < 3; ++i) group.spawn(note_event(event, i, order));
  co_await settle(loop);
  EXPECT_EQ(order, Order{});
  event.set();
  co_await group.join();
  co_await event.wait();  // at once: it stays set
  co_return order;
}

TEST_P(SyncTest, ASetEventWakesAllWhoWaitAndStopsNobodyAfterwards) {
  EXPECT_EQ(run(set_once(loop())), (Order{0, 1, 2}));
}

Task<Order> pulse_once(Loop& loop) {
  Event event;
  Order order;
  TaskGroup group;
  group.spawn(note_event(event, 0, order));
  co_await settle(loop);
  event.pulse();
  co_await settle(loop);
  group.spawn(note_event(event, 1, order));
  co_await settle(loop);
  EXPECT_EQ(order, Order{0});
  event.pulse();
  co_await group.join();
  co_return order;
}

TEST_P(SyncTest, APulseWakesOnlyThoseWhoWaitAlready) {
  EXPECT_EQ(run(pulse_once(loop())), (Order{0, 1}));
}

// ---- TaskGroup

Task<void> count_down(Loop& loop, TaskGroup& group, int depth, int& seen) {
  ++seen;
  if (depth == 0) co_return;
  group.spawn(count_down(loop, group, depth - 1, seen));
  group.spawn(count_down(loop, group, depth - 1, seen));
  co_await pause(loop, std::chrono::nanoseconds(0));
}

Task<int> join_a_tree(Loop& loop) {
  int seen = 0;
  TaskGroup group;
  group.spawn(count_down(loop, group, 10, seen));
  co_await group.join();
  EXPECT_EQ(group.running(), 0u);
  co_return seen;
}

TEST_P(SyncTest, JoinWaitsForWhatTheChildrenSpawnedToo) {
  EXPECT_EQ(run(join_a_tree(loop())), 2047);
}

Task<bool> join_nothing() {
  TaskGroup group;
  co_await group.join();
  co_await group.join();
  co_return true;
}

TEST_P(SyncTest, JoiningAnEmptyGroupIsDoneAtOnce) { EXPECT_TRUE(run(join_nothing())); }

Task<void> note(int& seen) {
  ++seen;
  co_return;
}

Task<int> spawn_many(int count) {
  int seen = 0;
  TaskGroup group;
  for (int i = 0; i < count; ++i) group.spawn(note(seen));
  EXPECT_EQ(seen, 0);  // a child starts when the loop gets to it
  co_await group.join();
  co_return seen;
}

TEST_P(SyncTest, AHundredThousandChildrenAllRun) { EXPECT_EQ(run(spawn_many(100'000)), 100'000); }

Task<void> leave_a_child_behind(Event& event) {
  TaskGroup group;
  Order order;
  group.spawn(note_event(event, 0, order));
  co_return;
}

using SyncDeathTest = SyncTest;
INSTANTIATE_TEST_SUITE_P(Engine, SyncDeathTest, both_engines(), engine_label);

TEST_P(SyncDeathTest, AGroupThatEndsBeforeItsTasksIsAProgrammerError) {
  Event event;
  EXPECT_DEATH(run(leave_a_child_behind(event)), "ends before its tasks");
}

// ---- BufferPool

bool holds_only(const BufferRef& buffer, std::byte expected) {
  std::span<const std::byte> bytes = buffer.bytes();
  return bytes.front() == expected && std::memcmp(&bytes[0], &bytes[1], bytes.size() - 1) == 0;
}

void fill(const BufferRef& buffer, std::byte byte) {
  std::memset(buffer.bytes().data(), static_cast<int>(byte), buffer.bytes().size());
}

TEST(BufferPool, GivesAtLeastTheBytesThatWereAskedFor) {
  BufferPool pool;
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4096}, std::size_t{4097},
                           std::size_t{1} << 20, std::size_t{3} << 20}) {
    BufferRef buffer = pool.get(size);
    ASSERT_GE(buffer.bytes().size(), size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.bytes().data()) % 4096, 0u);
    std::ranges::fill(buffer.bytes(), std::byte{7});
  }
  EXPECT_EQ(pool.outstanding(), 0u);
}

TEST(BufferPool, ABufferIsUsedAgainOnceItsLastOwnerIsGone) {
  BufferPool pool;
  BufferRef first = pool.get(5000);
  const std::byte* bytes = first.bytes().data();
  BufferRef second = first;
  first = BufferRef();
  EXPECT_EQ(pool.outstanding(), 1u);
  EXPECT_NE(pool.get(5000).bytes().data(), bytes);
  second = BufferRef();
  EXPECT_EQ(pool.outstanding(), 0u);
  BufferRef third = pool.get(6000);  // of the same size class
  BufferRef fourth = pool.get(6000);
  EXPECT_TRUE(third.bytes().data() == bytes || fourth.bytes().data() == bytes);
}

TEST(BufferPool, AChunkKeepsItsBufferAlive) {
  BufferPool pool;
  Chunk chunk;
  {
    BufferRef buffer = pool.get(100);
    chunk = Chunk{buffer, buffer.bytes().first(10)};
  }
  EXPECT_EQ(pool.outstanding(), 1u);
  chunk = Chunk();
  EXPECT_EQ(pool.outstanding(), 0u);
}

#if defined(__SANITIZE_ADDRESS__)
TEST(BufferPoolDeathTest, BytesThatNobodyOwnsAreFoundOutByTheSanitizer) {
  BufferPool pool;
  for (std::size_t size : {std::size_t{100}, std::size_t{1} << 20}) {
    BufferRef buffer = pool.get(size);
    volatile std::byte* byte = buffer.bytes().data();
    *byte = std::byte{1};
    buffer = BufferRef();
    EXPECT_EQ(pool.outstanding(), 0u);
    EXPECT_GT(pool.kept_bytes(), 0u);
    EXPECT_DEATH(*byte = std::byte{2}, "use-after-poison") << size;
    buffer = pool.get(size);
    EXPECT_EQ(buffer.bytes().data(), byte);
    *byte = std::byte{3};
  }
}

TEST(BufferPoolDeathTest, BytesBehindABufferAreFoundOutByTheSanitizer) {
  BufferPool pool;
  for (std::size_t size : {std::size_t{100}, std::size_t{200'000}, std::size_t{1} << 20}) {
    BufferRef buffer = pool.get(size);
    BufferRef next = pool.get(size);
    volatile std::byte* end = buffer.bytes().data() + buffer.bytes().size();
    end[-1] = std::byte{1};
    EXPECT_DEATH(*end = std::byte{2}, "AddressSanitizer") << size;
  }
}
#endif

TEST(BufferPool, KeepsNoMoreUnusedBytesThanItsLimit) {
  BufferPool pool;
  {
    std::vector<BufferRef> buffers;
    for (int i = 0; i < 100; ++i) buffers.push_back(pool.get(1 << 20));
    EXPECT_EQ(pool.kept_bytes(), 0u);
  }
  EXPECT_GT(pool.kept_bytes(), BufferPool::kKeptBytes / 2);
  EXPECT_LE(pool.kept_bytes(), BufferPool::kKeptBytes);
}

bool is_mapped(std::byte* byte) {
  std::size_t in_page = reinterpret_cast<std::uintptr_t>(byte) % ::sysconf(_SC_PAGESIZE);
  unsigned char resident = 0;
  return ::mincore(byte - in_page, 1, &resident) == 0;
}

TEST(BufferPool, WhatIsUnusedBeyondTheLimitIsGivenBackToTheKernel) {
  BufferPool pool;
  std::vector<std::byte*> pages;
  std::vector<BufferRef> buffers;
  for (int i = 0; i < 100; ++i) {
    buffers.push_back(pool.get(1u << 20));
    pages.push_back(buffers.back().bytes().data());
  }
  EXPECT_TRUE(std::ranges::all_of(pages, is_mapped));
  buffers.clear();
  std::size_t capacity = (1u << 20) + 8192;
  auto kept = static_cast<std::size_t>(std::ranges::count_if(pages, is_mapped));
  EXPECT_LE(kept * capacity, BufferPool::kKeptBytes);
  EXPECT_EQ(pool.kept_bytes(), kept * capacity);
  for (int i = 0; i < 100; ++i) {
    buffers.push_back(pool.get(1u << 20));
    fill(buffers.back(), std::byte{9});
  }
  EXPECT_EQ(pool.kept_bytes(), 0u);
  for (const BufferRef& buffer : buffers) EXPECT_TRUE(holds_only(buffer, std::byte{9}));
}

std::set<std::byte*> addresses_of_some(BufferPool& pool, std::size_t size) {
  std::vector<BufferRef> buffers;
  std::set<std::byte*> addresses;
  for (int i = 0; i < 20; ++i) {
    buffers.push_back(pool.get(size));
    addresses.insert(buffers.back().bytes().data());
  }
  return addresses;
}

TEST(BufferPool, ASizeThatIsNoLongerAskedForGivesWay) {
  BufferPool pool;
  {
    std::vector<BufferRef> buffers;
    for (int i = 0; i < 47; ++i) buffers.push_back(pool.get(1u << 20));
  }
  auto first = addresses_of_some(pool, 500'000);
  EXPECT_LE(pool.kept_bytes(), BufferPool::kKeptBytes);
  EXPECT_EQ(addresses_of_some(pool, 500'000), first);
  EXPECT_LE(pool.kept_bytes(), BufferPool::kKeptBytes);
}

// The oldest slab holds one small buffer, which is not enough for what comes.
TEST(BufferPool, AsManySlabsAreGivenBackAsItTakes) {
  BufferPool pool;
  pool.get(200'000);
  {
    std::vector<BufferRef> buffers;
    for (int i = 0; i < 46; ++i) buffers.push_back(pool.get(1u << 20));
  }
  pool.get(2u << 20);
  EXPECT_LE(pool.kept_bytes(), BufferPool::kKeptBytes);
  EXPECT_GT(pool.kept_bytes(), BufferPool::kKeptBytes / 2);
}

TEST(BufferPool, BuffersOfAllSizesShareNoByte) {
  BufferPool pool;
  std::vector<BufferRef> buffers;
  for (int i = 0; i < 60; ++i) {
    for (std::size_t size :
         {std::size_t{1}, std::size_t{5000}, std::size_t{60'000}, std::size_t{200'000},
          std::size_t{500'000}, std::size_t{1} << 20, std::size_t{2} << 20}) {
      buffers.push_back(pool.get(size));
      fill(buffers.back(), static_cast<std::byte>(buffers.size() % 251));
    }
  }
  for (std::size_t i = 0; i < buffers.size(); ++i)
    ASSERT_TRUE(holds_only(buffers[i], static_cast<std::byte>((i + 1) % 251))) << i;
}

TEST(BufferPool, ABufferLargerThanAnyClassIsNotKept) {
  BufferPool pool;
  pool.get(16u << 20);
  EXPECT_EQ(pool.kept_bytes(), 0u);
}

TEST(BufferPoolDeathTest, ABufferThatOutlivesItsPoolIsAProgrammerError) {
  EXPECT_DEATH(
      {
        auto pool = std::make_unique<BufferPool>();
        BufferRef buffer = pool->get(1);
        pool.reset();
      },
      "outlives its pool");
}

}  // namespace
}  // namespace nfsferry::test

// The queue between the threads that list and those that carry: batches, limits, who is woken.
#include "copy/work_queue.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "copy/shared.hpp"

namespace nfsferry::copy {
namespace {

constexpr std::uint64_t kSmall = 1 << 10;
constexpr std::size_t kBatch = 4;

WorkItem file(std::uint64_t size_bytes = 1) {
  WorkItem item;
  item.entry.attributes.type = FileType::kRegular;
  item.entry.attributes.size_bytes = size_bytes;
  return item;
}

// A thread as the queue knows it.
struct Thread {
  explicit Thread(WorkQueue& queue, std::size_t batch = kBatch,
                  std::chrono::microseconds round_trips = {})
      : queue_(queue) {
    queue.join(this, batch, round_trips, [this] { ++woken; });
  }
  ~Thread() { queue_.leave(this); }
  bool add(WorkItem item) {
    WorkKind kind = kind_of(item, kSmall);
    return queue_.try_add(this, kind, item);
  }
  void add_batch() {
    for (std::size_t i = 0; i < kBatch; ++i) EXPECT_TRUE(add(file()));
  }
  std::optional<Work> take(bool large_too = true) { return queue_.try_take(this, large_too); }

  WorkQueue& queue_;
  unsigned woken = 0;
};

TEST(WorkQueue, GivesFullBatchesAndTheRestOnceItIsClosed) {
  WorkQueue queue;
  Thread thread(queue);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(thread.add(file()));
  EXPECT_FALSE(thread.take());
  EXPECT_TRUE(thread.add(file()));
  EXPECT_TRUE(thread.add(file()));
  auto full = thread.take();
  ASSERT_TRUE(full);
  EXPECT_EQ(full->kind, WorkKind::kSmallFiles);
  EXPECT_EQ(full->items.size(), kBatch);
  EXPECT_FALSE(thread.take());
  queue.close();
  auto rest = thread.take();
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->items.size(), 1u);
  auto end = thread.take();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->kind, WorkKind::kNothing);
}

TEST(WorkQueue, GivesFilesInTheOrderInWhichTheyCame) {
  WorkQueue queue;
  Thread thread(queue);
  std::uint64_t added = 0;
  std::uint64_t taken = 0;
  for (std::uint64_t round = 1; round <= 20; ++round) {  // more of them wait each time
    for (std::uint64_t i = 0; i < kBatch + 1; ++i) {
      WorkItem item = file();
      item.entry.attributes.fileid = added++;
      EXPECT_TRUE(thread.add(std::move(item)));
    }
    auto work = thread.take();
    ASSERT_TRUE(work);
    for (const WorkItem& item : work->items) EXPECT_EQ(item.entry.attributes.fileid, taken++);
  }
  queue.close();
  while (auto work = thread.take()) {
    if (work->kind == WorkKind::kNothing) break;
    for (const WorkItem& item : work->items) EXPECT_EQ(item.entry.attributes.fileid, taken++);
  }
  EXPECT_EQ(taken, added);
}

TEST(WorkQueue, GivesABatchEarlyWhoseBytesFillARequestOrWhenHurried) {
  WorkQueue queue;
  Thread thread(queue, 100);
  WorkItem item = file(WorkQueue::kBatchBytes / 2);
  for (int i = 0; i < 3; ++i) {
    WorkItem one = item;
    EXPECT_TRUE(queue.try_add(&thread, WorkKind::kSmallFiles, one));
  }
  auto work = thread.take();
  ASSERT_TRUE(work);
  EXPECT_EQ(work->items.size(), 2u);
  EXPECT_FALSE(thread.take());
  queue.hurry();
  EXPECT_TRUE(thread.take());
  queue.stop_hurrying();
  EXPECT_TRUE(thread.add(file()));
  EXPECT_FALSE(thread.take());
}

TEST(WorkQueue, WorksByTheLeastBatchOfItsThreads) {
  WorkQueue queue;
  Thread one(queue, 10);
  Thread other(queue, 2);
  EXPECT_TRUE(one.add(file()));
  EXPECT_TRUE(one.add(file()));
  auto work = one.take();
  ASSERT_TRUE(work);
  EXPECT_EQ(work->items.size(), 2u);
}

TEST(WorkQueue, WakesTheThreadThatAddedBeforeAnotherAndNobodyWhoIsBusy) {
  WorkQueue queue;
  Thread adder(queue);
  Thread other(queue);
  EXPECT_FALSE(adder.take());
  EXPECT_FALSE(other.take());
  adder.add_batch();
  EXPECT_EQ(adder.woken, 1u);
  EXPECT_EQ(other.woken, 0u);
  adder.add_batch();  // the adder was woken already and may be at work
  EXPECT_EQ(adder.woken, 1u);
  EXPECT_EQ(other.woken, 1u);
  adder.add_batch();
  EXPECT_EQ(adder.woken + other.woken, 2u);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(other.take());
}

TEST(WorkQueue, ALargeFileGoesToWhoMayTakeOne) {
  WorkQueue queue;
  Thread full(queue);
  Thread other(queue);
  EXPECT_FALSE(full.take(false));
  EXPECT_FALSE(other.take());
  EXPECT_TRUE(full.add(file(kSmall + 1)));
  EXPECT_EQ(other.woken, 1u);
  EXPECT_FALSE(full.take(false));
  auto work = other.take();
  ASSERT_TRUE(work);
  EXPECT_EQ(work->kind, WorkKind::kLargeFile);
}

TEST(WorkQueue, RefusesMoreThanItHoldsAndWakesWhoWasRefused) {
  WorkQueue queue;
  Thread adder(queue);
  Thread taker(queue);
  for (std::size_t i = 0; i < WorkQueue::kItemsMost; ++i) ASSERT_TRUE(adder.add(file()));
  EXPECT_FALSE(adder.add(file()));
  EXPECT_EQ(adder.woken, 0u);
  EXPECT_TRUE(taker.take());
  EXPECT_EQ(adder.woken, 1u);
  EXPECT_TRUE(adder.add(file()));
}

TEST(WorkQueue, TheEndReachesAllWhoWait) {
  WorkQueue queue;
  Thread one(queue);
  Thread other(queue);
  EXPECT_TRUE(one.add(file()));
  EXPECT_FALSE(one.take());
  EXPECT_FALSE(other.take());
  queue.close();
  EXPECT_EQ(one.woken, 1u);
  EXPECT_EQ(other.woken, 1u);
  EXPECT_TRUE(one.add(file(kSmall + 1)));
  EXPECT_TRUE(one.take());  // the large one
  EXPECT_TRUE(one.take());  // the small one
  EXPECT_FALSE(other.take()) << "the large one may want help";
  queue.large_done();
  EXPECT_EQ(other.woken, 2u);
  EXPECT_EQ(other.take()->kind, WorkKind::kNothing);
}

TEST(WorkQueue, WakesWhoWaitsForOtherWork) {
  WorkQueue queue;
  Thread idle(queue);
  Thread busy(queue);
  EXPECT_FALSE(idle.take());
  queue.wake();
  EXPECT_EQ(idle.woken, 1u);
  EXPECT_EQ(busy.woken, 0u);
}

// Threads that meet in one directory.
class CrowdedDirectory : public ::testing::Test {
 protected:
  static constexpr std::size_t kFiles = 10;    // in a batch
  static constexpr std::size_t kBatches = 80;  // more than any limit here
  using Batches = std::deque<Work>;

  static void add_batches(Thread& thread, const NodePtr& node, std::size_t count = kBatches) {
    for (std::size_t i = 0; i < count * kFiles; ++i) {
      WorkItem item = file();
      item.node = node;
      EXPECT_TRUE(thread.add(std::move(item)));
    }
  }
  // All that it is given, of which it has none before.
  static Batches take_all(Thread& thread) {
    Batches taken;
    while (auto work = thread.take()) taken.push_back(*std::move(work));
    return taken;
  }
  void end_first(Thread& thread, Batches& taken) {
    queue_.small_done(&thread, taken.front().directory, taken.front().items.size());
    taken.pop_front();
  }

  WorkQueue queue_;
  NodePtr one_ = std::make_shared<DirectoryNode>();
  NodePtr other_ = std::make_shared<DirectoryNode>();
};

TEST_F(CrowdedDirectory, IsOneThreadsAlone) {
  Thread alone(queue_, kFiles);
  add_batches(alone, one_);
  EXPECT_EQ(take_all(alone).size(), kBatches);
}

TEST_F(CrowdedDirectory, GivesEachThreadItsShare) {
  Thread first(queue_, kFiles);
  Thread second(queue_, kFiles);
  add_batches(first, one_);
  Batches of_first = take_all(first);
  EXPECT_EQ(of_first.size(), 400 / 2 / kFiles);
  EXPECT_EQ(take_all(second).size(), of_first.size());
  end_first(first, of_first);
  EXPECT_FALSE(second.take());
  EXPECT_TRUE(first.take());
  EXPECT_FALSE(first.take());
}

TEST_F(CrowdedDirectory, LeavesManyThreadsEnough) {
  std::deque<Thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back(queue_, kFiles);
  add_batches(threads.front(), one_);
  EXPECT_EQ(take_all(threads.front()).size(), 128 / kFiles + 1);
}

TEST_F(CrowdedDirectory, WakesNobodyWhoHasHisShareUntilAnothersFilesCome) {
  Thread first(queue_, kFiles);
  Thread second(queue_, kFiles);
  add_batches(first, one_, 21);
  EXPECT_EQ(take_all(first).size(), 20u);
  add_batches(first, other_, 20);
  EXPECT_EQ(first.woken, 0u);
  EXPECT_TRUE(second.take());  // the last one of the first directory
  EXPECT_EQ(first.woken, 1u);
  EXPECT_EQ(take_all(first).size(), 20u);
}

// 20 ms away, 50,000 files a second are 1,000 of them at once.
TEST_F(CrowdedDirectory, TakesMoreOfThreadsThatAreFarAway) {
  Thread far(queue_, kFiles, std::chrono::milliseconds(20));
  Thread near(queue_, kFiles, std::chrono::milliseconds(1));
  add_batches(far, one_);
  EXPECT_EQ(take_all(near).size(), (400 + 1000) / 2 / kFiles);
}

TEST(WorkQueue, SaysWhatWaitsInIt) {
  WorkQueue queue;
  Thread thread(queue);
  EXPECT_EQ(queue.describe(), "nothing");
  EXPECT_TRUE(thread.add(file()));
  EXPECT_TRUE(thread.add(file(kSmall + 1)));
  queue.close();
  EXPECT_EQ(queue.describe(), "1 small files, 1 large files; nothing more is added");
}

}  // namespace
}  // namespace nfsferry::copy

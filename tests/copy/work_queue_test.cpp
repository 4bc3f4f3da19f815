// The queue between the threads that list and those that carry: batches, limits, who is woken.
#include "copy/work_queue.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <initializer_list>

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

// As many as are under way at once, given out in turn to those that ask.
std::size_t taken_at_once(std::initializer_list<Thread*> threads, std::deque<Work>& under_way) {
  std::size_t before = under_way.size();
  for (bool more = true; more;) {
    more = false;
    for (Thread* thread : threads) {
      auto work = thread->take();
      if (!work) continue;
      under_way.push_back(*std::move(work));
      more = true;
    }
  }
  return under_way.size() - before;
}

class CrowdedDirectory : public ::testing::Test {
 protected:
  // More than any limit here.
  static constexpr std::size_t kBatches = 100;

  static void add_batches(Thread& thread, const NodePtr& node) {
    for (std::size_t i = 0; i < kBatches * kBatch; ++i) {
      WorkItem item = file();
      item.node = node;
      EXPECT_TRUE(thread.add(std::move(item)));
    }
  }

  WorkQueue queue_;
  NodePtr one_ = std::make_shared<DirectoryNode>();
  NodePtr other_ = std::make_shared<DirectoryNode>();
  std::deque<Work> under_way_;
};

TEST_F(CrowdedDirectory, TakesEveryBatchOfOneThread) {
  Thread alone(queue_);
  add_batches(alone, one_);
  EXPECT_EQ(taken_at_once({&alone}, under_way_), kBatches);
}

TEST_F(CrowdedDirectory, TakesFewOfSeveralThreadsAndOneMoreForEachThatIsDone) {
  Thread first(queue_);
  Thread second(queue_);
  add_batches(first, one_);
  EXPECT_EQ(taken_at_once({&first, &second}, under_way_), 12u);
  unsigned woken = first.woken + second.woken;
  queue_.small_done(under_way_.front().directory);
  EXPECT_EQ(first.woken + second.woken, woken + 1);
  EXPECT_EQ(taken_at_once({&first, &second}, under_way_), 1u);
}

TEST_F(CrowdedDirectory, HoldsUpNoOtherOneForLong) {
  Thread first(queue_);
  Thread second(queue_);
  add_batches(first, one_);
  add_batches(first, other_);
  std::size_t taken = taken_at_once({&first, &second}, under_way_);
  for (std::size_t done = 0; done < taken; ++done) {
    queue_.small_done(under_way_.front().directory);
    under_way_.pop_front();
    taken += taken_at_once({&first, &second}, under_way_);
  }
  EXPECT_EQ(taken, 2 * kBatches);
}

// 2 ms away, 50,000 files a second are 100 of them at once.
TEST_F(CrowdedDirectory, TakesMoreOfThreadsThatAreFarAway) {
  Thread first(queue_, kBatch, std::chrono::milliseconds(2));
  Thread second(queue_, kBatch, std::chrono::milliseconds(1));
  add_batches(first, one_);
  EXPECT_EQ(taken_at_once({&first, &second}, under_way_), 100 / kBatch);
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

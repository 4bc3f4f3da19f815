// The ranges of one large file between the threads that carry them, and who is let in.
#include "copy/file_ranges.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "copy/large_files.hpp"

namespace nfsferry::copy {
namespace {

// A thread as the ranges know it.
struct Carrier {
  explicit Carrier(FileRanges& in) : ranges(in) {
    EXPECT_TRUE(ranges.enter(this, [this] { ++woken; }));
  }
  bool may_free(std::uint64_t offset) { return ranges.may_free(this, offset); }

  FileRanges& ranges;
  unsigned woken = 0;
};

class RangesOfAFile : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kSize = 250;

  void SetUp() override {
    for (std::size_t i = 0; i < kSize; ++i) content_.push_back(static_cast<std::byte>(i * i));
  }
  std::span<const std::byte> bytes(std::uint64_t offset, std::uint64_t size) {
    return std::span(content_).subspan(offset, size);
  }
  void add(std::uint64_t offset, std::uint64_t size) { ranges_.add(offset, bytes(offset, size)); }
  void take_all() {
    while (ranges_.take()) {
    }
  }

  std::vector<std::byte> content_;
  FileRanges ranges_{kSize, 100, Hashing::kXxh3AndSha256};
};

TEST_F(RangesOfAFile, EachByteIsTakenOnceInFileOrder) {
  EXPECT_EQ(ranges_.left_bytes(), 250u);
  std::uint64_t taken = 0;
  for (std::uint64_t size : {100u, 100u, 50u}) {
    auto range = ranges_.take();
    ASSERT_TRUE(range);
    EXPECT_EQ(range->offset_bytes, taken);
    EXPECT_EQ(range->size_bytes, size);
    taken += size;
    EXPECT_EQ(ranges_.left_bytes(), kSize - taken);
  }
  EXPECT_FALSE(ranges_.take());
}

TEST_F(RangesOfAFile, TheHashIsThatOfTheFileInWhateverOrderItIsRead) {
  Carrier one(ranges_);
  Carrier other(ranges_);
  take_all();
  add(200, 50);
  add(100, 60);
  EXPECT_FALSE(one.may_free(100));
  EXPECT_FALSE(other.may_free(200));
  EXPECT_EQ(ranges_.hashed_bytes(), 0u);
  add(0, 100);
  EXPECT_EQ(ranges_.hashed_bytes(), 160u);
  EXPECT_EQ(one.woken, 1u);
  EXPECT_TRUE(one.may_free(100));
  EXPECT_FALSE(other.may_free(200));
  EXPECT_FALSE(ranges_.is_whole());
  add(160, 40);
  EXPECT_TRUE(other.may_free(200));
  EXPECT_TRUE(ranges_.is_whole());
  EXPECT_EQ(ranges_.hash(), hash_content(content_, Hashing::kXxh3AndSha256));
}

TEST_F(RangesOfAFile, NothingIsHashedWhereNobodyWantsIt) {
  FileRanges unhashed(kSize, 100, Hashing::kNone);
  while (unhashed.take()) {
  }
  unhashed.add(0, bytes(0, kSize));
  EXPECT_TRUE(unhashed.is_whole());
  EXPECT_FALSE(unhashed.hash());
}

TEST_F(RangesOfAFile, TheFirstFailureStaysAndLetsEverybodyGo) {
  Carrier one(ranges_);
  Carrier other(ranges_);
  ASSERT_TRUE(ranges_.take());
  ASSERT_TRUE(ranges_.take());
  add(100, 100);
  EXPECT_FALSE(one.may_free(100));
  ranges_.fail(own_error(Own::kVerifyMismatch, "READ"), FailedAt::kTarget);
  ranges_.fail(own_error(Own::kCancelled, "copy"), FailedAt::kSource);
  EXPECT_EQ(one.woken, 1u);
  EXPECT_EQ(other.woken, 0u);
  EXPECT_TRUE(one.may_free(100));
  EXPECT_FALSE(ranges_.take());
  EXPECT_EQ(ranges_.left_bytes(), 0u);
  add(0, 100);  // what was freed is not looked at any more
  EXPECT_EQ(ranges_.hashed_bytes(), 100u);
  ASSERT_TRUE(ranges_.error());
  EXPECT_TRUE(ranges_.error()->is(Own::kVerifyMismatch));
  EXPECT_EQ(ranges_.failed_at(), FailedAt::kTarget);
}

TEST_F(RangesOfAFile, AnEndLetsGoWhatIsAfterIt) {
  Carrier one(ranges_);
  take_all();
  add(0, 30);
  add(200, 50);
  add(100, 100);
  EXPECT_FALSE(one.may_free(200));
  ranges_.end_at(200);
  EXPECT_TRUE(one.may_free(200));
  EXPECT_FALSE(one.may_free(100));
  ranges_.end_at(30);
  EXPECT_EQ(one.woken, 2u);
  EXPECT_TRUE(one.may_free(100));
  EXPECT_TRUE(ranges_.is_whole());
  EXPECT_EQ(ranges_.hashed_bytes(), 30u);
}

TEST_F(RangesOfAFile, WhoIsToldThatOthersAreThereIsWokenWhenTheyLeave) {
  Carrier owner(ranges_);
  EXPECT_TRUE(ranges_.is_alone(&owner));
  Carrier other(ranges_);
  EXPECT_FALSE(ranges_.is_alone(&owner));
  ranges_.leave(&other, true);
  EXPECT_EQ(owner.woken, 1u);
  EXPECT_TRUE(ranges_.is_alone(&owner));
}

TEST_F(RangesOfAFile, WhoIsToldThatThereIsMoreIsWokenWhenThereIsNot) {
  Carrier owner(ranges_);
  Carrier other(ranges_);
  EXPECT_FALSE(ranges_.is_over(&other));
  ASSERT_TRUE(ranges_.take());
  add(0, 100);
  EXPECT_EQ(other.woken, 0u);
  take_all();
  EXPECT_EQ(other.woken, 1u);
  EXPECT_EQ(owner.woken, 0u);
  EXPECT_TRUE(ranges_.is_over(&other));
}

TEST_F(RangesOfAFile, NothingIsLeftAfterAFailureOrAnEnd) {
  using Ends = std::function<void(FileRanges & ranges)>;
  for (const Ends& ends :
       {Ends([](FileRanges& ranges) { ranges.fail(own_error(Own::kCancelled, "copy"), {}); }),
        Ends([](FileRanges& ranges) { ranges.end_at(0); })}) {
    FileRanges ranges(kSize, 100, Hashing::kNone);
    Carrier one(ranges);
    EXPECT_FALSE(ranges.is_over(&one));
    ends(ranges);
    EXPECT_EQ(one.woken, 1u);
    EXPECT_TRUE(ranges.is_over(&one));
    EXPECT_FALSE(ranges.take());
    EXPECT_EQ(ranges.left_bytes(), 0u);
  }
}

TEST_F(RangesOfAFile, AThreadIsThereOnceAndComesAgainIfItMay) {
  Carrier one(ranges_);
  Carrier other(ranges_);
  EXPECT_FALSE(ranges_.enter(&other, [] {}));
  ranges_.leave(&other, true);
  EXPECT_TRUE(ranges_.enter(&other, [] {}));
  EXPECT_FALSE(ranges_.is_alone(&one));
  ranges_.leave(&other, false);
  EXPECT_TRUE(ranges_.is_alone(&one));
  EXPECT_FALSE(ranges_.enter(&other, [] {}));
}

TEST_F(RangesOfAFile, WhatIsInPlaceAlreadyIsNotTaken) {
  ranges_.begin_at(120);
  EXPECT_EQ(ranges_.left_bytes(), 130u);
  auto range = ranges_.take();
  ASSERT_TRUE(range);
  EXPECT_EQ(range->offset_bytes, 120u);
  EXPECT_EQ(ranges_.hashed_bytes(), 120u);
}

std::shared_ptr<LargeFile> large_file(std::uint64_t size) {
  return std::make_shared<LargeFile>(WorkItem{}, size, 100, Hashing::kXxh3);
}

TEST(LargeFiles, AnotherThreadJoinsAFileAndNeverItsOwn) {
  LargeFiles files(1000);
  int owner = 0;
  int other = 0;
  auto file = large_file(1000);
  file->ranges.enter(&owner, [] {});
  EXPECT_TRUE(files.offer(file));
  EXPECT_EQ(files.try_join(&owner, [] {}), nullptr);
  EXPECT_EQ(files.try_join(&other, [] {}), file);
  EXPECT_FALSE(file->ranges.is_alone(&owner));
  EXPECT_EQ(files.try_join(&other, [] {}), nullptr);
  file->ranges.leave(&other, false);
  EXPECT_EQ(files.try_join(&other, [] {}), nullptr);
}

TEST(LargeFiles, NobodyJoinsWhereLittleIsLeftOrWhatIsWithdrawn) {
  LargeFiles files(1000);
  int thread = 0;
  EXPECT_FALSE(files.offer(large_file(999)));
  auto begun = large_file(1000);
  EXPECT_TRUE(files.offer(begun));
  EXPECT_TRUE(begun->ranges.take());
  auto withdrawn = large_file(1000);
  EXPECT_TRUE(files.offer(withdrawn));
  files.withdraw(*withdrawn);
  EXPECT_EQ(files.try_join(&thread, [] {}), nullptr);
}

}  // namespace
}  // namespace nfsferry::copy

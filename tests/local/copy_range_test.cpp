// Files that the kernel copies: what no other tree does, and what becomes of holes.
#include "local/copy_range.hpp"

#include <fcntl.h>

#include <optional>
#include <string>

#include "local_place.hpp"

namespace nfsferry::test {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kAll = 64 * kMiB;

class RangeCopyTest : public ::testing::Test {
 protected:
  UniqueFd file(const TemporaryFolder& folder, const std::string& name) {
    UniqueFd fd(::open((folder / name).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    EXPECT_TRUE(fd) << name;
    return fd;
  }
  static void write_at(const UniqueFd& fd, std::uint64_t offset, std::string_view text) {
    ASSERT_EQ(::pwrite(fd.get(), text.data(), text.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(text.size()));
  }
  // To the end, in pieces; how many bytes were holes. Nothing: it was refused.
  std::optional<std::uint64_t> copy(const UniqueFd& from, const UniqueFd& to, std::uint64_t count) {
    RangeCopy copying;
    CopiedRange all;
    for (;;) {
      auto done = copying.copy(from.get(), to.get(), all.size_bytes, count, "file");
      if (!done) return {};
      if (done->size_bytes == 0) break;
      all.size_bytes += done->size_bytes;
      all.hole_bytes += done->hole_bytes;
    }
    EXPECT_EQ(::ftruncate(to.get(), static_cast<off_t>(all.size_bytes)), 0);
    return all.hole_bytes;
  }
  static std::int64_t blocks(const UniqueFd& fd) {
    struct stat status{};
    EXPECT_EQ(::fstat(fd.get(), &status), 0);
    return status.st_blocks;
  }

  std::uint64_t fs_size(const std::string& name) const {
    return std::filesystem::file_size(folder_ / name);
  }

  TemporaryFolder folder_;
};

TEST_F(RangeCopyTest, CopiesInPiecesOfAnySize) {
  const std::string text = std::string(3 * kMiB, 'a') + "the end";
  UniqueFd from = file(folder_, "from");
  write_at(from, 0, text);
  for (std::uint64_t piece : {std::uint64_t{100'000}, kMiB, kAll}) {
    UniqueFd to = file(folder_, "to" + std::to_string(piece));
    EXPECT_EQ(copy(from, to, piece), 0u);
    EXPECT_TRUE(read_text(folder_ / ("to" + std::to_string(piece))) == text);
  }
}

TEST_F(RangeCopyTest, HolesStayHoles) {
  UniqueFd from = file(folder_, "from");
  write_at(from, 2 * kMiB, "first");
  write_at(from, 7 * kMiB, std::string(kMiB, 'x'));
  ASSERT_EQ(::ftruncate(from.get(), 20 * kMiB + 3), 0);
  UniqueFd to = file(folder_, "to");
  std::optional<std::uint64_t> holes = copy(from, to, kMiB);
  ASSERT_TRUE(holes);
  EXPECT_TRUE(read_text(folder_ / "to") == read_text(folder_ / "from"));
  EXPECT_LE(blocks(to), blocks(from));
  // A file that shares the other's blocks was copied without looking for holes.
  if (*holes > 0) {
    EXPECT_GE(*holes, 18 * kMiB);
    EXPECT_LT(*holes, 20 * kMiB);
  }
}

TEST_F(RangeCopyTest, AFileOfOneHoleAndAnEmptyOneTakeNothing) {
  UniqueFd from = file(folder_, "from");
  UniqueFd to = file(folder_, "to");
  ASSERT_TRUE(copy(from, to, kMiB));
  EXPECT_EQ(fs_size("to"), 0u);
  ASSERT_EQ(::ftruncate(from.get(), 5 * kMiB), 0);
  ASSERT_TRUE(copy(from, to, kMiB));
  EXPECT_EQ(fs_size("to"), 5 * kMiB);
  EXPECT_EQ(blocks(to), blocks(from));
}

TEST_F(RangeCopyTest, WhatTheKernelDoesNotCopyIsRefused) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  UniqueFd reader(ends[0]), writer(ends[1]);
  UniqueFd to = file(folder_, "to");
  EXPECT_FALSE(copy(reader, to, kMiB));
  EXPECT_EQ(fs_size("to"), 0u);
}

// ---- between trees

class CopyFromTest : public ::testing::Test {
 protected:
  void SetUp() override { loop_ = *Loop::create(EngineChoice::kEpoll); }

  // Takes over the file `name` of one folder into another, as far as that goes.
  Result<CopiedRange> take_over(const std::string& source, const std::string& target) {
    auto from = local_tree(*loop_, source);
    auto to = local_tree(*loop_, target);
    return loop_->run(take_over_task(*from, *to));
  }
  static Task<Result<CopiedRange>> take_over_task(LocalTree& from, LocalTree& to) {
    NFSFERRY_TRY(Ok from_opened, co_await from.open(), co_return);
    NFSFERRY_TRY(Ok to_opened, co_await to.open(), co_return);
    NFSFERRY_TRY(Entry listed, co_await from.lookup(from.root(), "file"), co_return);
    SourceItem item{from.root().get(), &listed};
    NFSFERRY_TRY(auto source, co_await from.open_file(item), co_return);
    NewAttributes none;
    NFSFERRY_TRY(auto made, co_await to.create_file(to.root(), "file", none), co_return);
    auto copied = co_await made->copy_from(*source, 0, kAll);
    NFSFERRY_TRY(Ok closed, co_await source->close(), co_return);
    NFSFERRY_TRY(Ok committed, co_await made->commit(copied ? copied->size_bytes : 0), co_return);
    NFSFERRY_TRY(Ok finished, co_await made->finish(none), co_return);
    co_return copied;
  }

  TemporaryFolder source_;
  TemporaryFolder target_;
  std::unique_ptr<Loop> loop_;
};

TEST_F(CopyFromTest, BytesComeFromAnotherLocalTree) {
  write_text(source_ / "file", std::string(300'000, 'x'));
  auto copied = take_over(source_.path(), target_.path());
  ASSERT_TRUE(copied) << copied.error().message();
  EXPECT_EQ(copied->size_bytes, 300'000u);
  EXPECT_TRUE(read_text(target_ / "file") == std::string(300'000, 'x'));
}

}  // namespace
}  // namespace nfsferry::test

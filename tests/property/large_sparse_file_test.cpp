// A file over 4 GiB that is nearly all hole, as images of disks are.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "pairs.hpp"

namespace nfsferry::test {
namespace {

constexpr off_t kGiB = 1 << 30;
constexpr off_t kSize = 5 * kGiB + 1;
constexpr off_t kDataMost = 64 << 20;
// Data at both ends and across 2 and 4 GiB; the last one is the file's last byte.
constexpr off_t kDataAt[] = {0, 2 * kGiB - 2, 4 * kGiB - 2, 4 * kGiB + 65536, kSize - 1};

class LargeSparseFile : public CopyTest, public ::testing::WithParamInterface<Pair> {};

std::string bytes_at(int fd, off_t offset) {
  std::string bytes(8, '\0');
  ssize_t got = pread(fd, bytes.data(), bytes.size(), offset);
  bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return bytes;
}

TEST_P(LargeSparseFile, keeps_its_size_its_data_and_its_holes) {
  Ground source = source_ground(GetParam().source);
  Ground target = target_ground(GetParam().target);
  int from = open((source.folder / "image").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(from, 0);
  for (off_t offset : kDataAt) {
    const ssize_t size = std::min<off_t>(4, kSize - offset);
    ASSERT_EQ(pwrite(from, "data", static_cast<std::size_t>(size), offset), size);
  }

  CopyReport report = copy(options(source, target));

  expect_done(report);
  EXPECT_GT(report.sparse_bytes_saved, static_cast<std::uint64_t>(kSize - kDataMost));
  int to = open((target.folder / "image").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(to, 0);
  struct stat status{};
  ASSERT_EQ(fstat(to, &status), 0);
  EXPECT_EQ(status.st_size, kSize);
  EXPECT_LT(status.st_blocks * 512, kDataMost);
  for (off_t offset : kDataAt) EXPECT_EQ(bytes_at(to, offset), bytes_at(from, offset)) << offset;
  close(to);
  close(from);
}

INSTANTIATE_TEST_SUITE_P(Pairs, LargeSparseFile, ::testing::Values(kPairs.front(), kPairs.back()),
                         [](const auto& about) { return std::string(about.param.name); });

}  // namespace
}  // namespace nfsferry::test

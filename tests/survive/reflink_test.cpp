// Files that share their blocks: a copy within a file system which can do that takes no room, is
// a file of its own all the same, and a file is not shared where its content is to be hashed.
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "base/unique_fd.hpp"
#include "copy_fixture.hpp"
#include "program.hpp"
#include "volume.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kBtrfsMib = 256;
constexpr std::uint64_t kRandomBytes = (3 << 20) + 4321;
constexpr std::uint64_t kHoleBytes = 4 << 20;
constexpr std::uint32_t kExtentsMost = 64;

struct Extent {
  std::uint64_t on_disk = 0;
  bool shared = false;
};

// Where a file's bytes lie. Empty: it has none, or nobody tells.
std::vector<Extent> extents(const fs::path& file) {
  UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  std::vector<std::uint64_t> room((sizeof(fiemap) + kExtentsMost * sizeof(fiemap_extent)) / 8);
  auto* map = reinterpret_cast<fiemap*>(room.data());
  map->fm_length = FIEMAP_MAX_OFFSET;
  map->fm_flags = FIEMAP_FLAG_SYNC;
  map->fm_extent_count = kExtentsMost;
  std::vector<Extent> found;
  if (::ioctl(fd.get(), FS_IOC_FIEMAP, map) != 0) return found;
  for (std::uint32_t i = 0; i < map->fm_mapped_extents; ++i) {
    const fiemap_extent& one = map->fm_extents[i];
    found.push_back({one.fe_physical, (one.fe_flags & FIEMAP_EXTENT_SHARED) != 0});
  }
  return found;
}

bool share_all(const fs::path& one, const fs::path& other) {
  std::vector<Extent> ours = extents(one);
  std::vector<Extent> theirs = extents(other);
  if (ours.empty() || ours.size() != theirs.size()) return false;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (!ours[i].shared || ours[i].on_disk != theirs[i].on_disk) return false;
  }
  return true;
}

std::string random_bytes(std::uint64_t count) {
  std::mt19937_64 random(1);
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

std::string content(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class Reflink : public ::testing::Test {
 protected:
  void SetUp() override {
    if (auto missing = require_mounts(); !missing.empty()) GTEST_SKIP() << missing;
    if (!Volume::is_known(Volume::Kind::kBtrfs)) GTEST_SKIP() << "no btrfs in this kernel";
    ASSERT_EQ(volume_.mount(Volume::Kind::kBtrfs, kBtrfsMib), "");
    source_ = volume_.folder() / "source";
    target_ = volume_.folder() / "copy";
    fs::create_directories(source_);
    fs::create_directories(target_);
    text_ = random_bytes(kRandomBytes);
    std::ofstream(source_ / "file", std::ios::binary) << text_;
    std::ofstream(source_ / "sparse", std::ios::binary) << "begin";
    fs::resize_file(source_ / "sparse", kHoleBytes);
    std::ofstream(source_ / "sparse", std::ios::binary | std::ios::app) << text_;
  }
  void copy(const fs::path& target, std::vector<std::string> options) {
    std::vector<std::string> arguments{"copy", source_, target, "--quiet"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    Outcome outcome = run_program(arguments);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_TRUE(content(target / "file") == text_);
    EXPECT_TRUE(content(target / "sparse") == content(source_ / "sparse"));
  }

  Volume volume_;
  fs::path source_;
  fs::path target_;
  std::string text_;
};

TEST_F(Reflink, WithoutChecksumsACopySharesItsBlocksAndIsAFileOfItsOwn) {
  copy(target_, {"--checksum", "none", "--verify", "none"});
  EXPECT_TRUE(share_all(source_ / "file", target_ / "file"));
  EXPECT_TRUE(share_all(source_ / "sparse", target_ / "sparse"));
  {
    std::fstream later(source_ / "file", std::ios::binary | std::ios::in | std::ios::out);
    later.write("changed afterwards", 18);
  }
  EXPECT_TRUE(content(target_ / "file") == text_);
  EXPECT_EQ(content(source_ / "file").substr(0, 18), "changed afterwards");
}

TEST_F(Reflink, IsFoundIdenticalByAVerification) {
  copy(target_, {"--checksum", "none", "--verify", "none"});
  Outcome outcome = run_program({"verify", source_, target_, "--quiet"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST_F(Reflink, WhatIsHashedIsWritten) {
  copy(target_, {});
  EXPECT_FALSE(extents(target_ / "file").empty());
  EXPECT_FALSE(share_all(source_ / "file", target_ / "file"));
}

// The other file system is not one that blocks can be shared with.
TEST_F(Reflink, ToAnotherFileSystemTheBytesAreCopied) {
  Folder elsewhere;
  fs::create_directory(elsewhere.path("target"));
  copy(elsewhere.path("target"), {"--checksum", "none", "--verify", "none"});
}

}  // namespace
}  // namespace nfsferry::test

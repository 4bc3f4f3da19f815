// The judge of the copy tests is judged: each kind of difference is found.
#include "folder_compare.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "sample_tree.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

class FolderCompare : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "nfsferry-compare-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    for (const char* side : {"a", "b"}) {
      fs::create_directory(root_ / side);
      make_file(root_ / side / "file", 100, 1);
      make_file(root_ / side / "other", 100, 1);
      timespec times[2] = {{1000, 5}, {1000, 5}};
      utimensat(AT_FDCWD, (root_ / side / "file").c_str(), times, 0);
      utimensat(AT_FDCWD, (root_ / side / "other").c_str(), times, 0);
      fs::create_symlink("file", root_ / side / "link");
    }
    expect_.symlink_times = false;
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string found() {
    auto all = differences(root_ / "a", root_ / "b", expect_);
    return all.empty() ? "" : all[0];
  }

  fs::path root_;
  Expectation expect_;
};

TEST_F(FolderCompare, equal_folders_have_no_difference) { EXPECT_EQ(found(), ""); }

TEST_F(FolderCompare, a_missing_entry_is_found) {
  fs::remove(root_ / "b" / "file");
  EXPECT_EQ(found(), "/file: missing in the target");
}

TEST_F(FolderCompare, an_entry_too_many_is_found) {
  make_file(root_ / "b" / "more", 1, 1);
  EXPECT_EQ(found(), "/more: only in the target");
}

TEST_F(FolderCompare, one_changed_byte_is_found) {
  make_file(root_ / "b" / "file", 100, 2);
  timespec times[2] = {{1000, 5}, {1000, 5}};
  utimensat(AT_FDCWD, (root_ / "b" / "file").c_str(), times, 0);
  EXPECT_EQ(found(), "/file: another content");
}

TEST_F(FolderCompare, data_in_the_last_byte_of_a_hole_is_found) {
  for (const char* side : {"a", "b"}) {
    make_file(root_ / side / "sparse", 0, 0);
    ASSERT_EQ(truncate((root_ / side / "sparse").c_str(), (3 << 20) + 1), 0);
  }
  int fd = open((root_ / "b" / "sparse").c_str(), O_WRONLY);
  ASSERT_EQ(pwrite(fd, "x", 1, 3 << 20), 1);
  close(fd);
  auto all = differences(root_ / "a", root_ / "b", expect_);
  EXPECT_EQ(std::count(all.begin(), all.end(), "/sparse: another content"), 1);
}

TEST_F(FolderCompare, a_difference_below_the_kernels_longest_path_is_found) {
  const std::string level(250, 'd');
  std::string path;
  for (int i = 0; i < 20; ++i) path += "/" + level;
  for (const char* side : {"a", "b"}) {
    int at = open((root_ / side).c_str(), O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 20; ++i) {
      ASSERT_EQ(mkdirat(at, level.c_str(), 0755), 0);
      int inner = openat(at, level.c_str(), O_RDONLY | O_DIRECTORY);
      timespec times[2] = {{1000, 5}, {1000, 5}};
      if (i > 0) utimensat(at, level.c_str(), times, 0);
      close(at);
      at = inner;
    }
    ASSERT_EQ(mkdirat(at, side, 0755), 0);
    close(at);
  }
  auto all = differences(root_ / "a", root_ / "b", expect_);
  EXPECT_EQ(std::count(all.begin(), all.end(), path + "/a: missing in the target"), 1);
  EXPECT_EQ(std::count(all.begin(), all.end(), path + "/b: only in the target"), 1);
}

TEST_F(FolderCompare, control_characters_of_names_are_written_as_numbers) {
  make_file(root_ / "a" / "new\nline", 1, 1);
  EXPECT_EQ(found(), "/new\\x0aline: missing in the target");
}

TEST_F(FolderCompare, a_left_over_is_found_anywhere_below) {
  fs::create_directories(root_ / "a" / "x" / "y");
  make_file(root_ / "a" / "x" / "y" / ".nfsferry-1", 1, 1);
  EXPECT_EQ(temporaries(root_ / "a"), std::vector<std::string>{"/x/y/.nfsferry-1"});
}

TEST_F(FolderCompare, one_nanosecond_is_found) {
  timespec times[2] = {{1000, 6}, {1000, 6}};
  utimensat(AT_FDCWD, (root_ / "b" / "file").c_str(), times, 0);
  EXPECT_EQ(found(), "/file: another mtime");
}

TEST_F(FolderCompare, another_mode_is_found) {
  chmod((root_ / "b" / "file").c_str(), 0600);
  EXPECT_EQ(found(), "/file: another mode");
}

TEST_F(FolderCompare, another_owner_is_found) {
  expect_.owner = 4711;
  EXPECT_EQ(found(), "/file: another owner");
}

TEST_F(FolderCompare, another_link_text_is_found) {
  fs::remove(root_ / "b" / "link");
  fs::create_symlink("elsewhere", root_ / "b" / "link");
  EXPECT_EQ(found(), "/link: another link text");
}

TEST_F(FolderCompare, a_hard_link_that_became_a_file_is_found) {
  fs::remove(root_ / "a" / "other");
  fs::create_hard_link(root_ / "a" / "file", root_ / "a" / "other");
  EXPECT_EQ(found(), "/other: not linked to its other name");
}

}  // namespace
}  // namespace nfsferry::test

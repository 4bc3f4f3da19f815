// The judge of the copy tests is judged: each kind of difference is found.
#include "folder_compare.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

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

// What a home directory can hold, one kind at a time, over all pairs of places.
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "nasty_tree.hpp"
#include "pairs.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

std::string pair_name(const ::testing::TestParamInfo<Pair>& info) { return info.param.name; }

class Fidelity : public CopyTest, public ::testing::WithParamInterface<Pair> {
 protected:
  void SetUp() override {
    CopyTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    source_ = source_ground(GetParam().source);
    target_ = target_ground(GetParam().target);
  }

  CopyReport copy_all(unsigned threads = 1) {
    CopyOptions wanted = options(source_, target_);
    wanted.threads = threads;
    return copy(wanted);
  }

  void expect_copied(const CopyReport& report) {
    expect_done(report);
    expect_equal(source_, target_, kept_on(GetParam().target));
  }

  Ground source_;
  Ground target_;
};

INSTANTIATE_TEST_SUITE_P(Pairs, Fidelity, ::testing::ValuesIn(kPairs), pair_name);

TEST_P(Fidelity, a_thousand_directories_below_each_other_come_out_equal) {
  make_nasty_tree(source_.folder, 1, "--entries 5 --depth 1000");

  CopyReport report = copy_all();

  expect_copied(report);
  EXPECT_GE(report.folders_transferred, 1000u);
}

TEST_P(Fidelity, every_byte_but_the_slash_and_the_dot_is_a_name) {
  for (int byte = 1; byte < 256; ++byte) {
    std::string name(1, static_cast<char>(byte));
    if (name != "/" && name != ".") make_file(source_.folder / name, 10, name[0]);
  }
  for (const char* name : {"...", ".. ", " .", "..x"}) make_file(source_.folder / name, 10, 1);

  CopyReport report = copy_all();

  expect_copied(report);
  EXPECT_EQ(report.files_transferred, 253u + 4u);
}

TEST_P(Fidelity, names_that_look_alike_stay_apart) {
  const char* names[] = {"caf\xc3\xa9",  "cafe\xcc\x81", "CAFE\xcc\x81", "cafe",     "Cafe",
                         "\xef\xac\x81", "fi",           "\xe2\x84\xab", "\xc3\x85", "A\xcc\x8a"};
  for (const char* name : names) {
    fs::create_directory(source_.folder / name);
    make_file(source_.folder / name / name, 100, std::string_view(name).size());
  }

  CopyReport report = copy_all();

  expect_copied(report);
  EXPECT_EQ(report.folders_transferred, std::size(names));
}

TEST_P(Fidelity, every_mode_comes_out_equal) {
  fs::create_directory(source_.folder / "files");
  fs::create_directory(source_.folder / "directories");
  for (mode_t mode = 0; mode <= 07777; ++mode) {
    std::string number = std::to_string(mode);
    make_file(source_.folder / "files" / number, 0, 0);
    ASSERT_EQ(chmod((source_.folder / "files" / number).c_str(), mode), 0);
    // To a server a directory with the sticky bit that nobody may enter is a junction.
    if (mode % 8 != 0 || ((mode & 01000) != 0 && (mode & 0111) == 0)) continue;
    fs::create_directory(source_.folder / "directories" / number);
    ASSERT_EQ(chmod((source_.folder / "directories" / number).c_str(), mode), 0);
  }

  expect_copied(copy_all());
}

TEST_P(Fidelity, a_set_group_id_root_and_a_umask_leave_no_trace) {
  make_nasty_tree(source_.folder, 3);
  ASSERT_EQ(chown(target_.folder.c_str(), 4711, 4712), 0);
  ASSERT_EQ(chmod(target_.folder.c_str(), 02731), 0);
  const mode_t before = umask(0277);

  CopyReport report = copy_all();

  umask(before);
  expect_copied(report);
  struct stat root{};
  ASSERT_EQ(lstat(target_.folder.c_str(), &root), 0);
  EXPECT_EQ(root.st_uid, 4711u);
  EXPECT_EQ(root.st_gid, 4712u);
  EXPECT_EQ(root.st_mode & 07777, 02731u);
}

TEST_P(Fidelity, left_overs_of_clients_and_of_dead_runs_are_skipped_and_counted) {
  fs::create_directory(source_.folder / "inner");
  for (const char* name : {".nfs000000000034b1c200000001", "inner/.nfs0001",
                           "inner/.nfsferry-dead-abcdefghijklmnopqrstuvwxyz", "inner/kept"}) {
    make_file(source_.folder / name, 10, 1);
  }

  CopyReport report = copy_all();

  expect_done(report);
  EXPECT_EQ(report.leftovers_skipped, 3u);
  EXPECT_EQ(report.files_transferred, 1u);
  auto found = differences(source_.folder, target_.folder, kept_on(GetParam().target));
  EXPECT_EQ(std::count_if(
                found.begin(), found.end(),
                [](const std::string& line) { return line.ends_with(": missing in the target"); }),
            3);
  EXPECT_EQ(found.size(), 3u);
}

TEST_P(Fidelity, a_large_file_with_thousands_of_names_is_copied_once) {
  constexpr std::uint64_t kSize = (20 << 20) + 1;
  constexpr unsigned kFolders = 30;
  constexpr unsigned kNamesEach = 100;
  for (unsigned i = 0; i < kFolders; ++i) {
    fs::path folder = source_.folder / std::to_string(i);
    fs::create_directory(folder);
    for (unsigned j = 0; j < kNamesEach; ++j) {
      fs::path name = folder / std::to_string(j);
      if (i == 0 && j == 0)
        make_file(name, kSize, 1);
      else
        fs::create_hard_link(source_.folder / "0" / "0", name);
    }
  }

  CopyReport report = copy_all(2);

  expect_copied(report);
  EXPECT_EQ(report.bytes_written, kSize);
  EXPECT_EQ(report.hard_links, kFolders * kNamesEach - 1);
}

TEST_P(Fidelity, symlinks_of_all_lengths_and_bytes_are_verbatim) {
  for (std::size_t length : {1, 2, 100, 1023, 1024, 1025, 4079, 4080}) {
    fs::create_symlink(std::string(length, '/'), source_.folder / ("s" + std::to_string(length)));
    fs::create_symlink(std::string(length, '\xff'),
                       source_.folder / ("b" + std::to_string(length)));
  }
  for (int byte = 1; byte < 256; ++byte) {
    fs::create_symlink(std::string(1, static_cast<char>(byte)),
                       source_.folder / std::to_string(byte));
  }
  fs::create_symlink("..", source_.folder / "up");
  fs::create_symlink(source_.folder, source_.folder / "round");

  CopyReport report = copy_all();

  expect_copied(report);
  EXPECT_EQ(report.symlinks, 16u + 255u + 2u);
}

TEST_P(Fidelity, devices_are_made_where_the_target_takes_them) {
  ASSERT_EQ(mknod((source_.folder / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
  ASSERT_EQ(mknod((source_.folder / "loop").c_str(), S_IFBLK | 0660, makedev(7, 200)), 0);

  CopyReport report = copy_all();

  expect_done(report);
  EXPECT_EQ(report.special_skipped, 0u);
  expect_equal(source_, target_, kept_on(GetParam().target));
}

}  // namespace
}  // namespace nfsferry::test

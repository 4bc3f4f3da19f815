// --backup-dir between real places: nothing is lost, no bytes are moved, and it can be undone.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "copy_fixture.hpp"
#include "nfsferry/run.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

class BackupTest : public CopyTest {
 protected:
  static void write(const fs::path& path, std::string_view text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  static std::string read(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static ino_t number(const fs::path& path) {
    struct stat status{};
    EXPECT_EQ(lstat(path.c_str(), &status), 0) << path;
    return status.st_ino;
  }
};

class BackupCopy : public BackupTest, public ::testing::WithParamInterface<Place> {};

TEST_P(BackupCopy, keeps_what_goes_and_a_restore_puts_it_back) {
  Ground source = source_ground(Place::kLocal);
  Ground target = target_ground(GetParam());
  write(source.folder / "dir" / "file", "new content");
  write(source.folder / "dir" / "same", "same");
  fs::create_symlink("new", source.folder / "dir" / "link");
  write(target.folder / "dir" / "file", "old");
  fs::create_symlink("older text", target.folder / "dir" / "link");
  write(target.folder / "surplus" / "deep" / "file", "only here");
  ino_t old = number(target.folder / "dir" / "file");
  ino_t surplus = number(target.folder / "surplus");
  CopyOptions wanted = options(source, target);
  wanted.delete_surplus = true;
  wanted.backup_dir = "kept";
  wanted.run_id = "first";

  CopyReport report = copy(wanted);

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.backed_up, 3u);
  EXPECT_EQ(read(target.folder / "dir" / "file"), "new content");
  EXPECT_FALSE(fs::exists(target.folder / "surplus"));
  fs::path kept = target.folder / "kept" / "first";
  EXPECT_EQ(number(kept / "dir" / "file"), old);
  EXPECT_EQ(number(kept / "surplus"), surplus);
  EXPECT_EQ(fs::read_symlink(kept / "dir" / "link"), "older text");
  EXPECT_EQ(read(kept / "surplus" / "deep" / "file"), "only here");

  StopFlag stop{0};
  BackupsOptions listed;
  listed.target = wanted.target;
  BackupsReport backups = nfsferry::backups(listed, stop);
  EXPECT_EQ(backups.run.exit_code, ExitCode::kDone) << backups.run.error_detail;
  ASSERT_EQ(backups.backups.size(), 1u);
  EXPECT_EQ(backups.backups[0].run_id, "first");
  EXPECT_EQ(backups.backups[0].entries, 6u);
  EXPECT_EQ(backups.backups[0].bytes, 12u);

  RestoreOptions undo;
  undo.target = wanted.target;
  undo.backup_of = "first";
  undo.run_id = "undo";
  RestoreReport restored = restore(undo, stop);
  EXPECT_EQ(restored.run.exit_code, ExitCode::kDone) << restored.run.error_detail;
  EXPECT_EQ(restored.restored, 3u);
  EXPECT_EQ(restored.displaced, 2u);
  EXPECT_EQ(number(target.folder / "dir" / "file"), old);
  EXPECT_EQ(read(target.folder / "dir" / "file"), "old");
  EXPECT_EQ(number(target.folder / "surplus"), surplus);
  EXPECT_EQ(fs::read_symlink(target.folder / "dir" / "link"), "older text");
  EXPECT_EQ(read(target.folder / "dir" / "same"), "same") << "what was added stays";
  EXPECT_FALSE(fs::exists(kept));
  EXPECT_EQ(read(target.folder / "kept" / "undo" / "dir" / "file"), "new content");

  listed.prune = {"undo"};
  backups = nfsferry::backups(listed, stop);
  EXPECT_EQ(backups.run.exit_code, ExitCode::kDone) << backups.run.error_detail;
  ASSERT_EQ(backups.backups.size(), 1u);
  EXPECT_TRUE(backups.backups[0].removed);
  EXPECT_FALSE(fs::exists(target.folder / "kept" / "undo"));
}

// An administrator's file in one of them, for a user who may remove all else.
TEST_F(BackupTest, of_which_something_may_not_be_removed_is_a_failure_and_the_others_go) {
  constexpr uid_t kUser = 1000;
  Ground source = source_ground(Place::kLocal);
  Ground target = target_ground(Place::kNfs);
  for (const char* run : {"first", "second"}) {
    write(source.folder / "file", run);
    write(target.folder / "file", std::string("before ") + run);
    CopyOptions wanted = options(source, target);
    wanted.target = target.folder;
    wanted.compare = CompareMode::kAll;
    wanted.backup_dir = "kept";
    wanted.run_id = run;
    ASSERT_EQ(copy(wanted).backed_up, 1u);
  }
  write(target.folder / "kept" / "first" / "locked" / "file", "stays");
  for (const char* name : {"", "kept", "kept/first", "kept/first/file", "kept/second"}) {
    ASSERT_EQ(::chown((target.folder / name).c_str(), kUser, kUser), 0) << name;
  }
  StopFlag stop{0};
  BackupsOptions prune;
  prune.target = target.location + "&uid=1000&gid=1000";
  prune.prune = {"first", "second"};
  BackupsReport report = nfsferry::backups(prune, stop);
  EXPECT_EQ(report.run.exit_code, ExitCode::kEntriesFailed) << report.run.error_detail;
  ASSERT_EQ(report.run.failures.size(), 1u);
  EXPECT_EQ(report.run.failures[0].path, "kept/first/locked/file");
  ASSERT_EQ(report.backups.size(), 2u);
  for (const Backup& backup : report.backups) EXPECT_EQ(backup.removed, backup.run_id == "second");
  EXPECT_EQ(read(target.folder / "kept" / "first" / "locked" / "file"), "stays");
  EXPECT_FALSE(fs::exists(target.folder / "kept" / "first" / "file"));
  EXPECT_FALSE(fs::exists(target.folder / "kept" / "second"));
}

INSTANTIATE_TEST_SUITE_P(Places, BackupCopy,
                         ::testing::Values(Place::kLocal, Place::kNfs, Place::kNfs40),
                         [](const auto& about) { return place_name(about.param); });

}  // namespace
}  // namespace nfsferry::test

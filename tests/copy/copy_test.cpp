// Whole copies between real servers and folders, judged by looking at the folders.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "copy_fixture.hpp"
#include "program.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

struct Pair {
  Place source;
  Place target;
  EngineMode engine;
};

class CopyPairs : public CopyTest, public ::testing::WithParamInterface<Pair> {
 protected:
  CopyOptions pair_options(const Ground& source, const Ground& target) const {
    CopyOptions out = options(source, target);
    out.engine = GetParam().engine;
    return out;
  }
};

std::string pair_name(const ::testing::TestParamInfo<Pair>& info) {
  return place_name(info.param.source) + "To" + place_name(info.param.target) +
         (info.param.engine == EngineMode::kEpoll ? "Epoll" : "IoUring");
}

TEST_P(CopyPairs, a_home_with_odd_entries_comes_out_equal) {
  Ground source = source_ground(GetParam().source);
  Ground target = target_ground(GetParam().target);
  SampleTree sample;
  sample.owner = 200005;
  sample.group = 1001;
  make_small_files(source.folder, sample);
  make_odd_entries(source.folder, sample);

  CopyReport report = copy(pair_options(source, target));

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  expect_equal(source, target, kept_on(GetParam().target));
  EXPECT_EQ(report.estimated_files, report.files_transferred);
  EXPECT_EQ(report.estimated_bytes, report.bytes_written);
  EXPECT_EQ(report.hard_links, 2u);
  EXPECT_EQ(report.symlinks, 4u);
  EXPECT_TRUE(report.manifest_complete);
}

TEST_P(CopyPairs, files_around_the_sizes_of_ranges_come_out_equal) {
  Ground source = source_ground(GetParam().source);
  Ground target = target_ground(GetParam().target);
  constexpr std::uint64_t kRange = 1 << 20;
  for (std::uint64_t size : {kRange / 4 - 1, kRange / 4, kRange / 4 + 1, kRange - 1, kRange,
                             kRange + 1, 5 * kRange + 12345, 40 * kRange}) {
    make_file(source.folder / std::to_string(size), size, size);
  }

  CopyReport report = copy(pair_options(source, target));

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  expect_equal(source, target, kept_on(GetParam().target));
}

struct stat stat_of(const fs::path& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status;
}

// Data, a hole, data, a hole.
void make_large_with_holes(const fs::path& path) {
  make_file(path, 5 << 20, 1);
  int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(::pwrite(fd, "far", 3, 20 << 20), 3);
  EXPECT_EQ(::ftruncate(fd, (30 << 20) + 7), 0);
  ::close(fd);
}

// Returns their bytes.
std::uint64_t make_large_files(const fs::path& folder) {
  make_file(folder / "full", (20 << 20) + 1, 2);
  make_large_with_holes(folder / "holes");
  return (20u << 20) + 1 + (30u << 20) + 7;
}

CopyOptions unseen(CopyOptions options) {
  options.verify = VerifyMode::kNone;
  options.checksum = ChecksumMode::kNone;
  return options;
}

TEST_P(CopyPairs, large_files_come_out_equal_without_checksums) {
  Ground source = source_ground(GetParam().source);
  Ground target = target_ground(GetParam().target);
  std::uint64_t bytes = make_large_files(source.folder);

  CopyReport report = copy(unseen(pair_options(source, target)));

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  expect_equal(source, target, kept_on(GetParam().target));
  EXPECT_EQ(report.bytes_written, bytes);
  bool without_us = GetParam().source == Place::kLocal && GetParam().target == Place::kLocal;
  EXPECT_EQ(report.bytes_transferred == 0, without_us);
  if (without_us) {
    EXPECT_LE(stat_of(target.folder / "holes").st_blocks,
              stat_of(source.folder / "holes").st_blocks);
  }
}

TEST_F(CopyTest, large_files_come_out_equal_without_checksums_between_file_systems) {
  Ground target = target_ground(Place::kLocal);
  std::string elsewhere = (fs::temp_directory_path() / "nfsferry-copy-XXXXXX").string();
  ASSERT_NE(::mkdtemp(elsewhere.data()), nullptr);
  Ground source{elsewhere, elsewhere};
  std::uint64_t bytes = make_large_files(source.folder);

  CopyReport report = copy(unseen(options(source, target)));

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  expect_equal(source, target, kept_on(Place::kLocal));
  EXPECT_EQ(report.bytes_written, bytes);
  EXPECT_EQ(report.retries, 0u);
  fs::remove_all(source.folder);
}

TEST_P(CopyPairs, existing_entries_are_replaced) {
  Ground source = source_ground(GetParam().source);
  Ground target = target_ground(GetParam().target);
  SampleTree sample;
  sample.directories = 2;
  make_small_files(source.folder, sample);
  make_odd_entries(source.folder, sample);
  CopyReport first = copy(pair_options(source, target));
  ASSERT_EQ(first.exit_code, ExitCode::kDone) << first.error_detail;

  CopyOptions again = pair_options(source, target);
  again.compare = CompareMode::kAll;
  CopyReport second = copy(again);

  EXPECT_EQ(second.exit_code, ExitCode::kDone) << second.error_detail;
  expect_equal(source, target, kept_on(GetParam().target));
  EXPECT_EQ(second.folders_transferred, 0u);
  EXPECT_EQ(second.files_transferred, first.files_transferred);
  EXPECT_EQ(second.tree_digest, first.tree_digest);
}

TEST_P(CopyPairs, a_second_run_transfers_nothing_and_a_comparison_finds_nothing) {
  Ground source = source_ground(GetParam().source);
  Ground target = target_ground(GetParam().target);
  SampleTree sample;
  make_small_files(source.folder, sample);
  make_odd_entries(source.folder, sample);
  make_file(source.folder / "large", 5 << 20, 1);
  CopyOptions all = pair_options(source, target);
  all.verify = VerifyMode::kAll;
  CopyReport first = copy(all);
  ASSERT_EQ(first.exit_code, ExitCode::kDone) << first.error_detail;
  EXPECT_EQ(first.files_verified, first.files_transferred);
  EXPECT_TRUE(first.manifest_complete);

  CopyReport second = copy(pair_options(source, target));

  EXPECT_EQ(second.exit_code, ExitCode::kDone) << second.error_detail;
  EXPECT_EQ(second.files_transferred, 0u);
  EXPECT_EQ(second.metadata_repaired, 0u);
  EXPECT_EQ(second.files_skipped, first.files_transferred);
  Observer quiet;
  StopFlag stop{0};
  CopyReport compared = verify(pair_options(source, target), quiet, stop);
  EXPECT_EQ(compared.exit_code, ExitCode::kDone) << compared.error_detail;
  for (const Failure& failure : compared.failures) ADD_FAILURE() << failure.message;
  EXPECT_EQ(compared.tree_digest, first.tree_digest);
  expect_equal(source, target, kept_on(GetParam().target));
}

TEST_F(CopyTest, a_comparison_looks_at_the_times_of_symlinks_where_they_are_kept) {
  Ground source = source_ground(Place::kNfs);
  Ground target = target_ground(Place::kLocal);
  fs::create_symlink("nowhere", source.folder / "link");
  ASSERT_EQ(copy(options(source, target)).exit_code, ExitCode::kDone);
  timespec times[2] = {{5, 6}, {5, 6}};
  std::string link = target.folder / "link";
  ASSERT_EQ(::utimensat(AT_FDCWD, link.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  Observer quiet;
  StopFlag stop{0};

  CopyReport compared = verify(options(source, target), quiet, stop);

  EXPECT_EQ(compared.exit_code, ExitCode::kEntriesFailed);
  ASSERT_EQ(compared.failures.size(), 1u);
  EXPECT_NE(compared.failures[0].message.find("mtime 5.000000006"), std::string::npos)
      << compared.failures[0].message;
}

INSTANTIATE_TEST_SUITE_P(Pairs, CopyPairs,
                         ::testing::Values(Pair{Place::kNfs, Place::kNfs, EngineMode::kEpoll},
                                           Pair{Place::kNfs, Place::kNfs, EngineMode::kIoUring},
                                           Pair{Place::kNfs40, Place::kNfs40, EngineMode::kEpoll},
                                           Pair{Place::kNfs, Place::kLocal, EngineMode::kEpoll},
                                           Pair{Place::kNfs, Place::kLocal, EngineMode::kIoUring},
                                           Pair{Place::kLocal, Place::kNfs, EngineMode::kEpoll},
                                           Pair{Place::kLocal, Place::kNfs, EngineMode::kIoUring},
                                           Pair{Place::kLocal, Place::kLocal, EngineMode::kEpoll},
                                           Pair{Place::kLocal, Place::kLocal,
                                                EngineMode::kIoUring}),
                         pair_name);

TEST_F(CopyTest, threads_may_end_before_each_other) {
  Ground source = source_ground(Place::kLocal);
  make_file(source.folder / "file", 10, 1);
  for (int i = 0; i < 300; ++i) {
    CopyOptions several = options(source, target_ground(Place::kLocal));
    several.threads = 4;
    CopyReport report = copy(several);
    ASSERT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
    ASSERT_EQ(report.files_transferred, 1u);
  }
}

// A home of ten thousand small files, odd entries, links and large files, over three pairs.
class LargeHome : public CopyTest, public ::testing::WithParamInterface<Pair> {};

TEST_P(LargeHome, comes_out_equal) {
  Ground source = source_ground(GetParam().source);
  Ground target = target_ground(GetParam().target);
  SampleTree sample;
  sample.directories = 250;
  sample.files_per_directory = 40;
  make_small_files(source.folder, sample);
  make_odd_entries(source.folder, sample);
  for (std::uint64_t seed : {1, 2}) {
    make_file(source.folder / ("large" + std::to_string(seed)), (30 << 20) + seed, seed);
  }

  CopyReport report = copy(options(source, target));

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_GT(report.files_transferred, 10'000u);
  expect_equal(source, target, kept_on(GetParam().target));
}

INSTANTIATE_TEST_SUITE_P(Pairs, LargeHome,
                         ::testing::Values(Pair{Place::kNfs, Place::kNfs, EngineMode::kAuto},
                                           Pair{Place::kNfs40, Place::kNfs40, EngineMode::kAuto},
                                           Pair{Place::kNfs, Place::kLocal, EngineMode::kAuto},
                                           Pair{Place::kLocal, Place::kNfs, EngineMode::kAuto}),
                         pair_name);

TEST_F(CopyTest, owners_are_replaced_by_the_given_ones) {
  Ground source = source_ground(Place::kNfs);
  Ground target = target_ground(Place::kNfs);
  SampleTree sample;
  make_small_files(source.folder, sample);
  make_odd_entries(source.folder, sample);
  CopyOptions wanted = options(source, target);
  wanted.owner = OwnerRule::kFixed;
  wanted.owner_uid = 200010;
  wanted.owner_gid = 1001;

  CopyReport report = copy(wanted);

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  Expectation expectation{200010, 1001, true, false};
  expect_equal(source, target, expectation);
}

TEST_F(CopyTest, the_target_roots_owner_takes_what_the_source_roots_owner_had) {
  Ground source = source_ground(Place::kNfs);
  Ground target = target_ground(Place::kNfs);
  ASSERT_EQ(chown(source.folder.c_str(), 200005, 1001), 0);
  ASSERT_EQ(chown(target.folder.c_str(), 200010, 1002), 0);
  make_file(source.folder / "his", 10, 1);
  make_file(source.folder / "roots", 10, 2);
  ASSERT_EQ(chown((source.folder / "his").c_str(), 200005, 1001), 0);
  CopyOptions wanted = options(source, target);
  wanted.owner = OwnerRule::kTarget;

  CopyReport report = copy(wanted);

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  struct stat his{};
  struct stat roots{};
  ASSERT_EQ(lstat((target.folder / "his").c_str(), &his), 0);
  ASSERT_EQ(lstat((target.folder / "roots").c_str(), &roots), 0);
  EXPECT_EQ(his.st_uid, 200010u);
  EXPECT_EQ(his.st_gid, 1002u);
  EXPECT_EQ(roots.st_uid, 0u);
}

TEST_F(CopyTest, a_missing_target_is_made_when_asked_for) {
  Ground source = source_ground(Place::kNfs);
  Ground target = target_ground(Place::kNfs);
  make_file(source.folder / "file", 10, 1);
  ASSERT_EQ(chmod(source.folder.c_str(), 0750), 0);
  fs::remove(target.folder);
  CopyOptions wanted = options(source, target);

  EXPECT_EQ(copy(wanted).exit_code, ExitCode::kTargetUnusable);
  EXPECT_FALSE(fs::exists(target.folder));
  wanted.create_target = true;
  CopyReport report = copy(wanted);

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  expect_equal(source, target, kept_on(Place::kNfs));
  EXPECT_EQ(fs::status(target.folder).permissions(), fs::perms(0750));
}

TEST_F(CopyTest, a_directory_where_a_file_should_be_fails_alone) {
  Ground source = source_ground(Place::kNfs);
  Ground target = target_ground(Place::kNfs);
  for (int i = 0; i < 30; ++i) make_file(source.folder / ("file" + std::to_string(i)), 500, 1);
  fs::create_directories(target.folder / "file7" / "in the way");

  CopyReport report = copy(options(source, target));

  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].path, "file7");
  EXPECT_EQ(report.files_transferred, 29u);
  EXPECT_TRUE(temporaries(target.folder).empty());
}

TEST_F(CopyTest, sha256sum_finds_what_the_manifest_of_a_copy_between_servers_lists) {
  Ground source = source_ground(Place::kNfs);
  Ground target = target_ground(Place::kNfs);
  SampleTree sample;
  make_small_files(source.folder, sample);
  make_odd_entries(source.folder, sample);
  make_file(source.folder / "large", 3 << 20, 1);
  Folder lists;

  Outcome outcome = run_program({"copy", source.location, target.location, "--verify", "all",
                                 "--manifest-sha256", lists.path("sha256")});

  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  std::string text = lists.read("sha256");
  long files = 0;
  for (const auto& one : fs::recursive_directory_iterator(source.folder)) {
    files += !one.is_symlink() && one.is_regular_file();
  }
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), files);
  for (const Ground& tree : {source, target}) {
    std::string check =
        "cd '" + tree.folder.string() + "' && sha256sum --quiet -c '" + lists.path("sha256") + "'";
    EXPECT_EQ(std::system(check.c_str()), 0) << tree.location;
  }
}

TEST_F(CopyTest, two_threads_copy_what_one_does) {
  Ground source = source_ground(Place::kNfs);
  Ground target = target_ground(Place::kNfs);
  SampleTree sample;
  sample.directories = 40;
  make_small_files(source.folder, sample);
  make_odd_entries(source.folder, sample);
  make_file(source.folder / "large", 9 << 20, 5);
  CopyOptions wanted = options(source, target);
  wanted.threads = 2;

  CopyReport report = copy(wanted);

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  expect_equal(source, target, kept_on(Place::kNfs));
}

}  // namespace
}  // namespace nfsferry::test

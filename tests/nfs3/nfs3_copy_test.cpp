// Copies of random trees that hold what a home can hold, from and to NFSv3.
#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <utility>
#include <vector>

#include "nfs3_copies.hpp"
#include "sample_tree.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

const auto* const kRegistered = ::testing::AddGlobalTestEnvironment(&SharedServer::instance());

// NFSv3 counts seconds from 1970 on, in 32 bits. Paths may be longer than a call takes.
void keep_times_in_range(const fs::path& root) {
  std::string start = root;
  std::array<char*, 2> roots{start.data(), nullptr};
  FTS* walk = ::fts_open(roots.data(), FTS_PHYSICAL, nullptr);
  ASSERT_NE(walk, nullptr);
  while (FTSENT* entry = ::fts_read(walk)) {
    if (entry->fts_info == FTS_D || entry->fts_statp == nullptr) continue;
    std::int64_t seconds = entry->fts_statp->st_mtim.tv_sec;
    if (seconds > 0 && seconds < 0xffffffff) continue;
    std::array<timespec, 2> times{entry->fts_statp->st_atim, timespec{1'500'000'000, 123}};
    ::utimensat(AT_FDCWD, entry->fts_accpath, times.data(), AT_SYMLINK_NOFOLLOW);
  }
  ::fts_close(walk);
}

void nasty_tree(const std::string& action, const fs::path& root, unsigned seed,
                const std::string& more = "") {
  std::string command = NFSFERRY_SOURCE_DIR "/tools/nasty-tree " + action + " '" + root.string() +
                        "' --seed " + std::to_string(seed) + " " + more;
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  keep_times_in_range(root);
}

struct Way {
  const char* name;
  const char* from;
  const char* to;
};
constexpr Way kWays[] = {
    {"From3To3", "3", "3"}, {"From3To41", "3", "4.1"}, {"From41To3", "4.1", "3"}};

std::string way_name(const ::testing::TestParamInfo<Way>& info) { return info.param.name; }

class Nfs3Ways : public Nfs3Copy, public ::testing::WithParamInterface<Way> {
 protected:
  CopyOptions way() const { return options(GetParam().from, GetParam().to); }
};
INSTANTIATE_TEST_SUITE_P(Ways, Nfs3Ways, ::testing::ValuesIn(kWays), way_name);

TEST_P(Nfs3Ways, nasty_trees_come_out_equal_and_a_second_run_moves_nothing) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    std::string below = "/seed" + std::to_string(seed);
    fs::create_directory(folder(source_ + below));
    nasty_tree("make", folder(source_ + below), seed);
  }

  CopyReport first = copy(way());
  CopyReport second = copy(way());

  expect_done(first);
  expect_equal();
  expect_done(second);
  EXPECT_EQ(second.files_transferred, 0u);
  EXPECT_EQ(second.bytes_written, 0u);
  EXPECT_EQ(second.metadata_repaired, 0u);
}

// The server is down while its folders change. Half of the trees lose entries and change types.
TEST_P(Nfs3Ways, every_change_of_random_trees_is_followed_as_a_dry_run_foretells) {
  constexpr unsigned kFirst = 5, kLast = 12;
  auto below = [this](unsigned seed) { return folder(source_ + "/seed" + std::to_string(seed)); };
  for (unsigned seed = kFirst; seed <= kLast; ++seed) {
    fs::create_directory(below(seed));
    nasty_tree("make", below(seed), seed);
  }
  CopyOptions wanted = way();
  wanted.delete_surplus = wanted.force = true;
  expect_done(copy(wanted));
  expect_equal();

  ASSERT_EQ(server().stop(), "");
  for (unsigned seed = kFirst; seed <= kLast; ++seed) {
    nasty_tree("mutate", below(seed), seed, seed % 2 == 0 ? "--removals --type-changes" : "");
  }
  ASSERT_EQ(server().restart(), "");
  CopyOptions dry = wanted;
  dry.dry_run = true;
  CopyReport foretold = copy(dry);
  CopyReport followed = copy(wanted);
  CopyReport again = copy(wanted);

  expect_done(followed);
  expect_equal();
  EXPECT_GT(followed.files_transferred, 0u);
  EXPECT_GT(followed.files_deleted, 0u);
  EXPECT_EQ(foretold.files_deleted, followed.files_deleted);
  EXPECT_EQ(foretold.folders_deleted, followed.folders_deleted);
  EXPECT_EQ(foretold.folders_transferred, followed.folders_transferred);
  expect_done(again);
  EXPECT_EQ(again.files_transferred + again.files_deleted + again.bytes_written, 0u);
  EXPECT_EQ(again.metadata_repaired, 0u);
}

TEST_P(Nfs3Ways, a_large_file_that_two_threads_carry_comes_whole) {
  make_file(folder(source_) / "large", (64u << 20) + 4097, 3);
  CopyOptions wanted = way();
  wanted.threads = 2;

  CopyReport report = copy(wanted);

  expect_done(report);
  expect_equal();
}

TEST_P(Nfs3Ways, holes_that_are_shorter_than_what_is_left_out_are_said_to_be_lost) {
  std::ofstream sparse(folder(source_) / "sparse");
  for (int i = 0; i < 8; ++i) sparse.seekp(i * (32 << 10)) << std::string(4096, 'x') << std::flush;
  sparse.close();
  std::ofstream(folder(source_) / "dense") << std::string(100'000, '\0');

  CopyReport report = copy(way());

  expect_done(report);
  ASSERT_EQ(report.losses.examples.size(), 1u);
  EXPECT_EQ(report.losses.examples[0].path, "sparse");
  EXPECT_EQ(report.losses.holes_bytes, 7u * (28 << 10));
}

TEST_P(Nfs3Ways, verify_finds_what_was_changed_behind_the_copy) {
  make_small_files(folder(source_), SampleTree{});
  expect_done(copy(way()));
  VerifyOptions verifying;
  verifying.source = way().source;
  verifying.target = way().target;
  Observer quiet;
  StopFlag stop{0};
  EXPECT_EQ(verify(verifying, quiet, stop).exit_code, ExitCode::kDone);

  make_file(folder(target_) / "surprise", 10, 1);
  for (const auto& entry : fs::recursive_directory_iterator(folder(target_))) {
    if (!entry.is_regular_file() || entry.path().filename() == "surprise") continue;
    ASSERT_EQ(::truncate(entry.path().c_str(), 0), 0);
    break;
  }

  CopyReport found = verify(verifying, quiet, stop);
  EXPECT_EQ(found.failures.size(), 1u);
}

TEST_F(Nfs3Copy, a_directory_of_many_pages_is_listed_whole) {
  for (int i = 0; i < 3000; ++i) make_file(folder(source_) / ("file" + std::to_string(i)), 1, 1);

  CopyReport report = copy(options());

  expect_done(report);
  EXPECT_EQ(report.files_transferred, 3000u);
}

TEST_F(Nfs3Copy, a_dry_run_and_a_check_write_nothing) {
  make_small_files(folder(source_), SampleTree{});
  CopyOptions wanted = options();
  Observer quiet;
  StopFlag stop{0};

  CheckReport checked = check(wanted, quiet, stop);
  wanted.dry_run = true;
  expect_done(copy(wanted));

  EXPECT_EQ(checked.run.exit_code, ExitCode::kDone) << checked.run.error_detail;
  EXPECT_TRUE(fs::is_empty(folder(target_)));
}

TEST_F(Nfs3Copy, the_report_names_the_version) {
  CopyReport report = copy(options("4.0", "3"));

  EXPECT_EQ(report.source.nfs_version, "4.0");
  EXPECT_EQ(report.target.nfs_version, "3");
}

// A server numbers a file system in one way for NFSv3, in another for NFSv4.
TEST_F(Nfs3Copy, the_same_directory_over_another_version_is_refused) {
  const std::string local = folder(source_).string();
  const std::pair<std::string, std::string> pairs[] = {
      {url(source_, "3"), url(source_, "4.1")},
      {url(source_, "4.0"), url(source_, "3")},
      {url(source_, "3"), local},
      {local, url(source_, "3")},
      {url(source_, "3"), local + "/dir/inside"},
  };
  fs::create_directories(folder(source_) / "dir" / "inside");
  for (const auto& [source, target] : pairs) {
    CopyOptions wanted = options();
    wanted.source = source;
    wanted.target = target;
    CopyReport report = copy(wanted);
    EXPECT_EQ(report.error_code, "same_directory") << source << " to " << target;
  }
}

TEST_F(Nfs3Copy, a_missing_directory_is_named_and_nothing_is_made) {
  CopyOptions wanted = options();
  wanted.source = url("/old/no-such/inner", "3");

  CopyReport report = copy(wanted);

  EXPECT_NE(report.exit_code, ExitCode::kDone);
  EXPECT_EQ(report.error_code, "NFS3ERR_NOENT") << report.error_detail;
  EXPECT_NE(report.error_detail.find("no-such"), std::string::npos) << report.error_detail;
}

TEST_F(Nfs3Copy, without_a_port_for_mount_the_server_s_rpcbind_is_asked) {
  make_small_files(folder(source_), SampleTree{});
  CopyOptions wanted = options();
  wanted.source =
      "nfs://127.0.0.1" + source_ + "?version=3&nfsport=" + std::to_string(server().port());

  expect_done(copy(wanted));

  expect_equal();
}

TEST_F(Nfs3Copy, probe_tells_what_the_server_takes) {
  ProbeOptions probing;
  probing.location = url("/old", "3");

  ProbeReport report = probe(probing);

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_GT(report.max_read_bytes, 0u);
  EXPECT_GT(report.space_total_bytes, 0u);
  EXPECT_GT(report.round_trip_us, 0u);
}

}  // namespace
}  // namespace nfsferry::test

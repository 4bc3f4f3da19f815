// Homes copied between file systems that grant, refuse and delay as Amazon EFS does.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <set>

#include "copy_fixture.hpp"
#include "efs_filter.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

class EfsTest : public CopyTest {
 protected:
  static std::unique_ptr<Proxy> efs(const Ganesha& server, const EfsOptions& personality) {
    auto proxy = start_efs_proxy(static_cast<std::uint16_t>(server.port()), personality);
    EXPECT_TRUE(proxy.has_value());
    return proxy ? *std::move(proxy) : nullptr;
  }

  // A home between two of these file systems.
  void set_up_home(const EfsOptions& personality) {
    source_proxy_ = efs(servers().source, personality);
    target_proxy_ = efs(servers().target, personality);
    source_ = source_ground(Place::kNfs, source_proxy_->port());
    target_ = target_ground(Place::kNfs, target_proxy_->port());
    SampleTree sample;
    sample.directories = 4;
    make_small_files(source_.folder, sample);
    make_odd_entries(source_.folder, sample);
    make_file(source_.folder / "large", 3 << 20, 5);
  }
  void copy_and_compare() {
    CopyReport report = copy(options(source_, target_));
    EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
    for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
    expect_equal(source_, target_, kept_on(Place::kNfs));
    EXPECT_EQ(report.target.nfs_version, "4.1");
  }

  std::unique_ptr<Proxy> source_proxy_;
  std::unique_ptr<Proxy> target_proxy_;
  Ground source_;
  Ground target_;
};

TEST_F(EfsTest, a_home_is_copied) {
  set_up_home({});
  copy_and_compare();
}

TEST_F(EfsTest, a_home_is_copied_with_one_slot_and_sixteen_operations) {
  EfsOptions least;
  least.slots = 1;
  least.operations = 16;
  set_up_home(least);
  copy_and_compare();
}

TEST_F(EfsTest, a_home_is_copied_while_writes_are_throttled) {
  EfsOptions capped;
  capped.writes_per_second = 1000;
  set_up_home(capped);
  copy_and_compare();
}

// So few that a single request holds more than a tenth of a second's writes.
TEST_F(EfsTest, writes_that_were_told_to_wait_come_all_the_same) {
  EfsOptions capped;
  capped.writes_per_second = 100;
  capped.counts = std::make_shared<EfsCounts>();
  target_proxy_ = efs(servers().target, capped);
  source_ = source_ground(Place::kLocal);
  target_ = target_ground(Place::kNfs, target_proxy_->port());
  SampleTree sample;
  sample.directories = 1;
  make_small_files(source_.folder, sample);

  copy_and_compare();

  EXPECT_GT(capped.counts->delays, 0u);
}

TEST_F(EfsTest, device_nodes_are_told_to_be_missing_and_fifos_arrive) {
  set_up_home({});
  const fs::path folder = source_.folder / "directory1";
  ASSERT_EQ(::mknod((folder / "character").c_str(), S_IFCHR | 0600, makedev(1, 3)), 0);
  ASSERT_EQ(::mknod((folder / "block").c_str(), S_IFBLK | 0600, makedev(7, 0)), 0);
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);

  CopyReport report = copy(options(source_, target_));

  EXPECT_EQ(report.special_skipped, 2u);
  EXPECT_EQ(report.losses.devices, 2u);
  std::set<std::string> told;
  for (const auto& example : report.losses.examples) told.insert(example.path);
  EXPECT_TRUE(told.contains("directory1/character"));
  EXPECT_TRUE(told.contains("directory1/block"));
  EXPECT_TRUE(fs::is_fifo(target_.folder / "directory1" / "fifo"));
  const auto time = fs::last_write_time(folder);
  fs::remove(folder / "character");
  fs::remove(folder / "block");
  fs::last_write_time(folder, time);
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  expect_equal(source_, target_, kept_on(Place::kNfs));
}

TEST_F(EfsTest, many_files_share_a_request_where_reading_needs_an_open) {
  source_proxy_ = efs(servers().source, {});
  source_ = source_ground(Place::kNfs, source_proxy_->port());
  target_ = target_ground(Place::kLocal);
  SampleTree sample;
  sample.directories = 20;
  make_small_files(source_.folder, sample);

  CopyReport report = copy(options(source_, target_));

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  expect_equal(source_, target_, kept_on(Place::kLocal));
  EXPECT_EQ(report.files_transferred, 400u);
  EXPECT_LT(source_proxy_->counters().requests, 200u);
}

class EfsOpenOwners : public EfsTest, public ::testing::WithParamInterface<Place> {};

TEST_P(EfsOpenOwners, of_all_threads_are_fewer_than_the_file_system_takes) {
  EfsOptions limits;
  limits.open_owners /= 2;  // both sides may be on one file system
  source_proxy_ = efs(servers().source, limits);
  target_proxy_ = efs(servers().target, limits);
  source_ = source_ground(GetParam(), source_proxy_->port());
  target_ = target_ground(GetParam(), target_proxy_->port());
  SampleTree sample;
  sample.directories = 50;
  make_small_files(source_.folder, sample);
  for (unsigned i = 0; i < 20; ++i) {
    make_file(source_.folder / ("large" + std::to_string(i)), 1 << 20, i);
  }
  CopyOptions threaded = options(source_, target_);
  threaded.threads = 4;

  CopyReport report = copy(threaded);

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  expect_equal(source_, target_, kept_on(Place::kNfs));
}

INSTANTIATE_TEST_SUITE_P(Versions, EfsOpenOwners, ::testing::Values(Place::kNfs, Place::kNfs40),
                         [](const ::testing::TestParamInfo<Place>& place) {
                           return place_name(place.param);
                         });

}  // namespace
}  // namespace nfsferry::test

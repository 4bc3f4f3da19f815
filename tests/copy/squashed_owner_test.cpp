// Targets that give files to the caller alone: a server to which the caller is no root, and an EFS
// access point, which refuses root as well.
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "copy_fixture.hpp"
#include "efs_filter.hpp"
#include "program.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargeBytes = 3 << 20;
constexpr uid_t kSourceOwner = 200005;
constexpr uid_t kSomebodyElse = 4711;

struct Case {
  const char* name;
  Place place;
  uid_t caller;
  bool access_point;
};

class SquashedOwner : public CopyTest, public ::testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    CopyTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    source_ = source_ground(Place::kNfs);
    if (GetParam().access_point) {
      EfsOptions efs;
      efs.access_point = true;
      access_point_ = *start_efs_proxy(static_cast<std::uint16_t>(servers().target.port()), efs);
    }
    target_ = target_ground(GetParam().place, access_point_ ? access_point_->port() : 0);
    target_.location += "&uid=" + std::to_string(caller()) + "&gid=" + std::to_string(caller());
    ASSERT_EQ(chown(source_.folder.c_str(), kSourceOwner, kSourceOwner), 0);
    ASSERT_EQ(chown(target_.folder.c_str(), caller(), caller()), 0);
    SampleTree sample;
    sample.directories = 2;
    sample.owner = kSourceOwner;
    sample.group = kSourceOwner;
    make_small_files(source_.folder, sample);
    make_file(source_.folder / "large", kLargeBytes, 7);
    give("large", kSourceOwner);
  }

  static uid_t caller() { return GetParam().caller; }
  void give(const std::string& name, uid_t owner) const {
    ASSERT_EQ(lchown((source_.folder / name).c_str(), owner, owner), 0);
  }
  // Something of each kind that a home may hold of another user.
  void make_entries_of_somebody_else() const {
    fs::create_directory(source_.folder / "theirs");
    make_file(source_.folder / "theirs" / "small", 100, 8);
    make_file(source_.folder / "theirs" / "large", kLargeBytes, 9);
    fs::create_symlink("small", source_.folder / "theirs" / "symlink");
    ASSERT_EQ(mkfifo((source_.folder / "theirs" / "fifo").c_str(), 0600), 0);
    for (const char* name :
         {"theirs/small", "theirs/large", "theirs/symlink", "theirs/fifo", "theirs"}) {
      give(name, kSomebodyElse);
    }
  }
  void expect_all_of_the_caller() const {
    Expectation callers = kept_on(Place::kNfs);
    callers.owner = caller();
    callers.group = caller();
    expect_equal(source_, target_, callers);
  }
  void expect_nothing_to_do(const CopyOptions& options) const {
    CopyReport again = copy(options);

    EXPECT_EQ(again.exit_code, ExitCode::kDone) << again.error_detail;
    EXPECT_EQ(again.files_transferred, 0u);
    EXPECT_EQ(again.metadata_repaired, 0u);
    EXPECT_EQ(again.bytes_written, 0u);
  }
  CopyOptions mapping(OwnerErrors errors) const {
    CopyOptions mapping = options(source_, target_);
    mapping.owner = OwnerRule::kTarget;
    mapping.owner_errors = errors;
    return mapping;
  }

  Ground source_;
  Ground target_;
  std::unique_ptr<Proxy> access_point_;
};

TEST_P(SquashedOwner, is_refused_in_one_line_before_anything_is_copied) {
  Outcome refused = run_program({"copy", source_.location, target_.location});

  EXPECT_EQ(refused.exit_code, static_cast<int>(ExitCode::kTargetUnusable));
  EXPECT_EQ(line_count(refused.err), 1) << refused.err;
  EXPECT_NE(refused.err.find("root"), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("access point"), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("--owner-errors warn"), std::string::npos) << refused.err;
  EXPECT_TRUE(fs::is_empty(target_.folder));
}

TEST_P(SquashedOwner, is_left_to_the_caller_with_one_warning) {
  Outcome warned =
      run_program({"copy", source_.location, target_.location, "--owner-errors", "warn"});

  EXPECT_EQ(warned.exit_code, 0) << warned.err;
  EXPECT_EQ(line_count(warned.err), 1) << warned.err;
  EXPECT_NE(warned.err.find("owners are left"), std::string::npos) << warned.err;
  expect_all_of_the_caller();
}

TEST_P(SquashedOwner, that_is_left_to_the_caller_is_counted_once) {
  CopyOptions warning = options(source_, target_);
  warning.owner_errors = OwnerErrors::kWarn;

  CopyReport report = copy(warning);

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  EXPECT_EQ(report.files_transferred, 41u);
  EXPECT_EQ(report.owners_not_set, 43u);  // and two directories
  expect_all_of_the_caller();
  expect_nothing_to_do(warning);
}

TEST_P(SquashedOwner, is_none_when_the_home_goes_to_the_owner_of_the_target) {
  CopyOptions mapped = mapping(OwnerErrors::kFail);

  CopyReport report = copy(mapped);

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  EXPECT_EQ(report.files_transferred, 41u);
  EXPECT_EQ(report.owners_not_set, 0u);
  expect_all_of_the_caller();
  expect_nothing_to_do(mapped);
}

TEST_P(SquashedOwner, is_none_when_ids_are_mapped_to_the_caller) {
  CopyOptions mapped = options(source_, target_);
  mapped.map_uid = {{kSourceOwner, caller()}};
  mapped.map_gid = {{kSourceOwner, caller()}};

  CopyReport report = copy(mapped);

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  expect_all_of_the_caller();
}

TEST_P(SquashedOwner, of_single_entries_fails_these_alone) {
  make_file(source_.folder / "small", 100, 8);
  make_file(source_.folder / "other", kLargeBytes, 9);
  const std::set<std::string> refused{"small", "other"};
  for (const std::string& name : refused) give(name, kSomebodyElse);

  CopyReport report = copy(mapping(OwnerErrors::kFail));

  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed) << report.error_detail;
  std::set<std::string> failed;
  for (const Failure& failure : report.failures) failed.insert(failure.path);
  EXPECT_EQ(failed, refused);
  for (const std::string& name : refused) fs::remove(source_.folder / name);
  expect_all_of_the_caller();
}

TEST_P(SquashedOwner, of_single_entries_is_left_to_the_caller_with_a_warning) {
  make_entries_of_somebody_else();
  CopyOptions warning = mapping(OwnerErrors::kWarn);

  CopyReport report = copy(warning);

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  EXPECT_EQ(report.owners_not_set, 5u);
  expect_all_of_the_caller();
  expect_nothing_to_do(warning);
}

INSTANTIATE_TEST_SUITE_P(Targets, SquashedOwner,
                         ::testing::Values(Case{"OrdinaryCaller", Place::kNfs, 1000, false},
                                           Case{"AccessPoint", Place::kNfs, 0, true},
                                           Case{"AccessPoint40", Place::kNfs40, 0, true}),
                         [](const ::testing::TestParamInfo<Case>& one) { return one.param.name; });

}  // namespace
}  // namespace nfsferry::test

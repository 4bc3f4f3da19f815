// A target that gives its files to the caller alone, as with root squash or an access point.
#include <sys/stat.h>
#include <unistd.h>

#include "copy_fixture.hpp"
#include "program.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kCaller = 1000;
constexpr uid_t kSourceOwner = 200005;

class SquashedOwner : public CopyTest {
 protected:
  void SetUp() override {
    CopyTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    source_ = source_ground(Place::kNfs);
    target_ = target_ground(Place::kNfs);
    ASSERT_EQ(chown(source_.folder.c_str(), kSourceOwner, kSourceOwner), 0);
    ASSERT_EQ(chown(target_.folder.c_str(), kCaller, kCaller), 0);
    target_.location += "&uid=1000&gid=1000";
    SampleTree sample;
    sample.directories = 2;
    sample.owner = kSourceOwner;
    sample.group = kSourceOwner;
    make_small_files(source_.folder, sample);
  }

  Ground source_;
  Ground target_;
};

TEST_F(SquashedOwner, is_refused_in_one_line_before_anything_is_copied) {
  Outcome refused = run_program({"copy", source_.location, target_.location});

  EXPECT_EQ(refused.exit_code, static_cast<int>(ExitCode::kTargetUnusable));
  EXPECT_EQ(line_count(refused.err), 1) << refused.err;
  EXPECT_NE(refused.err.find("root"), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("access point"), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("--owner-errors warn"), std::string::npos) << refused.err;
  EXPECT_TRUE(fs::is_empty(target_.folder));
}

TEST_F(SquashedOwner, is_left_to_the_caller_with_a_warning) {
  CopyOptions warning = options(source_, target_);
  warning.owner_errors = OwnerErrors::kWarn;

  CopyReport report = copy(warning);

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  EXPECT_EQ(report.files_transferred, 40u);
  EXPECT_EQ(report.owners_not_set, 42u);  // and two directories
  Expectation callers = kept_on(Place::kNfs);
  callers.owner = kCaller;
  callers.group = kCaller;
  expect_equal(source_, target_, callers);

  CopyReport again = copy(warning);

  EXPECT_EQ(again.exit_code, ExitCode::kDone) << again.error_detail;
  EXPECT_EQ(again.files_transferred, 0u);
  EXPECT_EQ(again.metadata_repaired, 0u);
  EXPECT_EQ(again.bytes_written, 0u);
}

}  // namespace
}  // namespace nfsferry::test

// A byte that changed in the target while size and times stayed is found, and repaired on request.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy_fixture.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

class FlippedByte : public SamePlaceTest {
 protected:
  void SetUp() override {
    SamePlaceTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    SampleTree sample;
    sample.least_bytes = 1000;
    make_small_files(source_.folder, sample);
    make_file(source_.folder / "large", 5 << 20, 1);
    CopyReport report = copy(options(source_, target_));
    ASSERT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  }

  // A server would go on believing what it knows: it is down meanwhile.
  void flip(const std::string& name, off_t offset) {
    const bool nfs = GetParam() == Place::kNfs;
    if (nfs) {
      ASSERT_EQ(servers().target.stop(), "");
    }
    const fs::path path = target_.folder / name;
    struct stat before{};
    ASSERT_EQ(stat(path.c_str(), &before), 0) << path;
    int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
    char byte = 0;
    EXPECT_EQ(pread(fd, &byte, 1, offset), 1);
    byte = static_cast<char>(byte ^ 1);
    EXPECT_EQ(pwrite(fd, &byte, 1, offset), 1);
    timespec times[2] = {before.st_atim, before.st_mtim};
    EXPECT_EQ(futimens(fd, times), 0);
    EXPECT_EQ(close(fd), 0);
    if (nfs) {
      ASSERT_EQ(servers().target.restart(), "");
    }
  }

  static void expect_only(const CopyReport& report, const std::string& name) {
    EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed) << report.error_detail;
    EXPECT_EQ(report.failed_verify, 1u);
    ASSERT_EQ(report.failures.size(), 1u);
    EXPECT_EQ(report.failures[0].path, name);
    EXPECT_EQ(report.failures[0].error, "differs");
  }

  void expect_found_and_repaired(const std::string& name) {
    Observer quiet;
    StopFlag stop{0};
    expect_only(verify(options(source_, target_), quiet, stop), name);

    CopyOptions verifying = options(source_, target_);
    verifying.verify = VerifyMode::kAll;
    CopyReport again = copy(verifying);
    EXPECT_EQ(again.files_transferred, 0u);
    expect_only(again, name);

    CopyOptions repairing = options(source_, target_);
    repairing.compare = CompareMode::kChecksum;
    CopyReport repaired = copy(repairing);
    EXPECT_EQ(repaired.exit_code, ExitCode::kDone) << repaired.error_detail;
    EXPECT_EQ(repaired.files_transferred, 1u);
    expect_equal(source_, target_, kept_on(GetParam()));
  }
};

TEST_P(FlippedByte, in_a_small_file_is_found_and_repaired) {
  const std::string name = "directory3/file7";
  flip(name, 500);
  expect_found_and_repaired(name);
}

TEST_P(FlippedByte, in_the_middle_of_a_large_file_is_found_and_repaired) {
  flip("large", 3'000'000);
  expect_found_and_repaired("large");
}

TEST_P(FlippedByte, at_the_end_of_a_large_file_is_found_and_repaired) {
  flip("large", (5 << 20) - 1);
  expect_found_and_repaired("large");
}

INSTANTIATE_TEST_SUITE_P(Places, FlippedByte, ::testing::Values(Place::kNfs, Place::kLocal),
                         [](const ::testing::TestParamInfo<Place>& place) {
                           return place.param == Place::kNfs ? "Nfs" : "Local";
                         });

}  // namespace
}  // namespace nfsferry::test

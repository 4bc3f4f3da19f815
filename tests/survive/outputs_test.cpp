// Reports, manifests and trails that cannot be written are never missed in silence.
#include "copy_fixture.hpp"
#include "program.hpp"
#include "volume.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

class Output : public ::testing::TestWithParam<const char*> {
 protected:
  Output() {
    folder_.write("source/file", "content");
    folder_.write("source/directory/other", "content");
    fs::create_directory(folder_.path("target"));
  }
  Outcome copy_with_output_to(const std::string& place) {
    return run_program(
        {"copy", folder_.path("source"), folder_.path("target"), GetParam(), place, "--quiet"});
  }
  Folder folder_;
};

TEST_P(Output, to_a_full_device_is_an_error_after_the_copy) {
  Outcome outcome = copy_with_output_to("/dev/full");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.err.find("/dev/full"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("No space left"), std::string::npos) << outcome.err;
  EXPECT_TRUE(folder_.has("target/directory/other"));
}

TEST_P(Output, to_a_full_file_system_is_an_error_after_the_copy) {
  if (auto missing = require_mounts(); !missing.empty()) GTEST_SKIP() << missing;
  Volume volume;
  ASSERT_EQ(volume.mount(Volume::Kind::kTmpfs, 1), "");
  ASSERT_EQ(volume.leave_free(0), "");
  Outcome outcome = copy_with_output_to(volume.folder() / "output");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.err.find("No space left"), std::string::npos) << outcome.err;
  EXPECT_TRUE(folder_.has("target/directory/other"));
  for (const fs::directory_entry& left : fs::directory_iterator(volume.folder())) {
    EXPECT_EQ(left.path().filename(), "output") << "a temporary is left";
  }
}

TEST_P(Output, to_a_read_only_file_system_is_refused_before_the_copy) {
  if (auto missing = require_mounts(); !missing.empty()) GTEST_SKIP() << missing;
  Volume volume;
  ASSERT_EQ(volume.mount(Volume::Kind::kTmpfs, 1), "");
  ASSERT_EQ(volume.set_read_only(true), "");
  Outcome outcome = copy_with_output_to(volume.folder() / "output");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find(GetParam()), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("Read-only"), std::string::npos) << outcome.err;
  EXPECT_TRUE(fs::is_empty(folder_.path("target")));
}

TEST_P(Output, to_a_missing_directory_is_refused_before_the_copy) {
  Outcome outcome = copy_with_output_to(folder_.path("missing/output"));
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find(GetParam()), std::string::npos) << outcome.err;
  EXPECT_EQ(line_count(outcome.err), 1) << outcome.err;
  EXPECT_TRUE(fs::is_empty(folder_.path("target")));
}

INSTANTIATE_TEST_SUITE_P(Flags, Output,
                         ::testing::Values("--report-json", "--manifest", "--manifest-sha256",
                                           "--log-entries"),
                         [](const ::testing::TestParamInfo<const char*>& chosen) {
                           std::string name(chosen.param + 2);
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace nfsferry::test

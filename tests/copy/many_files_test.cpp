// What ten thousand small files cost in requests, counted on the wire.
#include "copy_fixture.hpp"

namespace nfsferry::test {
namespace {

constexpr unsigned kDirectories = 250;
constexpr unsigned kFiles = 10'000;

class ManyFiles : public CopyTest {
 protected:
  void SetUp() override {
    CopyTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    source_proxy_ = proxy_to(servers().source);
    target_proxy_ = proxy_to(servers().target);
    source_ = source_ground(Place::kNfs, source_proxy_->port());
    target_ = target_ground(Place::kNfs, target_proxy_->port());
    SampleTree sample;
    sample.directories = kDirectories;
    sample.files_per_directory = kFiles / kDirectories;
    make_small_files(source_.folder, sample);
  }

  // The report counts what the wire carries.
  std::uint64_t requests_of(const CopyReport& report) {
    std::uint64_t requests =
        source_proxy_->counters().requests + target_proxy_->counters().requests;
    EXPECT_EQ(report.source.requests + report.target.requests, requests);
    source_proxy_->reset_counters();
    target_proxy_->reset_counters();
    return requests;
  }

  std::unique_ptr<Proxy> source_proxy_;
  std::unique_ptr<Proxy> target_proxy_;
  Ground source_;
  Ground target_;
};

TEST_F(ManyFiles, take_a_quarter_of_a_request_each_and_unchanged_3_for_each_directory) {
  CopyReport first = copy(options(source_, target_));

  ASSERT_EQ(first.exit_code, ExitCode::kDone) << first.error_detail;
  EXPECT_EQ(first.files_transferred, kFiles);
  std::uint64_t first_requests = requests_of(first);
  EXPECT_LE(first_requests, kFiles / 4);
  expect_equal(source_, target_, kept_on(Place::kNfs));

  CopyReport second = copy(options(source_, target_));

  ASSERT_EQ(second.exit_code, ExitCode::kDone) << second.error_detail;
  EXPECT_EQ(second.files_skipped, kFiles);
  EXPECT_EQ(second.files_transferred, 0u);
  std::uint64_t second_requests = requests_of(second);
  EXPECT_LE(second_requests, 3 * kDirectories + 40);
  RecordProperty("first_requests", std::to_string(first_requests));
  RecordProperty("second_requests", std::to_string(second_requests));
}

}  // namespace
}  // namespace nfsferry::test

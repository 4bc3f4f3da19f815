// A target that answers DQUOT from some moment on, as one over its quota does, and as Amazon EFS
// does while too many users have files open, whoever's they are.
#include <nlohmann/json.hpp>
#include <tuple>

#include "fault_plan.hpp"
#include "old_and_new.hpp"
#include "program.hpp"

namespace nfsferry::test {
namespace {

using Json = nlohmann::json;

constexpr std::uint32_t kDquot = 69;
constexpr unsigned kFromThenOn = 1'000'000;

struct Refusal {
  const char* name;
  Operation at;
  unsigned nth;  // the first to be refused; the lock and the probe have had theirs
  bool large_files;
};
constexpr Refusal kRefusals[] = {{"SmallFilesAtOpen", kOpOpen, 200, false},
                                 {"SmallFilesAtWrite", kOpWrite, 200, false},
                                 {"LargeFilesAtWrite", kOpWrite, 10, true},
                                 {"Directories", kOpCreate, 30, false}};
using RefusedAt = std::tuple<Refusal, Place>;

class QuotaReached : public CopyTest, public ::testing::WithParamInterface<RefusedAt> {
 protected:
  void SetUp() override {
    CopyTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ProxyOptions options;
    options.server_port = static_cast<std::uint16_t>(servers().target.port());
    options.make_filter = plan_.filters();
    proxy_ = *Proxy::start(options);
    source_ = source_ground(Place::kNfs);
    target_ = target_ground(std::get<Place>(GetParam()), proxy_->port());
  }

  // Returns how many files there are.
  std::size_t make_source() const {
    constexpr unsigned kLargeFiles = 20;
    SampleTree sample;
    sample.directories = 60;
    if (!refusal_.large_files) {
      make_small_files(source_.folder, sample);
      return std::size_t{sample.directories} * sample.files_per_directory;
    }
    for (unsigned i = 0; i < kLargeFiles; ++i) {
      make_file(source_.folder / ("large" + std::to_string(i)), 3 << 20, i);
    }
    return kLargeFiles;
  }
  // The program's run to this location.
  Outcome run_to(const std::string& location) {
    // One thread: more would have begun all of the large files.
    return run_program({"copy", source_.location, location, "--threads", "1", "--report-json",
                        report_.path("report.json")});
  }

  const Refusal refusal_ = std::get<Refusal>(GetParam());
  FaultPlan plan_{{{Fault::Kind::kStatus, refusal_.at, kDquot, refusal_.nth, kFromThenOn}}};
  std::unique_ptr<Proxy> proxy_;
  Ground source_;
  Ground target_;
  Folder report_;
};

TEST_P(QuotaReached, ends_the_run_and_without_it_the_next_one_completes) {
  std::size_t files = make_source();

  Outcome over = run_to(target_.location);

  EXPECT_EQ(over.exit_code, static_cast<int>(ExitCode::kTargetUnusable)) << over.err;
  EXPECT_NE(over.err.find("over its quota"), std::string::npos) << over.err;
  EXPECT_NE(over.err.find("files open"), std::string::npos) << over.err;
  Json said = Json::parse(report_.read("report.json"));
  EXPECT_EQ(said["Status"], "ERROR");
  EXPECT_EQ(said["Result"]["ErrorCode"], "NFS4ERR_DQUOT");
  const Json& failures = said["nfsferry"]["failures"];
  EXPECT_FALSE(failures.empty());
  EXPECT_LT(said["FilesTransferred"].get<std::size_t>() + failures.size(), files)
      << "nothing is begun any more";
  expect_whole_files(source_, target_);

  Outcome again = run_to(servers().target.url("/new/" + target_.folder.filename().string()));

  EXPECT_EQ(again.exit_code, 0) << again.err;
  expect_equal(source_, target_, kept_on(Place::kNfs));
}

INSTANTIATE_TEST_SUITE_P(Targets, QuotaReached,
                         ::testing::Combine(::testing::ValuesIn(kRefusals),
                                            ::testing::Values(Place::kNfs, Place::kNfs40)),
                         [](const ::testing::TestParamInfo<RefusedAt>& one) {
                           return std::get<Refusal>(one.param).name +
                                  place_name(std::get<Place>(one.param));
                         });

}  // namespace
}  // namespace nfsferry::test

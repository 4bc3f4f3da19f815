// Limits on the command line and in their file, through the built program.
#include <gtest/gtest.h>
#include <signal.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/limits_text.hpp"
#include "program.hpp"
#include "schema_check.hpp"

namespace nfsferry::cli {
namespace {

using Json = nlohmann::json;

constexpr Rates kFlags{7, 9};

struct GoodFile {
  const char* text;
  Rates rates;
};

TEST(ParseLimits, TakesWhatIsNamedAndTheFlagsForTheRest) {
  for (const GoodFile& file : {GoodFile{"", {7, 9}},
                               {"bwlimit=16MiB\niops-limit=200\n", {16u << 20, 200}},
                               {"iops-limit=200", {7, 200}},
                               {"bwlimit=0", {0, 9}},
                               {"# at night\n\n  bwlimit = 1k # slow\r\n", {1024, 9}},
                               {"bwlimit=1TiB", {kRateMost, 9}}}) {
    auto rates = parse_limits(file.text, kFlags);
    ASSERT_TRUE(rates) << file.text << rates.error().message();
    EXPECT_EQ(rates->bytes_per_second, file.rates.bytes_per_second) << file.text;
    EXPECT_EQ(rates->requests_per_second, file.rates.requests_per_second) << file.text;
  }
}

struct BadFile {
  const char* text;
  const char* said;
};

TEST(ParseLimits, NamesTheLineThatIsWrong) {
  for (const BadFile& file :
       {BadFile{"bwlimit", "line 1: is neither bwlimit=SIZE nor iops-limit=N"},
        {"bwlimit=1\nspeed=3", "line 2: is neither"},
        {"bwlimit=fast", "line 1: 'fast' is not a size"},
        {"bwlimit=", "line 1: "},
        {"bwlimit=2TiB", "write at most 1TiB"},
        {"iops-limit=1k", "line 1: "},
        {"\n\niops-limit=-1", "line 3: "},
        {"bwlimit=1\nbwlimit=2", "line 2: bwlimit is there twice"}}) {
    auto rates = parse_limits(file.text, kFlags);
    ASSERT_FALSE(rates) << file.text;
    EXPECT_NE(rates.error().detail.find(file.said), std::string::npos) << rates.error().detail;
  }
}

// A copy that needs more than a lifetime, unless somebody lets it go on.
class SlowCopy : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 4; ++i) {
      folder_.write("source/large" + std::to_string(i), std::string(2u << 20, 'x'));
    }
    std::filesystem::create_directory(folder_.path("target"));
    folder_.write("limits", "bwlimit=1\n");
  }
  std::vector<std::string> arguments(std::vector<std::string> flags) const {
    flags.insert(flags.begin(), {"copy", folder_.path("source"), folder_.path("target"),
                                 "--report-json", folder_.path("report.json"), "--progress",
                                 "always", "--progress-interval", "100ms"});
    return flags;
  }
  static void wait_until_it_waits(const test::Program& program) {
    program.wait_until_said(" files");  // the progress: signals are handled by now
    program.wait_until_said("limits: ", [&] { program.signal(SIGUSR1); });
  }
  Json report() const {
    std::string text = folder_.read("report.json");
    EXPECT_EQ(test::schema_complaint("report.schema.json", text), "");
    return Json::parse(text, nullptr, false);
  }

  test::Folder folder_;
};

TEST_F(SlowCopy, GoesOnWhenTheFileTakesTheLimitAway) {
  test::Program program(
      arguments({"--limits-file", folder_.path("limits"), "--iops-limit", "100000"}));
  wait_until_it_waits(program);
  folder_.write("limits", "bwlimit=0\n");
  test::Outcome outcome = program.wait();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  Json json = report();
  EXPECT_EQ(json["FilesTransferred"], 4);
  EXPECT_EQ(json["Options"]["BytesPerSecond"], -1) << "as it was at the end";
  EXPECT_EQ(json["Options"]["bwlimit"], 0);
  EXPECT_EQ(json["Options"]["iops_limit"], 100'000);
  EXPECT_GT(json["nfsferry"]["throttled_ms"], 0);
}

TEST_F(SlowCopy, KeepsItsLimitsWhenTheFileGetsBadAndSaysSo) {
  test::Program program(arguments({"--limits-file", folder_.path("limits")}));
  wait_until_it_waits(program);
  folder_.write("limits", "bwlimit=fast\n");
  program.wait_until_said("'fast' is not a size");
  std::filesystem::remove(folder_.path("limits"));
  program.wait_until_said("ENOENT");
  EXPECT_TRUE(program.has_said("the limits stay as they were"));
  folder_.write("limits", "");
  test::Outcome outcome = program.wait();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST_F(SlowCopy, IsStoppedInOrderWhileItWaits) {
  test::Program program(arguments({"--bwlimit", "1", "--threads", "2"}));
  wait_until_it_waits(program);
  program.signal(SIGINT);
  test::Outcome outcome = program.wait();
  EXPECT_EQ(outcome.exit_code, 130) << outcome.err;
  Json json = report();
  EXPECT_EQ(json["nfsferry"]["failures"], Json::array());
  EXPECT_EQ(json["Options"]["BytesPerSecond"], 1);
}

TEST_F(SlowCopy, IsStoppedInOrderWhileItsRequestsWait) {
  test::Program program(arguments({"--iops-limit", "5"}));
  wait_until_it_waits(program);
  program.signal(SIGTERM);
  test::Outcome outcome = program.wait();
  EXPECT_EQ(outcome.exit_code, 143) << outcome.err;
}

TEST_F(SlowCopy, ABatchSharesOneLimitAmongItsHomes) {
  std::filesystem::create_directory(folder_.path("other"));
  folder_.write(
      "homes.jsonl",
      Json{{"source", folder_.path("source")}, {"target", folder_.path("target")}}.dump() + "\n" +
          Json{{"source", folder_.path("source")}, {"target", folder_.path("other")}}.dump() +
          "\n");
  test::Program program({"copy", "--batch", folder_.path("homes.jsonl"), "--limits-file",
                         folder_.path("limits"), "--report-dir", folder_.path("reports"),
                         "--progress", "always"});
  wait_until_it_waits(program);
  folder_.write("limits", "bwlimit=1TiB\n");
  test::Outcome outcome = program.wait();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

}  // namespace
}  // namespace nfsferry::cli

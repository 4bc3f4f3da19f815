// A check before a copy, by the built program, against real servers and folders.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "copy_fixture.hpp"
#include "program.hpp"
#include "schema_check.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class CheckTest : public SamePlaceTest {
 protected:
  void SetUp() override {
    SamePlaceTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    SampleTree sample;
    sample.directories = 2;
    make_small_files(source_.folder, sample);
  }

  Outcome check(std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), {"copy", "--check", source_.location, target_.location});
    return run_program(flags);
  }
};

TEST_P(CheckTest, TellsOnOneScreenAndLeavesNothingBehind) {
  Outcome outcome = check();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out.find("outcome         ready\n"), 0u) << outcome.out;
  EXPECT_NE(outcome.out.find("40 files, "), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("40 small files: "), std::string::npos) << outcome.out;
  EXPECT_LT(line_count(outcome.out), 24) << outcome.out;
  EXPECT_TRUE(fs::is_empty(target_.folder));
}

TEST_P(CheckTest, TellsAsJsonWhatItFound) {
  Outcome outcome = check({"--report-json", "-"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(schema_complaint("check.schema.json", outcome.out), "");
  Json json = Json::parse(outcome.out, nullptr, false);
  bool nfs = GetParam() == Place::kNfs;
  EXPECT_EQ(json["ready"], true);
  EXPECT_EQ(json["source"]["files"], 40);
  EXPECT_EQ(json["source"]["directories"], 2);
  EXPECT_EQ(json["target"]["empty"], true);
  EXPECT_EQ(json["target"]["sets_owners"], true);
  EXPECT_EQ(json["target"]["nfs_version"], nfs ? "4.1" : "");
  EXPECT_GT(json["target"]["space_total_bytes"], 0);
  EXPECT_EQ(json["trial"]["files"], 40);
  EXPECT_TRUE(json["expected_ms"].is_number());
}

TEST_P(CheckTest, AMissingTargetIsMadeForTheCheckAndRemoved) {
  fs::path missing = target_.folder / "missing";
  std::size_t query = target_.location.find('?');
  target_.location.insert(std::min(query, target_.location.size()), "/missing");
  Outcome refused = check();
  EXPECT_EQ(refused.exit_code, 4);
  EXPECT_NE(refused.err.find("--create-target"), std::string::npos) << refused.err;
  Outcome outcome = check({"--create-target"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_FALSE(fs::exists(missing));
}

TEST_P(CheckTest, WhatTheTargetHoldsIsNotTouched) {
  std::ofstream(target_.folder / "kept") << "kept";
  Outcome outcome = check();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("not empty"), std::string::npos) << outcome.out;
  std::vector<fs::path> names;
  for (const auto& entry : fs::directory_iterator(target_.folder)) names.push_back(entry.path());
  EXPECT_EQ(names, std::vector<fs::path>{target_.folder / "kept"});
}

INSTANTIATE_TEST_SUITE_P(Places, CheckTest, ::testing::Values(Place::kNfs, Place::kLocal),
                         [](const auto& place) {
                           return place.param == Place::kNfs ? "Nfs" : "Local";
                         });

class CheckOfRights : public CopyTest {};

TEST_F(CheckOfRights, AServerThatGivesNoFilesAwayIsFoundBeforeTheCopy) {
  Ground source = source_ground(Place::kNfs);
  Ground target = target_ground(Place::kNfs);
  ASSERT_EQ(chown(target.folder.c_str(), 1000, 1000), 0);
  target.location += "&uid=1000&gid=1000";
  Outcome outcome = run_program({"copy", "--check", source.location, target.location});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_NE(outcome.err.find("access point"), std::string::npos) << outcome.err;
  EXPECT_TRUE(fs::is_empty(target.folder));
  Outcome warned = run_program({"copy", "--check", "--owner-errors", "warn", "--report-json", "-",
                                source.location, target.location});
  EXPECT_EQ(warned.exit_code, 0) << warned.err;
  EXPECT_EQ(Json::parse(warned.out, nullptr, false)["target"]["sets_owners"], false);
}

TEST_F(CheckOfRights, ATargetThatMayNotBeWrittenIsFoundBeforeTheCopy) {
  Ground source = source_ground(Place::kNfs);
  Ground target = target_ground(Place::kNfs);
  target.location += "&uid=1000&gid=1000";
  Outcome outcome = run_program({"copy", "--check", source.location, target.location});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_NE(outcome.err.find("no permission"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace nfsferry::test

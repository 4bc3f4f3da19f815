// The bench command, on local folders: what it prints, and that it leaves nothing.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "api/synthetic_tree.hpp"
#include "program.hpp"
#include "report/bench_text.hpp"
#include "schema_check.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class BenchTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_.write("source/kept", "mine");
    folder_.write("target/kept", "mine");
  }
  std::vector<std::string> arguments(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"bench", folder_.path("source"), folder_.path("target")});
    return flags;
  }
  Outcome bench(const std::vector<std::string>& flags) { return run_program(arguments(flags)); }
  // Of small trees.
  Outcome small_bench(std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), {"--files", "100", "--size", "4MiB", "--rounds", "2"});
    return bench(flags);
  }
  std::set<std::string> names(const std::string& side) {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_.path(side))) {
      found.insert(entry.path().filename());
    }
    return found;
  }
  void expect_nothing_left() {
    EXPECT_EQ(names("source"), std::set<std::string>{"kept"});
    EXPECT_EQ(names("target"), std::set<std::string>{"kept"});
    EXPECT_EQ(folder_.read("source/kept"), "mine");
    EXPECT_EQ(folder_.read("target/kept"), "mine");
  }

  Folder folder_;
};

TEST_F(BenchTest, PrintsALineForEachCopyAndLeavesNothing) {
  Outcome outcome = small_bench();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(line_count(outcome.out), 8)
      << outcome.out;  // a heading, three trees twice, the service
  EXPECT_NE(outcome.out.find("minute per GB"), std::string::npos) << outcome.out;
  expect_nothing_left();
}

TEST_F(BenchTest, TellsAsJsonWhatEachCopyMoved) {
  Outcome outcome = small_bench({"--json", "--shape", "large"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(schema_complaint("bench.schema.json", outcome.out), "");
  Json json = Json::parse(outcome.out, nullptr, false);
  ASSERT_EQ(json["rounds"].size(), 2u) << outcome.out;
  for (const Json& round : json["rounds"]) {
    EXPECT_EQ(round["shape"], "large");
    EXPECT_EQ(round["files"], 4);
    EXPECT_EQ(round["bytes"], 4 << 20);
  }
  EXPECT_EQ(json["rounds"][1]["round"], 2);
}

TEST_F(BenchTest, ASmallTreeHasTheFilesThatWereAskedFor) {
  Outcome outcome = small_bench({"--json", "--shape", "small"});
  Json json = Json::parse(outcome.out, nullptr, false);
  EXPECT_EQ(json["rounds"][0]["files"], 100);
}

TEST_F(BenchTest, AnInterruptRemovesWhatWasMade) {
  Program program(arguments({"--files", "200000", "--shape", "small"}));
  auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (names("source").size() < 2 && std::chrono::steady_clock::now() < limit) {
    std::this_thread::yield();
  }
  program.signal(SIGINT);
  Outcome outcome = program.wait();
  EXPECT_EQ(outcome.exit_code, 130) << outcome.err;
  EXPECT_NE(outcome.err.find("interrupted"), std::string::npos) << outcome.err;
  expect_nothing_left();
}

// Many rounds, so that one of them is under way.
TEST_F(BenchTest, AnEndAskedForDuringACopyRemovesBothTrees) {
  Program program(arguments({"--files", "2000", "--rounds", "1000", "--shape", "small"}));
  wait_until_filled(folder_.path("target"));
  program.signal(SIGTERM);
  Outcome outcome = program.wait();
  EXPECT_EQ(outcome.exit_code, 143) << outcome.err;
  expect_nothing_left();
}

TEST_F(BenchTest, APlaceThatCannotBeReachedIsNamed) {
  Outcome no_source = run_program({"bench", folder_.path("none"), folder_.path("target")});
  EXPECT_EQ(no_source.exit_code, 3);
  EXPECT_NE(no_source.err.find("none"), std::string::npos) << no_source.err;
  Outcome no_target = run_program({"bench", folder_.path("source"), folder_.path("none")});
  EXPECT_EQ(no_target.exit_code, 4);
  EXPECT_NE(no_target.err.find("target " + folder_.path("none")), std::string::npos);
  EXPECT_EQ(no_target.err.find("--create-target"), std::string::npos)
      << "bench has no such option: " << no_target.err;
  expect_nothing_left();
}

TEST_F(BenchTest, OneDirectoryMayBeBothPlaces) {
  Outcome outcome = run_program({"bench", folder_.path("source"), folder_.path("source"), "--files",
                                 "100", "--size", "4MiB", "--rounds", "2", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  Json json = Json::parse(outcome.out, nullptr, false);
  EXPECT_EQ(json["rounds"].size(), 6u) << outcome.out;
  expect_nothing_left();
}

TEST_F(BenchTest, SaysWhatItDoesBesideTheCopies) {
  Outcome outcome = small_bench({"--progress", "always", "--shape", "large"});
  for (const char* side : {"making 4.0 MiB in ", "removing "}) {
    std::string said = side + folder_.path("source") + "/nfsferry-bench-";
    EXPECT_NE(outcome.err.find(said), std::string::npos) << outcome.err;
  }
  EXPECT_NE(outcome.err.find("removing " + folder_.path("target") + "/nfsferry-bench-"),
            std::string::npos)
      << outcome.err;
}

TEST_F(BenchTest, TreesThatDoNotFitAreRefusedBeforeTheyAreMade) {
  Outcome outcome = bench({"--shape", "large", "--size", "8000000GiB"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("available"), std::string::npos) << outcome.err;
  expect_nothing_left();
}

TEST_F(BenchTest, WrongValuesAreRefused) {
  for (std::vector<std::string> flags : {std::vector<std::string>{"--rounds", "0"},
                                         {"--files", "0"},
                                         {"--size", "much"},
                                         {"--shape", "round"}}) {
    EXPECT_EQ(bench(flags).exit_code, 2) << flags[0];
  }
}

TEST(SyntheticTree, TheSameSeedGivesTheSameTree) {
  BenchOptions options;
  options.files = 500;
  for (BenchShape shape : {BenchShape::kSmall, BenchShape::kLarge, BenchShape::kStudioHome}) {
    auto once = api::plan_tree(shape, options);
    auto again = api::plan_tree(shape, options);
    ASSERT_EQ(once.size(), again.size());
    EXPECT_EQ(api::planned_bytes(once), api::planned_bytes(again));
    options.seed = 2;
    bool sizes_differ =
        api::planned_bytes(api::plan_tree(shape, options)) != api::planned_bytes(once);
    EXPECT_EQ(sizes_differ, shape != BenchShape::kLarge);
    options.seed = 1;
  }
}

TEST(SyntheticTree, ParentsComeBeforeTheirDirectoriesAndNamesAreUnique) {
  BenchOptions options;
  options.files = 2000;
  std::set<std::string> directories;
  for (const api::PlannedDirectory& directory : api::plan_tree(BenchShape::kStudioHome, options)) {
    EXPECT_TRUE(directories.insert(directory.path).second) << directory.path;
    std::size_t slash = directory.path.rfind('/');
    std::string parent = slash == std::string::npos ? "" : directory.path.substr(0, slash);
    EXPECT_TRUE(directories.contains(parent)) << directory.path;
    std::set<std::string> files;
    for (const api::PlannedFile& file : directory.files) {
      EXPECT_TRUE(files.insert(file.name).second) << directory.path << "/" << file.name;
    }
  }
}

TEST(BenchTable, ComparesWithTheManagedService) {
  BenchReport report;
  report.rounds = {{BenchShape::kLarge, 1, 4, 1'000'000'000, 2000, 10, 20}};
  std::string table = bench_table(report);
  EXPECT_EQ(table,
            "shape  round  files      bytes  time  files/s      bytes/s\n"
            "large      1      4  953.7 MiB  2.0s        2  476.8 MiB/s\n"
            "for reference, a managed copy service at a minute per GB: large 1m00s\n");
}

}  // namespace
}  // namespace nfsferry::test

// Filters on the command line and in their file, through the built program.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/filter_rules.hpp"
#include "program.hpp"
#include "schema_check.hpp"

namespace nfsferry::cli {
namespace {

using Json = nlohmann::json;

std::string text_of(const std::vector<FilterRule>& rules) {
  std::string out;
  for (const FilterRule& rule : rules) out += (rule.include ? "+" : "-") + rule.glob + "|";
  return out;
}

struct GoodRules {
  const char* text;
  const char* rules;
};

TEST(ParseFilterRules, TakesALineForEachRuleInTheirOrder) {
  for (const GoodRules& file : {GoodRules{"", ""},
                                {"+ *.ipynb\n- *\n", "+*.ipynb|-*|"},
                                {"- a", "-a|"},
                                {"# a comment\n\n  \n- a # b\r\n", "-a # b|"},
                                {"- #a\n- \\#a\n", "-#a|-\\#a|"},
                                {"-  a\n", "- a|"},
                                {"- a \t\n", "-a|"},
                                {"- a\\ \n", "-a\\ |"},
                                {"- a\\  \n", "-a\\ |"},
                                {"- a\\\\ \n", "-a\\\\|"},
                                {"- a b/\n", "-a b/|"}}) {
    std::vector<FilterRule> rules;
    Status parsed = parse_filter_rules(file.text, rules);
    ASSERT_TRUE(parsed) << file.text << ": " << parsed.error().detail;
    EXPECT_EQ(text_of(rules), file.rules) << file.text;
  }
}

struct BadRules {
  const char* text;
  const char* said;
};

TEST(ParseFilterRules, NamesTheLineThatIsWrong) {
  for (const BadRules& file : {BadRules{"*.tmp", "line 1: is neither '+ GLOB' nor '- GLOB'"},
                               {"- a\n\n-b", "line 3: is neither"},
                               {" - a", "line 1: is neither"},
                               {"- \n", "line 1: the glob '' is empty"},
                               {"+ a\n- [b\n", "line 2: the glob '[b' has a '['"}}) {
    std::vector<FilterRule> rules;
    Status parsed = parse_filter_rules(file.text, rules);
    ASSERT_FALSE(parsed) << file.text;
    EXPECT_NE(parsed.error().detail.find(file.said), std::string::npos) << parsed.error().detail;
  }
}

TEST(AddFilterRule, HasALimit) {
  std::vector<FilterRule> rules(kFilterRulesMax - 1);
  EXPECT_TRUE(add_filter_rule(rules, {true, "a"}));
  EXPECT_FALSE(add_filter_rule(rules, {true, "a"}));
}

class FiltersTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_.write("source/a.txt", "a");
    folder_.write("source/b.tmp", "b");
    folder_.write("source/deep/c.txt", "c");
    folder_.write("source/deep/d.tmp", "d");
    std::filesystem::create_directory(folder_.path("target"));
  }
  test::Outcome run(const std::string& command, std::vector<std::string> flags,
                    const std::string& input = "/dev/null") {
    flags.insert(flags.begin(), {command, folder_.path("source"), folder_.path("target")});
    return test::run_program(flags, input);
  }
  // The names that were copied, in their order.
  std::string copied() const {
    std::string out;
    for (const char* name : {"a.txt", "b.tmp", "deep/c.txt", "deep/d.tmp"}) {
      if (folder_.has("target/" + std::string(name))) out += std::string(name) + " ";
    }
    return out;
  }

  test::Folder folder_;
};

TEST_F(FiltersTest, TheFirstOnTheCommandLineDecides) {
  test::Outcome outcome = run("copy", {"--include", "d.*", "--exclude", "*.tmp"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(copied(), "a.txt deep/c.txt deep/d.tmp ");
  EXPECT_NE(outcome.out.find("filtered        1 file, 0 folders\n"), std::string::npos)
      << outcome.out;
}

TEST_F(FiltersTest, TheOrderIsThatOfTheCommandLineAcrossAllFlags) {
  folder_.write("rules", "- b*\n+ c*\n");
  test::Outcome outcome =
      run("copy", {"--exclude", "*.tmp", "--include=d.*", "--filter-from", folder_.path("rules"),
                   "--exclude", "c.txt", "--report-json", "-"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(copied(), "a.txt deep/c.txt ");
  EXPECT_EQ(test::schema_complaint("report.schema.json", outcome.out), "");
  Json json = Json::parse(outcome.out, nullptr, false);
  EXPECT_EQ(json["Options"]["filters"], Json({"- *.tmp", "+ d.*", "- b*", "+ c*", "- c.txt"}));
  EXPECT_EQ(json["nfsferry"]["files_filtered"], 2);
  EXPECT_EQ(json["nfsferry"]["folders_filtered"], 0);
}

TEST_F(FiltersTest, RulesComeFromStdinAsWell) {
  folder_.write("rules", "- deep/\n");
  test::Outcome outcome = run("copy", {"--filter-from", "-"}, folder_.path("rules"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(copied(), "a.txt b.tmp ");
}

TEST_F(FiltersTest, OperandsMayFollowAFilter) {
  test::Outcome outcome = test::run_program(
      {"copy", "--exclude", "*.tmp", folder_.path("source"), folder_.path("target")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(copied(), "a.txt deep/c.txt ");
}

TEST_F(FiltersTest, ABadLineIsNamedWithItsFile) {
  folder_.write("rules", "- a\n= b\n");
  test::Outcome outcome = run("copy", {"--filter-from", folder_.path("rules")});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find(folder_.path("rules") + ", line 2: is neither"), std::string::npos)
      << outcome.err;
  EXPECT_EQ(copied(), "");
}

TEST_F(FiltersTest, CopyAndVerifyWithTheSameFiltersAreEqual) {
  std::vector<std::string> filters{"--exclude", "/deep", "--exclude", "b.*"};
  EXPECT_EQ(run("copy", filters).exit_code, 0);
  test::Outcome outcome = run("verify", filters);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_NE(outcome.out.find("filtered        1 file, 1 folder\n"), std::string::npos)
      << outcome.out;
  EXPECT_EQ(run("verify", {}).exit_code, 1);
}

TEST_F(FiltersTest, VerifyAllComparesWhatWasNotLeftOut) {
  test::Outcome outcome =
      run("copy", {"--exclude", "deep", "--verify", "all", "--report-json", "-"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  Json json = Json::parse(outcome.out, nullptr, false);
  EXPECT_EQ(json["FilesVerified"], 2);
  EXPECT_EQ(json["nfsferry"]["folders_filtered"], 1);
  EXPECT_EQ(json["nfsferry"]["manifest_complete"], true);
}

TEST_F(FiltersTest, ACheckCountsWithThem) {
  test::Outcome outcome = run("copy", {"--check", "--exclude", "*.tmp", "--report-json", "-"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(test::schema_complaint("check.schema.json", outcome.out), "");
  Json json = Json::parse(outcome.out, nullptr, false);
  EXPECT_EQ(json["source"]["files"], 2);
  EXPECT_EQ(json["source"]["files_filtered"], 2);
}

TEST_F(FiltersTest, EveryHomeOfABatchHasThem) {
  Json home{{"source", folder_.path("source")}, {"target", folder_.path("target")}};
  folder_.write("batch", home.dump() + "\n");
  test::Outcome outcome =
      test::run_program({"copy", "--batch", folder_.path("batch"), "--exclude", "*.tmp"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(copied(), "a.txt deep/c.txt ");
}

}  // namespace
}  // namespace nfsferry::cli

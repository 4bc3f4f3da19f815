// Filters, owner maps and the count of owners against real servers, by the built program.
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

class LeftOut : public SamePlaceTest {
 protected:
  void SetUp() override {
    SamePlaceTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    make("kept", 200005);
    make("draft.tmp", 200005);
    make("cache/big", 200005);
    make("deep/cache/file", 200010);
    make("deep/kept", 200010);
  }
  void make(const std::string& name, uid_t owner) {
    fs::path path = source_.folder / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << name;
    ASSERT_EQ(::chown(path.c_str(), owner, owner), 0);
  }
  Outcome run(const std::string& command, std::vector<std::string> flags) {
    flags.insert(flags.begin(), {command, source_.location, target_.location});
    return run_program(flags);
  }

  Folder scratch_;
};

TEST_P(LeftOut, a_filtered_copy_and_its_comparison_agree) {
  std::vector<std::string> filters{"--include", "/deep/cache/", "--exclude",
                                   "cache/",    "--exclude",    "*.tmp"};
  Outcome copied = run("copy", filters);
  EXPECT_EQ(copied.exit_code, 0) << copied.err;
  EXPECT_NE(copied.out.find("filtered        1 file, 1 folder\n"), std::string::npos) << copied.out;
  EXPECT_FALSE(fs::exists(target_.folder / "cache"));
  EXPECT_FALSE(fs::exists(target_.folder / "draft.tmp"));
  EXPECT_TRUE(fs::exists(target_.folder / "deep/cache/file"));
  Outcome compared = run("verify", filters);
  EXPECT_EQ(compared.exit_code, 0) << compared.out;
  EXPECT_EQ(run("verify", {}).exit_code, 1);
}

TEST_P(LeftOut, owners_are_mapped_by_a_file_as_a_count_of_them_says) {
  Outcome counted = run_program({"probe", "--owners", source_.location, "--json"});
  EXPECT_EQ(counted.exit_code, 0) << counted.err;
  EXPECT_EQ(schema_complaint("owners.schema.json", counted.out), "");
  Json users = Json::parse(counted.out, nullptr, false)["users"];
  ASSERT_EQ(users.size(), 3u) << counted.out;
  EXPECT_EQ(users[0], Json::parse(R"({"id": "200010", "entries": 2, "bytes": 24})"));
  EXPECT_EQ(users[1], Json::parse(R"({"id": "200005", "entries": 3, "bytes": 22})"));
  EXPECT_EQ(users[2]["id"], "0");

  scratch_.write("map", "uid 200000-200009 300000\ngid 200005 1001\nuid 200010 300100\n");
  std::vector<std::string> mapped{"--owner-map", scratch_.path("map")};
  EXPECT_EQ(run("copy", mapped).exit_code, 0);
  Outcome compared = run("verify", mapped);
  EXPECT_EQ(compared.exit_code, 0) << compared.out;
  Outcome result = run_program({"probe", "--owners", target_.location});
  EXPECT_NE(result.out.find("\n300100        2  "), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("\n300005        3  "), std::string::npos) << result.out;
}

INSTANTIATE_TEST_SUITE_P(Places, LeftOut, ::testing::Values(Place::kNfs, Place::kNfs40),
                         [](const auto& row) { return place_name(row.param); });

}  // namespace
}  // namespace nfsferry::test

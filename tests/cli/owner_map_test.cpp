// The file of --owner-map, and what comes of it.
#include "cli/owner_map.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "program.hpp"
#include "schema_check.hpp"

namespace nfsferry::cli {
namespace {

using Json = nlohmann::json;

std::string text_of(const std::vector<IdMap>& maps) {
  std::string out;
  for (const IdMap& map : maps) {
    out += std::to_string(map.from) + "+" + std::to_string(map.count) + ":" +
           std::to_string(map.to) + " ";
  }
  return out;
}

struct GoodMap {
  const char* text;
  const char* users;
  const char* groups;
};

TEST(ParseOwnerMap, TakesIdsAndRangesOfBothKinds) {
  for (const GoodMap& file : {GoodMap{"", "", ""},
                              {"uid 1000 2000\n", "1000+1:2000 ", ""},
                              {"gid 100 1001", "", "100+1:1001 "},
                              {"uid 1000-1999 5000\ngid 7-7 8\n", "1000+1000:5000 ", "7+1:8 "},
                              {"# all\n\n  uid\t5  6 # one\r\nuid 1-4 1\n", "1+4:1 5+1:6 ", ""},
                              {"uid 1-4 10\nuid 5-8 10\ngid 3 3\n", "1+4:10 5+4:10 ", "3+1:3 "},
                              {"uid 0-4294967294 0\n", "0+4294967295:0 ", ""},
                              {"uid 4294967294 4294967294\n", "4294967294+1:4294967294 ", ""}}) {
    OwnerMaps maps;
    Status parsed = parse_owner_map(file.text, maps);
    ASSERT_TRUE(parsed) << file.text << ": " << parsed.error().detail;
    EXPECT_EQ(text_of(maps.users), file.users) << file.text;
    EXPECT_EQ(text_of(maps.groups), file.groups) << file.text;
  }
}

struct BadMap {
  const char* text;
  const char* said;
};

TEST(ParseOwnerMap, NamesTheLinesThatAreWrong) {
  for (const BadMap& file :
       {BadMap{"1000 2000", "line 1: is neither 'uid OLD NEW' nor 'gid OLD NEW'"},
        {"uid 1000:2000", "line 1: is neither"},
        {"uid 1 2 3", "line 1: is neither"},
        {"\nuser 1 2", "line 2: is neither"},
        {"uid bob 2", "line 1: 'bob' is no id and no range of ids"},
        {"uid 1- 2", "'1-' is no id"},
        {"uid -1 2", "'-1' is no id"},
        {"uid 1-2-3 2", "'1-2-3' is no id"},
        {"gid 1 bob", "'bob' is no id"},
        {"uid 4294967295 1", "'4294967295' is no id"},
        {"uid 9-5 1", "the range '9-5' goes backwards"},
        {"uid 1-10 4294967290", "the range '1-10' has no room from 4294967290 on"},
        {"uid 5 6\n\nuid 5 6", "lines 1 and 3 both map uid 5"},
        {"uid 100-200 1\nuid 1 1\nuid 150 3", "lines 1 and 3 both map uid 150"},
        {"gid 1 1\ngid 150-160 1\ngid 100-150 3", "lines 2 and 3 both map gid 150"}}) {
    OwnerMaps maps;
    Status parsed = parse_owner_map(file.text, maps);
    ASSERT_FALSE(parsed) << file.text;
    EXPECT_NE(parsed.error().detail.find(file.said), std::string::npos) << parsed.error().detail;
  }
}

TEST(ParseOwnerMap, RefusesWhatAFlagHasMapped) {
  OwnerMaps maps{{{5, 6}}, {{7, 8}}};
  Status parsed = parse_owner_map("uid 1 1\nuid 2-9 2\n", maps);
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().detail.find("line 2 maps uid 5, which --map-uid"), std::string::npos)
      << parsed.error().detail;
  EXPECT_TRUE(parse_owner_map("uid 1-4 1\ngid 5 5\n", maps));
  EXPECT_EQ(text_of(maps.users), "1+4:1 5+1:6 ");
  EXPECT_EQ(text_of(maps.groups), "5+1:5 7+1:8 ");
}

class OwnerMapTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
    make("one", 70001, 70101);
    make("two", 70055, 70001);
    make("other", 70200, 70200);
    std::filesystem::create_directory(folder_.path("target"));
    folder_.write("map",
                  "uid 70001 70500           # one of them\n"
                  "uid 70050-70099 71000\n"
                  "gid 70100-70109 72000\n");
  }
  void make(const std::string& name, uid_t uid, gid_t gid) {
    folder_.write("source/" + name, name);
    ASSERT_EQ(::chown(folder_.path("source/" + name).c_str(), uid, gid), 0);
    ASSERT_EQ(::chmod(folder_.path("source/" + name).c_str(), 04755), 0);
  }
  test::Outcome run(const std::string& command, std::vector<std::string> flags) {
    flags.insert(flags.begin(), {command, folder_.path("source"), folder_.path("target"),
                                 "--owner-map", folder_.path("map")});
    return test::run_program(flags);
  }
  std::string owner(const std::string& name) const {
    struct stat found{};
    EXPECT_EQ(::stat(folder_.path("target/" + name).c_str(), &found), 0);
    return std::to_string(found.st_uid) + ":" + std::to_string(found.st_gid);
  }

  test::Folder folder_;
};

TEST_F(OwnerMapTest, ACopyGoesByItAndKeepsOtherIds) {
  test::Outcome outcome = run("copy", {"--map-gid", "70001:73000", "--report-json", "-"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(owner("one"), "70500:72001");
  EXPECT_EQ(owner("two"), "71005:73000");
  EXPECT_EQ(owner("other"), "70200:70200");
  struct stat found{};
  EXPECT_EQ(::stat(folder_.path("target/one").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0755u) << "set-id bits are dropped where owners are mapped";
  EXPECT_EQ(test::schema_complaint("report.schema.json", outcome.out), "");
  Json options = Json::parse(outcome.out, nullptr, false)["Options"];
  EXPECT_EQ(options["map_uid"], Json({"70001:70500", "70050-70099:71000"}));
  EXPECT_EQ(options["map_gid"], Json({"70001:73000", "70100-70109:72000"}));

  EXPECT_EQ(run("verify", {"--map-gid", "70001:73000"}).exit_code, 0);
  EXPECT_EQ(run("verify", {}).exit_code, 1);
}

TEST_F(OwnerMapTest, AnIdThatAFlagMapsAsWellIsRefusedWhereverTheFlagStands) {
  folder_.write("map", "uid 1-9 100\n");
  for (const test::Outcome& outcome :
       {run("copy", {"--map-uid", "5:6"}),
        test::run_program({"copy", "--map-uid", "5:6", "--owner-map", folder_.path("map"),
                           folder_.path("source"), folder_.path("target")})}) {
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_NE(outcome.err.find("--owner-map: " + folder_.path("map") + ", line 1 maps uid 5"),
              std::string::npos)
        << outcome.err;
  }
}

TEST_F(OwnerMapTest, AHomeOfABatchMayHaveItsOwn) {
  Json home{{"source", folder_.path("source")},
            {"target", folder_.path("target")},
            {"options", {{"owner_map", folder_.path("map")}}}};
  folder_.write("batch", home.dump() + "\n");
  test::Outcome outcome = test::run_program({"copy", "--batch", folder_.path("batch")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(owner("two"), "71005:70001");
}

// What a tree holds is what a map must name.
TEST_F(OwnerMapTest, AProbeCountsTheIdsOfATree) {
  ASSERT_EQ(::chown(folder_.path("source").c_str(), 0, 0), 0);
  test::Outcome table = test::run_program({"probe", "--owners", folder_.path("source")});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_EQ(table.out,
            "user   entries  bytes\n"
            "70200        1    5 B\n"
            "70001        1    3 B\n"
            "70055        1    3 B\n"
            "0            1    0 B\n"
            "\n"
            "group  entries  bytes\n"
            "70200        1    5 B\n"
            "70001        1    3 B\n"
            "70101        1    3 B\n"
            "0            1    0 B\n");
  test::Outcome outcome =
      test::run_program({"probe", "--owners", folder_.path("source"), "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(test::schema_complaint("owners.schema.json", outcome.out), "");
  Json json = Json::parse(outcome.out, nullptr, false);
  EXPECT_EQ(json["Status"], "SUCCESS");
  EXPECT_EQ(json["entries"], 4);
  EXPECT_EQ(json["bytes"], 11);
  EXPECT_EQ(json["users"][0], Json::parse(R"({"id": "70200", "entries": 1, "bytes": 5})"));
  EXPECT_EQ(json["groups"].size(), 4u);
}

TEST(Owners, APlaceThatIsNotThereIsExitCode3) {
  test::Folder folder;
  test::Outcome outcome = test::run_program({"probe", "--owners", folder.path("no"), "--json"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_NE(outcome.err.find("ENOENT"), std::string::npos) << outcome.err;
  EXPECT_EQ(test::schema_complaint("owners.schema.json", outcome.out), "");
  outcome = test::run_program({"probe", "--owners", folder.path("no")});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.out, "");
}

TEST(Owners, AnUrlThatIsNoneIsExitCode2) {
  test::Outcome outcome = test::run_program({"probe", "--owners", "nfs://host/?frob=1", "--json"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(test::schema_complaint("owners.schema.json", outcome.out), "");
}

}  // namespace
}  // namespace nfsferry::cli

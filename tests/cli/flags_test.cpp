#include "cli/flags.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/run_id.hpp"

namespace nfsferry::cli {
namespace {

TEST(ParseOwner, TakesItsThreeForms) {
  EXPECT_EQ(parse_owner("keep").value().rule, OwnerRule::kKeep);
  EXPECT_EQ(parse_owner("target").value().rule, OwnerRule::kTarget);
  auto fixed = parse_owner("200005:1001");
  ASSERT_TRUE(fixed.has_value());
  EXPECT_EQ(fixed->rule, OwnerRule::kFixed);
  EXPECT_EQ(fixed->uid, 200005u);
  EXPECT_EQ(fixed->gid, 1001u);
  EXPECT_TRUE(parse_owner("0:0").has_value());
  EXPECT_TRUE(parse_owner("4294967294:4294967294").has_value());
}

TEST(ParseOwner, RefusesEverythingElse) {
  for (const char* text : {"", ":", "1", "1:", ":1", "1:2:3", "-1:1", "+1:1", " 1:1", "1:1 ",
                           "4294967295:1", "1:4294967296", "root:root", "Keep"}) {
    auto owner = parse_owner(text);
    ASSERT_FALSE(owner.has_value()) << text;
    EXPECT_NE(owner.error().detail.find("UID:GID"), std::string::npos);
  }
}

TEST(ParseRunId, TakesUpTo64HarmlessCharacters) {
  EXPECT_TRUE(parse_run_id("a-Z_0").has_value());
  EXPECT_TRUE(parse_run_id(std::string(64, 'x')).has_value());
  for (const std::string& text : {std::string(), std::string(65, 'x'), std::string("a b"),
                                  std::string("a.b"), std::string("\xc3\xa9")}) {
    EXPECT_FALSE(parse_run_id(text).has_value()) << text;
  }
}

TEST(RandomRunId, IsAllowedAndAnotherOneEachTime) {
  EXPECT_TRUE(parse_run_id(nfsferry::random_run_id()).has_value());
  EXPECT_NE(nfsferry::random_run_id(), nfsferry::random_run_id());
}

TEST(ParseTimeout, KeepsToItsRange) {
  EXPECT_EQ(parse_timeout("300s").value(), 300'000u);
  EXPECT_EQ(parse_timeout("1ms").value(), 1u);
  EXPECT_EQ(parse_timeout("720h").value(), kTimeoutMaxMs);
  EXPECT_FALSE(parse_timeout("721h").has_value());
  EXPECT_FALSE(parse_timeout("0").has_value());
  EXPECT_FALSE(parse_timeout("").has_value());
}

TEST(ParseConnections, TakesOneTo16) {
  EXPECT_EQ(parse_connections("1").value(), 1u);
  EXPECT_EQ(parse_connections("16").value(), 16u);
  for (const char* text : {"0", "17", "-1", "x", "", "1.5"}) {
    EXPECT_FALSE(parse_connections(text).has_value()) << text;
  }
}

TEST(ParseThreads, TakesOneTo64) {
  EXPECT_EQ(parse_threads("1").value(), 1u);
  EXPECT_EQ(parse_threads("64").value(), 64u);
  for (const char* text : {"0", "65", "-1", "x", "", "1.5"}) {
    EXPECT_FALSE(parse_threads(text).has_value()) << text;
  }
}

TEST(ParseIdMap, TakesTwoIds) {
  auto map = parse_id_map("200005:4294967294");
  ASSERT_TRUE(map.has_value());
  EXPECT_EQ(map->from, 200005u);
  EXPECT_EQ(map->to, 4294967294u);
  for (const char* text : {"", ":", "1", "1:", ":1", "1:2:3", "-1:1", "4294967295:1", "a:b"}) {
    EXPECT_FALSE(parse_id_map(text).has_value()) << text;
  }
}

TEST(AddIdMap, KeepsOneMappingForEachId) {
  std::vector<IdMap> maps;
  EXPECT_TRUE(add_id_map(maps, {1, 2}).has_value());
  EXPECT_TRUE(add_id_map(maps, {3, 2}).has_value());
  EXPECT_TRUE(add_id_map(maps, {1, 2}).has_value());
  EXPECT_EQ(maps.size(), 2u);
  EXPECT_FALSE(add_id_map(maps, {1, 3}).has_value());
  EXPECT_EQ(maps.size(), 2u);
  maps.push_back({100, 200, 10});
  EXPECT_TRUE(add_id_map(maps, {109, 209}).has_value());
  EXPECT_FALSE(add_id_map(maps, {109, 1}).has_value());
  EXPECT_EQ(maps.size(), 3u);
  EXPECT_TRUE(add_id_map(maps, {110, 1}).has_value());
}

TEST(AddIdMap, HasALimit) {
  std::vector<IdMap> maps;
  for (std::uint32_t id = 0; id < kIdMapsMax - 1; ++id) maps.push_back({id, 0});
  EXPECT_TRUE(add_id_map(maps, {1'000'000, 0}).has_value());
  EXPECT_FALSE(add_id_map(maps, {1'000'001, 0}).has_value());
}

TEST(ParseNamed, TakesEveryNameAndTellsThemAllOtherwise) {
  EXPECT_EQ(parse_named("older", kOverwriteNames).value(), OverwriteMode::kOlder);
  EXPECT_EQ(parse_named("never", kOverwriteNames).value(), OverwriteMode::kNever);
  for (const char* text : {"", "old", "Older", "older "}) {
    auto value = parse_named(text, kOverwriteNames);
    ASSERT_FALSE(value.has_value()) << text;
    EXPECT_NE(value.error().detail.find("write always, never or older"), std::string::npos);
  }
}

}  // namespace
}  // namespace nfsferry::cli

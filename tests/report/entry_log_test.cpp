#include "report/entry_log.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "place.hpp"
#include "schema_check.hpp"

namespace nfsferry {
namespace {

using test::Place;
using test::schema_complaint;
using Json = nlohmann::json;

TEST(EntryLine, TellsEverythingOfAFileThatWasCopied) {
  EntryRecord entry;
  entry.path = "a/b \"c\"\n";
  entry.type = "file";
  entry.size_bytes = 5;
  entry.hash = std::string(32, 'f');
  entry.from = {"200005", "1001", 0640};
  entry.to = {"0", "0", 04755};
  std::string line = entry_line(entry, 1'709'251'199'999);
  EXPECT_EQ(line, R"({"time":"2024-02-29T23:59:59.999Z","path":"a/b \"c\"\n","action":"copied",)"
                  R"("type":"file","size":5,"hash":"ffffffffffffffffffffffffffffffff",)"
                  R"("from":{"owner":"200005","group":"1001","mode":"0640"},)"
                  R"("to":{"owner":"0","group":"0","mode":"4755"}})"
                  "\n");
  EXPECT_EQ(schema_complaint("entries.schema.json", line), "");
}

TEST(EntryLine, LeavesOutWhatIsNotKnown) {
  EntryRecord entry;
  entry.action = EntryAction::kVanished;
  entry.type = "directory";
  EXPECT_EQ(entry_line(entry, 0),
            R"({"time":"1970-01-01T00:00:00.000Z","path":"","action":"vanished",)"
            R"("type":"directory","size":0})"
            "\n");
}

TEST(EntryLine, NamesWhatOfTheEntryTheTargetHasNot) {
  EntryRecord entry;
  entry.losses = {{LossKind::kXattr, "user.\xff\n"},
                  {LossKind::kAcl, {}},
                  {LossKind::kDevice, "block device"},
                  {LossKind::kHoles, "4096"}};
  std::string line = entry_line(entry, 0);
  EXPECT_EQ(schema_complaint("entries.schema.json", line), "");
  EXPECT_EQ(Json::parse(line)["not_carried"].dump(),
            "[\"xattr user.\xef\xbf\xbd\\n\",\"acl\",\"device block device\",\"holes 4096\"]");
}

TEST(EntryLine, APathThatIsNotUtf8AlsoComesInBase64) {
  EntryRecord entry;
  entry.path = "bad/\xff\xfe";
  Json json = Json::parse(entry_line(entry, 0));
  EXPECT_EQ(json["path"], "bad/\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(json["path_base64"], "YmFkL//+");
}

TEST(EntryLine, AFailureNamesItsErrorAndNoTextBreaksTheLine) {
  EntryRecord entry;
  entry.action = EntryAction::kFailed;
  entry.path = entry.type = entry.error = "\xff\n\r\x01";
  entry.from.owner = entry.from.group = "no\nbody";
  std::string line = entry_line(entry, 0);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(schema_complaint("entries.schema.json", line), "");
  EXPECT_TRUE(Json::parse(line).contains("error"));
}

TEST(EntryLine, EveryActionHasItsName) {
  const std::vector<std::pair<EntryAction, std::string>> names{
      {EntryAction::kCopied, "copied"},    {EntryAction::kMetadata, "metadata"},
      {EntryAction::kLinked, "linked"},    {EntryAction::kSkipped, "skipped"},
      {EntryAction::kDeleted, "deleted"},  {EntryAction::kFailed, "failed"},
      {EntryAction::kChanged, "changed"},  {EntryAction::kVanished, "vanished"},
      {EntryAction::kVerified, "verified"}};
  for (const auto& [action, name] : names) {
    EntryRecord entry;
    entry.action = action;
    std::string line = entry_line(entry, 0);
    EXPECT_EQ(Json::parse(line)["action"], name);
    EXPECT_EQ(schema_complaint("entries.schema.json", line), "");
  }
}

TEST(EntryLog, CanBeReadWhileItGrows) {
  Place place;
  auto file = OutputFile::in_place(place.path("log"));
  ASSERT_TRUE(file.has_value());
  EntryLog log(*std::move(file));
  EXPECT_TRUE(log.wants_entries());
  EntryRecord entry;
  entry.path = "one";
  log.on_entry(entry);
  log.on_progress(Progress{});
  EXPECT_EQ(Json::parse(place.read("log"))["path"], "one");
  entry.path = "two";
  log.on_entry(entry);
  EXPECT_TRUE(log.finish().has_value());
  std::string text = place.read("log");
  EXPECT_EQ(Json::parse(text.substr(text.find('\n')))["path"], "two");
}

}  // namespace
}  // namespace nfsferry

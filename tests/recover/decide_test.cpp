#include "recover/decide.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace nfsferry::recover {
namespace {

using Json = nlohmann::json;

// A row's image: home uid on file system fs, and more members as JSON text ("" for none).
std::string image(const std::string& fs, const std::string& uid, const std::string& more = {}) {
  return R"({"profile_name":{"S":"user1"},"domain_name":{"S":"a"},"domain_id":{"S":"d-a"},)"
         R"("user_profile_name":{"S":"user1"},"replication":{"BOOL":true},"efs_sys_id":{"S":")" +
         fs + R"("},"efs_uid":{"S":")" + uid + R"("})" + (more.empty() ? "" : "," + more) + "}";
}

// The image with some members replaced or, by null, removed.
std::string changed(const std::string& text, const std::string& patch) {
  Json json = Json::parse(text);
  json.merge_patch(Json::parse(patch));
  return json.dump();
}

std::string record(const std::string& event, const std::string& before, const std::string& after) {
  std::string images = before.empty() ? "" : R"("OldImage":)" + before;
  if (!after.empty()) images += (images.empty() ? "" : ",") + (R"("NewImage":)" + after);
  return R"({"eventName":")" + event + R"(","dynamodb":{)" + images + "}}";
}

const std::string kOld = image("fs-0a", "200005");
const std::string kNew = image("fs-0b", "200010");
constexpr const char* kOff = R"({"replication":{"BOOL":false}})";
constexpr const char* kSpace = R"({"space_name":{"S":"space1"},"user_profile_name":null})";

// "SOURCE -> TARGET" by fs/uid and kind, or why not, or what is wrong.
std::string outcome(const std::string& text, UidRule rule = UidRule::kStudio) {
  auto parsed = parse_stream_record(text);
  if (!parsed) return "bad: " + parsed.error().message();
  auto decision = decide(*parsed, DecideOptions{{}, {}, {}, rule});
  if (!decision) return "bad: " + decision.error().message();
  if (!decision->copy) return "no: " + decision->reason;
  Json input = Json::parse(decision->input);
  auto side = [](const Json& endpoint) {
    std::string arn = endpoint["EfsFilesystemArn"];
    std::string kind = endpoint.contains("SpaceName") ? "space " : "user ";
    std::string name = endpoint[endpoint.contains("SpaceName") ? "SpaceName" : "UserProfileName"];
    return kind + name + " " + arn.substr(arn.find('/') + 1) + "/" +
           endpoint["HomeEfsFileSystemUid"].get<std::string>();
  };
  return side(input["Source"]) + " -> " + side(input["Target"]);
}

struct Case {
  const char* name;
  std::string record;
  std::string expected;  // how the outcome begins
};

const std::string kCopied = "user user1 fs-0a/200005 -> user user1 fs-0b/200010";

const std::vector<Case> kCases{
    // Rule 1: only MODIFY.
    {"InsertOfAFirstCreation", record("INSERT", "", kNew), "no: INSERT"},
    {"InsertOfASeed", record("INSERT", "", image("fs-0a", "200005")), "no: INSERT"},
    {"InsertWithAnOldImage", record("INSERT", kOld, kNew), "no: INSERT"},
    {"InsertOfAHomeThatIsEmpty", record("INSERT", "", image("", "")), "no: INSERT"},
    {"Remove", record("REMOVE", kOld, ""), "no: REMOVE"},
    {"RemoveWithTheFlagOff", record("REMOVE", changed(kOld, kOff), ""), "no: REMOVE"},
    {"UnknownEvent", record("modify", kOld, kNew), "no: modify"},
    {"Modify", record("MODIFY", kOld, kNew), kCopied},
    // Rule 2: the old image's flag.
    {"FlagOffInTheOldImage", record("MODIFY", changed(kOld, kOff), kNew), "no: the old row's"},
    {"FlagOffInTheNewImage", record("MODIFY", kOld, changed(kNew, kOff)), kCopied},
    {"FlagOffInBoth", record("MODIFY", changed(kOld, kOff), changed(kNew, kOff)),
     "no: the old row's"},
    {"FlagAbsentIsOn", record("MODIFY", changed(kOld, R"({"replication":null})"), kNew), kCopied},
    {"FlagNullIsOn",
     record("MODIFY", changed(kOld, R"({"replication":{"NULL":true,"BOOL":null}})"), kNew),
     kCopied},
    {"FlagOffBeatsAnEmptyUid", record("MODIFY", changed(image("fs-0a", ""), kOff), kNew),
     "no: the old row's"},
    {"FlagAsText",
     record("MODIFY", changed(kOld, R"({"replication":{"S":"true","BOOL":null}})"), kNew),
     "bad: OldImage.replication"},
    // Rule 3: the same home.
    {"ResultsWereWritten",
     record("MODIFY", kOld, image("fs-0a", "200005", R"("replication_status":{"S":"SUCCESS"})")),
     "no: the home is the same"},
    {"FlagWasChanged", record("MODIFY", kOld, changed(kOld, kOff)), "no: the home is the same"},
    {"SameUidOnAnotherFileSystem", record("MODIFY", kOld, image("fs-0b", "200005")),
     "user user1 fs-0a/200005 -> user user1 fs-0b/200005"},
    {"AnotherUidOnTheSameFileSystem", record("MODIFY", kOld, image("fs-0a", "200010")),
     "user user1 fs-0a/200005 -> user user1 fs-0a/200010"},
    {"BothWithoutAHome", record("MODIFY", image("", ""), image("", "")),
     "no: the home is the same"},
    {"UidAbsentInBoth",
     record("MODIFY", changed(kOld, R"({"efs_uid":null})"),
            changed(image("fs-0a", ""), R"({"efs_uid":{"NULL":true,"S":null}})")),
     "no: the home is the same"},
    {"UidAsNumberIsTheSame",
     record("MODIFY", changed(kOld, R"({"efs_uid":{"N":"200005","S":null}})"), kOld),
     "no: the home is the same"},
    // Rule 4: a space if space_name is set, else a user profile.
    {"Space", record("MODIFY", changed(kOld, kSpace), changed(kNew, kSpace)),
     "space space1 fs-0a/200005 -> space space1 fs-0b/200010"},
    {"SpaceNameEmpty",
     record("MODIFY", image("fs-0a", "200005", R"("space_name":{"S":""})"),
            image("fs-0b", "200010", R"("space_name":{"S":""})")),
     kCopied},
    {"SpaceNameNull",
     record("MODIFY", image("fs-0a", "200005", R"("space_name":{"NULL":true})"),
            image("fs-0b", "200010", R"("space_name":{"NULL":true})")),
     kCopied},
    {"UserNameEmptyInASpace",
     record(
         "MODIFY", changed(kOld, R"({"space_name":{"S":"s"},"user_profile_name":{"S":""}})"),
         changed(kNew, R"({"space_name":{"S":"s"},"user_profile_name":{"NULL":true,"S":null}})")),
     "space s fs-0a/200005 -> space s fs-0b/200010"},
    {"BothNames", record("MODIFY", kOld, image("fs-0b", "200010", R"("space_name":{"S":"s"})")),
     "user user1 fs-0a/200005 -> space s fs-0b/200010"},
    {"NeitherNameIsAUserProfileOfTheKey",
     record("MODIFY", changed(kOld, R"({"user_profile_name":null})"),
            changed(kNew, R"({"user_profile_name":{"S":""}})")),
     kCopied},
    // Lineage: add-target put a row under the new key that carries the old home, and the later
    // real creation overwrites it.
    {"InsertOfAddTarget", record("INSERT", "", changed(kOld, R"({"domain_name":{"S":"b"}})")),
     "no: INSERT"},
    {"CreationAfterAddTarget",
     record("MODIFY", changed(kOld, R"({"profile_name":{"S":"user2"},"domain_name":{"S":"b"},
                                        "user_profile_name":{"S":"user2"}})"),
            changed(kNew, R"({"profile_name":{"S":"user2"},"domain_name":{"S":"b"},
                              "user_profile_name":{"S":"user2"}})")),
     "user user2 fs-0a/200005 -> user user2 fs-0b/200010"},
    // What must not be copied although the rules say so.
    {"OldUidEmpty", record("MODIFY", image("fs-0a", ""), kNew), "bad: OldImage.efs_uid is empty"},
    {"OldUidAbsent", record("MODIFY", changed(kOld, R"({"efs_uid":null})"), kNew),
     "bad: OldImage.efs_uid is empty"},
    {"NewUidEmpty", record("MODIFY", kOld, image("fs-0b", "")), "bad: NewImage.efs_uid is empty"},
    {"NewUidNull", record("MODIFY", kOld, changed(kNew, R"({"efs_uid":{"NULL":true,"S":null}})")),
     "bad: NewImage.efs_uid is empty"},
    {"UidIsTheRoot", record("MODIFY", image("fs-0a", "/"), kNew), "bad: OldImage.efs_uid '/'"},
    {"UidIsTheParent", record("MODIFY", kOld, image("fs-0b", "..")), "bad: NewImage.efs_uid '..'"},
    {"UidWithAPath", record("MODIFY", image("fs-0a", "200005/.."), kNew),
     "bad: OldImage.efs_uid '200005/..'"},
    {"UidOfRoot", record("MODIFY", image("fs-0a", "0"), kNew), "bad: OldImage.efs_uid '0'"},
    {"UidWithALeadingZero", record("MODIFY", image("fs-0a", "0200005"), kNew),
     "bad: OldImage.efs_uid"},
    {"UidTooLong", record("MODIFY", image("fs-0a", "12345678901"), kNew), "bad: OldImage.efs_uid"},
    {"OldFileSystemEmpty", record("MODIFY", image("", "200005"), kNew),
     "bad: OldImage.efs_sys_id is empty"},
    {"NewFileSystemOdd", record("MODIFY", kOld, image("fs-0b.evil", "200010")),
     "bad: NewImage.efs_sys_id 'fs-0b.evil'"},
    {"ProfileNameAbsent", record("MODIFY", kOld, changed(kNew, R"({"profile_name":null})")),
     "bad: NewImage.profile_name is empty"},
    {"UidAsAList", record("MODIFY", changed(kOld, R"({"efs_uid":{"L":[],"S":null}})"), kNew),
     "bad: OldImage.efs_uid is not a typed text"},
    // Records that are none.
    {"NoOldImage", record("MODIFY", "", kNew), "bad: OldImage is missing"},
    {"NoNewImage", record("MODIFY", kOld, ""), "bad: NewImage is missing"},
    {"ImageIsAText", record("MODIFY", "\"old\"", kNew), "bad: OldImage is not a JSON object"},
    {"NoEventName", R"({"dynamodb":{}})", "bad: eventName is missing"},
    {"EventNameIsANumber", R"({"eventName":1,"dynamodb":{}})", "bad: eventName is missing"},
    {"NoChange", R"({"eventName":"MODIFY"})", "bad: dynamodb is missing"},
    {"AList", "[]", "bad: the stream record is not a JSON object"},
    {"CutShort", R"({"eventName":"MODIFY",)", "bad: the stream record is not JSON from byte"},
    {"Empty", "", "bad: the stream record is not JSON from byte"},
};

class Decisions : public testing::TestWithParam<Case> {};

TEST_P(Decisions, FollowTheRules) {
  const Case& one = GetParam();
  std::string got = outcome(one.record);
  EXPECT_EQ(got.substr(0, one.expected.size()), one.expected) << got;
}

INSTANTIATE_TEST_SUITE_P(Table, Decisions, testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(Decide, OtherUidsAreCopiedWhereTheyAreAllowedButNeverMoreThanOneDirectory) {
  EXPECT_EQ(outcome(record("MODIFY", image("fs-0a", "ann"), image("fs-0b", "1")), UidRule::kAny),
            "user user1 fs-0a/ann -> user user1 fs-0b/1");
  for (const char* uid : {"", ".", "..", "/", "a/b"}) {
    std::string got = outcome(record("MODIFY", image("fs-0a", uid), kNew), UidRule::kAny);
    EXPECT_EQ(got.substr(0, 21), "bad: OldImage.efs_uid") << got;
  }
}

TEST(Decide, TheInputIsTheWorkflowsToTheLetter) {
  std::string text = changed(
      record("MODIFY", kOld, kNew),
      R"({"eventSourceARN":"arn:aws:dynamodb:eu-west-1:123456789012:table/studioUser/stream/x"})");
  auto parsed = parse_stream_record(text);
  ASSERT_TRUE(parsed);
  auto decision = decide(*parsed, DecideOptions{{}, {}, "arn:log", UidRule::kStudio});
  ASSERT_TRUE(decision);
  EXPECT_EQ(Json::parse(decision->input), Json::parse(R"({
    "Options":{"Gid":"NONE","LogLevel":"TRANSFER","OverwriteMode":"ALWAYS",
               "PosixPermissions":"NONE","TransferMode":"CHANGED","Uid":"NONE"},
    "Log":{"CloudWatchLogGroupArn":"arn:log"},
    "Source":{"DomainID":"d-a","DomainName":"a","HomeEfsFileSystemUid":"200005",
      "EfsFilesystemArn":"arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/fs-0a",
      "UserProfileName":"user1"},
    "Target":{"DomainID":"d-a","DomainName":"a","HomeEfsFileSystemUid":"200010",
      "EfsFilesystemArn":"arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/fs-0b",
      "UserProfileName":"user1"}})"));
}

TEST(Decide, RegionAndAccountThatAreGivenBeatTheTables) {
  std::string text = changed(record("MODIFY", kOld, kNew),
                             R"({"eventSourceARN":"arn:aws:dynamodb:eu-west-1:1:table/t"})");
  auto parsed = parse_stream_record(text);
  ASSERT_TRUE(parsed);
  auto decision = decide(*parsed, DecideOptions{"us-east-2", "42", {}, UidRule::kStudio});
  ASSERT_TRUE(decision);
  EXPECT_EQ(Json::parse(decision->input)["Source"]["EfsFilesystemArn"],
            "arn:aws:elasticfilesystem:us-east-2:42:file-system/fs-0a");
}

LedgerRow home(const std::string& fs, const std::string& uid) {
  LedgerRow row;
  row.efs_sys_id = fs;
  row.efs_uid = uid;
  return row;
}

// As Python has it: hashlib.sha256("user1/fs-0a/200005/fs-0b/200010".encode()).hexdigest()
TEST(ExecutionName, IsTheHashOfWhatNamesTheCopy) {
  EXPECT_EQ(execution_name("user1", home("fs-0a", "200005"), home("fs-0b", "200010")),
            "c995758a481e70a89f3d24ef11a50b6ef9d319d91a032ad0e6b15d308c71cdd9");
}

TEST(ExecutionName, DiffersWhereAnyPartDiffers) {
  std::string tail(80, 'x');
  std::set<std::string> names{
      execution_name("user1", home("fs-0a", "200005"), home("fs-0b", "200010")),
      execution_name("user.1", home("fs-0a", "200005"), home("fs-0b", "200010")),
      execution_name("user-1", home("fs-0a", "200005"), home("fs-0b", "200010")),
      execution_name("user1", home("fs-0c", "200005"), home("fs-0b", "200010")),
      execution_name("user1", home("fs-0a", "200006"), home("fs-0b", "200010")),
      execution_name("user1", home("fs-0a", "200005"), home("fs-0c", "200010")),
      execution_name("user1", home("fs-0a", "200005"), home("fs-0b", "200011")),
      execution_name(tail, home("fs-0a", "200005"), home("fs-0b", "200010")),
      execution_name(tail, home("fs-0a", "200005"), home("fs-0b", "200011")),
  };
  EXPECT_EQ(names.size(), 9u);
}

TEST(StreamRecord, OfALedgerWithoutAStreamSaysWhatChanged) {
  LedgerRow before = home("fs-0a", "200005");
  before.profile_name = before.space_name = "space1";
  before.domain_name = "a";
  before.replication = false;
  before.replication_status = "SUCCESS";
  LedgerRow after = before;
  after.efs_uid = "200010";
  auto modified = parse_stream_record(stream_record_json(before, after));
  ASSERT_TRUE(modified);
  EXPECT_EQ(modified->event, "MODIFY");
  EXPECT_EQ(modified->before, before);
  EXPECT_EQ(modified->after, after);
  auto inserted = parse_stream_record(stream_record_json({}, after));
  ASSERT_TRUE(inserted);
  EXPECT_EQ(inserted->event, "INSERT");
  EXPECT_EQ(inserted->before, std::nullopt);
}

}  // namespace
}  // namespace nfsferry::recover

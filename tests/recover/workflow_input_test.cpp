// What `recover` is given, and what it makes of it.
#include "recover/workflow_input.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "recover/endpoint.hpp"
#include "recover/outcome.hpp"

namespace nfsferry::recover {
namespace {

using Json = nlohmann::json;

// The input as the existing workflow sends it, with a patch (RFC 7386: null removes).
std::string input(const std::string& patch = "{}") {
  Json json = Json::parse(R"({
    "Options":{"Gid":"NONE","LogLevel":"TRANSFER","OverwriteMode":"ALWAYS",
               "PosixPermissions":"NONE","TransferMode":"CHANGED","Uid":"NONE"},
    "Log":{"CloudWatchLogGroupArn":"arn:aws:logs:eu-west-1:123456789012:log-group:x"},
    "Source":{"DomainID":"d-a","DomainName":"a",
      "EfsFilesystemArn":"arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/fs-0a",
      "HomeEfsFileSystemUid":"200005","SubnetArn":"arn:s","SecurityGroupArns":["arn:g"],
      "UserProfileName":"user1"},
    "Target":{"DomainID":"d-b","DomainName":"b",
      "EfsFilesystemArn":"arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/fs-0b",
      "HomeEfsFileSystemUid":"200010","SubnetArn":"arn:s","SecurityGroupArns":["arn:g"],
      "UserProfileName":"user1"}})");
  json.merge_patch(Json::parse(patch));
  return json.dump();
}

WorkflowInput parsed(const std::string& patch = "{}") {
  auto result = parse_workflow_input(input(patch), UidRule::kStudio);
  EXPECT_TRUE(result) << result.error().message();
  return result ? *std::move(result) : WorkflowInput{};
}

TEST(WorkflowInput, OfTheExistingWorkflowIsTakenAsItIs) {
  WorkflowInput got = parsed();
  EXPECT_EQ(got.source.file_system_id, "fs-0a");
  EXPECT_EQ(got.source.uid, "200005");
  EXPECT_EQ(got.target.region, "eu-west-1");
  EXPECT_EQ(got.options.verify, VerifyMode::kTransferred);
  EXPECT_EQ(got.options.overwrite, OverwriteMode::kAlways);
  EXPECT_EQ(got.options.compare, CompareMode::kChanged);
  EXPECT_FALSE(got.options.keep_uid || got.options.keep_gid);
  LedgerRow row = got.row();
  EXPECT_EQ(row.profile_name, "user1");
  EXPECT_EQ(row.domain_name, "b");
  EXPECT_EQ(row.user_profile_name, "user1");
  EXPECT_EQ(row.space_name, "");
  EXPECT_EQ(row.efs_sys_id, "fs-0b");
  EXPECT_EQ(row.efs_uid, "200010");
}

TEST(WorkflowInput, OfASpaceIsKeyedByTheSpacesName) {
  for (const char* patch : {R"({"Target":{"SpaceName":"space1","UserProfileName":null}})",
                            R"({"Target":{"SpaceName":"space1","UserProfileName":""}})",
                            R"({"Target":{"SpaceName":"space1","UserProfileName":"user1"}})"}) {
    LedgerRow row = parsed(patch).row();
    EXPECT_EQ(row.profile_name, "space1") << patch;
    EXPECT_EQ(row.space_name, "space1") << patch;
    EXPECT_EQ(row.user_profile_name, "") << patch;
  }
}

TEST(WorkflowInput, WithoutOptionsHasTheirDefaults) {
  for (const char* patch : {R"({"Options":null,"Log":null})", R"({"Options":{"Uid":null}})"}) {
    TaskOptions options = parsed(patch).options;
    EXPECT_EQ(options.verify, VerifyMode::kTransferred);
    EXPECT_FALSE(options.keep_uid);
  }
}

TEST(WorkflowInput, OptionsAreMapped) {
  EXPECT_EQ(parsed(R"({"Options":{"VerifyMode":"POINT_IN_TIME_CONSISTENT"}})").options.verify,
            VerifyMode::kAll);
  EXPECT_EQ(parsed(R"({"Options":{"VerifyMode":"ONLY_FILES_TRANSFERRED"}})").options.verify,
            VerifyMode::kTransferred);
  EXPECT_EQ(parsed(R"({"Options":{"VerifyMode":"NONE"}})").options.verify, VerifyMode::kNone);
  EXPECT_EQ(parsed(R"({"Options":{"OverwriteMode":"NEVER"}})").options.overwrite,
            OverwriteMode::kNever);
  EXPECT_EQ(parsed(R"({"Options":{"TransferMode":"ALL"}})").options.compare, CompareMode::kAll);
  EXPECT_TRUE(parsed(R"({"Options":{"PreserveDeletedFiles":"REMOVE"}})").options.delete_surplus);
  EXPECT_TRUE(parsed(R"({"Options":{"Uid":"INT_VALUE"}})").options.keep_uid);
  EXPECT_TRUE(parsed(R"({"Options":{"Gid":"INT_VALUE"}})").options.keep_gid);
}

TEST(WorkflowInput, OptionsThatChangeNothingAreNoted) {
  EXPECT_EQ(parsed().options.notes,
            std::vector<std::string>{
                "Options.PosixPermissions NONE keeps the modes all the same: a home needs them"});
  for (const char* option :
       {R"("TaskQueueing":"ENABLED")", R"("ObjectTags":"NONE")", R"("Mtime":"NONE")",
        R"("SecurityDescriptorCopyFlags":"OWNER_DACL")", R"("PreserveDevices":"PRESERVE")"}) {
    auto options = parsed(std::string(R"({"Options":{)") + option + "}}").options;
    EXPECT_EQ(options.notes.size(), 2u) << option;
  }
  for (const char* option : {R"("BytesPerSecond":-1)", R"("Mtime":"PRESERVE")",
                             R"("PreserveDeletedFiles":"PRESERVE")", R"("Atime":"BEST_EFFORT")"}) {
    auto options = parsed(std::string(R"({"Options":{)") + option + "}}").options;
    EXPECT_EQ(options.notes.size(), 1u) << option;
  }
}

struct BadInput {
  const char* name;
  std::string text;
  const char* said;
};

const std::vector<BadInput> kBadInputs{
    {"Nothing", "", "the input is not JSON from byte 1 on"},
    {"CutShort", input().substr(0, 100), "the input is not JSON from byte"},
    {"AList", "[]", "the input is not a JSON object"},
    {"NoSource", input(R"({"Source":null})"), "Source is missing"},
    {"TargetIsAText", input(R"({"Target":"x"})"), "Target is not a JSON object"},
    {"SourceUidEmpty", input(R"({"Source":{"HomeEfsFileSystemUid":""}})"),
     "Source.HomeEfsFileSystemUid is empty"},
    {"SourceUidAbsent", input(R"({"Source":{"HomeEfsFileSystemUid":null}})"),
     "Source.HomeEfsFileSystemUid is empty"},
    {"TargetUidRoot", input(R"({"Target":{"HomeEfsFileSystemUid":"/"}})"),
     "Target.HomeEfsFileSystemUid '/'"},
    {"TargetUidParent", input(R"({"Target":{"HomeEfsFileSystemUid":".."}})"),
     "Target.HomeEfsFileSystemUid '..'"},
    {"TargetUidPath", input(R"({"Target":{"HomeEfsFileSystemUid":"200010/../1"}})"),
     "Target.HomeEfsFileSystemUid '200010/../1'"},
    {"TargetUidName", input(R"({"Target":{"HomeEfsFileSystemUid":"ann"}})"), "--allow-any-uid"},
    {"TargetUidTrue", input(R"({"Target":{"HomeEfsFileSystemUid":true}})"),
     "Target.HomeEfsFileSystemUid is not a text"},
    {"ArnAbsent", input(R"({"Source":{"EfsFilesystemArn":null}})"),
     "Source.EfsFilesystemArn is empty"},
    {"ArnOfAnotherService",
     input(R"({"Source":{"EfsFilesystemArn":"arn:aws:s3:::file-system/fs-0a"}})"),
     "Source.EfsFilesystemArn 'arn:aws:s3:::file-system/fs-0a' is not the ARN"},
    {"ArnWithoutAnId",
     input(R"({"Target":{"EfsFilesystemArn":"arn:aws:elasticfilesystem:r:1:file-system/"}})"),
     "Target.EfsFilesystemArn is empty"},
    {"ArnWithAnEvilRegion",
     input(R"({"Target":{"EfsFilesystemArn":"arn:aws:elasticfilesystem:x/y:1:file-system/fs-0"}})"),
     "Target.EfsFilesystemArn"},
    {"ArnWithAnEvilId",
     input(
         R"({"Target":{"EfsFilesystemArn":"arn:aws:elasticfilesystem:r:1:file-system/fs-0/.."}})"),
     "Target.EfsFilesystemArn 'fs-0/..'"},
    {"MountTargetWithAPath", input(R"({"Source":{"MountTarget":"10.0.0.1/other"}})"),
     "Source.MountTarget '10.0.0.1/other' is not a host"},
    {"SameHome", input(R"({"Target":{"HomeEfsFileSystemUid":"200005",
       "EfsFilesystemArn":"arn:aws:elasticfilesystem:r:1:file-system/fs-0a"}})"),
     "Target.HomeEfsFileSystemUid and Source are the same home: fs-0a/200005"},
    {"NeitherName", input(R"({"Target":{"UserProfileName":null}})"),
     "Target.UserProfileName and Target.SpaceName are both empty"},
    {"NeitherNameButEmpty", input(R"({"Target":{"UserProfileName":"","SpaceName":""}})"),
     "Target.UserProfileName and Target.SpaceName are both empty"},
    {"NoDomain", input(R"({"Target":{"DomainName":""}})"), "Target.DomainName is empty"},
    {"OptionsIsAList", input(R"({"Options":[]})"), "Options is not a JSON object"},
    {"UnknownOption", input(R"({"Options":{"Uuid":"NONE"}})"), "Options.Uuid is not known"},
    {"UnknownValue", input(R"({"Options":{"Uid":"NAME"}})"),
     "Options.Uid \"NAME\" is not known; write NONE, INT_VALUE"},
    {"ValueInLowerCase", input(R"({"Options":{"VerifyMode":"none"}})"), "Options.VerifyMode"},
    {"ValueOfAnotherType", input(R"({"Options":{"OverwriteMode":true}})"),
     "Options.OverwriteMode true is not known"},
    {"DeletionWithAll",
     input(R"({"Options":{"PreserveDeletedFiles":"REMOVE","TransferMode":"ALL"}})"),
     "Options.PreserveDeletedFiles REMOVE does not go with TransferMode ALL"},
    {"Bandwidth", input(R"({"Options":{"BytesPerSecond":1048576}})"),
     "Options.BytesPerSecond 1048576 is no limit here: give the command --bwlimit"},
    {"BandwidthAsText", input(R"({"Options":{"BytesPerSecond":"-1"}})"), "Options.BytesPerSecond"},
};

class BadInputs : public testing::TestWithParam<BadInput> {};

TEST_P(BadInputs, AreRefusedByTheMembersName) {
  auto refused = parse_workflow_input(GetParam().text, UidRule::kStudio);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Own::kBadInput));
  EXPECT_EQ(refused.error().message().find('\n'), std::string::npos);
  EXPECT_NE(refused.error().message().find(GetParam().said), std::string::npos)
      << refused.error().message();
}

INSTANTIATE_TEST_SUITE_P(Table, BadInputs, testing::ValuesIn(kBadInputs),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(WorkflowInput, AllowedUidsAreStillOneDirectory) {
  auto parse = [](const std::string& uid) {
    Json patch;
    patch["Source"]["HomeEfsFileSystemUid"] = uid;
    return parse_workflow_input(input(patch.dump()), UidRule::kAny).has_value();
  };
  EXPECT_TRUE(parse("ann"));
  EXPECT_TRUE(parse("1"));
  for (const char* uid : {"", "/", ".", "..", "a/b", "a\nb"}) EXPECT_FALSE(parse(uid)) << uid;
}

std::string location(const Endpoint& endpoint, const std::vector<FileSystemMap>& maps = {}) {
  auto result = home_location(endpoint, "Source", maps);
  return result ? *result : result.error().message();
}

TEST(HomeLocation, IsOnTheFileSystemsDnsName) {
  Endpoint endpoint = parsed().source;
  EXPECT_EQ(location(endpoint), "nfs://fs-0a.efs.eu-west-1.amazonaws.com/200005");
  endpoint.partition = "aws-cn";
  EXPECT_EQ(location(endpoint), "nfs://fs-0a.efs.eu-west-1.amazonaws.com.cn/200005");
}

TEST(HomeLocation, IsOnTheMountTargetIfThereIsOne) {
  EXPECT_EQ(location(parsed(R"({"Source":{"MountTarget":"10.0.0.1"}})").source),
            "nfs://10.0.0.1/200005");
}

TEST(HomeLocation, IsWhereItsFileSystemIsMappedBeforeAllElse) {
  Endpoint endpoint = parsed(R"({"Source":{"MountTarget":"10.0.0.1"}})").source;
  EXPECT_EQ(location(endpoint, {{"fs-0b", "/mnt/b"}, {"fs-0a", "/mnt/a"}}), "/mnt/a/200005");
  EXPECT_EQ(location(endpoint, {{"fs-0a", "/"}}), "/200005");
  EXPECT_EQ(location(endpoint, {{"fs-0a", "nfs://127.0.0.1:20490/efs/?version=4.1&uid=0"}}),
            "nfs://127.0.0.1:20490/efs/200005?version=4.1&uid=0");
  endpoint.uid = "a b?%";
  EXPECT_EQ(location(endpoint, {{"fs-0a", "nfs://h"}}), "nfs://h/a%20b%3F%25");
  EXPECT_EQ(location(endpoint, {{"fs-0a", "/mnt/a?b"}}), "/mnt/a?b/a b?%");
}

TEST(HomeLocation, NeedsARegionWhereNothingElseTellsTheHost) {
  Endpoint endpoint = parsed().source;
  endpoint.region.clear();
  EXPECT_EQ(location(endpoint),
            "Source.EfsFilesystemArn has no region; write one, or --map fs-0a=nfs://HOST/");
  EXPECT_EQ(location(endpoint, {{"fs-0a", "/mnt/a"}}), "/mnt/a/200005");
}

TEST(FileSystemMaps, AreAnIdAndARoot) {
  for (const char* text : {"", "fs-0a", "fs-0a=", "fs-0a=efs", "fs-0a=nfs://", "=/mnt", "fs=/mnt",
                           "fs-0/a=/mnt", "fs-0a=http://x/"}) {
    EXPECT_FALSE(parse_file_system_map(text)) << text;
  }
  auto map = parse_file_system_map("fs-0a=nfs://h/efs?uid=0");
  ASSERT_TRUE(map);
  EXPECT_EQ(map->file_system_id, "fs-0a");
  EXPECT_EQ(map->location, "nfs://h/efs?uid=0");
}

struct End {
  ExitCode copy;
  const char* code;
  std::uint64_t failed_transfer;
  std::uint64_t failed_verify;
  const char* error;
  ExitCode exit_code;
};

TEST(OutcomeOf, ACopyHasTheWorkflowsErrorAndExitCode) {
  using E = ExitCode;
  const std::vector<End> ends{
      {E::kDone, "", 0, 0, "", E::kDone},
      {E::kOnlyChangedFiles, "", 0, 0, "", E::kDone},
      {E::kEntriesFailed, "", 3, 0, "Nfsferry.PartialCopy", E::kEntriesFailed},
      {E::kEntriesFailed, "", 3, 2, "Nfsferry.PartialCopy", E::kEntriesFailed},
      {E::kEntriesFailed, "", 0, 2, "Nfsferry.VerifyFailed", E::kEntriesFailed},
      {E::kUsage, "same_directory", 0, 0, "Nfsferry.BadInput", E::kUsage},
      {E::kSourceUnreachable, "NFS4ERR_NOENT", 0, 0, "Nfsferry.SourceMissing",
       E::kSourceUnreachable},
      {E::kSourceUnreachable, "ECONNREFUSED", 0, 0, "Nfsferry.SourceMissing",
       E::kSourceUnreachable},
      {E::kSourceUnreachable, "NFS4ERR_ACCESS", 0, 0, "Nfsferry.Denied", E::kTargetUnusable},
      {E::kTargetUnusable, "NFS4ERR_NOENT", 0, 0, "Nfsferry.TargetNotReady", E::kTemporary},
      {E::kTargetUnusable, "ECONNREFUSED", 0, 0, "Nfsferry.TargetNotReady", E::kTemporary},
      {E::kTargetUnusable, "NFS4ERR_DQUOT", 5, 0, "Nfsferry.NoSpace", E::kTargetUnusable},
      {E::kTargetUnusable, "ENOSPC", 0, 0, "Nfsferry.NoSpace", E::kTargetUnusable},
      {E::kTargetUnusable, "EACCES", 0, 0, "Nfsferry.Denied", E::kTargetUnusable},
      {E::kTargetUnusable, "NFS4ERR_ROFS", 0, 0, "Nfsferry.Denied", E::kTargetUnusable},
      {E::kTemporary, "unreachable", 0, 0, "Nfsferry.Transient", E::kTemporary},
      {E::kInterrupted, "", 0, 0, "Nfsferry.Transient", E::kInterrupted},
      {E::kTerminated, "", 0, 0, "Nfsferry.Transient", E::kTerminated},
  };
  for (const End& end : ends) {
    CopyReport report;
    report.exit_code = end.copy;
    report.error_code = end.code;
    report.failed_transfer = end.failed_transfer;
    report.failed_verify = end.failed_verify;
    Outcome outcome = outcome_of(report);
    EXPECT_EQ(outcome.error, end.error) << static_cast<int>(end.copy) << " " << end.code;
    EXPECT_EQ(outcome.exit_code, end.exit_code) << static_cast<int>(end.copy) << " " << end.code;
  }
}

}  // namespace
}  // namespace nfsferry::recover

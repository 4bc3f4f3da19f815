#include "report/report_json.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "schema_check.hpp"

namespace nfsferry {
namespace {

using OrderedJson = nlohmann::ordered_json;
using test::schema_complaint;
// What counters can reach: readers, valijson among them, hold an integer in 64 bits with a sign.
constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr auto kMost64 = std::numeric_limits<std::uint64_t>::max();
constexpr auto kMost32 = std::numeric_limits<std::uint32_t>::max();

std::string copy_complaint(const CopyReport& report) {
  return schema_complaint("report.schema.json", copy_report_json(report));
}

SideReport extreme_side() {
  SideReport side;
  side.location = std::string(100'000, '\x01');
  side.nfs_version = std::string(1000, '\xff');
  side.max_operations = side.slots = side.connections = kMost32;
  side.requests = kMost;
  for (int i = 0; i < 200; ++i) {
    side.latency[std::string(200, '\x02') + std::to_string(i)] = {kMost, kMost, kMost, kMost};
  }
  return side;
}

void add_extreme_names(CopyReport& report) {
  for (int i = 0; i < 2000; ++i) {
    report.failures.push_back({std::string(255, '\xfe'), std::string(500, '\x06'),
                               std::string(500, '\x07'), "", kMost32});
  }
  for (int i = 0; i < 200; ++i) {
    report.losses.examples.push_back(
        {std::string(4096, '\xfe'), {LossKind::kXattr, std::string(10'000, '\x01')}});
  }
}

// Everything as large as it goes, every text as long as it gets in JSON.
CopyReport extreme_report() {
  CopyReport report;
  report.options.owner = OwnerRule::kFixed;
  report.options.owner_uid = report.options.owner_gid = kMost32;
  report.options.threads = report.options.connections = kMost32;
  report.options.map_uid = report.options.map_gid =
      std::vector<IdMap>(5000, {kMost32, kMost32, kMost32});
  report.options.filters = std::vector<FilterRule>(5000, {true, std::string(500, '\x08')});
  report.options.timeout_ms = kMost;
  report.options.rates = {kRateMost, kRateMost};
  report.exit_code = ExitCode::kTerminated;
  report.run_id = std::string(10'000, '\x03');
  report.engine = "epoll";
  report.engine_note = report.error_detail = std::string(100'000, '\x04');
  report.error_code = std::string(10'000, '\x05');
  report.tree_digest = std::string(32, 'f');
  for (std::uint64_t* counter : {&report.start_ms,
                                 &report.end_ms,
                                 &report.duration_ms,
                                 &report.estimated_files,
                                 &report.estimated_bytes,
                                 &report.files_transferred,
                                 &report.files_skipped,
                                 &report.files_verified,
                                 &report.files_deleted,
                                 &report.folders_transferred,
                                 &report.folders_skipped,
                                 &report.folders_verified,
                                 &report.bytes_written,
                                 &report.bytes_transferred,
                                 &report.failed_prepare,
                                 &report.failed_transfer,
                                 &report.failed_verify,
                                 &report.failed_delete,
                                 &report.hard_links,
                                 &report.symlinks,
                                 &report.special_skipped,
                                 &report.sparse_bytes_saved,
                                 &report.changed_during_copy,
                                 &report.vanished,
                                 &report.retries,
                                 &report.throttled_ms,
                                 &report.peak_rss_bytes,
                                 &report.leftovers_skipped,
                                 &report.mounts_not_entered,
                                 &report.metadata_repaired,
                                 &report.temporaries_removed,
                                 &report.owners_not_set,
                                 &report.target_only,
                                 &report.folders_deleted,
                                 &report.deletion_refused,
                                 &report.backed_up,
                                 &report.files_filtered,
                                 &report.folders_filtered,
                                 &report.losses.acls,
                                 &report.losses.xattrs,
                                 &report.losses.devices,
                                 &report.losses.holes,
                                 &report.losses.holes_bytes,
                                 &report.prepare.duration_ms,
                                 &report.transfer.duration_ms,
                                 &report.verify.duration_ms}) {
    *counter = kMost;
  }
  report.source = report.target = extreme_side();
  add_extreme_names(report);
  return report;
}

TEST(CopyReportJson, AnEmptyReportFitsTheSchema) { EXPECT_EQ(copy_complaint(CopyReport{}), ""); }

TEST(CopyReportJson, ExtremeValuesFitTheSchemaAndTheSizeLimit) {
  CopyReport report = extreme_report();
  EXPECT_EQ(copy_complaint(report), "");
  std::string text = copy_report_json(report);
  EXPECT_LT(text.size(), kReportBytesMax);
  OrderedJson json = OrderedJson::parse(text);
  EXPECT_TRUE(json["nfsferry"]["failures_truncated"].get<bool>());
  EXPECT_FALSE(json["nfsferry"]["failures"].empty());
  EXPECT_TRUE(json["nfsferry"]["not_carried"]["examples_truncated"].get<bool>());
  EXPECT_EQ(json["BytesWritten"].get<std::uint64_t>(), kMost);
  EXPECT_EQ(json["EndTime"], "9999-12-31T23:59:59.999Z");
}

TEST(CopyReportJson, WhatWasNotCarriedIsCountedAndNamed) {
  CopyReport report;
  report.losses.acls = 1;
  report.losses.xattrs = 2;
  report.losses.devices = 3;
  report.losses.holes = 4;
  report.losses.holes_bytes = 5;
  report.losses.acls_told = true;
  report.losses.examples = {{"a", {LossKind::kAcl, {}}},
                            {"b\xff", {LossKind::kXattr, "user.x"}},
                            {"c", {LossKind::kDevice, "block device"}},
                            {"d", {LossKind::kHoles, "5"}}};
  EXPECT_EQ(copy_complaint(report), "");
  OrderedJson json = OrderedJson::parse(copy_report_json(report))["nfsferry"]["not_carried"];
  EXPECT_EQ(json.dump(-1, ' ', true),
            R"({"acls":1,"xattrs":2,"devices":3,"holes_filled":4,"holes_filled_bytes":5,)"
            R"("acls_told":true,"xattrs_told":false,"examples":[{"path":"a","kind":"acl"},)"
            R"({"path":"b\ufffd","path_base64":"Yv8=","kind":"xattr","detail":"user.x"},)"
            R"({"path":"c","kind":"device","detail":"block device"},)"
            R"({"path":"d","kind":"holes","detail":"5"}],"examples_truncated":false})");
}

TEST(CopyReportJson, EveryExitCodeFitsTheSchemaAndOnlyZeroAndFiveAreSuccess) {
  for (int code : {0, 1, 2, 3, 4, 5, 75, 130, 143}) {
    CopyReport report;
    report.exit_code = static_cast<ExitCode>(code);
    EXPECT_EQ(copy_complaint(report), "") << code;
    OrderedJson json = OrderedJson::parse(copy_report_json(report));
    EXPECT_EQ(json["Status"], code == 0 || code == 5 ? "SUCCESS" : "ERROR") << code;
    EXPECT_EQ(json["replication_status"], json["Status"]) << code;
  }
}

// A value of one option, and what the report calls it.
struct OptionRow {
  const char* member;
  const char* text;
  std::function<void(CopyOptions&)> set;
};

std::vector<OptionRow> option_rows() {
  return {
      {"owner", "keep", [](CopyOptions& o) { o.owner = OwnerRule::kKeep; }},
      {"owner", "target", [](CopyOptions& o) { o.owner = OwnerRule::kTarget; }},
      {"owner", "0:0", [](CopyOptions& o) { o.owner = OwnerRule::kFixed; }},
      {"owner_errors", "fail", [](CopyOptions& o) { o.owner_errors = OwnerErrors::kFail; }},
      {"owner_errors", "warn", [](CopyOptions& o) { o.owner_errors = OwnerErrors::kWarn; }},
      {"suid", "keep", [](CopyOptions& o) { o.suid = SuidMode::kKeep; }},
      {"suid", "drop", [](CopyOptions& o) { o.suid = SuidMode::kDrop; }},
      {"suid", "keep", [](CopyOptions& o) { o.suid = SuidMode::kAuto; }},
      {"suid", "drop", [](CopyOptions& o) { o.owner = OwnerRule::kTarget; }},
      {"suid", "drop", [](CopyOptions& o) { o.map_gid = {{1, 2}}; }},
      {"compare", "changed", [](CopyOptions& o) { o.compare = CompareMode::kChanged; }},
      {"compare", "all", [](CopyOptions& o) { o.compare = CompareMode::kAll; }},
      {"TransferMode", "ALL", [](CopyOptions& o) { o.compare = CompareMode::kAll; }},
      {"compare", "checksum", [](CopyOptions& o) { o.compare = CompareMode::kChecksum; }},
      {"TransferMode", "CHANGED", [](CopyOptions& o) { o.compare = CompareMode::kChecksum; }},
      {"overwrite", "always", [](CopyOptions& o) { o.overwrite = OverwriteMode::kAlways; }},
      {"overwrite", "never", [](CopyOptions& o) { o.overwrite = OverwriteMode::kNever; }},
      {"OverwriteMode", "NEVER", [](CopyOptions& o) { o.overwrite = OverwriteMode::kNever; }},
      {"overwrite", "older", [](CopyOptions& o) { o.overwrite = OverwriteMode::kOlder; }},
      {"OverwriteMode", "ALWAYS", [](CopyOptions& o) { o.overwrite = OverwriteMode::kOlder; }},
      {"verify", "none", [](CopyOptions& o) { o.verify = VerifyMode::kNone; }},
      {"verify", "transferred", [](CopyOptions& o) { o.verify = VerifyMode::kTransferred; }},
      {"verify", "all", [](CopyOptions& o) { o.verify = VerifyMode::kAll; }},
      {"VerifyMode", "POINT_IN_TIME_CONSISTENT",
       [](CopyOptions& o) { o.verify = VerifyMode::kAll; }},
      {"checksum", "xxh3-128", [](CopyOptions& o) { o.checksum = ChecksumMode::kXxh3; }},
      {"checksum", "none", [](CopyOptions& o) { o.checksum = ChecksumMode::kNone; }},
      {"engine", "auto", [](CopyOptions& o) { o.engine = EngineMode::kAuto; }},
      {"engine", "io_uring", [](CopyOptions& o) { o.engine = EngineMode::kIoUring; }},
      {"engine", "epoll", [](CopyOptions& o) { o.engine = EngineMode::kEpoll; }},
      {"Uid", "INT_VALUE", [](CopyOptions& o) { o.map_gid = {{1, 2}}; }},
      {"Gid", "NONE", [](CopyOptions& o) { o.map_gid = {{1, 2}}; }},
      {"Uid", "NONE", [](CopyOptions& o) { o.owner = OwnerRule::kTarget; }},
  };
}

TEST(CopyReportJson, EveryOptionFitsTheSchemaAndIsCalledAsItsFlagTakesIt) {
  for (const OptionRow& row : option_rows()) {
    CopyReport report;
    row.set(report.options);
    EXPECT_EQ(copy_complaint(report), "") << row.member << " " << row.text;
    EXPECT_EQ(OrderedJson::parse(copy_report_json(report))["Options"][row.member], row.text)
        << row.member;
  }
}

TEST(CopyReportJson, SwitchesAndMappedIdsAreAmongTheOptions) {
  CopyReport report;
  CopyOptions& options = report.options;
  const std::map<std::string, bool*> switches{
      {"delete", &options.delete_surplus},
      {"dry_run", &options.dry_run},
      {"force", &options.force},
      {"create_target", &options.create_target},
      {"root_attributes", &options.root_attributes},
      {"cross_mounts", &options.cross_mounts},
      {"include_nfs_leftovers", &options.include_nfs_leftovers}};
  for (const auto& [name, on] : switches) {
    EXPECT_EQ(OrderedJson::parse(copy_report_json(report))["Options"][name], false) << name;
    *on = true;
    EXPECT_EQ(OrderedJson::parse(copy_report_json(report))["Options"][name], true) << name;
  }
  options.map_uid = {{200005, 200010}, {1, 2}, {1000, 5000, 1000}};
  OrderedJson json = OrderedJson::parse(copy_report_json(report))["Options"];
  EXPECT_EQ(json["map_uid"], OrderedJson({"200005:200010", "1:2", "1000-1999:5000"}));
  EXPECT_EQ(json["map_gid"], OrderedJson::array());
  EXPECT_EQ(json["filters"], OrderedJson::array());
  options.filters = {{true, "/kept/"}, {false, "*.tmp"}};
  json = OrderedJson::parse(copy_report_json(report))["Options"];
  EXPECT_EQ(json["filters"], OrderedJson({"+ /kept/", "- *.tmp"}));
}

TEST(CopyReportJson, LimitsAreAmongTheOptionsAndNoLimitIsWhatTheServiceCallsIt) {
  CopyReport report;
  OrderedJson none = OrderedJson::parse(copy_report_json(report))["Options"];
  EXPECT_EQ(none["BytesPerSecond"], -1);
  EXPECT_EQ(none["bwlimit"], 0);
  EXPECT_EQ(none["iops_limit"], 0);
  report.options.rates = {1u << 20, 200};
  OrderedJson both = OrderedJson::parse(copy_report_json(report))["Options"];
  EXPECT_EQ(copy_complaint(report), "");
  EXPECT_EQ(both["BytesPerSecond"], 1u << 20);
  EXPECT_EQ(both["bwlimit"], 1u << 20);
  EXPECT_EQ(both["iops_limit"], 200);
}

TEST(CopyReportJson, TheSchemaRejectsAReportThatIsWrong) {
  const OrderedJson good = OrderedJson::parse(copy_report_json(CopyReport{}));
  std::vector<OrderedJson> wrong(10, good);
  wrong[0].erase("Status");
  wrong[1]["Status"] = "DONE";
  wrong[2]["BytesWritten"] = "12";
  wrong[3]["BytesWritten"] = -1;
  wrong[4]["BytesWritten"] = 1.5;
  wrong[5]["NewMember"] = 1;
  wrong[6]["StartTime"] = "2024-01-01T00:00:00Z";
  wrong[7]["nfsferry"]["failures"].push_back(OrderedJson::object());
  wrong[8]["nfsferry"].erase("latency");
  wrong[9]["Result"]["VerifyStatus"] = "";
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    EXPECT_NE(schema_complaint("report.schema.json", wrong[i].dump()), "") << i;
  }
}

TEST(CopyReportJson, MembersComeInTheDocumentedOrder) {
  std::vector<std::string> members;
  const OrderedJson json = OrderedJson::parse(copy_report_json(CopyReport{}));
  for (const auto& [name, value] : json.items()) members.push_back(name);
  std::vector<std::string> wanted{"Status",
                                  "StartTime",
                                  "EndTime",
                                  "Options",
                                  "EstimatedFilesToTransfer",
                                  "EstimatedBytesToTransfer",
                                  "FilesTransferred",
                                  "BytesWritten",
                                  "BytesTransferred",
                                  "BytesCompressed",
                                  "FilesSkipped",
                                  "FilesVerified",
                                  "FilesDeleted",
                                  "FoldersTransferred",
                                  "FoldersSkipped",
                                  "FoldersVerified",
                                  "FilesFailed",
                                  "Result",
                                  "bytes_written",
                                  "files_transferred",
                                  "duration_ms",
                                  "replication_status",
                                  "nfsferry"};
  EXPECT_EQ(members, wanted);
}

TEST(CopyReportJson, CountersReachTheirMembers) {
  CopyReport report;
  report.start_ms = 1'709'251'199'999;
  report.duration_ms = 2000;
  report.files_transferred = 10;
  report.bytes_written = 4096;
  report.bytes_transferred = 5000;
  report.failed_verify = 3;
  report.source.requests = 7;
  report.target.requests = 8;
  report.target.nfs_version = "4.1";
  report.source.latency["READ"] = {5, 100, 200, 300};
  report.run_id = "run-1";
  report.metadata_repaired = 11;
  report.temporaries_removed = 12;
  report.owners_not_set = 13;
  report.target_only = 14;
  report.files_filtered = 16;
  report.folders_filtered = 17;
  report.verify.duration_ms = 15;
  report.verify.success = false;
  OrderedJson json = OrderedJson::parse(copy_report_json(report));
  EXPECT_EQ(json["StartTime"], "2024-02-29T23:59:59.999Z");
  EXPECT_EQ(json["FilesTransferred"], 10);
  EXPECT_EQ(json["files_transferred"], 10);
  EXPECT_EQ(json["BytesWritten"], 4096);
  EXPECT_EQ(json["bytes_written"], 4096);
  EXPECT_EQ(json["BytesTransferred"], 5000);
  EXPECT_EQ(json["FilesFailed"]["Verify"], 3);
  EXPECT_EQ(json["Result"]["TotalDuration"], 2000);
  EXPECT_EQ(json["duration_ms"], 2000);
  const OrderedJson& own = json["nfsferry"];
  EXPECT_EQ(own["files_per_second"], 5);
  EXPECT_EQ(own["bytes_per_second"], 2048);
  EXPECT_EQ(own["requests"]["source"], 7);
  EXPECT_EQ(own["requests"]["target"], 8);
  EXPECT_EQ(own["nfs_version"]["target"], "4.1");
  EXPECT_EQ(own["latency"]["source.READ"]["p95_us"], 200);
  EXPECT_EQ(own["run_id"], "run-1");
  EXPECT_EQ(own["metadata_repaired"], 11);
  EXPECT_EQ(own["temporaries_removed"], 12);
  EXPECT_EQ(own["owners_not_set"], 13);
  EXPECT_EQ(own["target_only"], 14);
  EXPECT_EQ(own["files_filtered"], 16);
  EXPECT_EQ(own["folders_filtered"], 17);
  EXPECT_EQ(json["Result"]["VerifyDuration"], 15);
  EXPECT_EQ(json["Result"]["VerifyStatus"], "ERROR");
}

TEST(CopyReportJson, AnOwnerIsWrittenAsItsFlagTakesIt) {
  CopyReport report;
  report.options.owner = OwnerRule::kFixed;
  report.options.owner_uid = 200001;
  report.options.owner_gid = 1001;
  OrderedJson json = OrderedJson::parse(copy_report_json(report));
  EXPECT_EQ(json["Options"]["owner"], "200001:1001");
  EXPECT_EQ(json["Options"]["Uid"], "NONE");
}

TEST(CopyReportJson, APhaseThatNeverBeganIsPending) {
  CopyReport report;
  report.exit_code = ExitCode::kSourceUnreachable;
  report.error_code = "ECONNREFUSED";
  report.prepare.success = false;
  OrderedJson json = OrderedJson::parse(copy_report_json(report));
  EXPECT_EQ(json["Result"]["PrepareStatus"], "ERROR");
  EXPECT_EQ(json["Result"]["TransferStatus"], "PENDING");
  EXPECT_EQ(json["Result"]["VerifyStatus"], "PENDING");
  EXPECT_EQ(copy_complaint(report), "");
}

TEST(CopyReportJson, AVerificationThatNobodyAskedForNeverBegan) {
  CopyReport report;
  report.prepare.success = report.transfer.success = report.verify.success = true;
  EXPECT_EQ(OrderedJson::parse(copy_report_json(report))["Result"]["VerifyStatus"], "SUCCESS");
  report.options.dry_run = true;
  EXPECT_EQ(OrderedJson::parse(copy_report_json(report))["Result"]["VerifyStatus"], "PENDING");
  report.options.dry_run = false;
  report.options.verify = VerifyMode::kNone;
  EXPECT_EQ(OrderedJson::parse(copy_report_json(report))["Result"]["VerifyStatus"], "PENDING");
}

TEST(CopyReportJson, BadInputEndsARunBeforeItsTransfer) {
  CopyReport report;
  report.exit_code = ExitCode::kUsage;
  OrderedJson json = OrderedJson::parse(copy_report_json(report));
  EXPECT_EQ(json["Result"]["PrepareStatus"], "ERROR");
  EXPECT_EQ(json["Result"]["TransferStatus"], "PENDING");
}

TEST(CopyReportJson, APathThatIsNotUtf8AlsoComesInBase64AndOthersDoNot) {
  CopyReport report;
  report.failures.push_back({"good/\xc3\xa9\n\"\\", "OPEN", "NFS4ERR_ACCESS", "", 1});
  report.failures.push_back({"bad/\xff\xfe", "READ", "NFS4ERR_IO", "", 3});
  OrderedJson failures = OrderedJson::parse(copy_report_json(report))["nfsferry"]["failures"];
  ASSERT_EQ(failures.size(), 2u);
  EXPECT_EQ(failures[0]["path"], "good/\xc3\xa9\n\"\\");
  EXPECT_FALSE(failures[0].contains("path_base64"));
  EXPECT_EQ(failures[1]["path"], "bad/\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(failures[1]["path_base64"], "YmFkL//+");
  EXPECT_EQ(failures[1]["attempts"], 3);
}

TEST(CopyReportJson, AThousandOrdinaryFailuresAreKept) {
  CopyReport report;
  for (int i = 0; i < 1000; ++i) {
    report.failures.push_back({"home/user/project/data/part-" + std::to_string(i) + ".parquet",
                               "WRITE", "NFS4ERR_ACCESS", "permission denied", 1});
  }
  OrderedJson own = OrderedJson::parse(copy_report_json(report))["nfsferry"];
  EXPECT_EQ(own["failures"].size(), 1000u);
  EXPECT_FALSE(own["failures_truncated"].get<bool>());

  report.failures.push_back(report.failures.front());
  own = OrderedJson::parse(copy_report_json(report))["nfsferry"];
  EXPECT_EQ(own["failures"].size(), 1000u);
  EXPECT_TRUE(own["failures_truncated"].get<bool>());
}

TEST(CopyReportJson, FailuresTooLargeForTheReportAreLeftOutFromTheEnd) {
  CopyReport report;
  for (int i = 0; i < 300; ++i) {
    report.failures.push_back({std::to_string(i) + std::string(1000, 'x'), "WRITE", "EIO", "", 1});
  }
  std::string text = copy_report_json(report);
  EXPECT_LT(text.size(), kReportBytesMax);
  EXPECT_GT(text.size(), kReportBytesMax - 2000);
  OrderedJson own = OrderedJson::parse(text)["nfsferry"];
  EXPECT_TRUE(own["failures_truncated"].get<bool>());
  ASSERT_GT(own["failures"].size(), 100u);
  std::string first = own["failures"][0]["path"];
  EXPECT_EQ(first.substr(0, 2), "0x");
}

TEST(ProbeReportJson, EmptyAndExtremeAnswersFitTheSchema) {
  EXPECT_EQ(schema_complaint("probe.schema.json", probe_report_json(ProbeReport{})), "");
  ProbeReport report;
  report.exit_code = ExitCode::kSourceUnreachable;
  report.error_detail = report.location = std::string(100'000, '\xff');
  report.engine = "io_uring";
  report.versions = {{"4.1", true, "NFS4_OK"}, {"4.0", false, std::string(10'000, '\x01')}};
  report.round_trip_us = report.max_read_bytes = report.space_total_bytes = kMost;
  report.max_operations = report.slots = report.root_mode = kMost32;
  report.files_free = kMost;
  report.root_fileid = report.root_fsid_major = report.root_fsid_minor = kMost64;
  report.server_owner = report.server_scope = std::string(1024, '\0');
  EXPECT_EQ(schema_complaint("probe.schema.json", probe_report_json(report)), "");
}

TEST(ProbeReportJson, TheSchemaRejectsAnAnswerThatIsWrong) {
  OrderedJson json = OrderedJson::parse(probe_report_json(ProbeReport{}));
  json["limits"].erase("slots");
  EXPECT_NE(schema_complaint("probe.schema.json", json.dump()), "");
}

TEST(ProbeReportJson, TheModeIsOctalText) {
  ProbeReport report;
  report.root_mode = 0700;
  EXPECT_EQ(OrderedJson::parse(probe_report_json(report))["root"]["mode"], "0700");
}

TEST(PerSecond, RoundsDownAndNeverOverflows) {
  EXPECT_EQ(per_second(10, 0), 0u);
  EXPECT_EQ(per_second(10, 3000), 3u);
  EXPECT_EQ(per_second(10, 4), 2500u);
  EXPECT_EQ(per_second(kMost64, 1), kMost64);
  EXPECT_EQ(per_second(kMost64, kMost64), 1000u);
  EXPECT_LE(per_second(kMost64 - 1, kMost64), 1000u);
}

TEST(Rfc3339, IsUtcWithMilliseconds) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(951'782'400'001), "2000-02-29T00:00:00.001Z");
}

}  // namespace
}  // namespace nfsferry

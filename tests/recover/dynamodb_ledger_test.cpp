// The ledger in DynamoDB: the contract on two programs that play it, and what the wire must show.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "aws_players.hpp"
#include "aws_stand_in.hpp"
#include "ledger_contract.hpp"
#include "node_packages.hpp"
#include "recover/aws_client.hpp"
#include "recover/dynamodb_ledger.hpp"

namespace nfsferry::recover {
namespace {

using test::aws_refusal;
using test::AwsAnswer;
using test::AwsEnvironment;
using test::AwsRequest;
using test::AwsStandIn;
using Names = std::vector<std::string>;
using Wire = nlohmann::json;

// ---- the contract

Json key_part(const char* name, const char* kind) {
  return {{"AttributeName", name}, {"KeyType", kind}};
}

void make_table(AwsClient& client, const std::string& table, const char* range,
                const char* range_type) {
  Json request = {
      {"TableName", table},
      {"KeySchema", {key_part("profile_name", "HASH"), key_part(range, "RANGE")}},
      {"ProvisionedThroughput", {{"ReadCapacityUnits", 1000}, {"WriteCapacityUnits", 1000}}}};
  request["AttributeDefinitions"] = Json::array();
  request["AttributeDefinitions"].push_back(
      {{"AttributeName", "profile_name"}, {"AttributeType", "S"}});
  request["AttributeDefinitions"].push_back(
      {{"AttributeName", range}, {"AttributeType", range_type}});
  auto made = client.call("CreateTable", request);
  ASSERT_TRUE(made) << made.error().message();
  for (int looks = 0; looks < 1000; ++looks) {
    auto described = client.call("DescribeTable", {{"TableName", table}});
    if (described && (*described)["Table"]["TableStatus"] == "ACTIVE") return;
  }
  FAIL() << table << " does not become active";
}

// Fresh tables there; from now on calls go there.
std::string fresh_tables(const std::string& url) {
  static std::unique_ptr<AwsEnvironment> environment;
  environment.reset();
  environment = std::make_unique<AwsEnvironment>(url);
  static int count = 0;
  std::string table = "studioUser" + std::to_string(++count);
  auto client = AwsClient::open(kDynamodb);
  EXPECT_TRUE(client) << client.error().message();
  if (!client) return {};
  make_table(*client, table, "domain_name", "S");
  make_table(*client, table + "History", "epoctime", "N");
  return "dynamodb:" + table;
}

std::string on_dynalite(const test::Folder&) { return fresh_tables(test::dynalite_url()); }
std::string on_moto(const test::Folder&) { return fresh_tables(test::moto_url()); }

const Store kStores[] = {
    {"Dynalite", on_dynalite, test::require_packages},
    {"Moto", on_moto, test::missing_moto},
};

INSTANTIATE_TEST_SUITE_P(Dynamodb, LedgerContract, testing::ValuesIn(kStores), store_name);

// ---- the commands

TEST(DynamodbCommands, WorkOnTablesAsTheyDoOnAFile) {
  if (auto missing = test::require_packages(); !missing.empty()) GTEST_SKIP() << missing;
  test::Folder folder;
  std::string location = on_dynalite(folder);
  auto ledger = [&location](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "ledger");
    arguments.insert(arguments.end(), {"--ledger", location});
    test::Outcome outcome = test::run_program(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.out;
  };
  Names key{"--profile-name", "user1", "--domain-name", "a"};
  auto upsert = [&](const char* uid) {
    Names arguments{"upsert", "--efs-sys-id", "fs-0a", "--efs-uid", uid, "--stream-record"};
    arguments.insert(arguments.end(), key.begin(), key.end());
    return Wire::parse(ledger(arguments), nullptr, false);
  };
  EXPECT_EQ(upsert("200005")["eventName"], "INSERT");
  Wire change = upsert("200010");
  EXPECT_EQ(change["eventName"], "MODIFY");
  EXPECT_EQ(change["dynamodb"]["OldImage"]["efs_uid"]["S"], "200005");
  ledger({"flag", "--no-replication", key[0], key[1], key[2], key[3]});
  Wire row =
      Wire::parse(ledger({"show", "--json", key[0], key[1], key[2], key[3]}), nullptr, false);
  EXPECT_EQ(row["efs_uid"], "200010");
  EXPECT_EQ(row["replication"], false);
  ledger({"add-target", "--src-profile-name", "user1", "--src-domain-name", "a",
          "--target-profile-name", "user1", "--target-domain-name", "b"});
  EXPECT_EQ(test::line_count(ledger({"show"})), 2);
  EXPECT_EQ(test::line_count(ledger({"history", "--profile-name", "user1"})), 2);
}

// ---- what the wire must show

LedgerRow home(const std::string& uid) {
  LedgerRow row;
  row.profile_name = row.user_profile_name = "user1";
  row.domain_name = "a";
  row.efs_sys_id = "fs-0a";
  row.efs_uid = uid;
  return row;
}

Wire item(const std::string& uid) {
  return {{"profile_name", {{"S", "user1"}}}, {"user_profile_name", {{"S", "user1"}}},
          {"domain_name", {{"S", "a"}}},      {"efs_sys_id", {{"S", "fs-0a"}}},
          {"efs_uid", {{"S", uid}}},          {"replication", {{"BOOL", true}}}};
}

AwsAnswer with(const char* member, const Wire& value) {
  return {200, Wire{{member, value}}.dump()};
}

const AwsAnswer kCut{200, "", AwsAnswer::Way::kCut};

// A ledger whose calls are answered in turn.
class DynamodbWire : public testing::Test {
 protected:
  Ledger& ledger(std::vector<AwsAnswer> answers, const char* tables = "studioUser") {
    answers_ = std::move(answers);
    AwsPatience quick;
    quick.first_pause_ms = 1;
    auto opened = open_dynamodb_ledger(tables, quick);
    EXPECT_TRUE(opened) << opened.error().message();
    ledger_ = *std::move(opened);
    return *ledger_;
  }
  Wire sent(std::size_t index) const { return service_.requests().at(index).json(); }

  std::vector<AwsAnswer> answers_;
  AwsStandIn service_{[this](const AwsRequest&, std::size_t index) {
    return index < answers_.size() ? answers_[index] : AwsAnswer{};
  }};
  AwsEnvironment environment_{service_.url()};
  std::unique_ptr<Ledger> ledger_;
};

TEST_F(DynamodbWire, AttributesHaveTheTypesOfTheContractAndEmptyOnesAreAbsent) {
  LedgerRow row = home("200005");
  row.bytes_written = "12";
  ASSERT_TRUE(ledger({}).put(row));
  Wire expected = item("200005");
  expected["bytes_written"]["S"] = "12";
  EXPECT_EQ(sent(1)["TableName"], "studioUser");
  EXPECT_EQ(sent(1)["Item"], expected);
}

TEST_F(DynamodbWire, HistoryHasANumberForItsTimeAndNoResults) {
  LedgerRow row = home("200005");
  row.bytes_written = "12";
  ASSERT_TRUE(ledger({}).append_history(row, 1'700'000'000'123));
  Wire expected = item("200005");
  expected["epoctime"]["N"] = "1700000000123";
  EXPECT_EQ(sent(0)["TableName"], "studioUserHistory");
  EXPECT_EQ(sent(0)["Item"], expected);
}

TEST_F(DynamodbWire, TheHistorysTableMayHaveAnotherName) {
  ASSERT_TRUE(ledger({}, "studioUser,other.history").append_history(home("200005"), 1));
  EXPECT_EQ(sent(0)["TableName"], "other.history");
}

TEST_F(DynamodbWire, NamesThatNoTableHasAreRefused) {
  for (const char* tables : {"", "ab", "studio/User", "studioUser,", "studioUser,a,b"}) {
    auto opened = open_ledger(std::string("dynamodb:") + tables, OpenMode::kCreate);
    ASSERT_FALSE(opened) << tables;
    EXPECT_TRUE(opened.error().is(Own::kBadInput)) << tables;
  }
}

TEST_F(DynamodbWire, EmptyNullAndAbsentReadTheSame) {
  Wire null_item = item("200005");
  null_item["space_name"]["NULL"] = true;
  Wire empty_item = item("200005");
  empty_item["space_name"]["S"] = "";
  Ledger& store =
      ledger({with("Item", item("200005")), with("Item", null_item), with("Item", empty_item)});
  for (int i = 0; i < 3; ++i) {
    auto row = store.get({"user1", "a"});
    ASSERT_TRUE(row && *row) << i;
    EXPECT_EQ(**row, home("200005")) << i;
  }
}

TEST_F(DynamodbWire, ARowWithoutAFlagIsReplicated) {
  Wire bare = item("200005");
  bare.erase("replication");
  auto row = ledger({with("Item", bare)}).get({"user1", "a"});
  ASSERT_TRUE(row && *row);
  EXPECT_TRUE((*row)->replication);
}

TEST_F(DynamodbWire, AnItemOfOtherTypesIsNotTakenForARow) {
  std::vector<AwsAnswer> answers;
  Wire list = item("200005");
  list["efs_uid"] = {{"L", Wire::array()}};
  Wire flag = item("200005");
  flag["replication"] = {{"S", "true"}};
  Wire number = item("200005");
  number["efs_uid"] = 7;
  const Wire bad[] = {list, flag, number, "text", Wire::array()};
  for (const Wire& one : bad) answers.push_back(with("Item", one));
  Ledger& store = ledger(answers);
  for (const Wire& one : bad) {
    auto row = store.get({"user1", "a"});
    EXPECT_TRUE(!row && row.error().is(Own::kBadReply)) << one;
  }
}

TEST_F(DynamodbWire, ResultsThatComeInPagesAreReadToTheirEnd) {
  Wire first = {{"Items", {item("200005")}},
                {"LastEvaluatedKey", {{"profile_name", {{"S", "user1"}}}}}};
  Wire other = item("200010");
  other["domain_name"]["S"] = "b";
  Ledger& store = ledger({{200, first.dump()}, with("Items", Wire::array({other}))});
  auto rows = store.list();
  ASSERT_TRUE(rows) << rows.error().message();
  EXPECT_EQ(rows->size(), 2u);
  EXPECT_FALSE(sent(0).contains("ExclusiveStartKey"));
  EXPECT_EQ(sent(1)["ExclusiveStartKey"], first["LastEvaluatedKey"]);
}

TEST_F(DynamodbWire, APageThatComesAgainEndsTheReading) {
  Wire page = {{"Items", Wire::array()},
               {"LastEvaluatedKey", {{"profile_name", {{"S", "user1"}}}}}};
  auto rows = ledger({{200, page.dump()}, {200, page.dump()}}).list();
  ASSERT_FALSE(rows);
  EXPECT_TRUE(rows.error().is(Own::kBadReply));
}

TEST_F(DynamodbWire, APutWhoseAnswerWasLostStillTellsTheRowThatItReplaced) {
  auto before = ledger({with("Item", item("200005")), kCut, with("Attributes", item("200010"))})
                    .put(home("200010"));
  ASSERT_TRUE(before && *before);
  EXPECT_EQ((*before)->efs_uid, "200005");
  EXPECT_EQ(service_.operations(), (Names{"GetItem", "PutItem", "PutItem"}));
}

TEST_F(DynamodbWire, APutTellsTheRowThatItReplacedThoughAnotherCameFirst) {
  auto before = ledger({with("Item", item("200005")), with("Attributes", item("200007"))})
                    .put(home("200010"));
  ASSERT_TRUE(before && *before);
  EXPECT_EQ((*before)->efs_uid, "200007");
}

TEST_F(DynamodbWire, AnInsertWhoseAnswerWasLostKnowsItsOwnRow) {
  AwsAnswer there = aws_refusal("ConditionalCheckFailedException");
  auto own = ledger({kCut, there, with("Item", item("200005"))}).insert(home("200005"));
  ASSERT_TRUE(own) << own.error().message();
  EXPECT_TRUE(*own);
}

TEST_F(DynamodbWire, AnInsertWhoseAnswerWasLostKnowsAnothersRow) {
  AwsAnswer there = aws_refusal("ConditionalCheckFailedException");
  auto other = ledger({kCut, there, with("Item", item("200010"))}).insert(home("200005"));
  ASSERT_TRUE(other) << other.error().message();
  EXPECT_FALSE(*other);
}

TEST_F(DynamodbWire, ATableThatIsMissingIsNamed) {
  auto row = ledger({aws_refusal("ResourceNotFoundException")}).get({"user1", "a"});
  ASSERT_FALSE(row);
  EXPECT_EQ(row.error().message(), "GetItem studioUser: ResourceNotFoundException: as it is told");
  EXPECT_FALSE(is_busy(row.error()));
}

}  // namespace
}  // namespace nfsferry::recover

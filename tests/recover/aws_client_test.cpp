// Calls of AWS: signed, answered, repeated. The stand-in is the service and the container's
// credentials at once.
#include "recover/aws_client.hpp"

#include <gtest/gtest.h>

#include <string>

#include "aws_stand_in.hpp"
#include "base/wall_clock.hpp"
#include "program.hpp"
#include "recover/http.hpp"
#include "report/report_json.hpp"

namespace nfsferry::recover {
namespace {

using test::aws_refusal;
using test::AwsAnswer;
using test::AwsEnvironment;
using test::AwsRequest;
using test::AwsStandIn;

constexpr std::uint64_t kHour = 3'600'000;

AwsPatience patience(unsigned attempts = 3) {
  AwsPatience quick;
  quick.attempts = attempts;
  quick.first_pause_ms = 1;
  return quick;
}

Result<Json> call(AwsPatience how = patience()) {
  auto client = AwsClient::open(kDynamodb, how);
  if (!client) return client.error();
  return client->call("GetItem", {{"TableName", "t"}});
}

// Answers these in turn, and then {}.
AwsStandIn::Answer in_turn(std::vector<AwsAnswer> answers) {
  return [answers](const AwsRequest&, std::size_t index) {
    return index < answers.size() ? answers[index] : AwsAnswer{};
  };
}

TEST(AwsClient, SaysWhatItAsksForAndGivesBackTheAnswer) {
  AwsStandIn service(in_turn({{200, R"({"Item": {"a": {"S": "b"}}})"}}));
  AwsEnvironment environment(service.url());
  auto answer = call();
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ((*answer)["Item"]["a"]["S"], "b");
  AwsRequest request = service.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.header("x-amz-target"), "DynamoDB_20120810.GetItem");
  EXPECT_EQ(request.header("content-type"), "application/x-amz-json-1.0");
  EXPECT_EQ(request.json()["TableName"], "t");
}

TEST(AwsClient, SignsEveryHeaderOfItsOwnForTheRegionAndTheService) {
  AwsStandIn service;
  AwsEnvironment environment(service.url());
  environment.set("AWS_SESSION_TOKEN", "a/session+token==");
  ASSERT_TRUE(call());
  AwsRequest request = service.requests().at(0);
  nlohmann::json json = {{"method", request.method},
                         {"path", request.path},
                         {"headers", request.headers},
                         {"body", request.body},
                         {"secret_key", "secret/key+1"}};
  test::Folder folder;
  folder.write("request.json", json.dump());
  test::Outcome checked =
      test::Program("/usr/bin/python3",
                    {"-B", NFSFERRY_SOURCE_DIR "/tests/recover/check_signature.py"},
                    folder.path("request.json"))
          .wait();
  ASSERT_EQ(checked.exit_code, 0) << checked.err;
  EXPECT_NE(checked.out.find("/eu-west-1/dynamodb/aws4_request "), std::string::npos)
      << checked.out;
  EXPECT_NE(checked.out.find("x-amz-security-token"), std::string::npos) << checked.out;
  EXPECT_NE(checked.out.find("x-amz-target"), std::string::npos) << checked.out;
  EXPECT_EQ(request.header("x-amz-security-token"), "a/session+token==");
}

TEST(AwsClient, TheEndpointOfTheServiceWins) {
  AwsStandIn service;
  AwsEnvironment environment("http://127.0.0.1:1");
  environment.set("AWS_ENDPOINT_URL_DYNAMODB", service.url() + "/");
  ASSERT_TRUE(call());
  EXPECT_EQ(service.requests().at(0).path, "/");
}

TEST(AwsClient, TrafficThatIsTooMuchAndTroubleOnTheWayAreRepeated) {
  AwsStandIn service(in_turn({aws_refusal("ThrottlingException"),
                              aws_refusal("ProvisionedThroughputExceededException"),
                              {429, ""},
                              {503, "<html>"},
                              {200, "", AwsAnswer::Way::kCut}}));
  AwsEnvironment environment(service.url());
  auto client = AwsClient::open(kDynamodb, patience(6));
  ASSERT_TRUE(client);
  auto answer = client->call("GetItem", Json::object());
  EXPECT_TRUE(answer) << answer.error().message();
  EXPECT_TRUE(client->repeated());
  EXPECT_EQ(service.requests().size(), 6u);
}

TEST(AwsClient, RepeatsSoOftenAndNoMore) {
  AwsStandIn service([](const AwsRequest&, std::size_t) { return AwsAnswer{500, "{}"}; });
  AwsEnvironment environment(service.url());
  auto answer = call(patience(4));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().name(), "HTTP status 500");
  EXPECT_EQ(service.requests().size(), 4u);
}

TEST(AwsClient, ARefusalIsFinalAndKeepsItsNameAndWords) {
  AwsStandIn service(
      in_turn({aws_refusal("ResourceNotFoundException"), aws_refusal("ValidationException")}));
  AwsEnvironment environment(service.url());
  auto known = call();
  auto unknown = call();
  ASSERT_TRUE(!known && !unknown);
  EXPECT_TRUE(known.error().is(AwsFailure::kNoSuchTable));
  EXPECT_EQ(known.error().message(), "GetItem: ResourceNotFoundException: as it is told");
  EXPECT_EQ(unknown.error().message(),
            "GetItem: HTTP status 400: ValidationException: as it is told");
  EXPECT_EQ(service.requests().size(), 2u);
}

TEST(AwsClient, AServiceThatIsSilentIsGivenUp) {
  AwsStandIn service(
      [](const AwsRequest&, std::size_t) { return AwsAnswer{200, "", AwsAnswer::Way::kSilence}; });
  AwsEnvironment environment(service.url());
  AwsPatience impatient = patience(2);
  impatient.timeout_ms = 50;
  auto answer = call(impatient);
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().is(Own::kTimeout)) << answer.error().message();
}

TEST(AwsClient, AnAnswerThatIsNoObjectIsABadReply) {
  for (const char* body : {"", "[]", "{", "\"text\""}) {
    AwsStandIn service(in_turn({{200, body}}));
    AwsEnvironment environment(service.url());
    auto answer = call();
    ASSERT_FALSE(answer) << body;
    EXPECT_TRUE(answer.error().is(Own::kBadReply)) << body;
  }
}

TEST(AwsClient, TextThatIsNoUtf8IsNotSent) {
  AwsStandIn service;
  AwsEnvironment environment(service.url());
  auto client = AwsClient::open(kDynamodb, patience());
  ASSERT_TRUE(client);
  auto answer = client->call("GetItem", {{"TableName", "\xff"}});
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().is(Own::kBadInput));
  EXPECT_TRUE(service.requests().empty());
}

TEST(AwsClient, WhatIsMissingIsSaidBeforeAnyCall) {
  struct Row {
    const char* unset;
    const char* set;
    const char* value;
    const char* said;
  };
  const Row rows[] = {
      {"AWS_REGION", nullptr, nullptr, "set AWS_REGION"},
      {"AWS_SECRET_ACCESS_KEY", nullptr, nullptr, "no AWS credentials"},
      {nullptr, "AWS_REGION", "eu west/1", "is no region"},
      {nullptr, "AWS_ENDPOINT_URL", "ftp://x", "is no address"},
  };
  for (const Row& row : rows) {
    AwsEnvironment environment("http://127.0.0.1:1");
    if (row.unset != nullptr) environment.unset(row.unset);
    if (row.set != nullptr) environment.set(row.set, row.value);
    auto client = AwsClient::open(kDynamodb);
    ASSERT_FALSE(client) << row.said;
    EXPECT_TRUE(client.error().is(Own::kBadInput)) << row.said;
    EXPECT_NE(client.error().message().find(row.said), std::string::npos)
        << client.error().message();
  }
}

// ---- credentials of a container

AwsAnswer keys(const std::string& access_key, std::uint64_t expires_ms) {
  nlohmann::json json = {{"AccessKeyId", access_key},
                         {"SecretAccessKey", "secret/key+1"},
                         {"Token", "session-of-" + access_key},
                         {"Expiration", rfc3339(expires_ms).substr(0, 19) + "Z"}};
  return {200, json.dump()};
}

// A container's credentials: KEY0, KEY1 and so on, each good for so long.
class ContainerCredentials : public testing::Test {
 protected:
  ContainerCredentials() {
    for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}) {
      environment_.unset(name);
    }
    environment_.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", place_.url() + "/get?role=1");
    environment_.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "first");
  }

  // The access keys that the calls were signed with.
  static std::vector<std::string> signers(const AwsStandIn& service) {
    constexpr std::size_t kKeyLength = 4;
    std::vector<std::string> names;
    for (const AwsRequest& request : service.requests()) {
      std::string signature = request.header("authorization");
      names.push_back(signature.substr(signature.find("Credential=") + 11, kKeyLength));
    }
    return names;
  }

  void expect_calls(AwsClient& client, int count) {
    for (int i = 0; i < count; ++i) {
      auto answer = client.call("GetItem", Json::object());
      EXPECT_TRUE(answer) << answer.error().message();
    }
  }

  std::uint64_t good_for_ms_ = 6 * kHour;
  bool gone_ = false;
  AwsStandIn place_{[this](const AwsRequest&, std::size_t index) {
    return gone_ ? AwsAnswer{404, ""}
                 : keys("KEY" + std::to_string(index), wall_clock_ms() + good_for_ms_);
  }};
  AwsStandIn service_;
  AwsEnvironment environment_{service_.url()};
};

using Names = std::vector<std::string>;

TEST_F(ContainerCredentials, AreFetchedOnceWhileTheyAreGood) {
  auto client = AwsClient::open(kDynamodb, patience());
  ASSERT_TRUE(client);
  expect_calls(*client, 2);
  EXPECT_EQ(signers(service_), (Names{"KEY0", "KEY0"}));
  AwsRequest request = place_.requests().at(0);
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.path, "/get?role=1");
  EXPECT_EQ(request.header("authorization"), "first");
  EXPECT_EQ(service_.requests().at(0).header("x-amz-security-token"), "session-of-KEY0");
}

TEST_F(ContainerCredentials, AreFetchedAnewBeforeTheyExpire) {
  good_for_ms_ = 60'000;
  test::Folder folder;
  folder.write("token", "from-file\n");
  environment_.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", folder.path("token"));
  auto client = AwsClient::open(kDynamodb, patience());
  ASSERT_TRUE(client);
  expect_calls(*client, 1);
  folder.write("token", "replaced");
  expect_calls(*client, 1);
  EXPECT_EQ(signers(service_), (Names{"KEY0", "KEY1"}));
  EXPECT_EQ(place_.requests().at(0).header("authorization"), "from-file");
  EXPECT_EQ(place_.requests().at(1).header("authorization"), "replaced");
}

TEST_F(ContainerCredentials, AreUsedToTheirEndWhereThereAreNoOthers) {
  good_for_ms_ = 60'000;
  auto client = AwsClient::open(kDynamodb, patience());
  ASSERT_TRUE(client);
  expect_calls(*client, 1);
  gone_ = true;
  expect_calls(*client, 1);
  EXPECT_EQ(signers(service_), (Names{"KEY0", "KEY0"}));
}

TEST_F(ContainerCredentials, ThatTheServiceTakesForExpiredAreFetchedAnew) {
  AwsStandIn service(in_turn({aws_refusal("ExpiredTokenException")}));
  environment_.set("AWS_ENDPOINT_URL", service.url());
  auto client = AwsClient::open(kDynamodb, patience());
  ASSERT_TRUE(client);
  expect_calls(*client, 1);
  EXPECT_EQ(signers(service), (Names{"KEY0", "KEY1"}));
}

TEST_F(ContainerCredentials, ThatCannotBeHadFailTheCall) {
  gone_ = true;
  auto client = AwsClient::open(kDynamodb, patience());
  ASSERT_TRUE(client);
  auto answer = client->call("GetItem", Json::object());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().name(), "HTTP status 404");
  EXPECT_TRUE(service_.requests().empty());
}

TEST_F(ContainerCredentials, AreAskedOfTheRelativeAddressFirst) {
  environment_.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/id");
  auto place = find_credentials();
  ASSERT_TRUE(place);
  EXPECT_EQ(place->url, "http://169.254.170.2/v2/credentials/id");
  EXPECT_EQ(place->token, "");
  environment_.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@other.example/");
  EXPECT_FALSE(find_credentials());
}

TEST_F(ContainerCredentials, AreNotAskedOfOtherMachinesInTheClear) {
  for (const char* url :
       {"http://other.example/", "http://127.0.0.1@other.example/", "http://127.0.0.1.example/",
        "http://localhost:80@other.example/", "http://[::1].example/", "ftp://127.0.0.1/", "x"}) {
    environment_.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    EXPECT_FALSE(find_credentials()) << url;
  }
  for (const char* url : {"https://other.example/", "http://169.254.170.23/v1/credentials",
                          "http://[fd00:ec2::23]/v1", "http://localhost:8080/x"}) {
    environment_.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    EXPECT_TRUE(find_credentials()) << url;
  }
}

TEST(Credentials, OfWhichAMemberIsWrongAreABadReply) {
  for (const char* text :
       {"", "[]", "{}", R"({"AccessKeyId":"a"})", R"({"AccessKeyId":1,"SecretAccessKey":"b"})",
        R"({"AccessKeyId":"a","SecretAccessKey":""})",
        R"({"AccessKeyId":"a\r\nx: y","SecretAccessKey":"b"})",
        R"({"AccessKeyId":"a","SecretAccessKey":"b","Token":[]})",
        R"({"AccessKeyId":"a","SecretAccessKey":"b","Expiration":"soon"})",
        R"({"AccessKeyId":"a","SecretAccessKey":"b","Expiration":1700000000})"}) {
    auto credentials = parse_credentials(text);
    ASSERT_FALSE(credentials) << text;
    EXPECT_TRUE(credentials.error().is(Own::kBadReply)) << text;
  }
}

TEST(Credentials, WithoutAnExpiryAreGoodForEver) {
  auto credentials = parse_credentials(R"({"AccessKeyId":"a","SecretAccessKey":"b","more":{}})");
  ASSERT_TRUE(credentials);
  EXPECT_EQ(credentials->expires_ms, 0u);
  EXPECT_EQ(credentials->session_token, "");
}

}  // namespace
}  // namespace nfsferry::recover

// A task of a workflow that waits for the run: heartbeats, the answer, refusals. The stand-in is
// the service.
#include "recover/waiting_task.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "aws_stand_in.hpp"
#include "home_folders.hpp"
#include "recover/aws_error.hpp"

namespace nfsferry::recover {
namespace {

using test::aws_refusal;
using test::AwsAnswer;
using test::AwsEnvironment;
using test::AwsRequest;
using test::AwsStandIn;
using test::Folder;
using test::HomeFolders;
using test::Outcome;
using Json = nlohmann::json;
using Names = std::vector<std::string>;

// Refuses the token from the request with this index on.
AwsStandIn::Answer refusing(const std::string& name, std::size_t first = 0) {
  return [name, first](const AwsRequest&, std::size_t index) {
    return index < first ? AwsAnswer{} : aws_refusal(name);
  };
}

class WaitingTaskTest : public testing::Test {
 protected:
  void answer_with(AwsStandIn::Answer answer) {
    service_ = std::make_unique<AwsStandIn>(std::move(answer));
    environment_.set("AWS_ENDPOINT_URL_SFN", service_->url());
  }
  void SetUp() override {
    answer_with([](const AwsRequest&, std::size_t) { return AwsAnswer{}; });
    environment_.set("NFSFERRY_TASK_TOKEN", "token-1");
  }
  std::unique_ptr<WaitingTask> open(std::uint64_t heartbeat_ms = 0) {
    AwsPatience quick;
    quick.first_pause_ms = 1;
    quick.attempts = 3;
    auto task = WaitingTask::open(heartbeat_ms, quick);
    EXPECT_TRUE(task && *task);
    return task ? *std::move(task) : nullptr;
  }
  Json sent(std::size_t index) const { return service_->requests().at(index).json(); }

  AwsEnvironment environment_{"http://127.0.0.1:1"};
  std::unique_ptr<AwsStandIn> service_;
  StopFlag stop_{0};
};

TEST_F(WaitingTaskTest, WithoutATokenNobodyWaits) {
  for (const char* token : {"", "unset"}) {
    environment_.set("NFSFERRY_TASK_TOKEN", token);
    if (std::string(token) == "unset") environment_.unset("NFSFERRY_TASK_TOKEN");
    auto task = WaitingTask::open(0);
    ASSERT_TRUE(task) << token;
    EXPECT_EQ(*task, nullptr) << token;
  }
}

TEST_F(WaitingTaskTest, ATokenThatIsTooLongIsBadInput) {
  environment_.set("NFSFERRY_TASK_TOKEN", std::string(2049, 'x'));
  auto task = WaitingTask::open(0);
  ASSERT_FALSE(task);
  EXPECT_TRUE(task.error().is(Own::kBadInput));
}

TEST_F(WaitingTaskTest, BeginsWithAHeartbeatAndAnswersOnce) {
  auto task = open();
  ASSERT_TRUE(task->begin(stop_));
  EXPECT_FALSE(task->end());
  ASSERT_TRUE(task->succeed("{\"Status\":\"SUCCESS\"}"));
  EXPECT_EQ(service_->operations(), (Names{"SendTaskHeartbeat", "SendTaskSuccess"}));
  EXPECT_EQ(service_->requests().at(1).header("x-amz-target"), "AWSStepFunctions.SendTaskSuccess");
  EXPECT_NE(service_->requests().at(1).header("authorization").find("/eu-west-1/states/"),
            std::string::npos);
  EXPECT_EQ(sent(0), (Json{{"taskToken", "token-1"}}));
  EXPECT_EQ(sent(1), (Json{{"taskToken", "token-1"}, {"output", "{\"Status\":\"SUCCESS\"}"}}));
}

TEST_F(WaitingTaskTest, BeatsWhileTheCountersMove) {
  auto task = open();
  ASSERT_TRUE(task->begin(stop_));
  Progress now;
  const std::vector<std::uint64_t*> counters{&now.files_found, &now.bytes_found, &now.files_done,
                                             &now.bytes_done,  &now.failures,    &now.answers};
  std::size_t beats = 1;
  for (std::uint64_t* counter : counters) {
    ++*counter;
    task->on_progress(now);
    service_->wait_for(++beats);
  }
  EXPECT_EQ(service_->operations(), Names(beats, "SendTaskHeartbeat"));
}

TEST_F(WaitingTaskTest, DoesNotBeatWhileTheyStandStill) {
  auto task = open();
  ASSERT_TRUE(task->begin(stop_));
  Progress now;
  now.files_done = 7;
  task->on_progress(now);
  service_->wait_for(2);
  for (int i = 0; i < 1000; ++i) {
    ++now.elapsed_ms;
    task->on_progress(now);
  }
  EXPECT_FALSE(task->end());
  ASSERT_TRUE(task->succeed("{}"));
  EXPECT_EQ(service_->operations(),
            (Names{"SendTaskHeartbeat", "SendTaskHeartbeat", "SendTaskSuccess"}));
}

TEST_F(WaitingTaskTest, BeatsNoFasterThanItIsTold) {
  auto task = open(3'600'000);
  ASSERT_TRUE(task->begin(stop_));
  Progress now;
  for (int i = 0; i < 1000; ++i) {
    ++now.files_done;
    task->on_progress(now);
    task->note_life();
  }
  EXPECT_FALSE(task->end());
  EXPECT_EQ(service_->operations(), Names{"SendTaskHeartbeat"});
}

TEST_F(WaitingTaskTest, BeatsForOtherSignsOfLife) {
  auto task = open();
  ASSERT_TRUE(task->begin(stop_));
  task->note_life();
  service_->wait_for(2);
}

TEST_F(WaitingTaskTest, ATokenThatIsRefusedStopsTheRun) {
  for (const char* name : {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}) {
    answer_with(refusing(name, 1));
    stop_ = 0;
    auto task = open();
    ASSERT_TRUE(task->begin(stop_));
    task->note_life();
    service_->wait_for(2);
    auto refusal = task->end();
    ASSERT_TRUE(refusal) << name;
    EXPECT_TRUE(is_refusal(*refusal)) << name;
    EXPECT_EQ(stop_.load(), SIGTERM) << name;
  }
}

TEST_F(WaitingTaskTest, AHeartbeatThatFailsOtherwiseStopsNothing) {
  answer_with([](const AwsRequest&, std::size_t index) {
    return index == 1 ? aws_refusal("AccessDeniedException") : AwsAnswer{};
  });
  auto task = open();
  ASSERT_TRUE(task->begin(stop_));
  task->note_life();
  service_->wait_for(2);
  task->note_life();
  service_->wait_for(3);
  EXPECT_FALSE(task->end());
  EXPECT_EQ(stop_.load(), 0);
}

TEST_F(WaitingTaskTest, AnAnswerIsSentAgainWhileTheServiceIsBusy) {
  answer_with([](const AwsRequest&, std::size_t index) {
    return index < 2 ? aws_refusal("ThrottlingException") : AwsAnswer{};
  });
  ASSERT_TRUE(open()->succeed("{}"));
  EXPECT_EQ(service_->operations(), Names(3, "SendTaskSuccess"));
}

TEST_F(WaitingTaskTest, ErrorAndCauseAreCutToWhatTheServiceTakes) {
  std::string umlauts;
  for (int i = 0; i < 40'000; ++i) umlauts += "\xc3\xbc";
  ASSERT_TRUE(open()->fail(std::string(300, 'e'), umlauts + "\xff"));
  Json json = sent(0);
  EXPECT_EQ(json["error"].get<std::string>(), std::string(256, 'e'));
  EXPECT_EQ(json["cause"].get<std::string>(), umlauts.substr(0, 2 * 32'768));
}

// ---- the command

class RecoverForATask : public WaitingTaskTest {
 protected:
  static Json input() { return HomeFolders::input(); }
  std::vector<std::string> arguments(const Json& json, const Names& more) const {
    return homes_.arguments(json, more);
  }
  Outcome recover(const Json& json, const Names& more = {}) const {
    return test::run_program(arguments(json, more));
  }

  void expect_failure(const std::string& error, const std::string& cause) const {
    ASSERT_EQ(service_->operations().back(), "SendTaskFailure");
    Json json = service_->requests().back().json();
    EXPECT_EQ(json["taskToken"], "token-1");
    EXPECT_EQ(json["error"], error);
    EXPECT_NE(json["cause"].get<std::string>().find(cause), std::string::npos) << json["cause"];
  }

  HomeFolders homes_;
  const Folder& folder_ = homes_.folder();
};

TEST_F(RecoverForATask, TheReportIsTheOutput) {
  Outcome outcome = recover(input(), {"--report-json", folder_.path("report.json")});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  ASSERT_EQ(service_->operations().back(), "SendTaskSuccess");
  auto output = service_->requests().back().json()["output"].get<std::string>();
  EXPECT_EQ(output, folder_.read("report.json"));
  Json report = Json::parse(output, nullptr, false);
  EXPECT_EQ(report["Status"], "SUCCESS");
  EXPECT_EQ(report["BytesWritten"], 5);
  EXPECT_EQ(report["FilesTransferred"], 1);
  EXPECT_TRUE(report["Result"]["TotalDuration"].is_number());
  EXPECT_EQ(report["Result"]["TransferStatus"], "SUCCESS");
}

TEST_F(RecoverForATask, TheWorkflowWritesTheRow) {
  Outcome outcome = recover(input(), {"--ledger", "sqlite:" + folder_.path("ledger.db")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("the workflow writes the row"), std::string::npos) << outcome.err;
  EXPECT_FALSE(folder_.has("ledger.db"));
}

TEST_F(RecoverForATask, BadInputIsAnswered) {
  Json json = input();
  json["Target"]["HomeEfsFileSystemUid"] = "..";
  EXPECT_EQ(recover(json).exit_code, 2);
  expect_failure("Nfsferry.BadInput", "Target.HomeEfsFileSystemUid");
}

TEST_F(RecoverForATask, InputThatIsNotThereIsAnswered) {
  EXPECT_EQ(test::run_program({"recover", "--input", "env:NFSFERRY_NO_SUCH"}).exit_code, 2);
  expect_failure("Nfsferry.BadInput", "env:NFSFERRY_NO_SUCH");
}

TEST_F(RecoverForATask, ACommandLineThatCannotBeReadIsAnswered) {
  EXPECT_EQ(recover(input(), {"--no-such-flag"}).exit_code, 2);
  expect_failure("Nfsferry.BadInput", "--no-such-flag");
}

TEST_F(RecoverForATask, AReportThatCannotBeWrittenIsAnswered) {
  EXPECT_EQ(recover(input(), {"--report-json", folder_.path("none/report.json")}).exit_code, 2);
  expect_failure("Nfsferry.BadInput", "--report-json");
}

TEST_F(RecoverForATask, ABatchIsRefused) {
  folder_.write("batch.jsonl", input().dump() + "\n");
  Outcome outcome = test::run_program({"recover", "--batch", folder_.path("batch.jsonl")});
  EXPECT_EQ(outcome.exit_code, 2);
  expect_failure("Nfsferry.BadInput", "--batch");
}

TEST_F(RecoverForATask, ASourceThatIsMissingIsAnswered) {
  Json json = input();
  json["Source"]["HomeEfsFileSystemUid"] = "299999";
  EXPECT_EQ(recover(json).exit_code, 3);
  expect_failure("Nfsferry.SourceMissing", "299999");
}

TEST_F(RecoverForATask, ATargetThatIsNotReadyIsAnswered) {
  Json json = input();
  json["Target"]["HomeEfsFileSystemUid"] = "299999";
  EXPECT_EQ(recover(json, {"--wait-target", "0s"}).exit_code, 75);
  expect_failure("Nfsferry.TargetNotReady", "299999");
}

TEST_F(RecoverForATask, ACopyThatFailsInPartIsAnswered) {
  std::filesystem::create_directories(folder_.path("new/200010/notebook/in the way"));
  EXPECT_EQ(recover(input()).exit_code, 1);
  expect_failure("Nfsferry.PartialCopy", "");
}

TEST_F(RecoverForATask, AnInterruptIsAnswered) {
  folder_.write("old/200005/large", std::string(1 << 20, 'x'));
  test::Program program(arguments(input(), {"--bwlimit", "1KiB"}));
  service_->wait_for(1);
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait().exit_code, 143);
  expect_failure("Nfsferry.Transient", "");
}

TEST_F(RecoverForATask, WaitingForTheTargetIsASignOfLife) {
  Json json = input();
  json["Target"]["HomeEfsFileSystemUid"] = "299999";
  test::Program program(arguments(json, {"--wait-target", "10m", "--heartbeat", "0s"}));
  service_->wait_for(2);
  EXPECT_EQ(service_->operations(), Names(2, "SendTaskHeartbeat"));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait().exit_code, 143);
}

// Nothing is found or done but directories, which are listed, made, and given their times.
TEST_F(RecoverForATask, WorkOnDirectoriesAloneIsASignOfLife) {
  std::filesystem::remove(folder_.path("old/200005/notebook"));
  std::string chain;
  for (int depth = 0; depth < 20; ++depth) chain += "/d";
  std::filesystem::create_directories(folder_.path("old/200005" + chain));
  Outcome outcome = recover(input(), {"--iops-limit", "50", "--heartbeat", "0s"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  Names operations = service_->operations();
  ASSERT_GE(operations.size(), 3u);
  EXPECT_EQ(operations[1], "SendTaskHeartbeat");
  EXPECT_EQ(operations.back(), "SendTaskSuccess");
}

TEST_F(RecoverForATask, ATokenThatIsRefusedAtTheStartCopiesNothing) {
  answer_with(refusing("TaskDoesNotExist"));
  Outcome outcome = recover(input());
  EXPECT_EQ(outcome.exit_code, 75);
  EXPECT_EQ(outcome.err,
            "nfsferry: Nfsferry.Transient: no workflow is known to wait for this task: "
            "SendTaskHeartbeat: TaskDoesNotExist: as it is told\n");
  EXPECT_EQ(service_->operations(), Names{"SendTaskHeartbeat"});
  EXPECT_TRUE(homes_.is_untouched());
}

TEST_F(RecoverForATask, CallsThatAreNotPermittedCopyNothing) {
  answer_with([](const AwsRequest& request, std::size_t) {
    return request.operation() == "SendTaskHeartbeat" ? aws_refusal("AccessDeniedException")
                                                      : AwsAnswer{};
  });
  EXPECT_EQ(recover(input()).exit_code, 4);
  expect_failure("Nfsferry.Denied", "AccessDeniedException");
  EXPECT_TRUE(homes_.is_untouched());
}

TEST_F(RecoverForATask, ATokenThatIsRefusedLaterStopsTheCopy) {
  answer_with(refusing("TaskTimedOut", 1));
  folder_.write("old/200005/large", std::string(16 << 20, 'x'));
  Outcome outcome = recover(input(), {"--bwlimit", "1KiB", "--heartbeat", "0s", "--report-json",
                                      folder_.path("report.json")});
  EXPECT_EQ(outcome.exit_code, 75);
  EXPECT_NE(outcome.err.find("Nfsferry.Transient: the copy was stopped, the workflow no longer "
                             "waits for it: SendTaskHeartbeat: TaskTimedOut"),
            std::string::npos)
      << outcome.err;
  EXPECT_FALSE(folder_.has("new/200010/large"));
  EXPECT_EQ(service_->operations(), (Names{"SendTaskHeartbeat", "SendTaskHeartbeat"}));
  Json report = Json::parse(folder_.read("report.json"), nullptr, false);
  EXPECT_EQ(report["nfsferry"]["exit_code"], 75);
  EXPECT_EQ(report["Result"]["ErrorCode"], "TaskTimedOut");
}

TEST_F(RecoverForATask, ACopyWhoseAnswerIsRefusedIsToBeTriedAgain) {
  answer_with([](const AwsRequest& request, std::size_t) {
    return request.operation() == "SendTaskSuccess" ? aws_refusal("TaskTimedOut") : AwsAnswer{};
  });
  Outcome outcome = recover(input());
  EXPECT_EQ(outcome.exit_code, 75);
  EXPECT_NE(outcome.err.find("the copy is done, the workflow was not told: SendTaskSuccess: "
                             "TaskTimedOut"),
            std::string::npos)
      << outcome.err;
  EXPECT_EQ(folder_.read("new/200010/notebook"), "hello");
}

TEST_F(RecoverForATask, WithoutARegionNothingIsCopied) {
  environment_.unset("AWS_REGION");
  Outcome outcome = recover(input());
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("set AWS_REGION"), std::string::npos) << outcome.err;
  EXPECT_TRUE(homes_.is_untouched());
}

// What the dynamic linker tells of the files that it opens.
TEST_F(RecoverForATask, OnlyCallsOfAwsLoadLibcurl) {
  environment_.set("LD_DEBUG", "files");
  Outcome with_token = recover(input());
  environment_.unset("NFSFERRY_TASK_TOKEN");
  Outcome without_token = recover(input());
  Outcome copy = test::run_program(
      {"copy", folder_.path("old/200005"), folder_.path("copy"), "--create-target"});
  EXPECT_EQ(with_token.exit_code + without_token.exit_code + copy.exit_code, 0) << copy.err;
  EXPECT_NE(with_token.err.find("libcurl"), std::string::npos);
  EXPECT_EQ(without_token.err.find("libcurl"), std::string::npos);
  EXPECT_EQ(copy.err.find("libcurl"), std::string::npos);
  EXPECT_NE(copy.err.find("libc.so"), std::string::npos);
}

// ---- the ledger, where no task waits

TEST_F(RecoverForATask, WithoutATokenResultsGoIntoTheTable) {
  environment_.unset("NFSFERRY_TASK_TOKEN");
  environment_.set("AWS_ENDPOINT_URL_DYNAMODB", service_->url());
  Outcome outcome = recover(input(), {"--ledger", "dynamodb:studioUser"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(service_->operations(), (Names{"GetItem", "PutItem", "UpdateItem", "UpdateItem"}));
  EXPECT_EQ(sent(0)["Key"],
            (Json{{"profile_name", {{"S", "user1"}}}, {"domain_name", {{"S", "a"}}}}));
  EXPECT_EQ(sent(1)["TableName"], "studioUserHistory");
  EXPECT_NE(sent(2)["ExpressionAttributeValues"].dump().find("PENDING"), std::string::npos);
  EXPECT_NE(sent(3)["ExpressionAttributeValues"].dump().find("SUCCESS"), std::string::npos);
}

TEST_F(RecoverForATask, ATableThatIsNotPermittedCopiesNothing) {
  environment_.unset("NFSFERRY_TASK_TOKEN");
  answer_with(refusing("AccessDeniedException"));
  environment_.set("AWS_ENDPOINT_URL_DYNAMODB", service_->url());
  Outcome outcome = recover(input(), {"--ledger", "dynamodb:studioUser"});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_NE(outcome.err.find("Nfsferry.Denied: GetItem studioUser: AccessDeniedException"),
            std::string::npos)
      << outcome.err;
  EXPECT_TRUE(homes_.is_untouched());
}

}  // namespace
}  // namespace nfsferry::recover

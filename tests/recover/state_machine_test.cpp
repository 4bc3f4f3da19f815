// The workflow's state machine: linted, and run with the built program as its copy task, between
// two NFS servers. run_state_machine.mjs stands in for the cloud.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "homes.hpp"
#include "node_packages.hpp"
#include "sample_tree.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kMachine = NFSFERRY_SOURCE_DIR "/tools/recovery/recovery.asl.json";
constexpr const char* kRunner = NFSFERRY_SOURCE_DIR "/tests/recover/run_state_machine.mjs";
constexpr const char* kLint =
    NFSFERRY_NODE_FOLDER "/node_modules/asl-validator/dist/bin/asl-validator.js";

Json machine() {
  std::ifstream file(kMachine);
  return Json::parse(file, nullptr, false);
}

std::vector<std::string> task_states() {
  std::vector<std::string> names;
  Json states = machine()["States"];
  for (const auto& [name, one] : states.items()) {
    if (one["Type"] == "Task") names.push_back(name);
  }
  return names;
}

class StateMachineLint : public testing::Test {
 protected:
  void SetUp() override {
    if (auto missing = require_packages(); !missing.empty()) GTEST_SKIP() << missing;
  }
  Outcome lint(const Json& json) const {
    folder_.write("machine.asl.json", json.dump());
    return Program(kNode, {kLint, "--json-path", folder_.path("machine.asl.json")}, "/dev/null")
        .wait();
  }

 private:
  Folder folder_;
};

TEST_F(StateMachineLint, FindsNothing) {
  Outcome outcome = lint(machine());
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
}

TEST_F(StateMachineLint, FindsWhatLeadsNowhere) {
  Json broken = machine();
  broken["States"]["NoteResult"]["Next"] = "Nowhere";
  Outcome outcome = lint(broken);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE((outcome.out + outcome.err).find("Nowhere"), std::string::npos) << outcome.err;
}

// What the local run cannot show, since it does not start containers.
TEST_F(StateMachineLint, TheCopyIsOneTaskThatWaitsForItsAnswerWithAHeartbeat) {
  int copies = 0;
  Json states = machine()["States"];
  for (const auto& [name, one] : states.items()) {
    EXPECT_NE(one["Type"], "Wait") << name;
    if (one.value("Resource", "").find("ecs:") != std::string::npos) ++copies;
  }
  EXPECT_EQ(copies, 1);
  EXPECT_EQ(states["Recover"]["Resource"], "arn:aws:states:::ecs:runTask.waitForTaskToken");
  EXPECT_GT(states["Recover"]["HeartbeatSeconds"], 0);
}

// What an execution left.
struct Execution {
  bool succeeded = false;
  std::string error;
  Json tasks;  // [{state, given}]

  std::vector<std::string> states() const {
    std::vector<std::string> names;
    for (const Json& task : tasks) names.push_back(task["state"]);
    return names;
  }
  // What a state was given the last time; null if it was not reached.
  Json given(const std::string& state) const {
    Json found;
    for (const Json& task : tasks) {
      if (task["state"] == state) found = task["given"];
    }
    return found;
  }
  // The attributes that a state writes into the profile's row.
  Json row(const std::string& state) const { return given(state)["ExpressionAttributeValues"]; }
  std::string profile(const std::string& state) const {
    return given(state)["Key"]["profile_name"]["S"];
  }
};

using States = std::vector<std::string>;

class StateMachineRun : public HomesTest {
 protected:
  void SetUp() override {
    if (auto missing = require_packages(); !missing.empty()) GTEST_SKIP() << missing;
    HomesTest::SetUp();
  }

  Execution execute(const Json& input, const Json& refuse = Json::object()) const {
    Json request = {{"machine", kMachine}, {"input", input}, {"refuse", refuse}};
    request["program"] = maps();
    request["program"].insert(request["program"].begin(), program_path());
    for (const char* word : {"--wait-target", "0s"}) request["program"].push_back(word);
    folder_.write("request.json", request.dump());
    Outcome outcome = Program(kNode, {kRunner}, folder_.path("request.json")).wait();
    Json answer = Json::parse(outcome.out, nullptr, false);
    EXPECT_TRUE(answer.is_object()) << outcome.err;
    if (!answer.is_object()) return {};
    return {answer["status"] == "SUCCEEDED", answer.value("error", ""), answer["tasks"]};
  }

  // The execution failed with this error, and whoever reads the message can begin it again.
  void expect_failed(const Execution& execution, const std::string& error,
                     const Json& input) const {
    EXPECT_FALSE(execution.succeeded);
    EXPECT_EQ(execution.error, error);
    Json message = execution.given("TellFailure")["MessageBody"];
    EXPECT_EQ(message["Error"], error);
    EXPECT_EQ(message["Input"], input);
    EXPECT_NE(message["Cause"], "");
  }
};

TEST_F(StateMachineRun, AUserProfileGetsItsFilesAndItsRow) {
  fill_old_home(3);
  make_home(new_home_, new_uid_);
  Execution execution = execute(input());
  ASSERT_TRUE(execution.succeeded) << execution.error;
  expect_recovered();
  EXPECT_EQ(execution.states(), (States{"NotePending", "Recover", "NoteResult"}));
  EXPECT_EQ(execution.row("NotePending")[":status"]["S"], "PENDING");
  Json row = execution.row("NoteResult");
  EXPECT_EQ(row[":status"]["S"], "SUCCESS");
  EXPECT_EQ(row[":files"]["S"], "60");
  EXPECT_TRUE(row[":bytes"]["S"].is_string());
  EXPECT_NE(row[":bytes"]["S"], "0");
  EXPECT_TRUE(row[":duration"]["S"].is_string());
  EXPECT_EQ(execution.profile("NoteResult"), "user1");
}

TEST_F(StateMachineRun, ASpacesRowHasTheSpacesName) {
  fill_old_home(1);
  make_home(new_home_, new_uid_);
  Execution execution = execute(input(true));
  ASSERT_TRUE(execution.succeeded) << execution.error;
  expect_recovered();
  EXPECT_EQ(execution.profile("NotePending"), "space1");
  EXPECT_EQ(execution.profile("NoteResult"), "space1");
}

TEST_F(StateMachineRun, ACopyThatFailsEndsAsAFailureWithItsErrorAndTheWholeInput) {
  fill_old_home(1);
  make_file(old_home_ / "notebook", 100, 1);
  make_home(new_home_, new_uid_);
  fs::create_directories(new_home_ / "notebook" / "in the way");
  Execution execution = execute(input());
  expect_failed(execution, "Nfsferry.PartialCopy", input());
  EXPECT_EQ(execution.states(), (States{"NotePending", "Recover", "NoteError", "TellFailure"}));
  EXPECT_EQ(execution.row("NoteError")[":status"]["S"], "ERROR");
}

TEST_F(StateMachineRun, ASourceThatIsMissingIsNotTriedAgain) {
  make_home(new_home_, new_uid_);
  Json json = input();
  json["Source"]["HomeEfsFileSystemUid"] = "299999";
  Execution execution = execute(json);
  expect_failed(execution, "Nfsferry.SourceMissing", json);
  EXPECT_EQ(execution.states(), (States{"NotePending", "Recover", "NoteError", "TellFailure"}));
}

TEST_F(StateMachineRun, ATargetThatIsNotReadyIsTriedAgainFiveTimes) {
  Execution execution = execute(input());
  expect_failed(execution, "Nfsferry.TargetNotReady", input());
  EXPECT_EQ(execution.states(), (States{"NotePending", "Recover", "Recover", "Recover", "Recover",
                                        "Recover", "Recover", "NoteError", "TellFailure"}));
}

TEST_F(StateMachineRun, InputThatIsRefusedIsBadInput) {
  make_home(new_home_, new_uid_);
  Json json = input();
  json["Source"]["HomeEfsFileSystemUid"] = "";
  Execution execution = execute(json);
  expect_failed(execution, "Nfsferry.BadInput", json);
  EXPECT_TRUE(fs::is_empty(new_home_));
}

TEST_F(StateMachineRun, WithoutAnyNameNoRowIsWrittenAndNothingIsCopied) {
  make_home(new_home_, new_uid_);
  Json json = input();
  json["Target"].erase("UserProfileName");
  Execution execution = execute(json);
  expect_failed(execution, "Nfsferry.BadInput", json);
  EXPECT_EQ(execution.states(), States{"TellFailure"});
  EXPECT_TRUE(fs::is_empty(new_home_));
}

// The profile was made again meanwhile: results are of the home that they were for.
TEST_F(StateMachineRun, ARowThatNamesAnotherHomeByNowIsLeftAndTheCopyIsMade) {
  fill_old_home(1);
  make_home(new_home_, new_uid_);
  Json refuse;
  for (const char* state : {"NotePending", "NoteResult"}) {
    refuse[state] = "DynamoDB.ConditionalCheckFailedException";
  }
  Execution execution = execute(input(), refuse);
  EXPECT_TRUE(execution.succeeded) << execution.error;
  expect_recovered();
  EXPECT_EQ(execution.states(), (States{"NotePending", "Recover", "NoteResult"}));
  for (const char* state : {"NotePending", "NoteResult"}) {
    EXPECT_EQ(execution.row(state)[":uid"]["S"], input()["Target"]["HomeEfsFileSystemUid"]);
    EXPECT_NE(execution.given(state)["ConditionExpression"], Json());
  }
}

TEST_F(StateMachineRun, WithoutATargetsHomeNothingIsBegun) {
  Json json = input();
  json["Target"].erase("HomeEfsFileSystemUid");
  Execution execution = execute(json);
  expect_failed(execution, "Nfsferry.BadInput", json);
  EXPECT_EQ(execution.states(), States{"TellFailure"});
}

TEST_F(StateMachineRun, WhateverTaskFailsTheExecutionFails) {
  make_home(new_home_, new_uid_);
  for (const std::string& state : task_states()) {
    Json refuse = {{state, "Cloud.Refused"}};
    // These two are reached after a failure only.
    bool after_failure = state == "NoteError" || state == "TellFailure";
    if (after_failure) refuse["Recover"] = "Cloud.Refused";
    Execution execution = execute(input(), refuse);
    EXPECT_FALSE(execution.succeeded) << state;
    EXPECT_EQ(execution.error, "Cloud.Refused") << state;
    EXPECT_FALSE(execution.given(state).is_null()) << state;
    EXPECT_FALSE(execution.given("TellFailure").is_null()) << state;
  }
}

}  // namespace
}  // namespace nfsferry::test

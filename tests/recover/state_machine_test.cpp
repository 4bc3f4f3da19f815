// The workflow's definition: that what fails ends as a failure, whatever fails.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace nfsferry::test {
namespace {

using Json = nlohmann::json;

class StateMachine : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(std::string(NFSFERRY_SOURCE_DIR) + "/tools/recovery/recovery.asl.json");
    machine_ = Json::parse(file, nullptr, false);
    ASSERT_TRUE(machine_.is_object());
  }
  const Json& state(const std::string& name) const { return machine_["States"].at(name); }

  // Where a state leads to; after a failure only, or in any case.
  static std::set<std::string> next(const Json& state, bool failures_only) {
    std::set<std::string> names;
    for (const Json& one : state.value("Catch", Json::array())) names.insert(one["Next"]);
    if (failures_only) return names;
    for (const char* member : {"Next", "Default"}) {
      if (state.contains(member)) names.insert(state[member].get<std::string>());
    }
    for (const Json& one : state.value("Choices", Json::array())) names.insert(one["Next"]);
    return names;
  }
  std::set<std::string> reachable(const std::set<std::string>& from) const {
    std::set<std::string> found;
    std::set<std::string> left = from;
    while (!left.empty()) {
      std::string name = *left.begin();
      left.erase(left.begin());
      if (!found.insert(name).second) continue;
      left.merge(next(state(name), false));
    }
    return found;
  }

  Json machine_;
};

TEST_F(StateMachine, EveryStateIsReached) {
  std::set<std::string> all;
  for (const auto& [name, one] : machine_["States"].items()) all.insert(name);
  EXPECT_EQ(reachable({machine_["StartAt"]}), all);
}

TEST_F(StateMachine, EveryTaskCatchesAllAndNoFailureEndsAsASuccess) {
  for (const auto& [name, one] : machine_["States"].items()) {
    if (one["Type"] != "Task") continue;
    ASSERT_TRUE(one.contains("Catch")) << name;
    EXPECT_EQ(one["Catch"].back()["ErrorEquals"], Json::array({"States.ALL"})) << name;
    for (const std::string& end : reachable(next(one, true))) {
      EXPECT_NE(state(end)["Type"], "Succeed") << name << " fails, and then comes " << end;
    }
  }
}

TEST_F(StateMachine, TheCopyIsOneTaskThatWaitsForItsAnswer) {
  int copies = 0;
  for (const auto& [name, one] : machine_["States"].items()) {
    EXPECT_NE(one["Type"], "Wait") << name;
    if (one.value("Resource", "").find("ecs:") != std::string::npos) ++copies;
  }
  EXPECT_EQ(copies, 1);
  const Json& copy = state("Recover");
  EXPECT_EQ(copy["Resource"], "arn:aws:states:::ecs:runTask.waitForTaskToken");
  EXPECT_GT(copy["HeartbeatSeconds"], 0);
  const Json& environment = copy["Parameters"]["Overrides"]["ContainerOverrides"][0]["Environment"];
  EXPECT_EQ(environment[0]["Name"], "NFSFERRY_TASK_TOKEN");
  EXPECT_EQ(environment[1]["Value.$"], "States.JsonToString($$.Execution.Input)");
}

TEST_F(StateMachine, TheFailureMessageCarriesTheWholeInput) {
  EXPECT_EQ(state("TellFailure")["Parameters"]["MessageBody"]["Input.$"], "$$.Execution.Input");
}

TEST_F(StateMachine, TheRowIsPendingFirstAndResultsComeFromTheContractsPaths) {
  EXPECT_EQ(state("Recover")["ResultPath"], "$.Result");
  EXPECT_EQ(next(state("NotePending"), false).count("Recover"), 1u);
  Json values = state("NoteResult")["Parameters"]["ExpressionAttributeValues"];
  EXPECT_EQ(values[":status"]["S.$"], "$.Result.Status");
  EXPECT_EQ(values[":bytes"]["S.$"], "States.Format('{}', $.Result.BytesWritten)");
  EXPECT_EQ(values[":files"]["S.$"], "States.Format('{}', $.Result.FilesTransferred)");
  EXPECT_EQ(values[":duration"]["S.$"], "States.Format('{}', $.Result.Result.TotalDuration)");
}

}  // namespace
}  // namespace nfsferry::test

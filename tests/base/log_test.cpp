#include "base/log.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace nfsferry {
namespace {

// What a few lines of logging write to stderr.
template <typename Lines>
std::string logged(const LogOptions& options, Lines lines) {
  ::testing::internal::CaptureStderr();
  log_start(options);
  lines();
  std::string text = ::testing::internal::GetCapturedStderr();
  log_start(LogOptions{LogLevel::kOff, false, {}});
  return text;
}

nlohmann::json only_line(const std::string& text) {
  EXPECT_EQ(text.find('\n'), text.size() - 1) << text;
  auto parsed = nlohmann::json::parse(text, nullptr, false);
  EXPECT_FALSE(parsed.is_discarded()) << text;
  return parsed;
}

TEST(Log, WritesOneJsonObjectALine) {
  auto text = logged({LogLevel::kInfo, true, "run-7"},
                     [] { log(LogLevel::kWarning, "server:2049: \"odd\" \\n {} %v \x01"); });
  auto line = only_line(text);
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(line["run_id"], "run-7");
  EXPECT_EQ(line["message"], "server:2049: \"odd\" \\n {} %v \x01");
  EXPECT_TRUE(std::string(line["time"]).ends_with("Z"));
}

TEST(Log, KeepsItsJsonValidWithAnOddRunId) {
  auto line = only_line(
      logged({LogLevel::kInfo, true, "50%v \"x\"\\\n"}, [] { log(LogLevel::kInfo, "text"); }));
  EXPECT_EQ(line["run_id"], "50%v \"x\"\\\n");
  EXPECT_EQ(line["message"], "text");
}

TEST(Log, SaysOnceWhatSeveralThreadsMeet) {
  auto text = logged({LogLevel::kInfo, false, "run-7"}, [] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([i] {
        log_for_all(LogLevel::kWarning, "server", "no answer for " + std::to_string(i) + " s");
      });
    }
    for (std::thread& thread : threads) thread.join();
    log_for_all(LogLevel::kWarning, "another server", "no answer");
  });
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
}

TEST(Log, WritesALineForPeopleWithTheRunId) {
  auto text = logged({LogLevel::kInfo, false, "run-7"}, [] { log(LogLevel::kError, "{} lost"); });
  EXPECT_TRUE(text.starts_with("nfsferry ")) << text;
  EXPECT_TRUE(text.ends_with(" error [run-7]: {} lost\n")) << text;
}

TEST(Log, TakesARunIdAsItIs) {
  auto text = logged({LogLevel::kInfo, false, "100%n"}, [] { log(LogLevel::kInfo, "text"); });
  EXPECT_TRUE(text.ends_with(" info [100%n]: text\n")) << text;
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
  EXPECT_EQ(logged({LogLevel::kError, false, {}}, [] { log(LogLevel::kWarning, "x"); }), "");
  EXPECT_EQ(logged({LogLevel::kOff, false, {}}, [] { log(LogLevel::kError, "x"); }), "");
}

}  // namespace
}  // namespace nfsferry

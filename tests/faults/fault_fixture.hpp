// One copy of a small tree through proxies with faults, and what must hold after it: all is there
// and equal, or the report says what is not; nothing is left behind; a second run without faults
// completes it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "fault_plan.hpp"
#include "folder_compare.hpp"
#include "ganesha.hpp"
#include "nfsferry/run.hpp"

namespace nfsferry::test {

// One in so many of what is tried by default: NFSFERRY_FAULT_PART, or a seventh under the slow
// thread sanitizer.
inline std::uint32_t sparser() {
#ifdef __SANITIZE_THREAD__
  constexpr std::uint32_t kUnasked = 7;
#else
  constexpr std::uint32_t kUnasked = 1;
#endif
  const char* asked = std::getenv("NFSFERRY_FAULT_PART");
  return asked ? std::max(1u, static_cast<std::uint32_t>(std::atoi(asked))) : kUnasked;
}

enum class FaultySide : std::uint8_t { kSource, kTarget };

// What the first run may come to. Whatever it is, a second run must succeed.
enum class Expected : std::uint8_t {
  kSuccess,  // nothing of the fault shows
  kTold,     // it may fail, and says so
  kFull,     // the target is full: it fails, and says that
  kAway,     // a server that was reached is away later, or nothing shows
};

struct Trial {
  std::string version = "4.1";
  std::uint32_t connections = 1;
  std::vector<Fault> source;
  std::vector<Fault> target;
  Expected expected = Expected::kTold;
  std::uint64_t timeout_ms = 5'000;
  VerifyMode verify = VerifyMode::kTransferred;
};

inline std::string parameter_name(const ::testing::TestParamInfo<std::string>& info) {
  return info.param;
}

class FaultTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Copies with these faults, judges, copies without, judges again.
  void try_faults(const Trial& trial);
  // Faults that struck in the last trial.
  unsigned struck() const { return struck_; }

 private:
  // What strikes each side while it runs.
  struct Struck {
    bool source = false;
    bool target = false;
  };

  void make_target();
  void try_once(const Trial& trial);
  CopyReport copy_through(std::uint16_t source_port, std::uint16_t target_port, const Trial& trial);
  void judge(const CopyReport& report, const Trial& trial, Struck struck);
  void judge_end(const CopyReport& report, const Trial& trial, Struck struck);
  void judge_names(const CopyReport& report, const Trial& trial, Struck struck);
  void judge_failures(const CopyReport& report);
  std::vector<std::string> differing() const;

  std::filesystem::path target_;
  unsigned struck_ = 0;
};

}  // namespace nfsferry::test

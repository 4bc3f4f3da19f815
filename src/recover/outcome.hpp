#pragma once

#include <string>
#include <string_view>

#include "nfsferry/report.hpp"

namespace nfsferry::recover {

// How a recovery ended, in the words of the workflow.
struct Outcome {
  std::string error;  // "Nfsferry.SourceMissing"; empty: all done
  ExitCode exit_code = ExitCode::kDone;
};

inline constexpr std::string_view kBadInput = "Nfsferry.BadInput";
inline constexpr std::string_view kSourceMissing = "Nfsferry.SourceMissing";
inline constexpr std::string_view kTargetNotReady = "Nfsferry.TargetNotReady";
inline constexpr std::string_view kTransient = "Nfsferry.Transient";
inline constexpr std::string_view kPartialCopy = "Nfsferry.PartialCopy";
inline constexpr std::string_view kVerifyFailed = "Nfsferry.VerifyFailed";
inline constexpr std::string_view kNoSpace = "Nfsferry.NoSpace";
inline constexpr std::string_view kDenied = "Nfsferry.Denied";

// For a copy, or for what ended a recovery before its copy. Only changed files: all done.
Outcome outcome_of(const CopyReport& report);

}  // namespace nfsferry::recover

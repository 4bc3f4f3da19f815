#pragma once

#include <cstdint>
#include <string_view>

#include "base/log.hpp"
#include "base/result.hpp"
#include "nfsferry/options.hpp"

// The values of flags. Errors: kBadInput; its detail says what is wrong and what to write instead.
namespace nfsferry::cli {

struct Owner {
  OwnerRule rule = OwnerRule::kKeep;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

enum class ProgressMode : std::uint8_t { kAuto, kAlways, kNever };

inline constexpr std::uint64_t kThreadsMax = 64;
inline constexpr std::uint64_t kTimeoutMaxMs = 30ull * 24 * 3'600'000;
inline constexpr std::uint64_t kProgressIntervalMinMs = 100;
inline constexpr std::uint64_t kProgressIntervalMaxMs = 3'600'000;
inline constexpr std::size_t kRunIdMax = 64;

Result<Owner> parse_owner(std::string_view text);
Result<VerifyMode> parse_verify(std::string_view text);
Result<EngineMode> parse_engine(std::string_view text);
Result<std::uint32_t> parse_threads(std::string_view text);
Result<std::uint32_t> parse_connections(std::string_view text);
Result<std::uint64_t> parse_timeout(std::string_view text);
Result<std::string> parse_run_id(std::string_view text);
Result<ProgressMode> parse_progress(std::string_view text);
Result<std::uint64_t> parse_progress_interval(std::string_view text);
Result<LogLevel> parse_log_level(std::string_view text);

// Sixteen random hexadecimal digits.
std::string random_run_id();

}  // namespace nfsferry::cli

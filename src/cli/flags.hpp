#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"
#include "nfsferry/options.hpp"
#include "report/option_names.hpp"

// The values of flags. Errors: kBadInput; its detail says what is wrong and what to write instead.
namespace nfsferry::cli {

struct Owner {
  OwnerRule rule = OwnerRule::kKeep;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

enum class ProgressMode : std::uint8_t { kAuto, kAlways, kNever };

inline constexpr std::uint32_t kThreadsMax = 64;
inline constexpr std::uint32_t kConnectionsMax = 16;
inline constexpr std::uint64_t kTimeoutMaxMs = 30ull * 24 * 3'600'000;
inline constexpr std::uint64_t kProgressIntervalMinMs = 100;
inline constexpr std::uint64_t kProgressIntervalMaxMs = 3'600'000;
inline constexpr std::size_t kRunIdMax = 64;

inline constexpr std::uint64_t kIdMax = 0xffff'fffe;  // the one above means "leave it" to chown
inline constexpr std::size_t kIdMapsMax = 100'000;    // of users; of groups

inline constexpr NamedValues<ProgressMode, 3> kProgressNames{{{"auto", ProgressMode::kAuto},
                                                              {"always", ProgressMode::kAlways},
                                                              {"never", ProgressMode::kNever}}};
inline constexpr NamedValues<LogLevel, 5> kLogLevelNames{{{"debug", LogLevel::kDebug},
                                                          {"info", LogLevel::kInfo},
                                                          {"warning", LogLevel::kWarning},
                                                          {"error", LogLevel::kError},
                                                          {"off", LogLevel::kOff}}};

Result<Owner> parse_owner(std::string_view text);
Result<IdMap> parse_id_map(std::string_view text);
// A number from 1 to `most`; `things` says of what.
Result<std::uint32_t> parse_count(std::string_view text, std::uint32_t most,
                                  std::string_view things);
Result<std::uint32_t> parse_threads(std::string_view text);
Result<std::uint32_t> parse_connections(std::string_view text);
// 0: no limit.
Result<std::uint64_t> parse_bwlimit(std::string_view text);
Result<std::uint64_t> parse_iops_limit(std::string_view text);
Result<std::uint64_t> parse_max_delete(std::string_view text);
// A name for the target's root: no path, and none of our own temporaries'.
Result<std::string> parse_backup_dir(std::string_view text);
Result<std::uint64_t> parse_timeout(std::string_view text);
// How old something is, up to ten years, in milliseconds.
Result<std::uint64_t> parse_age(std::string_view text);
Result<std::string> parse_run_id(std::string_view text);
Result<std::uint64_t> parse_progress_interval(std::string_view text);
// Where output goes: any name, or "-".
Result<std::string> parse_output(std::string_view text);

// Adds the pair of two ids, where it says nothing that is known already. Errors: kBadInput when the
// id is mapped to another one, or there are more than kIdMapsMax.
Status add_id_map(std::vector<IdMap>& maps, IdMap map);

// The error of a value that is none of `names`.
Error unknown_value(std::string_view text, const std::vector<std::string_view>& names);

template <typename T, std::size_t N>
Result<T> parse_named(std::string_view text, const NamedValues<T, N>& names) {
  std::vector<std::string_view> known;
  for (const NamedValue<T>& named : names) {
    if (named.name == text) return named.value;
    known.push_back(named.name);
  }
  return unknown_value(text, known);
}

}  // namespace nfsferry::cli

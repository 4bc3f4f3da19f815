#include "cli/flags.hpp"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string>

#include "base/units.hpp"

namespace nfsferry::cli {
namespace {

Error bad(std::string_view text, std::string_view what) {
  return own_error(Own::kBadInput, "", "'" + std::string(text) + "' " + std::string(what));
}

template <typename T>
struct Choice {
  std::string_view name;
  T value;
};

template <typename T, std::size_t N>
Result<T> choose(std::string_view text, const std::array<Choice<T>, N>& choices) {
  std::string known;
  for (std::size_t i = 0; i < N; ++i) {
    if (choices[i].name == text) return choices[i].value;
    known += i == 0 ? "" : i + 1 == N ? " or " : ", ";
    known += choices[i].name;
  }
  return bad(text, "is not one of its values; write " + known);
}

Result<std::uint64_t> parse_duration_within(std::string_view text, std::uint64_t least_ms,
                                            std::uint64_t most_ms, std::string_view range) {
  auto value = parse_duration_ms(text);
  if (!value || (*value >= least_ms && *value <= most_ms)) return value;
  return bad(text, "is out of range; write a duration from " + std::string(range));
}

}  // namespace

Result<Owner> parse_owner(std::string_view text) {
  constexpr std::uint64_t kIdMax = 0xffff'fffe;  // the one above means "leave it" to chown
  if (text == "keep") return Owner{};
  if (text == "target") return Owner{OwnerRule::kTarget, 0, 0};
  std::size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    auto uid = parse_unsigned(text.substr(0, colon), kIdMax);
    auto gid = parse_unsigned(text.substr(colon + 1), kIdMax);
    if (uid && gid) {
      return Owner{OwnerRule::kFixed, static_cast<std::uint32_t>(*uid),
                   static_cast<std::uint32_t>(*gid)};
    }
  }
  return bad(text, "is not an owner; write keep, target or UID:GID in numbers");
}

Result<VerifyMode> parse_verify(std::string_view text) {
  if (text == "none") return VerifyMode::kNone;
  if (text == "transferred" || text == "all") {
    return bad(text, "is not available yet; write none");
  }
  return bad(text, "is not one of its values; write none");
}

Result<EngineMode> parse_engine(std::string_view text) {
  static constexpr std::array<Choice<EngineMode>, 3> kChoices{{{"auto", EngineMode::kAuto},
                                                               {"io_uring", EngineMode::kIoUring},
                                                               {"epoll", EngineMode::kEpoll}}};
  return choose(text, kChoices);
}

Result<std::uint32_t> parse_threads(std::string_view text) {
  auto number = parse_unsigned(text, kThreadsMax);
  if (number && *number > 0) return static_cast<std::uint32_t>(*number);
  return bad(text,
             "is not a number of threads; write one from 1 to " + std::to_string(kThreadsMax));
}

Result<std::uint32_t> parse_connections(std::string_view text) {
  auto number = parse_unsigned(text, 64);
  if (number && *number == 1) return std::uint32_t{1};
  if (number && *number > 1) {
    return bad(text, "connections are not available yet; write 1, or use more --threads");
  }
  return bad(text, "is not a number of connections; write 1");
}

Result<std::uint64_t> parse_timeout(std::string_view text) {
  return parse_duration_within(text, 1, kTimeoutMaxMs, "1ms to 720h");
}

Result<std::string> parse_run_id(std::string_view text) {
  bool allowed = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  if (allowed && !text.empty() && text.size() <= kRunIdMax) return std::string(text);
  return bad(text, "is not a run id; write 1 to 64 of A-Z a-z 0-9 _ -");
}

Result<ProgressMode> parse_progress(std::string_view text) {
  static constexpr std::array<Choice<ProgressMode>, 3> kChoices{{{"auto", ProgressMode::kAuto},
                                                                 {"always", ProgressMode::kAlways},
                                                                 {"never", ProgressMode::kNever}}};
  return choose(text, kChoices);
}

Result<std::uint64_t> parse_progress_interval(std::string_view text) {
  return parse_duration_within(text, kProgressIntervalMinMs, kProgressIntervalMaxMs, "100ms to 1h");
}

Result<LogLevel> parse_log_level(std::string_view text) {
  static constexpr std::array<Choice<LogLevel>, 5> kChoices{{{"debug", LogLevel::kDebug},
                                                             {"info", LogLevel::kInfo},
                                                             {"warning", LogLevel::kWarning},
                                                             {"error", LogLevel::kError},
                                                             {"off", LogLevel::kOff}}};
  return choose(text, kChoices);
}

std::string random_run_id() {
  std::uint64_t bits = 0;
  if (::getrandom(&bits, sizeof bits, 0) != sizeof bits) {  // a kernel that forbids it
    auto now = std::chrono::system_clock::now().time_since_epoch().count();
    bits = static_cast<std::uint64_t>(now) ^ static_cast<std::uint64_t>(::getpid()) << 44;
  }
  char out[24];
  std::snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(bits));
  return out;
}

}  // namespace nfsferry::cli

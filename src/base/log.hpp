#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nfsferry {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError, kOff };

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  bool json = false;   // one JSON object a line
  std::string run_id;  // on every line
};

// Sets up the process's log, to stderr. Call before the first line and before any thread starts.
void log_start(const LogOptions& options);
// One line. `text` holds names that are escaped already (escape_for_terminal). Thread-safe.
void log(LogLevel level, std::string_view text);
// A line about what several threads meet at once, each by itself: said by the first of them.
// `about` tells what it is; the same is said again after five seconds at the earliest. Thread-safe.
void log_for_all(LogLevel level, const std::string& about, std::string_view text);

}  // namespace nfsferry

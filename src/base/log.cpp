#include "base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>

namespace nfsferry {
namespace {

struct State {
  std::shared_ptr<spdlog::logger> logger;
  bool json = false;
};

State& state() {
  static State instance;
  return instance;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
    case LogLevel::kOff: return spdlog::level::off;
  }
  return spdlog::level::off;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
      out += code;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// Text that spdlog's pattern shows as it is.
std::string literal(std::string_view text) {
  std::string out;
  for (char c : text) out += c == '%' ? "%%" : std::string(1, c);
  return out;
}

}  // namespace

void log_start(const LogOptions& options) {
  // spdlog throws only for files and for bad patterns; ours are literals.
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto logger = std::make_shared<spdlog::logger>("nfsferry", sink);
  logger->set_level(spdlog_level(options.level));
  if (options.json) {
    logger->set_pattern("{\"time\":\"%Y-%m-%dT%H:%M:%S.%eZ\",\"level\":\"%l\",\"run_id\":" +
                            literal(json_string(options.run_id)) + ",\"message\":%v}",
                        spdlog::pattern_time_type::utc);
  } else {
    std::string run = options.run_id.empty() ? "" : " [" + literal(options.run_id) + "]";
    logger->set_pattern("nfsferry %H:%M:%S.%e %l" + run + ": %v");
  }
  state().json = options.json;
  state().logger = std::move(logger);
}

void log(LogLevel level, std::string_view text) {
  if (!state().logger) return;
  if (state().json) {
    state().logger->log(spdlog_level(level), json_string(text));
  } else {
    state().logger->log(spdlog_level(level), text);
  }
}

void log_for_all(LogLevel level, const std::string& about, std::string_view text) {
  constexpr auto kSilence = std::chrono::seconds(5);
  static std::mutex mutex;
  static std::map<std::string, std::chrono::steady_clock::time_point> said;
  auto now = std::chrono::steady_clock::now();
  {
    std::lock_guard lock(mutex);
    auto [last, first] = said.try_emplace(about, now);
    if (!first && now - last->second < kSilence) return;
    last->second = now;
  }
  log(level, text);
}

}  // namespace nfsferry

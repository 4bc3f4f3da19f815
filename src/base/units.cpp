#include "base/units.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

namespace nfsferry {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::uint64_t kTiB = 1024 * kGiB;
constexpr std::array<Unit, 15> kSizeUnits{{
    {"", 1},
    {"B", 1},
    {"K", kKiB},
    {"KiB", kKiB},
    {"KB", 1000},
    {"k", kKiB},
    {"M", kMiB},
    {"MiB", kMiB},
    {"MB", 1000000},
    {"G", kGiB},
    {"GiB", kGiB},
    {"GB", 1000000000},
    {"T", kTiB},
    {"TiB", kTiB},
    {"TB", 1000000000000},
}};
constexpr std::array<Unit, 5> kDurationUnits{{
    {"", 1000},
    {"ms", 1},
    {"s", 1000},
    {"m", 60000},
    {"h", 3600000},
}};

template <std::size_t N>
Result<std::uint64_t> parse_with_unit(std::string_view text, const std::array<Unit, N>& units,
                                      std::string_view what, std::string_view example) {
  std::uint64_t number = 0;
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (status == std::errc{}) {
    for (const Unit& unit : units) {
      if (unit.name != suffix) continue;
      if (number > std::numeric_limits<std::uint64_t>::max() / unit.factor) break;
      return number * unit.factor;
    }
  }
  return own_error(Own::kBadInput, "",
                   "'" + std::string(text) + "' is not " + std::string(what) + "; write it like " +
                       std::string(example));
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  return parse_with_unit(text, kSizeUnits, "a size", "8MiB");
}

Result<std::uint64_t> parse_duration_ms(std::string_view text) {
  return parse_with_unit(text, kDurationUnits, "a duration", "300s or 15m");
}

Result<std::uint64_t> parse_unsigned(std::string_view text, std::uint64_t most) {
  std::uint64_t number = 0;
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status == std::errc{} && end == text.data() + text.size() && number <= most) return number;
  return own_error(Own::kBadInput, "",
                   "'" + std::string(text) + "' is not a number from 0 to " + std::to_string(most));
}

std::string format_size(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kNames{"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kNames.size()) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kNames[unit]);
  return text;
}

std::string format_duration(std::uint64_t milliseconds) {
  std::uint64_t seconds = milliseconds / 1000;
  char text[48];
  if (seconds < 60) {
    std::snprintf(text, sizeof text, "%.1fs", static_cast<double>(milliseconds) / 1000);
  } else if (seconds < 3600) {
    std::snprintf(text, sizeof text, "%llum%02llus", static_cast<unsigned long long>(seconds / 60),
                  static_cast<unsigned long long>(seconds % 60));
  } else {
    std::snprintf(text, sizeof text, "%lluh%02llum",
                  static_cast<unsigned long long>(seconds / 3600),
                  static_cast<unsigned long long>(seconds / 60 % 60));
  }
  return text;
}

}  // namespace nfsferry

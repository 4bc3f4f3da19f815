#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace nfsferry {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;

// "8MiB", "64k", "1000", "2GB" -> bytes. K, M, G, T and KiB.. are powers of 1024; KB, MB.. of 1000.
// Errors: kBadInput (not a number, unknown unit, over 2^64 - 1).
Result<std::uint64_t> parse_size(std::string_view text);
// "300s", "15m", "250ms", "2h", "30" (seconds) -> milliseconds. Errors: kBadInput.
Result<std::uint64_t> parse_duration_ms(std::string_view text);
// Whole text as an unsigned decimal no greater than `most`. Errors: kBadInput.
Result<std::uint64_t> parse_unsigned(std::string_view text, std::uint64_t most);

// For people: 1536 -> "1.5 KiB"; 61000 -> "1m01s".
std::string format_size(std::uint64_t bytes);
std::string format_duration(std::uint64_t milliseconds);

}  // namespace nfsferry

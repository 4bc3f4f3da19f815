#include "base/units.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace nfsferry {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

TEST(Size, IsReadWithItsUnit) {
  struct {
    const char* text;
    std::uint64_t bytes;
  } table[] = {
      {"0", 0},
      {"1000", 1000},
      {"5B", 5},
      {"8MiB", 8 * kMiB},
      {"8M", 8 * kMiB},
      {"64k", 64 * kKiB},
      {"64K", 64 * kKiB},
      {"64KiB", 64 * kKiB},
      {"64KB", 64'000},
      {"2GB", 2'000'000'000},
      {"2G", 2 * kGiB},
      {"3MB", 3'000'000},
      {"1T", 1024 * kGiB},
      {"1TiB", 1024 * kGiB},
      {"1TB", 1'000'000'000'000},
      {"18446744073709551615", kMost},
      {"16777215TiB", 16777215 * (1024 * kGiB)},
  };
  for (const auto& row : table) {
    auto size = parse_size(row.text);
    ASSERT_TRUE(size) << row.text;
    EXPECT_EQ(*size, row.bytes) << row.text;
  }
}

TEST(Size, ThatIsNoneIsRefusedWithAnExample) {
  for (const char* text : {"", "MiB", "-1", "+1", " 8", "8 MiB", "8mib", "8MiBs", "1.5G", "0x10",
                           "1e3", "18446744073709551616", "16777216TiB", "99999999999999999999"}) {
    auto size = parse_size(text);
    ASSERT_FALSE(size) << text;
    EXPECT_TRUE(size.error().is(Own::kBadInput));
    EXPECT_EQ(size.error().message(),
              "'" + std::string(text) + "' is not a size; write it like 8MiB");
  }
}

TEST(Duration, IsReadInMilliseconds) {
  EXPECT_EQ(*parse_duration_ms("300s"), 300'000u);
  EXPECT_EQ(*parse_duration_ms("30"), 30'000u);
  EXPECT_EQ(*parse_duration_ms("250ms"), 250u);
  EXPECT_EQ(*parse_duration_ms("15m"), 900'000u);
  EXPECT_EQ(*parse_duration_ms("2h"), 7'200'000u);
  EXPECT_EQ(*parse_duration_ms("0"), 0u);
}

TEST(Duration, ThatIsNoneIsRefused) {
  for (const char* text : {"", "s", "1d", "1 s", "-5s", "5124095576030432h", "1.5s"}) {
    EXPECT_FALSE(parse_duration_ms(text)) << text;
  }
}

TEST(Number, IsReadWholeAndBounded) {
  EXPECT_EQ(*parse_unsigned("0", 10), 0u);
  EXPECT_EQ(*parse_unsigned("10", 10), 10u);
  EXPECT_EQ(*parse_unsigned("18446744073709551615", kMost), kMost);
  for (const char* text : {"11", "", "1x", " 1", "-1", "18446744073709551616"}) {
    EXPECT_FALSE(parse_unsigned(text, 10)) << text;
  }
}

TEST(Size, IsWrittenForPeople) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1536), "1.5 KiB");
  EXPECT_EQ(format_size(8 * kMiB), "8.0 MiB");
  EXPECT_EQ(format_size(kMost), "16777216.0 TiB");
}

TEST(Duration, IsWrittenForPeople) {
  EXPECT_EQ(format_duration(0), "0.0s");
  EXPECT_EQ(format_duration(1500), "1.5s");
  EXPECT_EQ(format_duration(61'000), "1m01s");
  EXPECT_EQ(format_duration(3'660'000), "1h01m");
}

}  // namespace
}  // namespace nfsferry

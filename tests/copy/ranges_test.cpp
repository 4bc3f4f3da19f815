#include "copy/ranges.hpp"

#include <gtest/gtest.h>

#include <string>

namespace nfsferry::copy {
namespace {

constexpr std::size_t kRun = 64 << 10;

std::string shown(const std::string& text) {
  std::string out;
  for (const Extent& extent : extents_to_write(std::as_bytes(std::span(text)), kRun)) {
    out += std::to_string(extent.begin) + "+" + std::to_string(extent.size) + " ";
  }
  return out;
}

std::string zeros(std::size_t count) { return std::string(count, '\0'); }
std::string data(std::size_t count) { return std::string(count, 'x'); }

TEST(Ranges, data_without_zeros_is_written_whole) {
  EXPECT_EQ(shown(data(100'000)), "0+100000 ");
  EXPECT_EQ(shown(""), "");
}

TEST(Ranges, a_run_just_too_short_is_written) {
  EXPECT_EQ(shown(data(4096) + zeros(kRun - 1) + data(10)), "0+69641 ");
}

TEST(Ranges, runs_at_the_beginning_in_the_middle_and_at_the_end_are_left_out) {
  EXPECT_EQ(shown(zeros(kRun) + data(10)), "65536+10 ");
  EXPECT_EQ(shown(data(4096) + zeros(kRun) + data(4096)), "0+4096 69632+4096 ");
  EXPECT_EQ(shown(data(4096) + zeros(kRun + 5)), "0+4096 ");
  EXPECT_EQ(shown(zeros(kRun + 1)), "");
}

TEST(Ranges, what_is_left_out_is_counted) {
  std::string text = zeros(kRun) + data(4096) + zeros(2 * kRun);
  EXPECT_EQ(zeros_left_out(std::as_bytes(std::span(text)), kRun), 3 * kRun);
  EXPECT_TRUE(has_zero_run(std::as_bytes(std::span(text)), kRun));
  std::string full = data(3 * kRun);
  EXPECT_FALSE(has_zero_run(std::as_bytes(std::span(full)), kRun));
}

}  // namespace
}  // namespace nfsferry::copy

#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace nfsferry {

// Counts of durations in microseconds, in buckets of 12.5 % width: 8 a power of two, up to 2^40.
class LatencyHistogram {
 public:
  void add(std::uint64_t microseconds) {
    ++buckets_[bucket_of(microseconds)];
    ++count_;
  }
  void add(const LatencyHistogram& other) {
    for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
  }
  std::uint64_t count() const { return count_; }

  // The lower edge of the bucket that holds the given share (0 < percent <= 100), 0 if empty.
  std::uint64_t percentile(unsigned percent) const {
    std::uint64_t wanted = (count_ * percent + 99) / 100;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      seen += buckets_[i];
      if (seen >= wanted && seen > 0) return lower_edge(i);
    }
    return 0;
  }

 private:
  static constexpr std::size_t kBuckets = 8 * 40;

  static std::size_t bucket_of(std::uint64_t value) {
    if (value < 8) return static_cast<std::size_t>(value);
    auto power = static_cast<std::size_t>(std::bit_width(value)) - 1;  // at least 3
    std::size_t bucket = (power - 2) * 8 + static_cast<std::size_t>(value >> (power - 3) & 7);
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  static std::uint64_t lower_edge(std::size_t bucket) {
    if (bucket < 8) return bucket;
    std::size_t power = bucket / 8 + 2;
    return (8 + bucket % 8) << (power - 3);
  }

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
};

}  // namespace nfsferry

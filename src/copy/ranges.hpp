// Ranges of bytes: where long runs of zeros are, and whether a file holds what it should.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "loop/task.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

struct Extent {
  std::size_t begin = 0;
  std::size_t size = 0;
};

// The bytes without their runs of at least `run_bytes` zeros, in order; runs are seen in steps of
// kZeroStep from the span's beginning.
inline constexpr std::size_t kZeroStep = 4096;
std::vector<Extent> extents_to_write(std::span<const std::byte> bytes, std::size_t run_bytes);
// What extents_to_write leaves out, in bytes.
std::size_t zeros_left_out(std::span<const std::byte> bytes, std::size_t run_bytes);
bool has_zero_run(std::span<const std::byte> bytes, std::size_t run_bytes);

// Whether a file that was there before holds these bytes. Errors: kDiffers; those of the read.
Task<Status> compare_bytes(SourceFile& file, std::uint64_t offset_bytes,
                           std::span<const std::byte> bytes);

}  // namespace nfsferry::copy

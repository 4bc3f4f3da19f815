#include "copy/ranges.hpp"

#include <algorithm>
#include <cstring>

#include "tree/read_back.hpp"

namespace nfsferry::copy {
namespace {

bool is_zero(std::span<const std::byte> bytes) {
  if (bytes.empty() || bytes.front() != std::byte{0}) return false;
  return std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

}  // namespace

std::vector<Extent> extents_to_write(std::span<const std::byte> bytes, std::size_t run_bytes) {
  std::vector<Extent> out;
  std::size_t begin = 0;      // of what is not yet in an extent
  std::size_t run_begin = 0;  // of the zeros that end at `at`
  auto cut = [&](std::size_t run_end) {
    if (run_end - run_begin < run_bytes) return;
    if (run_begin > begin) out.push_back(Extent{begin, run_begin - begin});
    begin = run_end;
  };
  std::size_t at = 0;
  while (at < bytes.size()) {
    std::size_t step = std::min(kZeroStep, bytes.size() - at);
    if (!is_zero(bytes.subspan(at, step))) {
      cut(at);
      run_begin = at + step;
    }
    at += step;
  }
  cut(bytes.size());
  if (begin < bytes.size()) out.push_back(Extent{begin, bytes.size() - begin});
  return out;
}

std::size_t zeros_left_out(std::span<const std::byte> bytes, std::size_t run_bytes) {
  std::size_t out = bytes.size();
  for (const Extent& extent : extents_to_write(bytes, run_bytes)) out -= extent.size;
  return out;
}

bool has_zero_run(std::span<const std::byte> bytes, std::size_t run_bytes) {
  return bytes.size() >= run_bytes && zeros_left_out(bytes, run_bytes) > 0;
}

Task<Status> compare_bytes(SourceFile& file, std::uint64_t offset_bytes,
                           std::span<const std::byte> bytes) {
  auto read = [&file](std::uint64_t offset, std::uint32_t count) {
    return file.read(offset, count);
  };
  Error otherwise = own_error(Own::kDiffers, "compare", "another content");
  co_return co_await expect_bytes(read, offset_bytes, bytes, std::move(otherwise));
}

}  // namespace nfsferry::copy

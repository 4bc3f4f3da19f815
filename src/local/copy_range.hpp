#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.hpp"
#include "tree/tree.hpp"

namespace nfsferry {

// Copies one file into another, new one by the kernel, from the beginning on, at the same offsets.
// Blocks: file threads only.
class RangeCopy {
 public:
  // The whole file at once where both can share blocks (FICLONE, at the offset 0), else up to
  // `count` bytes by copy_file_range, which shares or copies where it can; holes are left out. What
  // was done before an error is told first; the error comes when nothing could be done. Errors:
  // errno (EXDEV, EINVAL, EOPNOTSUPP, ... where the file systems cannot do it); kUnsupported where
  // holes would be filled.
  Result<CopiedRange> copy(int from, int to, std::uint64_t offset_bytes, std::uint64_t count,
                           std::string_view name);

 private:
  Result<CopiedRange> copy_extent(int from, int to, std::uint64_t offset_bytes, std::uint64_t count,
                                  std::string_view name);
  Result<std::uint64_t> hole_at(int from, std::uint64_t offset_bytes, std::string_view name);

  // Of the data that were found last. Asked for anew at each offset, the kernel would look through
  // all of a large file each time.
  std::uint64_t data_end_ = 0;
};

}  // namespace nfsferry

#include "tree/read_back.hpp"

namespace nfsferry {

Task<Status> read_back(RangeWriter& file, std::uint64_t offset_bytes,
                       std::span<const std::byte> bytes) {
  auto read = [&file](std::uint64_t offset, std::uint32_t count) {
    return file.read_back(offset, count);
  };
  Error otherwise = own_error(Own::kVerifyMismatch, "READ", "what came back is not what was sent");
  co_return co_await expect_bytes(read, offset_bytes, bytes, std::move(otherwise));
}

}  // namespace nfsferry

#include "tree/read_back.hpp"

#include <string>

namespace nfsferry {

Task<Status> read_back(RangeWriter& file, std::uint64_t offset_bytes,
                       std::span<const std::byte> bytes) {
  auto read = [&file](std::uint64_t offset, std::uint32_t count) {
    return file.read_back(offset, count);
  };
  Error otherwise = own_error(Own::kVerifyMismatch, "READ", "what came back is not what was sent");
  co_return co_await expect_bytes(read, offset_bytes, bytes, std::move(otherwise));
}

Status check_size(std::uint64_t told, std::uint64_t wanted) {
  if (told == wanted) return ok();
  return own_error(Own::kVerifyMismatch, "SETATTR",
                   "a size of " + std::to_string(wanted) + " was set, and the server tells " +
                       std::to_string(told));
}

}  // namespace nfsferry

#pragma once

#include <cstring>
#include <span>

#include "base/result.hpp"
#include "loop/task.hpp"
#include "tree/tree.hpp"

namespace nfsferry {

// Whether what `read` gives (a Task of a range, from offset and count) is these bytes, short reads
// finished. They stay valid until it returns. Errors: `otherwise`; those of the read.
template <typename Read>
Task<Status> expect_bytes(Read read, std::uint64_t offset_bytes, std::span<const std::byte> bytes,
                          Error otherwise) {
  while (!bytes.empty()) {
    auto range = co_await read(offset_bytes, static_cast<std::uint32_t>(bytes.size()));
    if (!range) co_return std::move(range).error();
    std::span<const std::byte> got = range->data.bytes;
    bool same = !got.empty() && got.size() <= bytes.size() &&
                std::memcmp(got.data(), bytes.data(), got.size()) == 0;
    if (!same) co_return otherwise;
    offset_bytes += got.size();
    bytes = bytes.subspan(got.size());
  }
  co_return ok();
}

// Reads what the target holds there and compares. Errors: kVerifyMismatch; those of the read.
Task<Status> read_back(RangeWriter& file, std::uint64_t offset_bytes,
                       std::span<const std::byte> bytes);

// What a server says a file's size is once it was set: a reply of OK alone is no proof. Errors:
// kVerifyMismatch.
Status check_size(std::uint64_t told, std::uint64_t wanted);

}  // namespace nfsferry

// XDR (RFC 4506): a writer that keeps large payloads where they are, and a reader that cannot
// read past its span.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace nfsferry::nfs4 {

constexpr std::size_t xdr_padded(std::size_t bytes) { return (bytes + 3) & ~std::size_t{3}; }

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class XdrWriter {
 public:
  XdrWriter() = default;
  XdrWriter(const XdrWriter&) = default;
  XdrWriter(XdrWriter&& other) noexcept { swap(other); }  // leaves an empty one
  XdrWriter& operator=(XdrWriter other) noexcept {
    swap(other);
    return *this;
  }
  ~XdrWriter() {
    if (!head_.empty()) keep_memory();
  }

  void u32(std::uint32_t value) { put_u32(room(4), value); }
  void u64(std::uint64_t value) {
    std::byte* at = room(8);
    put_u32(at, static_cast<std::uint32_t>(value >> 32));
    put_u32(at + 4, static_cast<std::uint32_t>(value));
  }
  void i64(std::int64_t value) { u64(static_cast<std::uint64_t>(value)); }
  void boolean(bool value) { u32(value ? 1 : 0); }
  // Fixed-length opaque, padded.
  void fixed(std::span<const std::byte> bytes) {
    append(bytes);
    pad(bytes.size());
  }
  // Variable-length opaque or string: length, bytes, padding.
  void opaque(std::span<const std::byte> bytes) {
    u32(static_cast<std::uint32_t>(bytes.size()));
    fixed(bytes);
  }
  void text(std::string_view value) { opaque(bytes_of(value)); }
  // Like opaque, but large bytes are referred to, not copied: they outlive the writer's use.
  void payload(std::span<const std::byte> bytes) {
    if (bytes.size() < kCopyBelow) return opaque(bytes);
    u32(static_cast<std::uint32_t>(bytes.size()));
    splices_.push_back(Splice{head_bytes_, bytes});
    spliced_bytes_ += bytes.size();
    pad(bytes.size());
  }

  std::size_t size() const { return head_bytes_ + spliced_bytes_; }
  std::span<const std::byte> head() const { return std::span(head_).first(head_bytes_); }
  // Overwrites four bytes written earlier, at an offset in head().
  void patch_u32(std::size_t at, std::uint32_t value) { put_u32(head_.data() + at, value); }
  // The written bytes in order, as pieces for a vectored send.
  void append_pieces(std::vector<iovec>& out) const {
    out.reserve(out.size() + 2 * splices_.size() + 1);
    std::size_t from = 0;
    for (const Splice& splice : splices_) {
      add_piece(out, head_.data() + from, splice.at - from);
      add_piece(out, splice.bytes.data(), splice.bytes.size());
      from = splice.at;
    }
    add_piece(out, head_.data() + from, head_bytes_ - from);
  }

 private:
  static constexpr std::size_t kCopyBelow = 1024;
  struct Splice {
    std::size_t at;
    std::span<const std::byte> bytes;
  };

  void swap(XdrWriter& other) noexcept {
    head_.swap(other.head_);
    splices_.swap(other.splices_);
    std::swap(head_bytes_, other.head_bytes_);
    std::swap(spliced_bytes_, other.spliced_bytes_);
  }
  static void add_piece(std::vector<iovec>& out, const std::byte* data, std::size_t size) {
    if (size > 0) out.push_back(iovec{const_cast<std::byte*>(data), size});
  }
  static void put_u32(std::byte* at, std::uint32_t value) {
    if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap32(value);
    std::memcpy(at, &value, 4);
  }
  // Where the next bytes go. They may hold anything.
  std::byte* room(std::size_t bytes) {
    if (head_.size() - head_bytes_ < bytes) [[unlikely]]
      grow(bytes);
    return head_.data() + std::exchange(head_bytes_, head_bytes_ + bytes);
  }
  // A writer's memory goes to the next one of the thread: most of a request's would be new to it.
  void grow(std::size_t bytes);
  void keep_memory();
  void append(std::span<const std::byte> bytes) {
    if (!bytes.empty()) std::memcpy(room(bytes.size()), bytes.data(), bytes.size());
  }
  void pad(std::size_t size) {
    std::size_t bytes = xdr_padded(size) - size;
    std::fill_n(room(bytes), bytes, std::byte{0});
  }

  std::vector<std::byte> head_;  // longer than what is written
  std::size_t head_bytes_ = 0;   // of it
  std::vector<Splice> splices_;
  std::size_t spliced_bytes_ = 0;
};

// After the first failed read everything reads as zero or empty; ask failed() before use.
class XdrReader {
 public:
  XdrReader() = default;
  explicit XdrReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  std::uint32_t u32() {
    auto raw = take(4);
    if (raw.empty()) return 0;
    std::uint32_t value;
    std::memcpy(&value, raw.data(), 4);
    if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap32(value);
    return value;
  }
  std::uint64_t u64() {
    std::uint64_t high = u32();
    return high << 32 | u32();
  }
  std::int64_t i64() { return static_cast<std::int64_t>(u64()); }
  bool boolean() {
    std::uint32_t value = u32();
    if (value > 1) fail();
    return value == 1;
  }
  std::span<const std::byte> fixed(std::size_t size) {
    if (size > rest_.size() || xdr_padded(size) > rest_.size()) {
      fail();
      return {};
    }
    auto bytes = rest_.first(size);
    rest_ = rest_.subspan(xdr_padded(size));
    return bytes;
  }
  std::span<const std::byte> opaque(std::size_t most) {
    std::uint32_t size = u32();
    if (size > most) {
      fail();
      return {};
    }
    return fixed(size);
  }
  std::string_view text(std::size_t most) { return text_of(opaque(most)); }

  void fail() {
    failed_ = true;
    rest_ = {};
  }
  bool failed() const { return failed_; }
  std::size_t remaining() const { return rest_.size(); }

 private:
  std::span<const std::byte> take(std::size_t size) {
    if (size > rest_.size()) {
      fail();
      return {};
    }
    auto bytes = rest_.first(size);
    rest_ = rest_.subspan(size);
    return bytes;
  }

  std::span<const std::byte> rest_;
  bool failed_ = false;
};

}  // namespace nfsferry::nfs4

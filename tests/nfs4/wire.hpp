// XDR of the tests' own (RFC 4506), so that our encoder is never judged by itself: bytes written
// by hand, and small builders for the replies of the fake server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nfs4/xdr.hpp"

namespace nfsferry::test {

// Bytes from hex digits, blanks ignored: hex("0000 0001 ff").
inline std::string hex(std::string_view digits) {
  std::string out;
  int high = -1;
  for (char c : digits) {
    if (c == ' ' || c == '\n') continue;
    int value = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) {
      high = value;
    } else {
      out += static_cast<char>(high << 4 | value);
      high = -1;
    }
  }
  return out;
}

// The other way round, in groups of four bytes: what a failed comparison prints.
inline std::string to_hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i % 4 == 0 && i > 0) out += ' ';
    out += kDigits[static_cast<unsigned char>(bytes[i]) >> 4];
    out += kDigits[static_cast<unsigned char>(bytes[i]) & 15];
  }
  return out;
}

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// The first bytes of a text in memory of exactly that size: a sanitizer sees the byte behind it.
class Exact {
 public:
  Exact(std::string_view text, std::size_t size)
      : bytes_(std::make_unique<char[]>(size)), size_(size) {
    text.copy(bytes_.get(), size);
  }
  std::string_view text() const { return {bytes_.get(), size_}; }
  std::span<const std::byte> bytes() const { return as_bytes(text()); }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

// All that a writer of ours has written, spliced payloads in their places.
inline std::string written(const nfs4::XdrWriter& writer) {
  std::vector<iovec> pieces;
  writer.append_pieces(pieces);
  std::string out;
  for (const iovec& piece : pieces) {
    out.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  }
  return out;
}

// Builds XDR by appending.
class Wire {
 public:
  Wire& u32(std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes_ += static_cast<char>(value >> shift & 255);
    return *this;
  }
  Wire& u64(std::uint64_t value) {
    return u32(static_cast<std::uint32_t>(value >> 32)).u32(static_cast<std::uint32_t>(value));
  }
  Wire& raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  Wire& opaque(std::string_view bytes) {
    u32(static_cast<std::uint32_t>(bytes.size()));
    bytes_ += bytes;
    while (bytes_.size() % 4 != 0) bytes_ += '\0';
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace nfsferry::test

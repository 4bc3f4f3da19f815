#include "base/sha256.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace nfsferry {
namespace {

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string hash(std::string_view text) { return to_hex(sha256_of(bytes(text))); }

TEST(Sha256, GivesThePublishedValues) {
  EXPECT_EQ(hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hash(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, OfPiecesIsThatOfTheWhole) {
  std::string whole;
  Sha256 pieces;
  EXPECT_EQ(to_hex(pieces.value()), hash(""));
  for (std::size_t size : {1u, 63u, 64u, 65u, 0u, 4096u, 1u}) {
    std::string piece(size, static_cast<char>('a' + size % 26));
    pieces.update(bytes(piece));
    whole += piece;
    EXPECT_EQ(to_hex(pieces.value()), hash(whole)) << whole.size();
  }
}

}  // namespace
}  // namespace nfsferry

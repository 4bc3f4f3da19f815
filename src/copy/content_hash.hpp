#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/sha256.hpp"

namespace nfsferry::copy {

// An XXH3-128 value.
struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const Hash128&) const = default;
};
std::string to_hex(const Hash128& hash);  // 32 digits, as xxhsum prints it
Hash128 hash_of(std::span<const std::byte> bytes, std::uint64_t seed = 0);
// What stands for a name where names themselves would take too much memory.
Hash128 name_key(std::string_view name, std::uint64_t seed);

// What is computed of a file's content.
enum class Hashing : std::uint8_t { kNone, kXxh3, kXxh3AndSha256 };

struct FileHash {
  Hash128 xxh3;
  std::optional<Sha256::Value> sha256{};
  bool operator==(const FileHash&) const = default;
};
// The same for people; empty where there is none.
struct HashTexts {
  std::string xxh3;
  std::string sha256{};
};
std::optional<FileHash> hash_content(std::span<const std::byte> bytes, Hashing hashing);

// The same of bytes that come in pieces, in file order.
class ContentHash {
 public:
  explicit ContentHash(Hashing hashing);
  ~ContentHash();
  ContentHash(const ContentHash&) = delete;
  ContentHash& operator=(const ContentHash&) = delete;
  void update(std::span<const std::byte> bytes);
  std::optional<FileHash> value() const;  // of all bytes so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A digest of a whole tree's regular files: the sum modulo 2^128 of XXH3-128(path NUL hash), so
// that it does not depend on the order in which files were copied.
class TreeDigest {
 public:
  void add(std::string_view path, const Hash128& content);
  std::string hex() const { return to_hex(sum_); }

 private:
  Hash128 sum_;
  std::string line_;  // of the entry, kept for its memory
};

}  // namespace nfsferry::copy

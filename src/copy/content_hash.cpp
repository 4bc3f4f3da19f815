#include "copy/content_hash.hpp"

#include <xxhash.h>
#ifdef NFSFERRY_XXHASH_DISPATCHES
#include <xxh_x86dispatch.h>  // the same functions, by the best instructions that there are
#endif

#include <array>
#include <string_view>

#include "base/result.hpp"

namespace nfsferry::copy {

struct ContentHash::State {
  XXH3_state_t* xxh = XXH3_createState();
  std::optional<Sha256> sha256;
  ~State() { XXH3_freeState(xxh); }
};

namespace {

using HexText = std::array<char, 32>;

HexText hex_of(const Hash128& hash) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  HexText text;
  for (unsigned i = 0; i < 16; ++i) {
    text[15 - i] = kDigits[hash.high >> (4 * i) & 15];
    text[31 - i] = kDigits[hash.low >> (4 * i) & 15];
  }
  return text;
}

}  // namespace

std::string to_hex(const Hash128& hash) {
  HexText text = hex_of(hash);
  return {text.data(), text.size()};
}

// Before there are threads: the library's first call writes what all others read.
[[maybe_unused]] const Hash128 kInstructionsChosen = hash_of(std::array<std::byte, 1024>{});

Hash128 hash_of(std::span<const std::byte> bytes, std::uint64_t seed) {
  XXH128_hash_t value = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return Hash128{value.high64, value.low64};
}

Hash128 name_key(std::string_view name, std::uint64_t seed) {
  return hash_of(std::as_bytes(std::span(name.data(), name.size())), seed);
}

std::optional<FileHash> hash_content(std::span<const std::byte> bytes, Hashing hashing) {
  if (hashing == Hashing::kNone) return std::nullopt;
  FileHash hash{hash_of(bytes)};
  if (hashing == Hashing::kXxh3AndSha256) hash.sha256 = sha256_of(bytes);
  return hash;
}

ContentHash::ContentHash(Hashing hashing) {
  if (hashing == Hashing::kNone) return;
  state_ = std::make_unique<State>();
  check(state_->xxh != nullptr, "out of memory");
  XXH3_128bits_reset(state_->xxh);
  if (hashing == Hashing::kXxh3AndSha256) state_->sha256.emplace();
}

ContentHash::~ContentHash() = default;

void ContentHash::update(std::span<const std::byte> bytes) {
  if (!state_) return;
  XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size());
  if (state_->sha256) state_->sha256->update(bytes);
}

std::optional<FileHash> ContentHash::value() const {
  if (!state_) return std::nullopt;
  XXH128_hash_t value = XXH3_128bits_digest(state_->xxh);
  FileHash hash{Hash128{value.high64, value.low64}};
  if (state_->sha256) hash.sha256 = state_->sha256->value();
  return hash;
}

void TreeDigest::add(std::string_view path, const Hash128& content) {
  line_.assign(path);
  line_ += '\0';
  HexText hex = hex_of(content);
  line_.append(hex.data(), hex.size());
  Hash128 value = hash_of(std::as_bytes(std::span(line_.data(), line_.size())));
  std::uint64_t low = sum_.low + value.low;
  std::uint64_t carry = low < value.low ? 1 : 0;
  sum_ = Hash128{sum_.high + value.high + carry, low};
}

}  // namespace nfsferry::copy

#include "base/sha256.hpp"

#include <nettle/sha2.h>

namespace nfsferry {
namespace {

void add(sha256_ctx& context, std::span<const std::byte> bytes) {
  sha256_update(&context, bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
}

// The context starts over.
Sha256::Value end(sha256_ctx& context) {
  Sha256::Value value;
  sha256_digest(&context, value.size(), value.data());
  return value;
}

}  // namespace

struct Sha256::State {
  sha256_ctx context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) { sha256_init(&state_->context); }

Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) { add(state_->context, bytes); }

Sha256::Value Sha256::value() const {
  sha256_ctx so_far = state_->context;
  return end(so_far);
}

Sha256::Value sha256_of(std::span<const std::byte> bytes) {
  sha256_ctx context;
  sha256_init(&context);
  add(context, bytes);
  return end(context);
}

std::string to_hex(const Sha256::Value& value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * value.size());
  for (unsigned char byte : value) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace nfsferry

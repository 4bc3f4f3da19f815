#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace nfsferry {

// SHA-256 (FIPS 180-4) of bytes that come in pieces, in their order.
class Sha256 {
 public:
  using Value = std::array<unsigned char, 32>;

  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(std::span<const std::byte> bytes);
  Value value() const;  // of all bytes so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Sha256::Value sha256_of(std::span<const std::byte> bytes);
std::string to_hex(const Sha256::Value& value);  // 64 digits, as sha256sum prints it

}  // namespace nfsferry

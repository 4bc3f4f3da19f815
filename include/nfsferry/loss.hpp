// What an entry of the source has and its copy has not, though the copy succeeded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace nfsferry {

enum class LossKind : std::uint8_t {
  kAcl,     // an access control list that says more than the mode
  kXattr,   // an extended attribute
  kDevice,  // all of it: a device, or a type that nobody knows
  kHoles,   // its holes, or some of them, are zeros that take room
};
inline constexpr std::size_t kLossKinds = 4;

struct Loss {
  LossKind kind = LossKind::kAcl;
  std::string detail;  // the attribute's name (bytes), the type, bytes in digits
};

}  // namespace nfsferry

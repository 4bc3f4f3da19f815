// One fuzzer: NFSFERRY_FUZZ_TARGET names its function.
#include <cstdint>

#include "targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nfsferry::fuzz::NFSFERRY_FUZZ_TARGET({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}

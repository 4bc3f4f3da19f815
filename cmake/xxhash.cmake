# libxxhash, and whether it was built with functions that look for the best instructions at run time
# (x86 alone: Debian and Ubuntu have them; twice as fast where the processor has AVX2).
include(CheckCXXSourceCompiles)
include(CMakePushCheckState)

pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
add_library(nfsferry_xxhash INTERFACE)
target_link_libraries(nfsferry_xxhash INTERFACE PkgConfig::xxhash)

cmake_push_check_state()
set(CMAKE_REQUIRED_LIBRARIES PkgConfig::xxhash)
check_cxx_source_compiles("
#include <xxh_x86dispatch.h>
int main() {
  XXH3_state_t* state = XXH3_createState();
  return XXH3_128bits_update_dispatch(state, 0, 0) + (int)XXH3_128bits_withSeed_dispatch(0, 0, 0).low64;
}" NFSFERRY_XXHASH_DISPATCHES)
cmake_pop_check_state()
if(NFSFERRY_XXHASH_DISPATCHES)
  target_compile_definitions(nfsferry_xxhash INTERFACE NFSFERRY_XXHASH_DISPATCHES)
endif()

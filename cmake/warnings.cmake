# Warnings and sanitizers for our own targets, never for what links them.
add_library(nfsferry_build_flags INTERFACE)
target_compile_options(nfsferry_build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  # std::string's operator+ at -O2: GCC bug 105651, ends with 13.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
  # std::optional and std::variant with optimisation: GCC bug 80635, open.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  # Several sources compiled as one: what is local to a source looks as if it were in a header.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${CMAKE_UNITY_BUILD}>>:-Wno-subobject-linkage>
  $<$<BOOL:${NFSFERRY_STRICT}>:-Werror>)
if(NFSFERRY_SANITIZE)  # by folder, so that one below can go without
  add_compile_options(
    -fsanitize=${NFSFERRY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${NFSFERRY_SANITIZE})
  if(NFSFERRY_SANITIZE MATCHES "address" AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_compile_definitions(__SANITIZE_ADDRESS__)  # g++ says so itself
  endif()
endif()

# nfsferry_layer(NAME SOURCES... LINKS...): a static library for one folder of src/.
function(nfsferry_layer name)
  cmake_parse_arguments(LAYER "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(nfsferry_${name} STATIC ${LAYER_SOURCES})
  target_include_directories(nfsferry_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(nfsferry_${name}
    PUBLIC nfsferry_include ${LAYER_LINKS}
    PRIVATE nfsferry_build_flags ${LAYER_PRIVATE_LINKS})
endfunction()

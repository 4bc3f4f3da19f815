#pragma once

#include <string>

namespace nfsferry::test {

// The Node packages of tests/recover/node, fetched once for all presets.
inline constexpr const char* kNode = NFSFERRY_NODE_FOLDER "/node";

// Why they cannot be used, empty if they can; a failure under CI.
std::string require_packages();

}  // namespace nfsferry::test

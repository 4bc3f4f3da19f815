#pragma once

#include <cstdlib>
#include <string_view>

namespace nfsferry::test {

// Whether this is a checking machine, where a test whose tools are missing fails. On a user's
// machine it is skipped.
inline bool under_ci() {
  const char* ci = std::getenv("CI");
  std::string_view value = ci == nullptr ? "" : ci;
  return !value.empty() && value != "false" && value != "0";
}

}  // namespace nfsferry::test

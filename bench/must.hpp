#pragma once

#include <utility>

#include "base/result.hpp"
#include "loopback.hpp"

namespace nfsferry::bench {

// Ends the program where something did not work.
template <typename T>
T must(Result<T> result) {
  if (!result) refuse(result.error().message());
  return *std::move(result);
}

}  // namespace nfsferry::bench

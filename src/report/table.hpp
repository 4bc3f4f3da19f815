#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace nfsferry {

// Rows in columns: the first to the left, the others, which are numbers, to the right.
template <std::size_t N>
std::string laid_out(const std::vector<std::array<std::string, N>>& rows) {
  std::array<std::size_t, N> widths{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < N; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    out += row[0] + std::string(widths[0] - row[0].size(), ' ');
    for (std::size_t i = 1; i < N; ++i) {
      out += "  " + std::string(widths[i] - row[i].size(), ' ') + row[i];
    }
    out += '\n';
  }
  return out;
}

}  // namespace nfsferry

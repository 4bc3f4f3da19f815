#pragma once

#include "nfsferry/options.hpp"
#include "report/json_text.hpp"

namespace nfsferry {

// Of each list of mapped ids a report shows the first ones.
inline constexpr std::size_t kIdMapsShown = 100;
// And of the filters.
inline constexpr std::size_t kFiltersShown = 50;

// The service's names first, then ours, which are the flags' with their unit.
Json options_json(const CopyOptions& options);

}  // namespace nfsferry

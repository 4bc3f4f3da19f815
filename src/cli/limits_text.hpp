#pragma once

#include <string_view>

#include "base/result.hpp"
#include "nfsferry/options.hpp"

// The lines of a file of limits.
namespace nfsferry::cli {

// Lines "bwlimit=16MiB" and "iops-limit=200", each at most once; empty ones, and comments after a
// '#'. What is not named is `otherwise`. Errors: kBadInput that names the line.
Result<Rates> parse_limits(std::string_view text, const Rates& otherwise);

}  // namespace nfsferry::cli

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "nfsferry/options.hpp"

// The values of --include, --exclude and --filter-from. Errors: kBadInput; the detail says what is
// wrong, and of a file where.
namespace nfsferry::cli {

inline constexpr std::size_t kFilterRulesMax = 10'000;

Status add_filter_rule(std::vector<FilterRule>& rules, FilterRule rule);

// Lines "+ GLOB" and "- GLOB". Empty ones and those that begin with a '#' are left out; so are
// blanks at the end of a glob, unless a backslash stands before them.
Status parse_filter_rules(std::string_view text, std::vector<FilterRule>& rules);

// Of a file, or of stdin: "-".
Status read_filter_rules(const std::string& from, std::vector<FilterRule>& rules);

}  // namespace nfsferry::cli

#include "copy/filter.hpp"

#include <string>
#include <utility>

namespace nfsferry::copy {

Result<Filter> Filter::compile(const std::vector<FilterRule>& rules) {
  Filter filter;
  for (const FilterRule& rule : rules) {
    auto glob = Glob::parse(rule.glob);
    if (!glob) {
      return own_error(Own::kBadInput, "filter",
                       "the glob '" + rule.glob + "' " + glob.error().detail);
    }
    filter.rules_.push_back(Rule{rule.include, *std::move(glob)});
  }
  return filter;
}

bool Filter::leaves_out(std::string_view path, bool directory) const {
  std::vector<std::string_view> names = split_path(path);
  for (const Rule& rule : rules_) {
    if (rule.glob.matches(names, directory)) return !rule.include;
  }
  return false;
}

}  // namespace nfsferry::copy

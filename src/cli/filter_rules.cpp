#include "cli/filter_rules.hpp"

#include <utility>

#include "base/glob.hpp"
#include "cli/input_text.hpp"
#include "cli/text_lines.hpp"

namespace nfsferry::cli {
namespace {

// "a " and "a\ \t" lose one blank, "a\ " none: the backslash belongs to it.
std::string_view without_blanks_at_end(std::string_view glob) {
  std::string_view kept = glob.substr(0, glob.find_last_not_of(" \t\r") + 1);
  std::size_t backslashes = kept.size() - (kept.find_last_not_of('\\') + 1);
  bool blank_is_meant = backslashes % 2 == 1 && kept.size() < glob.size();
  return glob.substr(0, kept.size() + (blank_is_meant ? 1 : 0));
}

Status take_line(std::string_view line, std::vector<FilterRule>& rules) {
  if (line.starts_with('#') || trimmed(line).empty()) return ok();
  bool include = line.starts_with("+ ");
  if (!include && !line.starts_with("- ")) {
    return own_error(Own::kBadInput, "", "is neither '+ GLOB' nor '- GLOB'");
  }
  std::string_view glob = without_blanks_at_end(line.substr(2));
  return add_filter_rule(rules, FilterRule{include, std::string(glob)});
}

}  // namespace

Status add_filter_rule(std::vector<FilterRule>& rules, FilterRule rule) {
  auto glob = Glob::parse(rule.glob);
  if (!glob) {
    return own_error(Own::kBadInput, "", "the glob '" + rule.glob + "' " + glob.error().detail);
  }
  if (rules.size() >= kFilterRulesMax) {
    return own_error(Own::kBadInput, "",
                     "there are more than " + std::to_string(kFilterRulesMax) + " filters");
  }
  rules.push_back(std::move(rule));
  return ok();
}

Status parse_filter_rules(std::string_view text, std::vector<FilterRule>& rules) {
  auto take = [&rules](std::string_view line, std::size_t) { return take_line(line, rules); };
  return for_each_line(text, take);
}

Status read_filter_rules(const std::string& from, std::vector<FilterRule>& rules) {
  auto text = read_input(from);
  if (!text) return own_error(Own::kBadInput, "", text.error().message());
  Status parsed = parse_filter_rules(*text, rules);
  if (parsed) return ok();
  return own_error(Own::kBadInput, "", from + ", " + parsed.error().detail);
}

}  // namespace nfsferry::cli

#include "cli/text_lines.hpp"

#include <string>

namespace nfsferry::cli {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

Status for_each_line(std::string_view text, const TakeLine& take) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::size_t end = text.find('\n');
    Status taken = take(text.substr(0, end), number);
    if (!taken) {
      return own_error(Own::kBadInput, "",
                       "line " + std::to_string(number) + ": " + taken.error().detail);
    }
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return ok();
}

Status for_each_statement(std::string_view text, const TakeLine& take) {
  return for_each_line(text, [&take](std::string_view line, std::size_t number) {
    std::string_view statement = trimmed(line.substr(0, line.find('#')));
    return statement.empty() ? ok() : take(statement, number);
  });
}

}  // namespace nfsferry::cli

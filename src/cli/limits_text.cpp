#include "cli/limits_text.hpp"

#include <optional>
#include <string>
#include <utility>

#include "cli/flags.hpp"
#include "cli/text_lines.hpp"

namespace nfsferry::cli {
namespace {

struct FileRates {
  std::optional<std::uint64_t> bytes_per_second;
  std::optional<std::uint64_t> requests_per_second;
};

// Errors: kBadInput, without the line's number.
Status take_line(std::string_view line, FileRates& rates) {
  std::size_t equals = line.find('=');
  std::string_view name = trimmed(line.substr(0, equals));
  bool bytes = name == "bwlimit";
  if (equals == std::string_view::npos || (!bytes && name != "iops-limit")) {
    return own_error(Own::kBadInput, "", "is neither bwlimit=SIZE nor iops-limit=N");
  }
  auto& rate = bytes ? rates.bytes_per_second : rates.requests_per_second;
  if (rate) return own_error(Own::kBadInput, "", std::string(name) + " is there twice");
  std::string_view value = trimmed(line.substr(equals + 1));
  auto parsed = bytes ? parse_bwlimit(value) : parse_iops_limit(value);
  if (!parsed) return std::move(parsed).error();
  rate = *parsed;
  return ok();
}

}  // namespace

Result<Rates> parse_limits(std::string_view text, const Rates& otherwise) {
  FileRates found;
  auto take = [&found](std::string_view line, std::size_t) { return take_line(line, found); };
  NFSFERRY_TRY(Ok taken, for_each_statement(text, take), return);
  return Rates{found.bytes_per_second.value_or(otherwise.bytes_per_second),
               found.requests_per_second.value_or(otherwise.requests_per_second)};
}

}  // namespace nfsferry::cli

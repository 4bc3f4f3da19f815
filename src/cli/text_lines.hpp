// Small files that people write, line by line.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "base/result.hpp"

namespace nfsferry::cli {

// Without blanks and carriage returns at both ends.
std::string_view trimmed(std::string_view text);

// What a line asks for, and its number, from 1. Errors: kBadInput.
using TakeLine = std::function<Status(std::string_view line, std::size_t number)>;

// Each line, as it is. The first error ends it and names the line.
Status for_each_line(std::string_view text, const TakeLine& take);
// Each line that says something, trimmed and without the comment that begins with a '#'.
Status for_each_statement(std::string_view text, const TakeLine& take);

}  // namespace nfsferry::cli

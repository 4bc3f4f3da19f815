// cli: arguments in, exit code out. Results go to stdout, everything else to stderr. CLI11 stays
// in here; its exceptions end in main.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace nfsferry::cli {

// Opens /dev/null in the place of a closed stdin, stdout or stderr, so that no file or socket of
// ours ever gets their numbers and is written to as if it were them.
void fill_standard_descriptors();

// What a terminal may be given as one line: control characters and invalid UTF-8 become escapes.
// Backslashes stay, since names in a message are escaped already.
std::string one_line(std::string_view text);

// "nfsferry: TEXT" on stderr.
void print_error(std::string_view text);

// Errors: errno of write (EPIPE, ENOSPC, EBADF).
Status print_result(std::string_view text);

}  // namespace nfsferry::cli

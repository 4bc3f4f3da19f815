#pragma once

#include <string>

#include "base/result.hpp"

namespace nfsferry::cli {

// The text behind FILE, "-" (stdin) or "env:NAME". At most 16 MiB. Errors: errno of what failed,
// kBadInput for a variable that is not set and for too much text.
Result<std::string> read_input(const std::string& from);

// The text of a file, likewise.
Result<std::string> read_file(const std::string& path);

}  // namespace nfsferry::cli

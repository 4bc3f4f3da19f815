#pragma once

#include <string>
#include <string_view>

namespace nfsferry {

// Bytes for a terminal: control characters, backslash and bytes that are not valid UTF-8 become
// \n, \t, \\, \x1b; everything else stays. Never lets a name steer the terminal.
std::string escape_for_terminal(std::string_view bytes);
// The same between single quotes.
std::string quote_for_terminal(std::string_view bytes);

bool is_valid_utf8(std::string_view bytes);
// Invalid sequences replaced by U+FFFD.
std::string lossy_utf8(std::string_view bytes);
std::string base64(std::string_view bytes);

}  // namespace nfsferry

#include "base/escape.hpp"

#include <cstdint>
#include <cstdio>

namespace nfsferry {
namespace {

// Length of the valid UTF-8 sequence (RFC 3629) at the front of `bytes`, 0 if there is none.
std::size_t utf8_length(std::string_view bytes) {
  auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  std::uint8_t first = at(0);
  if (first < 0x80) return 1;
  std::size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                       : first >= 0xe0 && first <= 0xef ? 3
                       : first >= 0xf0 && first <= 0xf4 ? 4
                                                        : 0;
  if (length == 0 || bytes.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  std::uint8_t second = at(1);
  if (first == 0xe0 && second < 0xa0) return 0;  // overlong
  if (first == 0xed && second > 0x9f) return 0;  // surrogate
  if (first == 0xf0 && second < 0x90) return 0;  // overlong
  if (first == 0xf4 && second > 0x8f) return 0;  // beyond U+10FFFF
  return length;
}

void append_escaped(std::string& out, char byte) {
  switch (byte) {
    case '\n': out += "\\n"; return;
    case '\t': out += "\\t"; return;
    case '\r': out += "\\r"; return;
    case '\\': out += "\\\\"; return;
    default: break;
  }
  char text[8];
  std::snprintf(text, sizeof text, "\\x%02x",
                static_cast<unsigned>(static_cast<std::uint8_t>(byte)));
  out += text;
}

}  // namespace

std::string escape_for_terminal(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    std::size_t length = utf8_length(bytes);
    auto first = static_cast<std::uint8_t>(bytes[0]);
    bool c1_control = length == 2 && first == 0xc2 && static_cast<std::uint8_t>(bytes[1]) < 0xa0;
    if (length == 0 || first < 0x20 || first == 0x7f || first == '\\') {
      append_escaped(out, bytes[0]);
      length = 1;
    } else if (c1_control) {
      append_escaped(out, bytes[0]);
      append_escaped(out, bytes[1]);
    } else {
      out += bytes.substr(0, length);
    }
    bytes.remove_prefix(length);
  }
  return out;
}

std::string quote_for_terminal(std::string_view bytes) {
  return "'" + escape_for_terminal(bytes) + "'";
}

bool is_valid_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    std::size_t length = utf8_length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::string lossy_utf8(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    std::size_t length = utf8_length(bytes);
    if (length == 0) {
      out += "\xef\xbf\xbd";
      length = 1;
    } else {
      out += bytes.substr(0, length);
    }
    bytes.remove_prefix(length);
  }
  return out;
}

std::string base64(std::string_view bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < have ? static_cast<std::uint8_t>(bytes[i + j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += j <= have ? kAlphabet[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return out;
}

}  // namespace nfsferry

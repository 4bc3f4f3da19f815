#include "tree/attributes.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <limits>

namespace nfsferry {
namespace {

constexpr std::size_t kNameMax = 255;
constexpr std::size_t kMarkInNameMax = 16;
constexpr std::size_t kRandomBytes = 16;
constexpr std::size_t kRandomTextSize = (kRandomBytes * 8 + 4) / 5;  // in base 32
// 4294967295 is "no change" to chown and is never an owner.
constexpr std::uint32_t kOwnerMax = std::numeric_limits<std::uint32_t>::max() - 1;

// Random bytes nobody was given before. Drawn for many names at once: a system call for each was a
// fifth of a small file's time.
std::array<unsigned char, kRandomBytes> random_bytes() {
  thread_local std::array<unsigned char, 256 * kRandomBytes> drawn{};
  thread_local std::size_t used = drawn.size();
  if (used == drawn.size()) {
    for (std::size_t filled = 0; filled < drawn.size();) {
      ssize_t got = ::getrandom(drawn.data() + filled, drawn.size() - filled, 0);
      // Without randomness no name is unguessable; there is no safe way to go on.
      check(got >= 0 || errno == EINTR, "getrandom failed");
      if (got > 0) filled += static_cast<std::size_t>(got);
    }
    used = 0;
  }
  std::array<unsigned char, kRandomBytes> bytes{};
  std::copy_n(drawn.begin() + static_cast<std::ptrdiff_t>(used), bytes.size(), bytes.begin());
  used += bytes.size();
  return bytes;
}

// Lower case and digits: the names stay apart on file systems that ignore case.
constexpr std::string_view kDigits = "abcdefghijklmnopqrstuvwxyz234567";

std::array<char, kRandomTextSize> base32(const std::array<unsigned char, kRandomBytes>& bytes) {
  std::array<char, kRandomTextSize> text;
  std::size_t size = 0;
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (unsigned char byte : bytes) {
    bits = (bits << 8 | byte) & 0xffff;
    held += 8;
    for (; held >= 5; held -= 5) text[size++] = kDigits[bits >> (held - 5) & 31];
  }
  text[size] = kDigits[bits << (5 - held) & 31];
  return text;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

}  // namespace

std::string_view file_type_name(FileType type) {
  switch (type) {
    case FileType::kRegular: return "file";
    case FileType::kDirectory: return "directory";
    case FileType::kSymlink: return "symlink";
    case FileType::kBlockDevice: return "block device";
    case FileType::kCharacterDevice: return "character device";
    case FileType::kSocket: return "socket";
    case FileType::kFifo: return "fifo";
    case FileType::kOther: return "other";
  }
  return "other";
}

std::string owner_text(const Owner& owner) {
  return owner.is_numeric() ? std::to_string(owner.id) : owner.text;
}

Owner parse_owner(std::string_view text) {
  Owner owner;
  bool leading_zero = text.size() > 1 && text.front() == '0';
  const char* end = text.data() + text.size();
  auto [stop, status] = std::from_chars(text.data(), end, owner.id);
  if (status == std::errc{} && stop == end && !leading_zero && owner.id <= kOwnerMax) return owner;
  // An empty owner would look numeric: keep it visible.
  return Owner{0, text.empty() ? std::string("(empty)") : std::string(text)};
}

bool is_usable_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameMax && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

Status check_name(std::string_view operation, std::string_view name) {
  if (is_usable_name(name)) return ok();
  if (name.size() > kNameMax) return errno_error(ENAMETOOLONG, operation, name);
  Error error = own_error(Own::kBadName, operation, "no directory may hold an entry of this name");
  error.path = std::string(name);
  return error;
}

std::string temporary_beginning(std::string_view mark) {
  std::string name;
  name += kTemporaryPrefix;
  for (char c : mark.substr(0, kMarkInNameMax)) name += is_plain(c) ? c : '_';
  name += '-';
  return name;
}

std::string temporary_name(std::string_view mark) {
  return temporary_name_after(temporary_beginning(mark));
}

bool is_temporary_name(std::string_view name) {
  if (!name.starts_with(kTemporaryPrefix)) return false;
  name.remove_prefix(kTemporaryPrefix.size());
  if (name.size() < 1 + kRandomTextSize || name.size() > kMarkInNameMax + 1 + kRandomTextSize) {
    return false;
  }
  std::string_view random = name.substr(name.size() - kRandomTextSize);
  std::string_view mark = name.substr(0, name.size() - kRandomTextSize);
  return mark.back() == '-' && std::all_of(mark.begin(), mark.end(), is_plain) &&
         random.find_first_not_of(kDigits) == std::string_view::npos;
}

std::string temporary_name_after(std::string_view beginning) {
  auto random = base32(random_bytes());
  std::string name;
  name.reserve(beginning.size() + random.size());
  name += beginning;
  name.append(random.data(), random.size());
  return name;
}

std::string random_text() {
  auto random = base32(random_bytes());
  return {random.data(), random.size()};
}

}  // namespace nfsferry

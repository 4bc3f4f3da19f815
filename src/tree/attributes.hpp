// Names, attributes and entries: what a tree says about what it holds.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace nfsferry {

enum class FileType : std::uint8_t {
  kRegular,
  kDirectory,
  kSymlink,
  kBlockDevice,
  kCharacterDevice,
  kSocket,
  kFifo,
  kOther,
};

std::string_view file_type_name(FileType type);

// Seconds since 1970 (negative before) and nanoseconds in [0, 10^9).
struct Time {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  auto operator<=>(const Time&) const = default;
};

// An owner or a group: a decimal id below 4294967295, or a text the server would not number.
struct Owner {
  std::uint32_t id = 0;
  std::string text;  // non-empty: not a number; reported, never guessed

  bool is_numeric() const { return text.empty(); }
  bool operator==(const Owner&) const = default;
};

// Parses an NFSv4 owner string (RFC 8881 section 5.9): digits below 4294967295 without a leading
// zero become the id, anything else is kept as text.
Owner parse_owner(std::string_view text);
// The id in digits, or the text.
std::string owner_text(const Owner& owner);

struct FileSystemId {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  auto operator<=>(const FileSystemId&) const = default;
};

// Tells a file from all others of its tree: a fileid is unique in its file system alone.
struct FileNumber {
  FileSystemId fsid;
  std::uint64_t fileid = 0;  // 0: the server does not tell
  auto operator<=>(const FileNumber&) const = default;
};

inline constexpr std::uint64_t kUsedNotTold = ~std::uint64_t{0};

struct Attributes {
  FileType type = FileType::kOther;
  std::uint32_t mode = 0;  // permission bits with set-id and sticky: 07777
  std::uint32_t link_count = 1;
  std::uint64_t size_bytes = 0;
  std::uint64_t used_bytes = kUsedNotTold;  // that it takes on its file system
  std::uint64_t fileid = 0;
  std::uint64_t change = 0;  // the server's change attribute, ctime in nanoseconds elsewhere
  FileSystemId fsid;
  Owner owner;
  Owner group;
  Time mtime;
  Time atime;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;

  FileNumber number() const { return {fsid, fileid}; }
};

// True if a name may be used in a directory operation: not empty, not "." or "..", no '/' or NUL,
// at most 255 bytes. Names from a server that fail are reported and never used.
bool is_usable_name(std::string_view name);
// The same as a Status, for a name that we are about to use. Errors: kBadName; ENAMETOOLONG.
Status check_name(std::string_view operation, std::string_view name);

// Any id but this one.
constexpr std::uint32_t another_id(std::uint32_t id) { return id == 0 ? 1 : id - 1; }

// Our temporary names: ".nfsferry-" and an unguessable rest, at most 60 bytes.
inline constexpr std::string_view kTemporaryPrefix = ".nfsferry-";
inline constexpr std::string_view kLockName = ".nfsferry-lock";
// ".nfsferry-<mark, up to 16>-<128 random bits in base 32>", where what is no letter, digit, '_' or
// '-' of the mark becomes '_'. The mark is the run's id, or that of its lock. Thread-safe.
std::string temporary_name(std::string_view mark);
// Whether it is one of these: people call files of theirs ".nfsferry-filters", too.
bool is_temporary_name(std::string_view name);
// What all temporary names of this mark begin with, and one that does. Thread-safe.
std::string temporary_beginning(std::string_view mark);
std::string temporary_name_after(std::string_view beginning);
// 26 characters that nobody can guess. Thread-safe.
std::string random_text();

}  // namespace nfsferry

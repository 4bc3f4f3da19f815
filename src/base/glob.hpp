#pragma once

#include <bitset>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace nfsferry {

// A pattern of paths, as in a line of a .gitignore but for its leading '!': `*` and `?` stay within
// a name, `**` as a whole name stands for any number of directories, a '/' at the end asks for a
// directory, one elsewhere ties the pattern to the root. Works on bytes: `?` is one byte.
class Glob {
 public:
  static constexpr std::size_t kBytesMost = 4096;

  // Errors: kBadInput; the detail says what is wrong and what to write instead.
  static Result<Glob> parse(std::string_view text);

  // `path`: the names from below the root down to the entry, at least one. Takes no more steps than
  // the pattern's length times the path's.
  bool matches(std::span<const std::string_view> path, bool directory) const;

 private:
  // One byte of a name, any of a set; or any number of any bytes.
  struct Piece {
    bool any_number = false;
    std::bitset<256> bytes{};
  };
  // One name of a path; or any number of any names.
  struct Name {
    bool any_number = false;
    std::vector<Piece> pieces{};
  };
  static Result<Name> parse_name(std::string_view text);

  bool directories_only_ = false;
  std::vector<Name> names_;
};

// The names of a path, which is relative and has no empty ones. They point into it.
std::vector<std::string_view> split_path(std::string_view path);

}  // namespace nfsferry

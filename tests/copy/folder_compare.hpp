// Compares two folders by looking at them directly: independent of the program's own code.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace nfsferry::test {

struct Expectation {
  std::optional<uid_t> owner;  // every entry's owner in the target; unset: as in the source
  std::optional<gid_t> group;
  bool set_id_dropped = false;  // of files
  bool symlink_times = true;
};

// Each difference as a line; empty when the folders are equal: names, types, modes, owners,
// sizes, contents, link texts, devices, modification times to the nanosecond, hard link groups of
// all types. However deep. The roots' own attributes are not compared.
std::vector<std::string> differences(const std::filesystem::path& source,
                                     const std::filesystem::path& target,
                                     const Expectation& expectation = {});

// Paths below a folder whose last name starts with ".nfsferry-".
std::vector<std::string> temporaries(const std::filesystem::path& folder);

}  // namespace nfsferry::test

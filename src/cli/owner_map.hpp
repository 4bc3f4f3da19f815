#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "nfsferry/options.hpp"

// The file of --owner-map. Errors: kBadInput; the detail says what is wrong and in which lines.
namespace nfsferry::cli {

// Maps of users and of groups. Neither holds an id twice.
struct OwnerMaps {
  std::vector<IdMap> users;
  std::vector<IdMap> groups;
};

// Lines "uid 1000 2000", "gid 100-199 5000": of a range, the first id becomes that one and each
// other as much more. Empty ones, and comments after a '#', are left out. The ids are added to the
// maps, which must not have them yet.
Status parse_owner_map(std::string_view text, OwnerMaps& maps);

// Of a file, or of stdin: "-". Added to what --map-uid and --map-gid say.
Status read_owner_map(const std::string& from, CopyOptions& options);

}  // namespace nfsferry::cli

#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "recover/workflow_input.hpp"

namespace nfsferry::recover {

// Where a file system's root is: an nfs:// URL or a path.
struct FileSystemMap {
  std::string file_system_id;
  std::string location;
};

// "fs-0123=nfs://127.0.0.1:20490/efs" or "fs-0123=/mnt/efs". Errors: kBadInput.
Result<FileSystemMap> parse_file_system_map(std::string_view text);

// The home's location: below the file system's root as mapped, else on its mount target, else on
// its DNS name. `side` is the member that an error names: kBadInput if nothing tells the host.
Result<std::string> home_location(const Endpoint& endpoint, std::string_view side,
                                  std::span<const FileSystemMap> maps);

}  // namespace nfsferry::recover

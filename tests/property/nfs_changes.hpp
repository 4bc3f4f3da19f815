// Changes of a tree on a server, made by a second client of that server: the server's own caches
// know of them, as they would not of changes in the exported folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace nfsferry::test {

// Changes entries, each at most once, in ways that an ordinary re-run brings to the target: files
// are overwritten, grown and cut, their modes, owners and times set, files, directories, symlinks
// and hard links added. `url` is NFSv4's, of the directory that the test sees as `folder`, which is
// only read. Fails the test where the server refuses; returns how many changes were made.
unsigned change_through_nfs(const std::string& url, const std::filesystem::path& folder,
                            std::uint64_t seed, unsigned changes = 12);

}  // namespace nfsferry::test

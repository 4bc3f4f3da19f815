// Random trees and changes of them, by tools/nasty-tree.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace nfsferry::test {

// Both fail the test when the tool does. `options` are the tool's, separated by blanks.
void make_nasty_tree(const std::filesystem::path& folder, std::uint64_t seed,
                     const std::string& options = "");
void mutate_tree(const std::filesystem::path& folder, std::uint64_t seed,
                 const std::string& options = "");

}  // namespace nfsferry::test

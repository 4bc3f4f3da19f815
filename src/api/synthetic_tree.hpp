#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nfsferry/bench.hpp"
#include "tree/tree.hpp"

namespace nfsferry::api {

struct PlannedFile {
  std::string name;
  std::uint64_t size_bytes = 0;
};
struct PlannedLink {
  std::string name;
  std::string text;
};
struct PlannedDirectory {
  std::string path;  // relative to the tree's root, "" for the root itself; parents come first
  std::vector<PlannedFile> files;
  std::vector<PlannedLink> symlinks;
};

// What a synthetic tree holds. The same options give the same tree.
std::vector<PlannedDirectory> plan_tree(BenchShape shape, const BenchOptions& options);
std::uint64_t planned_bytes(const std::vector<PlannedDirectory>& plan);

// Makes a planned tree as a new directory of this name in the tree's root, its files filled with
// bytes of a seeded generator. Ends early, and well, when `stop` is set. Errors: the first of any
// entry.
Task<Status> make_tree_of(FullTree& tree, std::string name,
                          const std::vector<PlannedDirectory>& plan, std::uint64_t seed,
                          const StopFlag& stop);

// Removes the directory of this name in the tree's root with all it holds; fine where none is.
// Errors: the first of any entry; the rest is removed all the same.
Task<Status> remove_tree(FullTree& tree, std::string name);

}  // namespace nfsferry::api

// What the source and the target half of MemoryTree share. Internal to the tree folder.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "tree/memory_volume.hpp"
#include "tree/tree.hpp"

namespace nfsferry {

struct MemoryDirectory final : Directory {
  explicit MemoryDirectory(MemoryNodePtr of) : node(std::move(of)) {}
  const MemoryNodePtr node;
};

inline const MemoryNodePtr& node_of(const Directory* directory) {
  return static_cast<const MemoryDirectory*>(directory)->node;
}
inline const MemoryNodePtr& node_of(const DirectoryPtr& directory) {
  return node_of(directory.get());
}

// Of a file that a MemoryTree opened; empty for one of another tree.
MemoryNodePtr node_of(const SourceFile& file);

inline Error named(Error error, std::string_view operation, std::string_view name) {
  error.operation = std::string(operation);
  error.path = std::string(name);
  return error;
}

}  // namespace nfsferry

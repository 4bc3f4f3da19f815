#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "copy/content_hash.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

struct DirectoryNode;

// Names of one directory that only the target has, as hashes: a directory may have a million.
class SurplusNames {
 public:
  void add(const Hash128& key, std::uint64_t fileid) { rows_.push_back({key, fileid}); }
  void seal();  // before the first has()
  // Whether the name was there already when source and target were compared, as the same file.
  bool has(const Hash128& key, std::uint64_t fileid) const;
  bool empty() const { return rows_.empty(); }

 private:
  struct Row {
    Hash128 key;
    std::uint64_t fileid = 0;
  };
  std::vector<Row> rows_;
};

// What only the target has, by directory; found during the walk and dealt with at its end.
class Surplus {
 public:
  struct InDirectory {
    std::shared_ptr<DirectoryNode> node;
    SurplusNames names;
  };
  void add(InDirectory one);
  std::vector<InDirectory> take();  // once, after the walk

 private:
  std::mutex mutex_;
  std::vector<InDirectory> found_;
};

}  // namespace nfsferry::copy

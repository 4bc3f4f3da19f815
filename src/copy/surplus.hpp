#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "copy/content_hash.hpp"
#include "copy/target_table.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

struct DirectoryNode;

// Names of one directory that only the target has, as hashes: a directory may have a million.
class SurplusNames {
 public:
  enum class Answer : std::uint8_t {
    kNotHere,  // when source and target were compared
    kSame,     // it was, and looks the same
    kChanged,  // something of that name was, and it has changed or is something else now
  };

  void add(const TargetRow& row);
  void seal();  // before the first look_for()
  Answer look_for(const Hash128& key, const Attributes& now) const;
  bool empty() const { return rows_.empty(); }
  std::size_t size() const { return rows_.size(); }

 private:
  struct Row {
    Hash128 key;
    std::uint64_t looks = 0;
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

  // Directories with this fileid are never removed, on whichever file system they seem to be: the
  // same directory may be reached in several ways. 0, where the server tells none, is nothing.
  void spare(std::uint64_t fileid);
  bool spares(std::uint64_t fileid) const;

 private:
  mutable std::mutex mutex_;
  std::vector<InDirectory> found_;
  std::set<std::uint64_t> spared_;
};

}  // namespace nfsferry::copy

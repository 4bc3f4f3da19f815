// The worker's inner structs, for its own source files.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "copy/worker.hpp"

namespace nfsferry::copy {

struct Worker::Merge {
  NodePtr node;
  TargetTable table;  // what the target had when the directory was first listed
  // After the source's listing was started over: what the target has had since.
  std::optional<TargetTable> since;
  std::set<std::string> refused;  // names that were reported

  // Started over: this name has been dealt with before.
  bool was_taken(const Hash128& key) {
    if (!since) return false;
    if (node->left_out.has(key)) return true;
    const TargetRow* row = table.find(key);
    return row ? row->taken : since->find(key) != nullptr;
  }
};

// Whether what was read is what was listed; times tell, where the server keeps them.
inline bool is_unchanged(const Attributes& listed, const Attributes& after) {
  return listed.size_bytes == after.size_bytes && listed.mtime == after.mtime;
}

std::vector<SourceItem> in_source(const std::vector<WorkItem>& items);
std::vector<SourceItem> in_target(const std::vector<WorkItem>& items);  // what is there

struct Worker::Subdirectory {
  Entry entry;
  std::optional<Entry> there;  // of that name in the target
  TargetRow row;               // of `there`
  NewAttributes wanted;
  bool late = false;
};

// One attempt at a file that goes by ranges: copied to `target`, or compared with `there`.
struct Worker::Transfer {
  WorkItem item;
  Attributes expected;  // as listed, or as they were before this attempt
  Attributes after;
  std::unique_ptr<SourceFile> source;
  std::unique_ptr<TargetFile> target;
  std::unique_ptr<SourceFile> there;
  bool target_at_fault = false;

  std::uint64_t next_offset = 0;     // of the next range to be read
  std::optional<std::uint64_t> eof;  // found before the expected end
  std::optional<Error> failed;
  bool hashes = true;
  ContentHash hash;
  std::uint64_t hashed = 0;                // bytes, in file order
  std::map<std::uint64_t, Chunk> waiting;  // read, not yet hashed

  void add_to_hash(std::uint64_t offset, Chunk chunk) {
    waiting.emplace(offset, std::move(chunk));
    for (auto next = waiting.begin(); next != waiting.end() && next->first == hashed;
         next = waiting.erase(next)) {
      if (hashes) hash.update(next->second.bytes);
      hashed += next->second.bytes.size();
    }
  }
};

}  // namespace nfsferry::copy

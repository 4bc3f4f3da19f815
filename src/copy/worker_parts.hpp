// The worker's inner structs, for its own source files.
#pragma once

#include <functional>
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
  // Names that the target has, but tells nothing of.
  std::map<std::string, Error, std::less<>> untold;
  // Both listings came to their ends in one go and held nothing that could not be understood.
  bool whole = true;
  bool empty = true;  // the source has nothing here

  // This name, for which the table has `row`, has been dealt with before: the listing was started
  // over, or tells it twice.
  bool was_taken(const Hash128& key, const TargetRow* row) {
    if (row && row->taken) return true;
    if (!since) return false;
    return node->left_out.has(key) || (!row && since->find(key) != nullptr);
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

// What one thread has open of a file that goes by ranges: copied to `target`, or compared with
// `there`.
struct Worker::Ends {
  std::unique_ptr<SourceFile> source;
  RangeWriter* target = nullptr;
  std::unique_ptr<SourceFile> there;
  bool takes_turns = false;  // LargeCrew says when it is read
  bool part = false;         // of another thread's file
  bool leaves = false;
};

// One attempt at such a file, on the thread that it is the work of.
struct Worker::Transfer {
  Transfer(WorkItem of, const Attributes& as_known, std::uint32_t range_bytes, Hashing hashing)
      : expected(as_known),
        file(std::make_shared<LargeFile>(std::move(of), expected.size_bytes, range_bytes,
                                         hashing)) {}

  const Attributes expected;  // as listed, or as they were before this attempt
  Attributes after;
  std::shared_ptr<LargeFile> file;
  std::unique_ptr<TargetFile> target;
  Ends ends;
  bool target_at_fault = false;

  const WorkItem& item() const { return file->item; }
};

}  // namespace nfsferry::copy

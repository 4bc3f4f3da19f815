#pragma once

#include <string>

#include "base/result.hpp"
#include "loop/task.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

// Makes an empty file in a directory of the target and looks, while it is there, for a name in a
// directory of any tree: the answer, or what went wrong in the target. Leaves nothing behind.
Task<Result<Result<Entry>>> look_for_marker(Target& target, DirectoryPtr place, std::string marker,
                                            Tree& tree, DirectoryPtr directory, std::string name);

// Whether a directory of the source with these attributes may be the target's root: a suspicion, as
// two servers can look alike.
bool may_be_target_root(const Attributes& attributes, const Target& target);

// True if a directory of the source is the target's root: a marker made in the target and looked up
// in the source's directory settles the suspicion. Leaves nothing behind. Under the root's lock:
// others remove such markers.
Task<Result<bool>> is_target_root(Source& source, DirectoryPtr directory, Target& target);

// True if a directory of the target is the source's root, settled in the same way.
Task<Result<bool>> is_source_root(Target& target, DirectoryPtr directory, Source& source);

// kSameDirectory if source and target are one directory.
Task<Status> refuse_same_directory(Source& source, Target& target);

}  // namespace nfsferry::copy

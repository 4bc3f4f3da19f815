#pragma once

#include "base/result.hpp"
#include "loop/task.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

// kSameDirectory if source and target are one directory. Equal (fsid, fileid) is a suspicion,
// since two servers can look alike; a marker made in the target and looked up in the source
// settles it. Leaves nothing behind.
Task<Status> refuse_same_directory(Source& source, Target& target, std::string run_id);

}  // namespace nfsferry::copy

#pragma once

#include "loop/task.hpp"
#include "tree/tree.hpp"

namespace nfsferry {

// Whether a directory that was there when its making was asked for again is the one that was made
// the first time, when no answer came: private, and with nothing in it. Errors: those of the
// listing.
Task<Result<bool>> looks_new(Tree& tree, const MadeDirectory& made);

}  // namespace nfsferry

#pragma once

#include "loop/task.hpp"
#include "tree/tree.hpp"

namespace nfsferry {

// Whether a directory that was there when its making was asked for again is the one that was made
// the first time, when no answer came: private, and with nothing in it. Somebody else's of that
// kind loses nothing by being taken for it. False where it cannot be told.
Task<bool> looks_new(Tree& tree, const MadeDirectory& made);

}  // namespace nfsferry

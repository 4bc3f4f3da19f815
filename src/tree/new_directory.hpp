#pragma once

#include "loop/task.hpp"
#include "tree/tree.hpp"

namespace nfsferry {

// A directory that was there when its making was asked for again, after an answer was lost: whether
// it is the one that was made the first time is judged by its looks, private and with nothing in
// it. Errors: those of the listing.
Task<Result<MadeDirectory>> judged_by_its_looks(Tree& tree, MadeDirectory made);

}  // namespace nfsferry

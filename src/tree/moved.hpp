// What became of a move whose answer was lost, told by who has its names afterwards.
#pragma once

#include "base/result.hpp"

namespace nfsferry {

// Whether the new name and the old one are there, as two looks say; the new one was free before.
// Errors: one of a look that ends the run, as it is; kOutcomeUnknown, with what the looks say,
// where one failed or both names are taken: somebody may have put something in either place.
Result<bool> was_moved(const Result<bool>& new_name, const Result<bool>& old_name);

}  // namespace nfsferry

#pragma once

#include "copy/shared.hpp"
#include "loop/loop.hpp"
#include "nfsferry/check.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

// In place of a copy that is prepared: counts the source, copies a little of it into temporaries
// of the target, which are removed again. The first error of a write ends it.
Task<void> look_at_both(Shared& shared, Source& source, Target& target, CheckReport& report);

// What that means for a copy: problems, notes, the expected time, and the run's exit code.
void fill_check(Shared& shared, CheckReport& report, CopyReport& run);

}  // namespace nfsferry::copy

#pragma once

#include "loop/loop.hpp"
#include "tree/tree.hpp"

namespace nfsferry::api {

// Says what both trees wait for whenever somebody asks, until `done` is cancelled.
Task<void> say_state_when_asked(Loop& loop, const FullTree& source, const FullTree& target,
                                CancelToken& done);

}  // namespace nfsferry::api

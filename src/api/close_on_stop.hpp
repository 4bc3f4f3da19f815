#pragma once

#include <chrono>

#include "loop/loop.hpp"
#include "nfsferry/options.hpp"
#include "tree/location.hpp"
#include "tree/tree.hpp"

namespace nfsferry::api {

// Closes the tree of a server once a stop is asked for and the patience is over, which ends what
// waits for the server. Returns then, or when `done` is cancelled.
Task<void> close_on_stop(Loop& loop, Location::Kind kind, FullTree& tree, const StopFlag& stop,
                         CancelToken& done, std::chrono::milliseconds patience = {});

// Opens the tree; a stop ends that.
Task<Status> open_until_stop(Loop& loop, Location::Kind kind, FullTree& tree, const StopFlag& stop);

}  // namespace nfsferry::api

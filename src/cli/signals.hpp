#pragma once

#include "nfsferry/options.hpp"

namespace nfsferry::cli {

// From now on the first SIGINT or SIGTERM sets the flag that is returned and the second ends the
// process at once (exit code 128 + its number). SIGUSR1 asks what the run waits for. SIGPIPE is
// ignored: a closed pipe is an error of write. Once a process, before any thread starts.
StopFlag& handle_signals();

}  // namespace nfsferry::cli

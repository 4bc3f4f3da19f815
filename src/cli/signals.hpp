#pragma once

#include "nfsferry/options.hpp"

namespace nfsferry::cli {

// From now on the first SIGINT or SIGTERM sets the flag that is returned and the second ends the
// process at once (exit code 130, or 143). SIGHUP is like a first SIGTERM, unless it was ignored
// before, and never the second: a shell and its terminal send several. SIGUSR1 asks what the run
// waits for. SIGPIPE is ignored: a closed pipe is an error of write. Once a process, before any
// thread starts.
StopFlag& handle_signals();
// The same, but the first SIGINT, SIGTERM or SIGHUP ends the process: for what leaves nothing
// behind.
void end_on_signals();

}  // namespace nfsferry::cli

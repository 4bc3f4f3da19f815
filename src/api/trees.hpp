// api: implements include/nfsferry. The one place that knows every back end.
#pragma once

#include <memory>

#include "loop/loop.hpp"
#include "loop/pace.hpp"
#include "nfsferry/options.hpp"
#include "tree/location.hpp"
#include "tree/tree.hpp"

namespace nfsferry::api {

struct TreeOptions {
  std::string run_id;
  std::uint64_t timeout_ms = 300'000;
  Pace* pace = nullptr;           // of requests; null: as fast as they come
  std::uint32_t connections = 1;  // to a server, where its version allows more
  bool tells_losses = false;      // listings name what no tree takes
};

EngineChoice engine_choice(EngineMode mode);
// Of a run: as asked for, or one a core, at most 4.
std::uint32_t thread_count(std::uint32_t asked);

// A tree for a location, not yet open. Errors: kBadInput for a version that is not built in.
Result<std::unique_ptr<FullTree>> make_tree(Loop& loop, const Location& location,
                                            const TreeOptions& options);

// The directory that holds the location's last component, and that component; empty for "/".
struct ParentAndName {
  Location parent;
  std::string name;
};
ParentAndName parent_of(const Location& location);

// Makes the directory that the location names, in its parent, which must exist. Attributes are
// those of a new directory. An existing directory is left as it is: false. A stop ends the wait for
// the server.
Task<Result<bool>> make_root(Loop& loop, const Location& location, const TreeOptions& options,
                             const NewAttributes& attributes, const StopFlag& stop);
// Removes the empty directory that the location names. After a stop the server has a second for it.
Task<Status> remove_root(Loop& loop, const Location& location, const TreeOptions& options,
                         const StopFlag& stop);

}  // namespace nfsferry::api

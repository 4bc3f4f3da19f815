// The library's entry points. All block until done, start and join their own threads, and throw
// nothing; what went wrong is in the report.
#pragma once

#include <memory>
#include <string>

#include "nfsferry/backups.hpp"
#include "nfsferry/bench.hpp"
#include "nfsferry/check.hpp"
#include "nfsferry/observer.hpp"
#include "nfsferry/options.hpp"
#include "nfsferry/owners.hpp"
#include "nfsferry/report.hpp"

namespace nfsferry {

// For CopyOptions::limits.
std::shared_ptr<RateLimits> make_limits(const Rates& rates);
// From any thread, also while runs go by them.
void set_limits(RateLimits& limits, const Rates& rates);

// Why run() would not begin with these options, as far as that shows before a side is asked:
// locations that are none or lie inside each other, and what does not go together. Empty if it
// would.
std::string refusal_of(const CopyOptions& options);
CopyReport run(const CopyOptions& options, Observer& observer, const StopFlag& stop);
// Finds out whether that copy can be done, and how long it would take: counts the source and tries
// writing in temporaries that are removed again. Copies nothing and leaves nothing behind.
CheckReport check(const CopyOptions& options, Observer& observer, const StopFlag& stop);
// Compares the whole source with the target by the rules and mappings of a copy; writes nothing.
// Differences are in `failures`, with the error "differs" or "missing". What is only in the target
// is counted (target_only) and is no difference.
CopyReport verify(const VerifyOptions& options, Observer& observer, const StopFlag& stop);
// Looks for the directory until it is there and can be opened. A stop ends the wait.
DirectoryReport await_directory(const AwaitOptions& options, const StopFlag& stop);
// Makes the directory, or sets owner and mode of the one that is there; the same again does
// nothing. What is no directory is refused.
ProvisionReport provision(const ProvisionOptions& options, const StopFlag& stop);
ProbeReport probe(const ProbeOptions& options);
// Goes through the tree and adds up what each owner and each group has. Entries that a copy would
// leave out (.nfs*, other file systems) are not counted.
OwnersReport owners(const OwnersOptions& options, const StopFlag& stop);
// What runs with CopyOptions::backup_dir kept in a target, counted; removes what is to be pruned,
// nothing of it if one of the runs has none.
BackupsReport backups(const BackupsOptions& options, const StopFlag& stop);
// Undoes what one such run replaced and deleted, by renames. What stands in the way is kept as by a
// run of its own; what the run added stays.
RestoreReport restore(const RestoreOptions& options, const StopFlag& stop);
// For each shape makes a synthetic tree in the source's directory and copies it, `rounds` times,
// into the target's. Everything is in directories named nfsferry-bench-..., removed at the end,
// also after a stop; nothing else is touched. The first failure ends it.
BenchReport bench(const BenchOptions& options, Observer& observer, const StopFlag& stop);

}  // namespace nfsferry

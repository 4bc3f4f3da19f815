// copy: the engine. It sees trees, never a protocol: it walks the source, carries what it finds
// into the target, and counts. It promises that a name in the target holds its old or its whole
// new content at any moment, and that an entry's error is that entry's alone. It does not promise
// a snapshot: what changes while it is read is copied again, and said.
#pragma once

#include <chrono>

#include "copy/shared.hpp"
#include "loop/loop.hpp"
#include "nfsferry/check.hpp"
#include "tree/tree.hpp"

namespace nfsferry::copy {

// A thread's two sides. Trees of the first side are open when copy_tree gets them; the others are
// opened on their own threads.
struct Side {
  Source* source = nullptr;
  FullTree* target = nullptr;
};

// How long work in flight may take to end after a stop: of the ten seconds that all of it may take,
// closing a tree whose server is silent takes four.
inline constexpr std::chrono::milliseconds kStopPatience(5000);

// What the job needs to know before it begins. Of a copy and a check what must hold before anything
// is written: not the same directory, no other run, owners can be given away, symlink times. Of a
// comparison and a dry run, which write nothing, which owners are expected, and whether a backup
// could be kept. Errors end the run: kCancelled when it is asked to stop.
Task<Status> prepare(Shared& shared, Source& source, FullTree& target, std::string run_id);

// Before any of the threads starts: a thread that found no root would take the tree for done.
void begin_copy(Shared& shared, Side side, std::uint32_t threads);

// The copy, or the comparison, on this thread's loop; returns when the whole tree is done or the
// run is stopping. `first`: this thread makes hard links and reports progress.
Task<void> copy_on_this_thread(Shared& shared, Loop& loop, Side side, bool first);

// The same in place of a copy: shows what it would meet (copy/check.hpp).
Task<void> check_on_this_thread(Shared& shared, Loop& loop, Side side, CheckReport& report);

// For a thread that begin_copy counted and that does not take part.
void leave_copy(Shared& shared);

// Counters, failures and the exit code of a copy that has ended, into the report.
void fill_report(Shared& shared, CopyReport& report);
// What ended the run, if something did, else what failed: exit code and reason.
void fill_outcome(Shared& shared, CopyReport& report);
// The same of a comparison, added to the report of the copy before it, or to an empty one.
void fill_verification(Shared& shared, CopyReport& report);

}  // namespace nfsferry::copy

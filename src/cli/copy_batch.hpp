#pragma once

#include "cli/batch.hpp"
#include "cli/copy_command.hpp"

namespace nfsferry::cli {

// Gives `copy` the flags of a batch, which stands in the place of SOURCE and TARGET.
void add_copy_batch(CLI::App& copy, BatchFlags& flags);

// Copies each line's source to its target. A line's options are flags of `copy`; those of the
// command line hold for every home that does not say otherwise. Returns the exit code.
int run_copy_batch(CopyArguments common, const BatchFlags& flags);

}  // namespace nfsferry::cli

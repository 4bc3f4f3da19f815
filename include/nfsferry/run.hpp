// The library's entry points. Both block until done, start and join their own threads, and throw
// nothing; what went wrong is in the report.
#pragma once

#include "nfsferry/observer.hpp"
#include "nfsferry/options.hpp"
#include "nfsferry/report.hpp"

namespace nfsferry {

CopyReport run(const CopyOptions& options, Observer& observer, const StopFlag& stop);
ProbeReport probe(const ProbeOptions& options);

}  // namespace nfsferry

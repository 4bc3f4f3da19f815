#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.hpp"

namespace nfsferry {

// What is done about an error; the one table for every domain. The first row that fits wins, an
// unknown code of a server counts as kSkipEntry, so that one odd reply never stops a run.
enum class Treatment : std::uint8_t {
  kRetry,           // same request again after a back-off (DELAY, GRACE)
  kReconnect,       // the connection is gone: connect again, replay by slot
  kRebuildSession,  // a new session under the same client id
  kRebuildClient,   // a new client id; opens and locks are gone, files in flight start over
  kSendLess,        // fewer operations or bytes in one request
  kReopen,          // open state is gone: this file starts over
  kRedo,            // outcome unknown: look, then do this entry again
  kSkipEntry,       // this entry fails, the others go on
  kNoSpace,         // stop giving out work: full, quota, read-only
  kFatal,           // the run cannot go on
};

Treatment treatment(const Error& error);
// What a request needed was lost on the way (a connection, a session, state, its reply), and what
// it asked for was not refused: once the loss is made good, it may be tried again.
bool starts_over(Treatment treatment);
// The other side does not answer, or has been lost: it may be there again later.
bool means_away(const Error& error);
// Of the errors of two addresses of one host: of the one that may be there later, or the last one.
Error more_hopeful(Error earlier, Error later);
std::string_view treatment_name(Treatment treatment);

}  // namespace nfsferry

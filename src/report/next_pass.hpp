// What a pass over a tree that is in use lets one expect of the pass after it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "nfsferry/report.hpp"

namespace nfsferry {

// A copy, or all copies of a batch, that ended well.
struct Pass {
  std::uint64_t start_ms = 0;  // since 1970
  std::uint64_t duration_ms = 0;
  std::uint64_t files = 0;  // found changed since the pass before it, and sent
  std::uint64_t bytes = 0;
};

struct Span {
  std::uint64_t least = 0;
  std::uint64_t most = 0;
};

// For a pass that begins when this one ends, while people work as they did.
struct NextPass {
  std::uint64_t interval_ms = 0;  // in which those changes came about
  Span files;
  Span bytes;
  std::uint64_t duration_most_ms = 0;
};

// `before_ms`: when the pass before this one started; earlier than this one did. What changes while
// a pass runs is the next one's. If each change is to another file, that is the share of the
// interval that the pass took; if it is the same files over and over, it is all of them. To look
// through the trees takes as long again, so that this pass bounds the next one's time.
NextPass next_pass(const Pass& pass, std::uint64_t before_ms);
// "1 to 120 files, 1.0 MiB to 40.0 MiB, up to 2m00s; by the changes of 3h00m".
std::string next_pass_text(const NextPass& next);

// For a copy that ended well and knows when the pass before it started.
std::optional<NextPass> next_pass(const CopyReport& report);

// Of the report of a copy, or of a batch, whose homes have locations of their own.
struct PreviousPass {
  std::uint64_t start_ms = 0;
  bool is_batch = false;
  std::string source;
  std::string target;
};

// Errors: kBadInput (not such a report).
Result<PreviousPass> parse_previous_pass(std::string_view text);

// Whether a copy went between the same locations.
bool is_same_copy(const PreviousPass& previous, const CopyReport& report);

}  // namespace nfsferry

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "nfsferry/observer.hpp"
#include "nfsferry/options.hpp"
#include "nfsferry/report.hpp"
#include "recover/endpoint.hpp"
#include "recover/home.hpp"
#include "recover/outcome.hpp"

namespace nfsferry::recover {

struct RecoverOptions {
  std::vector<FileSystemMap> maps;
  UidRule uid_rule = UidRule::kStudio;
  std::string ledger;  // as open_ledger() takes it; empty: no row is written
  std::uint64_t wait_target_ms = 15 * 60'000;
  std::function<void()> on_wait;  // after each look for a target that is not there yet
  CopyOptions copy;  // how to work; where, whose and what is compared comes from the input
};

struct Recovered {
  Outcome outcome;
  std::string detail;              // one line for people: what failed, where, why; empty if nothing
  std::vector<std::string> notes;  // options that were accepted and change nothing
  CopyReport report;               // also of a recovery that ended before its copy
};

// Copies a home as the workflow's input asks: checks the input, notes PENDING in the ledger, waits
// for the target's directory, copies with the owner mapped to the target's, notes the result. A
// recovery that was killed is started again with the same input, and copies what is missing.
Recovered recover_home(std::string_view input, const RecoverOptions& options, Observer& observer,
                       const StopFlag& stop);

}  // namespace nfsferry::recover

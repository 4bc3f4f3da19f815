#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "recover/endpoint.hpp"
#include "recover/home.hpp"

// Batches: many homes in one text, a JSON object a line. Empty lines are nothing. A batch is
// refused whole, by the line's number, when a line is bad or when two lines would disturb each
// other: the same target twice, or a target that is another line's source, or one of them inside
// the other, as far as their texts tell.
namespace nfsferry::recover {

inline constexpr std::size_t kBatchHomesMax = 100'000;

struct BatchHome {
  std::size_t line = 0;  // counts from 1
  std::string text;      // the line
  std::string name;      // for people and files: of the profile, or of the target's directory
  std::string source;    // locations
  std::string target;
};

// Lines are inputs of the workflow.
Result<std::vector<BatchHome>> parse_recover_batch(std::string_view text, UidRule rule,
                                                   std::span<const FileSystemMap> maps);

struct CopyHome : BatchHome {
  // Flags of `copy` without their dashes and with '_' for '-', and their values; "true" and
  // "false" for flags that take none.
  std::vector<std::pair<std::string, std::string>> options;
};

// Lines are {"source": LOCATION, "target": LOCATION, "options": {FLAG: VALUE, ...}}.
Result<std::vector<CopyHome>> parse_copy_batch(std::string_view text);

}  // namespace nfsferry::recover

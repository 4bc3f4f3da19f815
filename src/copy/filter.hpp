#pragma once

#include <string_view>
#include <vector>

#include "base/glob.hpp"
#include "base/result.hpp"
#include "nfsferry/options.hpp"

namespace nfsferry::copy {

// What of the source is left out. The first rule that matches an entry decides; what none matches
// is copied. An excluded directory is not entered, so that nobody asks about what is in it.
class Filter {
 public:
  Filter() = default;
  // Errors: kBadInput that names the glob.
  static Result<Filter> compile(const std::vector<FilterRule>& rules);

  bool empty() const { return rules_.empty(); }
  // Whether this entry is left out, whose directories are not. `path` is relative to the root, and
  // not the root itself. Also for a name that only the target has: what would be left out in the
  // source is not ours to remove there.
  bool leaves_out(std::string_view path, bool directory) const;

 private:
  struct Rule {
    bool include;
    Glob glob;
  };
  std::vector<Rule> rules_;
};

}  // namespace nfsferry::copy

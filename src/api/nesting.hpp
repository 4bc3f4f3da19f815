#pragma once

#include "base/result.hpp"
#include "tree/location.hpp"

namespace nfsferry::api {

// kSameDirectory if one location lies inside the other, as far as their text and, for paths, the
// symlinks in them tell: same host and port, or two paths. What they do not tell (two names of a
// host, a mount) the walk finds when it meets the target's root in the source.
Status refuse_nested(const Location& source, const Location& target);

}  // namespace nfsferry::api

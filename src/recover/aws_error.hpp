#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.hpp"

namespace nfsferry::recover {

// What a service answered in place of a result: Domain::kAws, with its own name and words in the
// detail where there is no row for it. Any bytes are taken.
Error parse_aws_error(std::uint32_t status, std::string_view body);

// Whether the same call may go well a little later: too many of them, or trouble on the way.
bool may_pass(const Error& error);

}  // namespace nfsferry::recover

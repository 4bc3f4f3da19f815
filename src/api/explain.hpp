#pragma once

#include <string>

#include "base/error.hpp"
#include "nfsferry/report.hpp"
#include "tree/location.hpp"

namespace nfsferry::api {

enum class Role : std::uint8_t { kSource, kTarget };

// One line for people about why a side cannot be used: what, where, why, what to do.
std::string explain(Role role, const Location& location, const Error& error);
// The exit code for a side that cannot be used at the start.
ExitCode start_exit_code(Role role, const Error& error);
// The same at any time: one that was reached before and is away now may come back.
ExitCode side_exit_code(Role role, const Error& error, bool reached);

}  // namespace nfsferry::api

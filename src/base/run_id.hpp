#pragma once

#include <string>

namespace nfsferry {

// Sixteen random hexadecimal digits. Thread-safe.
std::string random_run_id();

}  // namespace nfsferry

#pragma once

#include <string>

#include "nfsferry/owners.hpp"

namespace nfsferry {

// One JSON object and a newline (docs/owners.schema.json).
std::string owners_report_json(const OwnersReport& report);
// A table for people: a line for each user and each group.
std::string owners_table(const OwnersReport& report);

}  // namespace nfsferry

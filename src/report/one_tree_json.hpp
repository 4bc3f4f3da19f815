#pragma once

#include "report/json_text.hpp"

namespace nfsferry {

// What every report of work on one tree tells of its run: outcome, location, engine, times.
Json one_tree_json(const CopyReport& run, const SideReport& side, const std::string& asked);

}  // namespace nfsferry

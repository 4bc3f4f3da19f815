#pragma once

#include <string>

#include "nfsferry/bench.hpp"
#include "report/option_names.hpp"

namespace nfsferry {

inline constexpr NamedValues<BenchShape, 3> kBenchShapeNames{
    {{"small", BenchShape::kSmall},
     {"large", BenchShape::kLarge},
     {"studio-home", BenchShape::kStudioHome}}};

// One JSON object and a newline (docs/bench.schema.json).
std::string bench_report_json(const BenchReport& report);
// A table for people: a line for each copy, and what the managed service would have taken.
std::string bench_table(const BenchReport& report);

}  // namespace nfsferry

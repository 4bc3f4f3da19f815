#pragma once

namespace nfsferry {

inline constexpr const char* kVersion = "0.1.0";
// Version of the JSON report's layout; fields are added, never renamed.
inline constexpr int kReportSchema = 1;

}  // namespace nfsferry

#pragma once

#include <cstdint>
#include <string>

#include "nfsferry/check.hpp"
#include "nfsferry/report.hpp"

namespace nfsferry {

// A few lines for people, each with its newline; names are escaped for a terminal.
std::string copy_summary(const CopyReport& report);
std::string check_summary(const CheckReport& report);
std::string verify_summary(const CopyReport& report);
std::string probe_summary(const ProbeReport& report);

// Whether a failure of a comparison is a difference, not an entry that could not be compared.
bool is_difference(const Failure& failure);
// Of all phases.
std::uint64_t failed_entries(const CopyReport& report);

// 1234567 -> "1,234,567".
std::string grouped(std::uint64_t number);
// (1, "file") -> "1 file", (2, "file") -> "2 files", (2, "entry") -> "2 entries".
std::string counted(std::uint64_t number, const char* noun);

}  // namespace nfsferry

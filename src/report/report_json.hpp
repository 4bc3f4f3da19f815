// report: what a run did, told to machines (JSON, docs/report.md) and to people. Only plain
// structs in, text out; the one thing that touches the disk is OutputFile. Promises no layout
// beyond the documented members: members are added, never renamed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "nfsferry/check.hpp"
#include "nfsferry/report.hpp"

namespace nfsferry {

// A report, its last newline included, is smaller than this.
inline constexpr std::size_t kReportBytesMax = 200 * 1024;

// The report of a copy, one JSON object and a newline. Failures that would make it larger than
// kReportBytesMax are left out from the end, and failures_truncated says so.
std::string copy_report_json(const CopyReport& report);
// The result of comparing a tree with its copy, one JSON object and a newline, bounded likewise.
std::string verify_report_json(const CopyReport& report);
// What a copy would meet, one JSON object and a newline, bounded likewise.
std::string check_report_json(const CheckReport& report);
// What a server answered, one JSON object and a newline.
std::string probe_report_json(const ProbeReport& report);

// Milliseconds since 1970 as RFC 3339 in UTC: "2024-02-29T23:59:59.999Z"; the last one that has
// a four-digit year for anything later.
std::string rfc3339(std::uint64_t unix_ms);
// The inverse of rfc3339(), for what that writes; 0 for anything else.
std::uint64_t unix_ms(std::string_view text);
// "0644".
std::string mode_text(std::uint32_t mode);
// `amount` per second over `duration_ms`, rounded down; 0 for no time at all.
std::uint64_t per_second(std::uint64_t amount, std::uint64_t duration_ms);

// "acl", "xattr", "device", "holes".
const char* loss_name(LossKind kind);
// "SUCCESS" or "ERROR", as the report says it.
const char* status_text(ExitCode code);

}  // namespace nfsferry

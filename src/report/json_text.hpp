// What the JSON of this folder is made with. Bytes that are not UTF-8 never reach the library, and
// nothing here throws.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "nfsferry/report.hpp"
#include "report/next_pass.hpp"

namespace nfsferry {

using Json = nlohmann::ordered_json;

// Lossy UTF-8, cut so that a report has a bound. A byte takes up to six characters in JSON.
std::string cut_text(std::string_view bytes, std::size_t bytes_max);
std::string short_text(std::string_view bytes);  // names, codes: 128 bytes
std::string long_text(std::string_view bytes);   // locations, messages: 4,096 bytes

// "path", and "path_base64" where that is lossy.
void add_path(Json& json, std::string_view path);

// An entry that failed or differs: path, error, and for people a detail.
Json failure_entry_json(const Failure& failure);

// The location as the side opened it, or as it was asked for when it never got there.
std::string location_text(const SideReport& side, const std::string& asked);

// The member `next_pass` of a copy's and of a batch's report.
Json next_pass_json(const NextPass& next);

// On one line, without a newline.
std::string dump_line(const Json& json);

// A list that may be cut from its end, and the member that says so: "/nfsferry/failures".
struct BoundedList {
  const char* list;
  const char* truncated;
};
// A report with its newline, smaller than kReportBytesMax: indented where it fits, else without
// spaces and with as much of the lists as fits.
std::string report_text(Json json, const std::vector<BoundedList>& lists);

}  // namespace nfsferry

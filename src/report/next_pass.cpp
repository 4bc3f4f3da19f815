#include "report/next_pass.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/units.hpp"
#include "report/json_text.hpp"
#include "report/report_json.hpp"
#include "report/summary.hpp"

namespace nfsferry {
namespace {

// Rounded up, and no larger than what JSON readers hold.
std::uint64_t scaled(std::uint64_t amount, double factor) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  double product = std::ceil(static_cast<double>(amount) * factor);
  if (product >= static_cast<double>(kMost)) return static_cast<std::uint64_t>(kMost);
  return static_cast<std::uint64_t>(product);
}

Span span(std::uint64_t amount, double factor) {
  std::uint64_t share = scaled(amount, factor);
  return {std::min(share, amount), std::max(share, amount)};
}

Error not_a_report(const std::string& what) {
  return own_error(Own::kBadInput, "",
                   what +
                       "; give the report of the pass before this one, which is --report-json "
                       "of a copy, or summary.json of a batch");
}

std::string member(const Json& json, const char* name) {
  auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

NextPass next_pass(const Pass& pass, std::uint64_t before_ms) {
  NextPass next;
  next.interval_ms = pass.start_ms > before_ms ? pass.start_ms - before_ms : 1;
  double share = static_cast<double>(pass.duration_ms) / static_cast<double>(next.interval_ms);
  next.files = span(pass.files, share);
  next.bytes = span(pass.bytes, share);
  next.duration_most_ms = scaled(pass.duration_ms, std::max(share, 1.0));
  return next;
}

std::optional<NextPass> next_pass(const CopyReport& report) {
  bool well =
      report.exit_code == ExitCode::kDone || report.exit_code == ExitCode::kOnlyChangedFiles;
  if (!well || report.previous_start_ms == 0) return std::nullopt;
  Pass pass{report.start_ms, report.duration_ms, report.files_transferred, report.bytes_written};
  return next_pass(pass, report.previous_start_ms);
}

std::string next_pass_text(const NextPass& next) {
  std::string files = counted(next.files.most, "file");
  if (next.files.least != next.files.most) files = grouped(next.files.least) + " to " + files;
  std::string bytes = format_size(next.bytes.most);
  std::string least = format_size(next.bytes.least);
  if (least != bytes) bytes = least + " to " + bytes;
  return files + ", " + bytes + ", up to " + format_duration(next.duration_most_ms) +
         "; by the changes of " + format_duration(next.interval_ms);
}

Json next_pass_json(const NextPass& next) {
  Json json;
  json["interval_ms"] = next.interval_ms;
  json["files_least"] = next.files.least;
  json["files_most"] = next.files.most;
  json["bytes_least"] = next.bytes.least;
  json["bytes_most"] = next.bytes.most;
  json["duration_most_ms"] = next.duration_most_ms;
  return json;
}

Result<PreviousPass> parse_previous_pass(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return not_a_report("not a JSON object");
  PreviousPass previous;
  previous.start_ms = unix_ms(member(json, "StartTime"));
  if (previous.start_ms == 0) return not_a_report("StartTime is missing or no time");
  previous.is_batch = json.contains("homes");
  if (previous.is_batch) return previous;
  auto own = json.find("nfsferry");
  if (own == json.end() || !own->is_object()) return not_a_report("nfsferry is missing");
  previous.source = member(*own, "source");
  previous.target = member(*own, "target");
  return previous;
}

bool is_same_copy(const PreviousPass& previous, const CopyReport& report) {
  return !previous.is_batch &&
         previous.source == location_text(report.source, report.options.source) &&
         previous.target == location_text(report.target, report.options.target);
}

}  // namespace nfsferry

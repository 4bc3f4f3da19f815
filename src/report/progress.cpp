#include "report/progress.hpp"

#include <algorithm>
#include <optional>

#include "base/units.hpp"
#include "report/report_json.hpp"
#include "report/summary.hpp"

namespace nfsferry {
namespace {

std::uint64_t less(std::uint64_t whole, std::uint64_t part) {
  return whole > part ? whole - part : 0;
}

// How long `amount` takes at `rate` per second; nothing if it does not move.
std::optional<std::uint64_t> ms_for(std::uint64_t amount, std::uint64_t rate) {
  if (amount == 0) return 0;
  if (rate == 0) return std::nullopt;
  return per_second(amount, rate);  // the same arithmetic: amount x 1000 / rate
}

}  // namespace

std::string ProgressMeter::line(const Progress& now, std::size_t columns) {
  while (samples_.size() > 1 && (samples_.size() >= kSamplesMax ||
                                 now.elapsed_ms > samples_.front().elapsed_ms + kWindowMs)) {
    samples_.pop_front();
  }
  Progress from = samples_.empty() ? Progress{} : samples_.front();
  samples_.push_back(now);

  std::uint64_t window_ms = less(now.elapsed_ms, from.elapsed_ms);
  std::uint64_t files_rate = per_second(less(now.files_done, from.files_done), window_ms);
  std::uint64_t bytes_rate = per_second(less(now.bytes_done, from.bytes_done), window_ms);

  std::string out = grouped(now.files_done) + " of " + grouped(now.files_found) + " files";
  if (!now.walk_finished) out += " so far";
  out += ", " + format_size(now.bytes_done) + " of " + format_size(now.bytes_found);
  out += ", " + format_size(bytes_rate) + "/s, " + grouped(files_rate) + " files/s";
  if (now.walk_finished) {
    auto by_files = ms_for(less(now.files_found, now.files_done), files_rate);
    auto by_bytes = ms_for(less(now.bytes_found, now.bytes_done), bytes_rate);
    std::uint64_t left = by_files && by_bytes ? std::max(*by_files, *by_bytes) : 0;
    if (left > 0) out += ", " + format_duration(left) + " left";
  }
  if (now.failures > 0) out += ", " + grouped(now.failures) + " failed";
  if (out.size() > columns) out.resize(columns);
  return out;
}

}  // namespace nfsferry

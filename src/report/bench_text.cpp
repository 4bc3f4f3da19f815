#include "report/bench_text.hpp"

#include <array>
#include <utility>
#include <vector>

#include "base/units.hpp"
#include "nfsferry/version.hpp"
#include "report/json_text.hpp"
#include "report/report_json.hpp"
#include "report/summary.hpp"
#include "report/table.hpp"

namespace nfsferry {
namespace {

// The managed service's pace: about a minute per GB, its launch not counted.
constexpr std::uint64_t kServiceBytesPerSecond = 1'000'000'000 / 60;

std::uint64_t service_ms(std::uint64_t bytes) { return bytes * 1000 / kServiceBytesPerSecond; }

using Row = std::array<std::string, 7>;

Row row_of(const BenchRound& round) {
  return {std::string(name_of(kBenchShapeNames, round.shape)),
          std::to_string(round.round),
          grouped(round.files),
          format_size(round.bytes),
          format_duration(round.duration_ms),
          grouped(per_second(round.files, round.duration_ms)),
          format_size(per_second(round.bytes, round.duration_ms)) + "/s"};
}

Json round_json(const BenchRound& round) {
  Json json;
  json["shape"] = name_of(kBenchShapeNames, round.shape);
  json["round"] = round.round;
  json["files"] = round.files;
  json["bytes"] = round.bytes;
  json["duration_ms"] = round.duration_ms;
  json["files_per_second"] = per_second(round.files, round.duration_ms);
  json["bytes_per_second"] = per_second(round.bytes, round.duration_ms);
  json["requests"] = {{"source", round.source_requests}, {"target", round.target_requests}};
  json["managed_service_ms"] = service_ms(round.bytes);
  return json;
}

}  // namespace

std::string bench_report_json(const BenchReport& report) {
  const BenchOptions& options = report.options;
  Json json;
  json["exit_code"] = static_cast<int>(report.exit_code);
  json["error_code"] = short_text(report.error_code);
  json["error_detail"] = long_text(report.error_detail);
  json["version"] = kVersion;
  json["schema"] = kReportSchema;
  json["source"] = {{"location", long_text(options.source)},
                    {"nfs_version", report.source_version}};
  json["target"] = {{"location", long_text(options.target)},
                    {"nfs_version", report.target_version}};
  json["engine"] = report.engine;
  json["threads"] = options.copy.threads;
  json["verify"] = name_of(kVerifyNames, options.copy.verify);
  json["seed"] = options.seed;
  json["rounds"] = Json::array();
  for (const BenchRound& round : report.rounds) json["rounds"].push_back(round_json(round));
  return report_text(std::move(json), {});
}

std::string bench_table(const BenchReport& report) {
  std::vector<Row> rows{{"shape", "round", "files", "bytes", "time", "files/s", "bytes/s"}};
  std::string service;
  for (const BenchRound& round : report.rounds) {
    rows.push_back(row_of(round));
    if (round.round != 1) continue;
    service += (service.empty() ? "" : ", ") + rows.back()[0] + " " +
               format_duration(service_ms(round.bytes));
  }
  return laid_out(rows) + "for reference, a managed copy service at a minute per GB: " + service +
         "\n";
}

}  // namespace nfsferry

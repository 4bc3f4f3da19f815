#include "report/report_json.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <utility>

#include "base/units.hpp"
#include "nfsferry/version.hpp"
#include "report/json_text.hpp"
#include "report/next_pass.hpp"
#include "report/option_names.hpp"
#include "report/options_json.hpp"

namespace nfsferry {
namespace {

constexpr std::size_t kLatencyKindsMax = 48;  // each side

// A phase that was never begun, because an earlier one failed, is PENDING, as in the service.
const char* phase_status(const PhaseReport& phase, bool begun) {
  if (!begun) return "PENDING";
  return phase.success ? "SUCCESS" : "ERROR";
}

Json files_failed_json(const CopyReport& report) {
  Json json;
  json["Prepare"] = report.failed_prepare;
  json["Transfer"] = report.failed_transfer;
  json["Verify"] = report.failed_verify;
  json["Delete"] = report.failed_delete;
  return json;
}

Json result_json(const CopyReport& report) {
  // Bad input and a source that was never reached end a run before its transfer.
  PhaseReport prepare = report.prepare;
  prepare.success = prepare.success && report.exit_code != ExitCode::kUsage &&
                    report.exit_code != ExitCode::kSourceUnreachable;
  bool transfer_begun = prepare.success;
  bool ended_early = !report.error_code.empty() && !report.transfer.success;
  bool asked = report.options.verify != VerifyMode::kNone && !report.options.dry_run;
  bool verify_begun = transfer_begun && asked && !(ended_early && report.verify.duration_ms == 0);
  Json json;
  json["PrepareDuration"] = report.prepare.duration_ms;
  json["PrepareStatus"] = phase_status(prepare, true);
  json["TransferDuration"] = report.transfer.duration_ms;
  json["TransferStatus"] = phase_status(report.transfer, transfer_begun);
  json["VerifyDuration"] = report.verify.duration_ms;
  json["VerifyStatus"] = phase_status(report.verify, verify_begun);
  json["TotalDuration"] = report.duration_ms;
  json["ErrorCode"] = short_text(report.error_code);
  json["ErrorDetail"] = long_text(report.error_detail);
  return json;
}

// The members of DescribeTaskExecution.
void add_service_members(Json& json, const CopyReport& report) {
  json["Status"] = status_text(report.exit_code);
  json["StartTime"] = rfc3339(report.start_ms);
  json["EndTime"] = rfc3339(report.end_ms);
  json["Options"] = options_json(report.options);
  json["EstimatedFilesToTransfer"] = report.estimated_files;
  json["EstimatedBytesToTransfer"] = report.estimated_bytes;
  json["FilesTransferred"] = report.files_transferred;
  json["BytesWritten"] = report.bytes_written;
  json["BytesTransferred"] = report.bytes_transferred;
  json["BytesCompressed"] = report.bytes_transferred;  // nothing is compressed
  json["FilesSkipped"] = report.files_skipped;
  json["FilesVerified"] = report.files_verified;
  json["FilesDeleted"] = report.files_deleted;
  json["FoldersTransferred"] = report.folders_transferred;
  json["FoldersSkipped"] = report.folders_skipped;
  json["FoldersVerified"] = report.folders_verified;
  json["FilesFailed"] = files_failed_json(report);
  json["Result"] = result_json(report);
}

Json both(Json source, Json target) {
  Json json;
  json["source"] = std::move(source);
  json["target"] = std::move(target);
  return json;
}

void add_latency(Json& json, std::string_view side, const SideReport& report) {
  std::size_t kinds = 0;
  for (const auto& [kind, percentiles] : report.latency) {
    if (++kinds > kLatencyKindsMax) break;
    Json one;
    one["p50_us"] = percentiles.p50_us;
    one["p95_us"] = percentiles.p95_us;
    one["p99_us"] = percentiles.p99_us;
    one["count"] = percentiles.count;
    json[std::string(side) + "." + short_text(kind)] = std::move(one);
  }
}

Json latency_json(const CopyReport& report) {
  Json json = Json::object();
  add_latency(json, "source", report.source);
  add_latency(json, "target", report.target);
  return json;
}

Json failure_json(const Failure& failure) {
  Json json;
  add_path(json, failure.path);
  json["operation"] = short_text(failure.operation);
  json["error"] = short_text(failure.error);
  json["attempts"] = failure.attempts;
  return json;
}

Json failures_json(const CopyReport& report) {
  Json json = Json::array();
  std::size_t count = std::min(report.failures.size(), kFailuresKept);
  for (std::size_t i = 0; i < count; ++i) json.push_back(failure_json(report.failures[i]));
  return json;
}

Json losses_json(const LossReport& losses) {
  Json json;
  json["acls"] = losses.acls;
  json["xattrs"] = losses.xattrs;
  json["devices"] = losses.devices;
  json["holes_filled"] = losses.holes;
  json["holes_filled_bytes"] = losses.holes_bytes;
  json["acls_told"] = losses.acls_told;
  json["xattrs_told"] = losses.xattrs_told;
  Json examples = Json::array();
  std::size_t count = std::min(losses.examples.size(), kLossKinds * kLossesKept);
  for (std::size_t i = 0; i < count; ++i) {
    const EntryLoss& example = losses.examples[i];
    Json one;
    add_path(one, example.path);
    one["kind"] = loss_name(example.loss.kind);
    if (!example.loss.detail.empty()) one["detail"] = long_text(example.loss.detail);
    examples.push_back(std::move(one));
  }
  json["examples"] = std::move(examples);
  json["examples_truncated"] = losses.examples_truncated;
  return json;
}

// Everything of ours.
Json own_json(const CopyReport& report) {
  const SideReport& source = report.source;
  const SideReport& target = report.target;
  Json json;
  json["version"] = kVersion;
  json["schema"] = kReportSchema;
  json["engine"] = short_text(report.engine);
  json["source"] = location_text(source, report.options.source);
  json["target"] = location_text(target, report.options.target);
  json["threads"] = report.options.threads;
  json["connections"] = both(source.connections, target.connections);
  json["nfs_version"] = both(short_text(source.nfs_version), short_text(target.nfs_version));
  json["max_operations"] = both(source.max_operations, target.max_operations);
  json["slots"] = both(source.slots, target.slots);
  json["requests"] = both(source.requests, target.requests);
  json["retries"] = report.retries;
  json["throttled_ms"] = report.throttled_ms;
  json["checksum"] = name_of(kChecksumNames, report.options.checksum);
  json["tree_digest"] = short_text(report.tree_digest);
  json["hard_links"] = report.hard_links;
  json["symlinks"] = report.symlinks;
  json["special_skipped"] = report.special_skipped;
  json["sparse_bytes_saved"] = report.sparse_bytes_saved;
  json["changed_during_copy"] = report.changed_during_copy;
  json["vanished"] = report.vanished;
  json["files_per_second"] = per_second(report.files_transferred, report.duration_ms);
  json["bytes_per_second"] = per_second(report.bytes_written, report.duration_ms);
  json["peak_rss_bytes"] = report.peak_rss_bytes;
  json["latency"] = latency_json(report);
  json["failures"] = failures_json(report);
  json["failures_truncated"] = report.failures_truncated || report.failures.size() > kFailuresKept;
  json["manifest_complete"] = report.manifest_complete;
  json["run_id"] = short_text(report.run_id);
  json["exit_code"] = static_cast<int>(report.exit_code);
  json["engine_note"] = long_text(report.engine_note);
  json["leftovers_skipped"] = report.leftovers_skipped;
  json["mounts_not_entered"] = report.mounts_not_entered;
  json["metadata_repaired"] = report.metadata_repaired;
  json["temporaries_removed"] = report.temporaries_removed;
  json["owners_not_set"] = report.owners_not_set;
  json["target_only"] = report.target_only;
  json["folders_deleted"] = report.folders_deleted;
  json["deletion_refused"] = report.deletion_refused;
  json["backed_up"] = report.backed_up;
  json["files_filtered"] = report.files_filtered;
  json["folders_filtered"] = report.folders_filtered;
  json["not_carried"] = losses_json(report.losses);
  if (auto next = next_pass(report)) json["next_pass"] = next_pass_json(*next);
  return json;
}

}  // namespace

const char* loss_name(LossKind kind) {
  switch (kind) {
    case LossKind::kAcl: return "acl";
    case LossKind::kXattr: return "xattr";
    case LossKind::kDevice: return "device";
    case LossKind::kHoles: return "holes";
  }
  return "xattr";
}

const char* status_text(ExitCode code) {
  return code == ExitCode::kDone || code == ExitCode::kOnlyChangedFiles ? "SUCCESS" : "ERROR";
}

std::string rfc3339(std::uint64_t unix_ms) {
  constexpr std::uint64_t kLastMs = 253'402'300'799'999;  // 9999-12-31T23:59:59.999Z
  using namespace std::chrono;
  milliseconds since(static_cast<std::int64_t>(std::min(unix_ms, kLastMs)));
  sys_days day = floor<days>(sys_time<milliseconds>(since));
  year_month_day date(day);
  hh_mm_ss<milliseconds> time(sys_time<milliseconds>(since) - day);
  char out[80];
  std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  return out;
}

std::uint64_t unix_ms(std::string_view text) {
  using namespace std::chrono;
  auto number = [text](std::size_t at, std::size_t digits) {
    auto part = parse_unsigned(text.substr(std::min(at, text.size()), digits), 9999);
    return part ? static_cast<int>(*part) : 0;
  };
  year_month_day date(year(number(0, 4)), month(static_cast<unsigned>(number(5, 2))),
                      day(static_cast<unsigned>(number(8, 2))));
  if (!date.ok()) return 0;
  auto since = sys_days(date).time_since_epoch() + hours(number(11, 2)) + minutes(number(14, 2)) +
               seconds(number(17, 2)) + milliseconds(number(20, 3));
  auto result = static_cast<std::uint64_t>(std::max<std::int64_t>(milliseconds(since).count(), 0));
  return rfc3339(result) == text ? result : 0;
}

std::string mode_text(std::uint32_t mode) {
  char out[16];
  std::snprintf(out, sizeof out, "%04o", static_cast<unsigned>(mode));
  return out;
}

std::uint64_t per_second(std::uint64_t amount, std::uint64_t duration_ms) {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  if (duration_ms == 0) return 0;
  std::uint64_t whole = amount / duration_ms;
  std::uint64_t rest = amount % duration_ms;
  if (whole > kMost / 1000 - 1) return kMost;
  // A rest too large to multiply belongs to a duration so long that its share is exact enough.
  std::uint64_t part =
      rest > kMost / 1000 ? rest / (duration_ms / 1000) : rest * 1000 / duration_ms;
  return whole * 1000 + part;
}

std::string copy_report_json(const CopyReport& report) {
  Json json;
  add_service_members(json, report);
  json["bytes_written"] = report.bytes_written;
  json["files_transferred"] = report.files_transferred;
  json["duration_ms"] = report.duration_ms;
  json["replication_status"] = status_text(report.exit_code);
  json["nfsferry"] = own_json(report);
  return report_text(std::move(json), {{"/nfsferry/failures", "/nfsferry/failures_truncated"},
                                       {"/nfsferry/not_carried/examples",
                                        "/nfsferry/not_carried/examples_truncated"}});
}

namespace {

Json versions_json(const ProbeReport& report) {
  Json json = Json::array();
  for (const MinorVersionProbe& probe : report.versions) {
    Json one;
    one["version"] = short_text(probe.version);
    one["offered"] = probe.offered;
    one["answer"] = long_text(probe.answer);
    json.push_back(std::move(one));
  }
  return json;
}

Json limits_json(const ProbeReport& report) {
  Json json;
  json["max_operations"] = report.max_operations;
  json["slots"] = report.slots;
  json["max_request_bytes"] = report.max_request_bytes;
  json["max_response_bytes"] = report.max_response_bytes;
  json["max_cached_response_bytes"] = report.max_cached_response_bytes;
  json["max_read_bytes"] = report.max_read_bytes;
  json["max_write_bytes"] = report.max_write_bytes;
  return json;
}

Json space_json(const ProbeReport& report) {
  Json json;
  json["total_bytes"] = report.space_total_bytes;
  json["free_bytes"] = report.space_free_bytes;
  json["available_bytes"] = report.space_available_bytes;
  json["files_free"] = report.files_free;
  return json;
}

Json root_json(const ProbeReport& report) {
  Json json;
  json["mode"] = mode_text(report.root_mode);
  json["owner"] = short_text(report.root_owner);
  json["group"] = short_text(report.root_group);
  json["fileid"] = report.root_fileid;
  json["fsid_major"] = report.root_fsid_major;
  json["fsid_minor"] = report.root_fsid_minor;
  return json;
}

}  // namespace

std::string probe_report_json(const ProbeReport& report) {
  Json json;
  json["Status"] = status_text(report.exit_code);
  json["version"] = kVersion;
  json["schema"] = kReportSchema;
  json["exit_code"] = static_cast<int>(report.exit_code);
  json["error_code"] = short_text(report.error_code);
  json["error_detail"] = long_text(report.error_detail);
  json["location"] = long_text(report.location);
  json["engine"] = short_text(report.engine);
  json["engine_note"] = long_text(report.engine_note);
  json["versions"] = versions_json(report);
  json["round_trip_us"] = report.round_trip_us;
  json["limits"] = limits_json(report);
  json["lease_seconds"] = report.lease_seconds;
  json["server_owner"] = cut_text(report.server_owner, 1024);  // NFS4_OPAQUE_LIMIT
  json["server_scope"] = cut_text(report.server_scope, 1024);
  json["space"] = space_json(report);
  json["root"] = root_json(report);
  return report_text(std::move(json), {});
}

}  // namespace nfsferry

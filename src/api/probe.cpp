#include <algorithm>
#include <chrono>

#include "api/explain.hpp"
#include "api/trees.hpp"
#include "loop/loop.hpp"
#include "nfs3/nfs3_tree.hpp"
#include "nfs4/nfs4_tree.hpp"
#include "nfs4/versions.hpp"
#include "nfsferry/run.hpp"
#include "tree/location.hpp"

namespace nfsferry {
namespace {

constexpr int kPings = 11;

void fail(ProbeReport& report, const Location& location, const Error& error) {
  report.exit_code = api::start_exit_code(api::Role::kSource, error);
  report.error_code = error.name();
  report.error_detail = api::explain(api::Role::kSource, location, error);
}

void note_root(ProbeReport& report, const Attributes& root) {
  report.root_mode = root.mode;
  report.root_owner = owner_text(root.owner);
  report.root_group = owner_text(root.group);
  report.root_fileid = root.fileid;
  report.root_fsid_major = root.fsid.major;
  report.root_fsid_minor = root.fsid.minor;
}

void note(ProbeReport& report, const nfs4::ServerFacts& facts) {
  report.max_operations = facts.limits.operations;
  report.slots = facts.limits.slots;
  report.max_request_bytes = facts.limits.request_bytes;
  report.max_response_bytes = facts.limits.response_bytes;
  report.max_cached_response_bytes = facts.limits.cached_response_bytes;
  report.max_read_bytes = facts.fattr.max_read;
  report.max_write_bytes = facts.fattr.max_write;
  report.lease_seconds = facts.fattr.lease_seconds;
  report.server_owner = facts.server_owner;
  report.server_scope = facts.server_scope;
  report.space_total_bytes = facts.fattr.space_total;
  report.space_free_bytes = facts.fattr.space_free;
  report.space_available_bytes = facts.fattr.space_available;
  report.files_free = facts.fattr.files_free;
  note_root(report, facts.fattr.attributes);
}

// The median of a few of the smallest requests.
template <typename AnyTree>
Task<Status> time_pings(AnyTree& tree, ProbeReport& report) {
  std::vector<std::int64_t> times;
  for (int i = 0; i < kPings; ++i) {
    auto begin = Clock::now();
    NFSFERRY_TRY(Ok answered, co_await tree.ping(), co_return);
    times.push_back((Clock::now() - begin) / std::chrono::microseconds(1));
  }
  std::sort(times.begin(), times.end());
  report.round_trip_us = static_cast<std::uint64_t>(times[times.size() / 2]);
  co_return ok();
}

Task<Status> measure(nfs4::Nfs4Tree& tree, ProbeReport& report) {
  NFSFERRY_TRY(Ok opened, co_await tree.open(), co_return);
  auto facts = co_await tree.server_facts();
  if (!facts) co_return std::move(facts).error();
  note(report, *facts);
  co_return co_await time_pings(tree, report);
}

Task<Status> measure(nfs3::Nfs3Tree& tree, ProbeReport& report) {
  NFSFERRY_TRY(Ok opened, co_await tree.open(), co_return);
  auto space = co_await tree.server_space();
  if (!space) co_return std::move(space).error();
  report.max_read_bytes = tree.sizes().read_most;
  report.max_write_bytes = tree.sizes().write_most;
  report.space_total_bytes = space->space.total_bytes;
  report.space_free_bytes = space->free_bytes;
  report.space_available_bytes = space->space.available_bytes;
  report.files_free = space->space.files_free;
  note_root(report, tree.root_entry().attributes);
  co_return co_await time_pings(tree, report);
}

template <typename AnyTree>
Task<void> measure_and_close(AnyTree& tree, const Location& location, ProbeReport& report) {
  Status measured = co_await measure(tree, report);
  if (!measured) fail(report, location, measured.error());
  co_await tree.close();
}

Task<void> probe_server(Loop& loop, const Location& location, std::uint64_t timeout_ms,
                        ProbeReport& report) {
  nfs4::Credentials credentials;
  credentials.uid = location.uid.value_or(0);
  credentials.gid = location.gid.value_or(0);
  auto versions =
      co_await nfs4::ask_versions(loop, location.host, location.nfs_port, credentials, timeout_ms);
  if (!versions) {
    fail(report, location, versions.error());
    co_return;
  }
  for (nfs4::VersionAnswer& answer : *versions) {
    report.versions.push_back(MinorVersionProbe{answer.version, answer.offered, answer.answer});
  }
  if (location.version == Location::Version::k3) {
    nfs3::Nfs3Tree tree(loop, location, nfs3::Nfs3Options{"probe", timeout_ms});
    co_await measure_and_close(tree, location, report);
  } else {
    nfs4::Nfs4Tree tree(loop, location, nfs4::Nfs4Options{"probe", timeout_ms});
    co_await measure_and_close(tree, location, report);
  }
}

}  // namespace

ProbeReport probe(const ProbeOptions& options) {
  ProbeReport report;
  report.location = options.location;
  auto location = parse_location(options.location);
  if (location && location->kind != Location::Kind::kNfs) {
    location = own_error(Own::kBadInput, "probe",
                         "'" + options.location + "' is a path; give an nfs:// URL");
  }
  auto loop = Loop::create(api::engine_choice(options.engine));
  if (!location || !loop) {
    const Error& error = location ? loop.error() : location.error();
    report.exit_code = ExitCode::kUsage;
    report.error_code = error.name();
    report.error_detail = error.message();
    return report;
  }
  report.engine = std::string((*loop)->engine_name());
  report.engine_note = (*loop)->engine_note();
  (*loop)->run(probe_server(**loop, *location, options.timeout_ms, report));
  return report;
}

}  // namespace nfsferry

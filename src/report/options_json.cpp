#include "report/options_json.hpp"

#include <algorithm>
#include <string>

#include "report/option_names.hpp"

namespace nfsferry {
namespace {

const char* verify_mode(VerifyMode mode) {
  switch (mode) {
    case VerifyMode::kNone: return "NONE";
    case VerifyMode::kTransferred: return "ONLY_FILES_TRANSFERRED";
    case VerifyMode::kAll: return "POINT_IN_TIME_CONSISTENT";
  }
  return "NONE";
}

const char* id_mode(const CopyOptions& options, const std::vector<IdMap>& map) {
  return options.owner == OwnerRule::kKeep && map.empty() ? "INT_VALUE" : "NONE";
}

// As the service says it: -1 without a limit.
std::int64_t bandwidth(const Rates& rates) {
  return rates.bytes_per_second > 0 ? static_cast<std::int64_t>(rates.bytes_per_second) : -1;
}

std::string pair_text(std::uint32_t first, std::uint32_t second) {
  return std::to_string(first) + ":" + std::to_string(second);
}

std::string owner_flag(const CopyOptions& options) {
  switch (options.owner) {
    case OwnerRule::kKeep: return "keep";
    case OwnerRule::kTarget: return "target";
    case OwnerRule::kFixed: return pair_text(options.owner_uid, options.owner_gid);
  }
  return "keep";
}

// "5:6", or "1000-1999:5000".
std::string map_text(const IdMap& map) {
  std::uint64_t last = std::uint64_t{map.from} + map.count - 1;
  std::string range = map.count > 1 ? "-" + std::to_string(last) : "";
  return std::to_string(map.from) + range + ":" + std::to_string(map.to);
}

Json id_maps_json(const std::vector<IdMap>& map) {
  Json json = Json::array();
  std::size_t shown = std::min(map.size(), kIdMapsShown);
  for (std::size_t i = 0; i < shown; ++i) json.push_back(map_text(map[i]));
  return json;
}

Json filters_json(const std::vector<FilterRule>& filters) {
  Json json = Json::array();
  std::size_t shown = std::min(filters.size(), kFiltersShown);
  for (std::size_t i = 0; i < shown; ++i) {
    json.push_back(short_text((filters[i].include ? "+ " : "- ") + filters[i].glob));
  }
  return json;
}

// What kAuto comes to.
SuidMode effective_suid(const CopyOptions& options) {
  if (options.suid != SuidMode::kAuto) return options.suid;
  bool mapped =
      options.owner != OwnerRule::kKeep || !options.map_uid.empty() || !options.map_gid.empty();
  return mapped ? SuidMode::kDrop : SuidMode::kKeep;
}

}  // namespace

Json options_json(const CopyOptions& options) {
  bool never = options.overwrite == OverwriteMode::kNever;
  Json json;
  json["VerifyMode"] = verify_mode(options.verify);
  json["OverwriteMode"] = never ? "NEVER" : "ALWAYS";
  json["TransferMode"] = options.compare == CompareMode::kAll ? "ALL" : "CHANGED";
  json["PreserveDeletedFiles"] = options.delete_surplus ? "REMOVE" : "PRESERVE";
  json["Uid"] = id_mode(options, options.map_uid);
  json["Gid"] = id_mode(options, options.map_gid);
  json["PosixPermissions"] = "PRESERVE";
  json["Mtime"] = "PRESERVE";
  json["BytesPerSecond"] = bandwidth(options.rates);
  json["owner"] = owner_flag(options);
  json["map_uid"] = id_maps_json(options.map_uid);
  json["map_gid"] = id_maps_json(options.map_gid);
  json["owner_errors"] = name_of(kOwnerErrorsNames, options.owner_errors);
  json["suid"] = name_of(kSuidNames, effective_suid(options));
  json["compare"] = name_of(kCompareNames, options.compare);
  json["overwrite"] = name_of(kOverwriteNames, options.overwrite);
  json["delete"] = options.delete_surplus;
  if (options.max_delete) json["max_delete"] = *options.max_delete;
  if (!options.backup_dir.empty()) json["backup_dir"] = short_text(options.backup_dir);
  json["dry_run"] = options.dry_run;
  json["force"] = options.force;
  json["create_target"] = options.create_target;
  json["root_attributes"] = options.root_attributes;
  json["cross_mounts"] = options.cross_mounts;
  json["include_nfs_leftovers"] = options.include_nfs_leftovers;
  json["filters"] = filters_json(options.filters);
  json["verify"] = name_of(kVerifyNames, options.verify);
  json["checksum"] = name_of(kChecksumNames, options.checksum);
  json["engine"] = name_of(kEngineNames, options.engine);
  json["threads"] = options.threads;
  json["connections"] = options.connections;
  json["timeout_ms"] = options.timeout_ms;
  json["bwlimit"] = options.rates.bytes_per_second;
  json["iops_limit"] = options.rates.requests_per_second;
  return json;
}

}  // namespace nfsferry

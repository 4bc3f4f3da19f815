#include "cli/flags.hpp"

#include <algorithm>
#include <optional>

#include "base/units.hpp"

namespace nfsferry::cli {
namespace {

Error bad(std::string_view text, std::string_view what) {
  return own_error(Own::kBadInput, "", "'" + std::string(text) + "' " + std::string(what));
}

struct IdPair {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
};

// "200005:1001".
std::optional<IdPair> parse_id_pair(std::string_view text) {
  std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {};
  auto first = parse_unsigned(text.substr(0, colon), kIdMax);
  auto second = parse_unsigned(text.substr(colon + 1), kIdMax);
  if (!first || !second) return {};
  return IdPair{static_cast<std::uint32_t>(*first), static_cast<std::uint32_t>(*second)};
}

Result<std::uint64_t> parse_duration_within(std::string_view text, std::uint64_t least_ms,
                                            std::uint64_t most_ms, std::string_view range) {
  auto value = parse_duration_ms(text);
  if (!value || (*value >= least_ms && *value <= most_ms)) return value;
  return bad(text, "is out of range; write a duration from " + std::string(range));
}

}  // namespace

Result<Owner> parse_owner(std::string_view text) {
  if (text == "keep") return Owner{};
  if (text == "target") return Owner{OwnerRule::kTarget, 0, 0};
  auto ids = parse_id_pair(text);
  if (ids) return Owner{OwnerRule::kFixed, ids->first, ids->second};
  return bad(text, "is not an owner; write keep, target or UID:GID in numbers");
}

Result<IdMap> parse_id_map(std::string_view text) {
  auto ids = parse_id_pair(text);
  if (ids) return IdMap{ids->first, ids->second};
  return bad(text, "is not a pair of ids; write OLD:NEW in numbers");
}

Status add_id_map(std::vector<IdMap>& maps, IdMap map) {
  for (const IdMap& known : maps) {
    if (map.from < known.from || map.from - known.from >= known.count) continue;
    std::uint32_t to = known.to + (map.from - known.from);
    if (to == map.to) return ok();
    return bad(std::to_string(map.from), "is mapped twice, to " + std::to_string(to) + " and to " +
                                             std::to_string(map.to) + "; leave one out");
  }
  if (maps.size() >= kIdMapsMax) {
    return own_error(Own::kBadInput, "",
                     "more than " + std::to_string(kIdMapsMax) + " ids are mapped");
  }
  maps.push_back(map);
  return ok();
}

Error unknown_value(std::string_view text, const std::vector<std::string_view>& names) {
  std::string known;
  for (std::size_t i = 0; i < names.size(); ++i) {
    known += i == 0 ? "" : i + 1 == names.size() ? " or " : ", ";
    known += names[i];
  }
  return bad(text, "is not one of its values; write " + known);
}

Result<std::uint32_t> parse_count(std::string_view text, std::uint32_t most,
                                  std::string_view things) {
  auto number = parse_unsigned(text, most);
  if (number && *number > 0) return static_cast<std::uint32_t>(*number);
  return bad(text, "is not a number of " + std::string(things) + "; write one from 1 to " +
                       std::to_string(most));
}

Result<std::uint32_t> parse_threads(std::string_view text) {
  return parse_count(text, kThreadsMax, "threads");
}

Result<std::uint32_t> parse_connections(std::string_view text) {
  return parse_count(text, kConnectionsMax, "connections");
}

Result<std::uint64_t> parse_bwlimit(std::string_view text) {
  auto bytes = parse_size(text);
  if (!bytes || *bytes <= kRateMost) return bytes;
  return bad(text, "is out of range; write at most 1TiB, or 0 for no limit");
}

Result<std::uint64_t> parse_iops_limit(std::string_view text) {
  auto number = parse_unsigned(text, kRateMost);
  if (number) return number;
  return bad(text, "is not a number of requests; write one, or 0 for no limit");
}

Result<std::uint64_t> parse_max_delete(std::string_view text) {
  auto number = parse_unsigned(text, kRateMost);
  if (number) return number;
  return bad(text, "is not a number of entries");
}

Result<std::string> parse_backup_dir(std::string_view text) {
  constexpr std::string_view kOurTemporaries = ".nfsferry-";
  bool name = !text.empty() && text.size() <= 255 && text != "." && text != ".." &&
              text.find('/') == std::string_view::npos && !text.starts_with(kOurTemporaries);
  if (name) return std::string(text);
  return bad(text, "is not a name for a directory in the target");
}

Result<std::uint64_t> parse_age(std::string_view text) {
  constexpr std::uint64_t kTenYears = std::uint64_t{3653} * 24 * 3'600'000;
  return parse_duration_within(text, 0, kTenYears, "0s to 87672h");
}

Result<std::uint64_t> parse_timeout(std::string_view text) {
  return parse_duration_within(text, 1, kTimeoutMaxMs, "1ms to 720h");
}

Result<std::string> parse_run_id(std::string_view text) {
  bool allowed = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  if (allowed && !text.empty() && text.size() <= kRunIdMax) return std::string(text);
  return bad(text, "is not a run id; write 1 to 64 of A-Z a-z 0-9 _ -");
}

Result<std::uint64_t> parse_progress_interval(std::string_view text) {
  return parse_duration_within(text, kProgressIntervalMinMs, kProgressIntervalMaxMs, "100ms to 1h");
}

Result<std::string> parse_output(std::string_view text) {
  if (!text.empty()) return std::string(text);
  return own_error(Own::kBadInput, "", "the name is empty; write a file's name or -");
}

}  // namespace nfsferry::cli

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/glob.hpp"
#include "cli/filter_rules.hpp"
#include "cli/flags.hpp"
#include "cli/limits_text.hpp"
#include "cli/owner_map.hpp"
#include "nfs4/xdr.hpp"
#include "targets.hpp"
#include "tree/attributes.hpp"

namespace nfsferry::fuzz {
namespace {

// A glob that means this path and nothing else.
std::string literally(std::string_view path) {
  std::string glob = "/";
  for (char byte : path) {
    if (byte != '/') glob += '\\';
    glob += byte;
  }
  return glob;
}

void glob(std::string_view text) {
  std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return;
  std::string_view path = text.substr(end + 1);
  std::vector<std::string_view> names = split_path(path);
  auto parsed = Glob::parse(text.substr(0, end));
  if (parsed && !names.empty()) {
    bool file = parsed->matches(names, false);
    check(!file || parsed->matches(names, true), "what matches a file matches a directory");
  }
  auto exact = Glob::parse(literally(path));
  check(!exact || path.ends_with('/') || exact->matches(names, false),
        "a path of plain bytes matches itself");
}

void filters(std::string_view text) {
  std::vector<FilterRule> rules;
  Status parsed = cli::parse_filter_rules(text, rules);
  if (!parsed) return;
  std::string written;
  for (const FilterRule& rule : rules) written += (rule.include ? "+ " : "- ") + rule.glob + "\n";
  std::vector<FilterRule> again;
  parsed = cli::parse_filter_rules(written, again);
  bool same = parsed && std::equal(rules.begin(), rules.end(), again.begin(), again.end(),
                                   [](const FilterRule& one, const FilterRule& other) {
                                     return one.include == other.include && one.glob == other.glob;
                                   });
  check(same, "rules that are written can be read");
}

void check_maps(const std::vector<IdMap>& maps) {
  std::uint64_t free = 0;  // the least id that is not mapped yet
  for (const IdMap& map : maps) {
    check(map.from >= free && map.count > 0, "maps are in order and hold no id twice");
    free = std::uint64_t{map.from} + map.count;
    bool fits = free - 1 <= cli::kIdMax && std::uint64_t{map.to} + map.count - 1 <= cli::kIdMax;
    check(fits, "every id is one, before and after");
  }
}

void owner_map(std::string_view text) {
  cli::OwnerMaps maps;
  Status parsed = cli::parse_owner_map(text, maps);
  if (!parsed) return;
  check_maps(maps.users);
  check_maps(maps.groups);
}

void limits(std::string_view text) {
  auto rates = cli::parse_limits(text, {7, 9});
  if (!rates) return;
  auto [bytes, requests] = *rates;
  check(bytes <= kRateMost && requests <= kRateMost, "a rate is one that can be kept");
  auto again = cli::parse_limits(
      "bwlimit=" + std::to_string(bytes) + "\niops-limit=" + std::to_string(requests), {});
  check(again && again->bytes_per_second == bytes && again->requests_per_second == requests,
        "limits that are written can be read");
}

// What flags take; no argument holds a NUL.
void flag(std::string_view text) {
  if (auto map = cli::parse_id_map(text)) check_maps({*map});
  if (auto owner = cli::parse_owner(text)) {
    check(owner->uid <= cli::kIdMax && owner->gid <= cli::kIdMax, "an owner is one");
  }
  if (auto name = cli::parse_backup_dir(text)) {
    check(is_usable_name(*name) || name->find('\0') != std::string::npos, "a folder has a name");
  }
  if (auto id = cli::parse_run_id(text)) check(is_usable_name(*id), "a run id is a name");
  if (auto rate = cli::parse_bwlimit(text)) check(*rate <= kRateMost, "a rate that can be kept");
  if (auto wait = cli::parse_timeout(text)) check(*wait <= cli::kTimeoutMaxMs, "a wait that ends");
  if (auto count = cli::parse_threads(text)) check(*count - 1 < cli::kThreadsMax, "a few threads");
  if (auto age = cli::parse_age(text)) check(*age < 1ull << 39, "an age that can be subtracted");
}

}  // namespace

void rules(Bytes input) {
  if (input.empty()) return;
  std::string_view text = nfs4::text_of(input.subspan(1));
  switch (std::to_integer<char>(input[0])) {
    case 'g': return glob(text);
    case 'f': return filters(text);
    case 'm': return owner_map(text);
    case 'l': return limits(text);
    case 'v': return flag(text);
    default: return;
  }
}

}  // namespace nfsferry::fuzz

#include "cli/owner_map.hpp"

#include <algorithm>
#include <utility>

#include "base/units.hpp"
#include "cli/flags.hpp"
#include "cli/input_text.hpp"
#include "cli/text_lines.hpp"

namespace nfsferry::cli {
namespace {

// A map and the line that it comes from; 0: a flag.
struct LineMap {
  IdMap map;
  std::size_t line = 0;
};

Error bad(const std::string& what) { return own_error(Own::kBadInput, "", what); }

// Takes the first word.
std::string_view take_word(std::string_view& text) {
  std::size_t end = std::min(text.find_first_of(" \t"), text.size());
  std::string_view word = text.substr(0, end);
  text = trimmed(text.substr(end));
  return word;
}

Result<IdMap> parse_map(std::string_view ids, std::string_view to) {
  std::size_t dash = ids.find('-');
  bool range = dash != std::string_view::npos;
  auto first = parse_unsigned(ids.substr(0, dash), kIdMax);
  auto last = range ? parse_unsigned(ids.substr(dash + 1), kIdMax) : first;
  auto target = parse_unsigned(to, kIdMax);
  if (!first || !last) return bad("'" + std::string(ids) + "' is no id and no range of ids");
  if (!target) return bad("'" + std::string(to) + "' is no id");
  if (*last < *first) return bad("the range '" + std::string(ids) + "' goes backwards");
  if (*last - *first > kIdMax - *target) {
    return bad("the range '" + std::string(ids) + "' has no room from " + std::string(to) + " on");
  }
  return IdMap{static_cast<std::uint32_t>(*first), static_cast<std::uint32_t>(*target),
               static_cast<std::uint32_t>(*last - *first + 1)};
}

std::vector<LineMap> of_flags(const std::vector<IdMap>& maps) {
  std::vector<LineMap> out;
  for (const IdMap& map : maps) out.push_back(LineMap{map});
  return out;
}

// Back into `maps`, in the order of their ids.
Status unite(std::vector<LineMap> united, const char* what, std::vector<IdMap>& maps) {
  if (united.size() > kIdMapsMax) {
    return bad("more than " + std::to_string(kIdMapsMax) + " ids and ranges are mapped");
  }
  std::sort(united.begin(), united.end(),
            [](const LineMap& one, const LineMap& other) { return one.map.from < other.map.from; });
  for (std::size_t i = 1; i < united.size(); ++i) {
    auto [first, second] = std::minmax(united[i - 1].line, united[i].line);
    bool apart = united[i].map.from - united[i - 1].map.from >= united[i - 1].map.count;
    if (apart) continue;
    std::string id = std::string(what) + " " + std::to_string(united[i].map.from);
    if (first == 0) {
      return bad("line " + std::to_string(second) + " maps " + id + ", which --map-" + what +
                 " or another file has mapped; leave one out");
    }
    return bad("lines " + std::to_string(first) + " and " + std::to_string(second) + " both map " +
               id + "; leave one out");
  }
  maps.clear();
  for (const LineMap& one : united) maps.push_back(one.map);
  return ok();
}

}  // namespace

Status parse_owner_map(std::string_view text, OwnerMaps& maps) {
  std::vector<LineMap> users = of_flags(maps.users);
  std::vector<LineMap> groups = of_flags(maps.groups);
  auto take = [&users, &groups](std::string_view line, std::size_t number) -> Status {
    std::string_view kind = take_word(line);
    std::string_view ids = take_word(line);
    std::string_view to = take_word(line);
    bool user = kind == "uid";
    if ((!user && kind != "gid") || to.empty() || !line.empty()) {
      return bad("is neither 'uid OLD NEW' nor 'gid OLD NEW'");
    }
    NFSFERRY_TRY(IdMap map, parse_map(ids, to), return);
    (user ? users : groups).push_back(LineMap{map, number});
    return ok();
  };
  NFSFERRY_TRY(Ok taken, for_each_statement(text, take), return);
  NFSFERRY_TRY(Ok users_united, unite(std::move(users), "uid", maps.users), return);
  return unite(std::move(groups), "gid", maps.groups);
}

Status read_owner_map(const std::string& from, CopyOptions& options) {
  auto text = read_input(from);
  if (!text) return bad(text.error().message());
  OwnerMaps maps{options.map_uid, options.map_gid};
  Status parsed = parse_owner_map(*text, maps);
  if (!parsed) return bad(from + ", " + parsed.error().detail);
  options.map_uid = std::move(maps.users);
  options.map_gid = std::move(maps.groups);
  return ok();
}

}  // namespace nfsferry::cli

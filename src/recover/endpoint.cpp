#include "recover/endpoint.hpp"

#include <algorithm>

#include "base/escape.hpp"
#include "recover/json.hpp"

namespace nfsferry::recover {
namespace {

constexpr std::string_view kScheme = "nfs://";

std::string percent_escaped(std::string_view name) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : name) {
    auto byte = static_cast<unsigned char>(c);
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

// The directory `name` right below `root`.
std::string below(std::string_view root, std::string_view name) {
  bool is_url = root.starts_with(kScheme);
  std::size_t question = is_url ? std::min(root.find('?'), root.size()) : root.size();
  std::string path(root.substr(0, question));
  while (path.ends_with('/')) path.pop_back();
  path += "/" + (is_url ? percent_escaped(name) : std::string(name));
  return path + std::string(root.substr(question));
}

}  // namespace

Result<FileSystemMap> parse_file_system_map(std::string_view text) {
  std::size_t equals = std::min(text.find('='), text.size());
  FileSystemMap map{std::string(text.substr(0, equals)),
                    std::string(text.substr(std::min(equals + 1, text.size())))};
  Status id = check_file_system_id("the file system", map.file_system_id);
  bool fine = id && (map.location.starts_with('/') ||
                     (map.location.starts_with(kScheme) && map.location.size() > kScheme.size()));
  if (fine) return map;
  return own_error(
      Own::kBadInput, "",
      quote_for_terminal(text) + " is not a map; write fs-ID=nfs://HOST/PATH or fs-ID=/PATH");
}

Result<std::string> home_location(const Endpoint& endpoint, std::string_view side,
                                  std::span<const FileSystemMap> maps) {
  auto map = std::find_if(maps.begin(), maps.end(), [&endpoint](const FileSystemMap& one) {
    return one.file_system_id == endpoint.file_system_id;
  });
  if (map != maps.end()) return below(map->location, endpoint.uid);
  std::string host = endpoint.mount_target;
  if (host.empty()) {
    if (endpoint.region.empty()) {
      return bad_member(
          std::string(side) + ".EfsFilesystemArn",
          "has no region; write one, or --map " + endpoint.file_system_id + "=nfs://HOST/");
    }
    host = endpoint.file_system_id + ".efs." + endpoint.region + ".amazonaws.com";
    if (endpoint.partition == "aws-cn") host += ".cn";
  }
  return below(std::string(kScheme) + host, endpoint.uid);
}

}  // namespace nfsferry::recover

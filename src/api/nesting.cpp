#include "api/nesting.hpp"

#include <algorithm>
#include <filesystem>

namespace nfsferry::api {
namespace {

std::vector<std::string> resolved_components(const Location& location) {
  if (location.kind == Location::Kind::kNfs) return location.components();
  std::error_code error;
  std::filesystem::path path = std::filesystem::weakly_canonical(location.path, error);
  if (error) return {};
  std::vector<std::string> components;
  for (const auto& component : path) components.push_back(component.native());
  return components;
}

bool begins_with(const std::vector<std::string>& path, const std::vector<std::string>& prefix) {
  return path.size() > prefix.size() && std::equal(prefix.begin(), prefix.end(), path.begin());
}

}  // namespace

Status refuse_nested(const Location& source, const Location& target) {
  bool comparable = source.kind == target.kind && source.host == target.host &&
                    source.nfs_port == target.nfs_port;
  if (!comparable) return ok();
  auto from = resolved_components(source);
  auto to = resolved_components(target);
  bool local_failed = source.kind == Location::Kind::kLocal && (from.empty() || to.empty());
  if (local_failed) return ok();  // opening it will say why
  if (begins_with(to, from)) {
    return own_error(Own::kSameDirectory, "start",
                     "the target " + target.text + " lies inside the source; nothing was copied");
  }
  if (begins_with(from, to)) {
    return own_error(Own::kSameDirectory, "start",
                     "the source " + source.text + " lies inside the target; nothing was copied");
  }
  return ok();
}

}  // namespace nfsferry::api

#include "report/manifest.hpp"

namespace nfsferry {
namespace {

// Whether what the target holds is what was hashed.
bool has_content(EntryAction action) {
  switch (action) {
    case EntryAction::kCopied:
    case EntryAction::kMetadata:
    case EntryAction::kLinked:
    case EntryAction::kSkipped:
    case EntryAction::kChanged:
    case EntryAction::kVerified: return true;
    case EntryAction::kDeleted:
    case EntryAction::kFailed:
    case EntryAction::kVanished: return false;
  }
  return false;
}

}  // namespace

void Manifest::on_entry(const EntryRecord& entry) {
  const std::string& hash = hash_ == ManifestHash::kXxh3 ? entry.hash : entry.sha256;
  if (hash.empty() || !has_content(entry.action)) return;
  if (verified_only_ && entry.action != EntryAction::kVerified) return;
  file_.write(manifest_line(hash, entry.path));
}

std::string manifest_line(std::string_view hash, std::string_view path) {
  bool escaped = path.find_first_of("\\\n\r") != std::string_view::npos;
  std::string out = escaped ? "\\" : "";
  out += hash;
  out += "  ";
  for (char c : path) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      default: out += c;
    }
  }
  return out + '\n';
}

}  // namespace nfsferry

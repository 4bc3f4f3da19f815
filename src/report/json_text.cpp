#include "report/json_text.hpp"

#include <utility>

#include "base/escape.hpp"
#include "base/result.hpp"
#include "report/report_json.hpp"

namespace nfsferry {
namespace {

// Valid UTF-8 by construction and only ever used as an object: nothing here can throw but for
// our own mistakes.
std::string dump(const Json& json, int indent) {
  std::string out;
  try {
    out = json.dump(indent, ' ', false, Json::error_handler_t::replace);
  } catch (const Json::exception&) {
    check(false, "a report cannot be written as JSON");
  }
  return out;
}

}  // namespace

std::string cut_text(std::string_view bytes, std::size_t bytes_max) {
  if (bytes.size() > bytes_max) return lossy_utf8(bytes.substr(0, bytes_max)) + "...";
  return lossy_utf8(bytes);
}

std::string short_text(std::string_view bytes) { return cut_text(bytes, 128); }
std::string long_text(std::string_view bytes) { return cut_text(bytes, 4096); }

void add_path(Json& json, std::string_view path) {
  json["path"] = lossy_utf8(path);
  if (!is_valid_utf8(path)) json["path_base64"] = base64(path);
}

Json failure_entry_json(const Failure& failure) {
  Json json;
  add_path(json, failure.path);
  json["error"] = short_text(failure.error);
  json["detail"] = long_text(failure.message);
  return json;
}

std::string location_text(const SideReport& side, const std::string& asked) {
  return long_text(side.location.empty() ? asked : side.location);
}

std::string dump_line(const Json& json) { return dump(json, -1); }

std::string report_text(Json json, const std::vector<BoundedList>& lists) {
  std::string readable = dump(json, 2) + "\n";
  if (readable.size() < kReportBytesMax) return readable;

  std::vector<Json> whole;
  for (const BoundedList& bounded : lists) {
    whole.push_back(std::exchange(json[Json::json_pointer(bounded.list)], Json::array()));
  }
  std::size_t size = dump_line(json).size() + 1;
  for (std::size_t i = 0; i < lists.size(); ++i) {
    for (Json& item : whole[i]) {
      size += dump_line(item).size() + 1;  // and a comma
      if (size >= kReportBytesMax) {
        json[Json::json_pointer(lists[i].truncated)] = true;
        break;
      }
      json[Json::json_pointer(lists[i].list)].push_back(std::move(item));
    }
  }
  return dump_line(json) + "\n";
}

}  // namespace nfsferry

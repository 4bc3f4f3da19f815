#include "recover/task_options.hpp"

#include <algorithm>
#include <iterator>

#include "base/escape.hpp"

namespace nfsferry::recover {
namespace {

// What a value does; null: nothing. A note says why a value that asks for something has no effect.
struct Value {
  std::string_view name;
  void (*apply)(TaskOptions&) = nullptr;
  std::string_view note = {};
};

struct Option {
  std::string_view name;
  std::vector<Value> values;
};

constexpr std::string_view kNotHere = "has no meaning between NFS file systems";
constexpr std::string_view kNoQueue = "is ignored: a run starts at once";

const std::vector<Option>& known_options() {
  static const std::vector<Option> kOptions{
      {"VerifyMode",
       {{"POINT_IN_TIME_CONSISTENT", [](TaskOptions& o) { o.verify = VerifyMode::kAll; }},
        {"ONLY_FILES_TRANSFERRED", [](TaskOptions& o) { o.verify = VerifyMode::kTransferred; }},
        {"NONE", [](TaskOptions& o) { o.verify = VerifyMode::kNone; }}}},
      {"OverwriteMode",
       {{"ALWAYS"}, {"NEVER", [](TaskOptions& o) { o.overwrite = OverwriteMode::kNever; }}}},
      {"TransferMode",
       {{"CHANGED"}, {"ALL", [](TaskOptions& o) { o.compare = CompareMode::kAll; }}}},
      {"PreserveDeletedFiles",
       {{"PRESERVE"}, {"REMOVE", [](TaskOptions& o) { o.delete_surplus = true; }}}},
      {"Uid", {{"NONE"}, {"INT_VALUE", [](TaskOptions& o) { o.keep_uid = true; }}}},
      {"Gid", {{"NONE"}, {"INT_VALUE", [](TaskOptions& o) { o.keep_gid = true; }}}},
      {"PosixPermissions",
       {{"PRESERVE"}, {"NONE", nullptr, "keeps the modes all the same: a home needs them"}}},
      {"Mtime", {{"PRESERVE"}, {"NONE", nullptr, "keeps the times all the same"}}},
      {"Atime", {{"BEST_EFFORT"}, {"NONE", nullptr, "sets the times of access all the same"}}},
      {"PreserveDevices",
       {{"NONE"}, {"PRESERVE", nullptr, "is ignored: devices are counted and not copied"}}},
      {"LogLevel", {{"OFF"}, {"BASIC"}, {"TRANSFER"}}},
      {"TaskQueueing", {{"ENABLED", nullptr, kNoQueue}, {"DISABLED", nullptr, kNoQueue}}},
      {"ObjectTags", {{"PRESERVE", nullptr, kNotHere}, {"NONE", nullptr, kNotHere}}},
      {"SecurityDescriptorCopyFlags",
       {{"NONE", nullptr, kNotHere},
        {"OWNER_DACL", nullptr, kNotHere},
        {"OWNER_DACL_SACL", nullptr, kNotHere}}},
  };
  return kOptions;
}

std::string member_name(std::string_view option) {
  return "Options." + escape_for_terminal(option);
}

Error unknown_value(const Option& option, const Json& value) {
  std::string known;
  for (const Value& one : option.values) {
    known += (known.empty() ? "" : ", ") + std::string(one.name);
  }
  return bad_member(member_name(option.name),
                    escape_for_terminal(dump_json(value)) + " is not known; write " + known);
}

Status apply_option(const Option& option, const Json& value, TaskOptions& options) {
  const auto* text = value.get_ptr<const std::string*>();
  auto known = std::find_if(option.values.begin(), option.values.end(), [text](const Value& one) {
    return text != nullptr && one.name == *text;
  });
  if (known == option.values.end()) return unknown_value(option, value);
  std::string said = *text + " " + std::string(known->note);
  if (!known->note.empty()) options.notes.push_back(member_name(option.name) + " " + said);
  if (known->apply != nullptr) known->apply(options);
  return ok();
}

Status check_bandwidth(const Json& value) {
  if (value.is_number_integer() && value.get<std::int64_t>() == -1) return ok();
  return bad_member("Options.BytesPerSecond",
                    escape_for_terminal(dump_json(value)) +
                        " is no limit here: give the command --bwlimit, which holds for all homes "
                        "together, and write -1 or leave it out");
}

}  // namespace

Result<TaskOptions> parse_task_options(const Json* options) {
  TaskOptions parsed;
  if (options == nullptr || options->is_null()) return parsed;
  if (!options->is_object()) return bad_member("Options", "is not a JSON object");
  for (const auto& [name, value] : options->items()) {
    if (value.is_null()) continue;
    if (name == "BytesPerSecond") {
      NFSFERRY_TRY(Ok fine, check_bandwidth(value), return);
      continue;
    }
    const auto& all = known_options();
    auto known = std::find_if(all.begin(), all.end(),
                              [&wanted = name](const Option& one) { return one.name == wanted; });
    if (known == all.end()) return bad_member(member_name(name), "is not known");
    NFSFERRY_TRY(Ok applied, apply_option(*known, value, parsed), return);
  }
  if (parsed.delete_surplus && parsed.compare == CompareMode::kAll) {
    return bad_member("Options.PreserveDeletedFiles", "REMOVE does not go with TransferMode ALL");
  }
  return parsed;
}

}  // namespace nfsferry::recover

#include "recover/workflow_input.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/escape.hpp"
#include "recover/json.hpp"
#include "recover/task_options.hpp"

namespace nfsferry::recover {
namespace {

bool is_word(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

// Text, or a whole number as text; null and absent are empty.
Result<std::string> text_member(const Json& object, const std::string& side, const char* name) {
  const Json* value = find_member(object, name);
  if (value == nullptr || value->is_null()) return std::string();
  if (value->is_string()) return value->get<std::string>();
  if (value->is_number_unsigned()) return std::to_string(value->get<std::uint64_t>());
  return bad_member(side + "." + name, "is not a text");
}

// arn:PARTITION:elasticfilesystem:REGION:ACCOUNT:file-system/fs-0123
Status parse_arn(const std::string& member, std::string_view arn, Endpoint& endpoint) {
  std::array<std::string_view, 6> parts;
  std::string_view rest = arn;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    std::size_t colon = std::min(rest.find(':'), rest.size());
    parts[i] = rest.substr(0, colon);
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  parts.back() = rest;
  constexpr std::string_view kResource = "file-system/";
  bool fine = parts[0] == "arn" && parts[1].starts_with("aws") && is_word(parts[1]) &&
              parts[2] == "elasticfilesystem" && is_word(parts[3]) && is_word(parts[4]) &&
              parts[5].starts_with(kResource);
  if (!fine) {
    return bad_member(
        member, arn.empty() ? "is empty"
                            : quote_for_terminal(arn) + " is not the ARN of an EFS file system");
  }
  endpoint.partition = parts[1];
  endpoint.region = parts[3];
  endpoint.file_system_id = parts[5].substr(kResource.size());
  return check_file_system_id(member, endpoint.file_system_id);
}

Status check_mount_target(const std::string& member, std::string_view host) {
  bool fine = std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(".-:[]").find(c) != std::string_view::npos;
  });
  if (fine) return ok();
  return bad_member(member, quote_for_terminal(host) + " is not a host; write HOST or HOST:PORT");
}

Result<Endpoint> parse_endpoint(const Json& input, const std::string& side, UidRule rule) {
  const Json* object = find_member(input, side);
  if (object == nullptr) return bad_member(side, "is missing");
  if (!object->is_object()) return bad_member(side, "is not a JSON object");
  Endpoint endpoint;
  std::string arn;
  const std::pair<const char*, std::string*> members[] = {
      {"DomainID", &endpoint.domain_id},
      {"DomainName", &endpoint.domain_name},
      {"UserProfileName", &endpoint.user_profile_name},
      {"SpaceName", &endpoint.space_name},
      {"EfsFilesystemArn", &arn},
      {"HomeEfsFileSystemUid", &endpoint.uid},
      {"MountTarget", &endpoint.mount_target},
  };
  for (const auto& [name, text] : members) {
    NFSFERRY_TRY(std::string value, text_member(*object, side, name), return);
    *text = std::move(value);
  }
  NFSFERRY_TRY(Ok arn_fine, parse_arn(side + ".EfsFilesystemArn", arn, endpoint), return);
  NFSFERRY_TRY(Ok uid_fine, check_home_uid(side + ".HomeEfsFileSystemUid", endpoint.uid, rule),
               return);
  NFSFERRY_TRY(Ok host_fine, check_mount_target(side + ".MountTarget", endpoint.mount_target),
               return);
  return endpoint;
}

}  // namespace

LedgerRow WorkflowInput::row() const {
  LedgerRow row;
  row.profile_name = target.is_space() ? target.space_name : target.user_profile_name;
  row.domain_name = target.domain_name;
  row.domain_id = target.domain_id;
  row.space_name = target.space_name;
  if (!target.is_space()) row.user_profile_name = target.user_profile_name;
  row.efs_sys_id = target.file_system_id;
  row.efs_uid = target.uid;
  return row;
}

Result<WorkflowInput> parse_workflow_input(std::string_view text, UidRule rule) {
  NFSFERRY_TRY(Json json, parse_json_object(text, "the input"), return);
  WorkflowInput input;
  NFSFERRY_TRY(Endpoint source, parse_endpoint(json, "Source", rule), return);
  NFSFERRY_TRY(Endpoint target, parse_endpoint(json, "Target", rule), return);
  if (target.user_profile_name.empty() && target.space_name.empty()) {
    return bad_member("Target.UserProfileName", "and Target.SpaceName are both empty; write one");
  }
  if (target.domain_name.empty()) return bad_member("Target.DomainName", "is empty");
  if (source.file_system_id == target.file_system_id && source.uid == target.uid) {
    return bad_member("Target.HomeEfsFileSystemUid",
                      "and Source are the same home: " + source.file_system_id + "/" + source.uid);
  }
  NFSFERRY_TRY(TaskOptions options, parse_task_options(find_member(json, "Options")), return);
  return WorkflowInput{std::move(source), std::move(target), std::move(options)};
}

}  // namespace nfsferry::recover

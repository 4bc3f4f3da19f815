#include "recover/decide.hpp"

#include <span>
#include <utility>

#include "base/sha256.hpp"
#include "recover/json.hpp"

namespace nfsferry::recover {
namespace {

Decision no_copy(std::string reason) { return Decision{false, std::move(reason), {}, {}}; }

Status check_image(std::string_view image, const LedgerRow& row, UidRule rule) {
  std::string prefix = std::string(image) + ".";
  if (row.profile_name.empty()) return bad_member(prefix + "profile_name", "is empty");
  NFSFERRY_TRY(Ok id, check_file_system_id(prefix + "efs_sys_id", row.efs_sys_id), return);
  return check_home_uid(prefix + "efs_uid", row.efs_uid, rule);
}

struct Account {
  std::string partition;
  std::string region;
  std::string number;
};

Account account_of(const StreamRecord& record, const DecideOptions& options) {
  return {record.partition.empty() ? "aws" : record.partition,
          options.region.empty() ? record.region : options.region,
          options.account.empty() ? record.account : options.account};
}

Json endpoint_json(const LedgerRow& row, const Account& account) {
  Json json;
  json["DomainID"] = row.domain_id;
  json["DomainName"] = row.domain_name;
  json["EfsFilesystemArn"] = "arn:" + account.partition + ":elasticfilesystem:" + account.region +
                             ":" + account.number + ":file-system/" + row.efs_sys_id;
  json["HomeEfsFileSystemUid"] = row.efs_uid;
  if (!row.space_name.empty()) {
    json["SpaceName"] = row.space_name;
  } else {
    json["UserProfileName"] =
        row.user_profile_name.empty() ? row.profile_name : row.user_profile_name;
  }
  return json;
}

// The options that the existing workflow starts its copies with.
Json usual_options() {
  Json json;
  json["Gid"] = "NONE";
  json["LogLevel"] = "TRANSFER";
  json["OverwriteMode"] = "ALWAYS";
  json["PosixPermissions"] = "NONE";
  json["TransferMode"] = "CHANGED";
  json["Uid"] = "NONE";
  return json;
}

}  // namespace

Result<Decision> decide(const StreamRecord& record, const DecideOptions& options) {
  if (record.event != "MODIFY") return no_copy(record.event + ": only MODIFY is copied");
  if (!record.before) return bad_member("OldImage", "is missing");
  if (!record.after) return bad_member("NewImage", "is missing");
  const LedgerRow& source = *record.before;
  const LedgerRow& target = *record.after;
  if (!source.replication) return no_copy("the old row's replication flag is off");
  if (source.efs_sys_id == target.efs_sys_id && source.efs_uid == target.efs_uid) {
    return no_copy("the home is the same as before");
  }
  NFSFERRY_TRY(Ok source_fine, check_image("OldImage", source, options.uid_rule), return);
  NFSFERRY_TRY(Ok target_fine, check_image("NewImage", target, options.uid_rule), return);

  Account account = account_of(record, options);
  Json input;
  input["Options"] = usual_options();
  input["Log"]["CloudWatchLogGroupArn"] = options.log_group_arn;
  input["Source"] = endpoint_json(source, account);
  input["Target"] = endpoint_json(target, account);
  return Decision{true, {}, dump_json(input), execution_name(target.profile_name, source, target)};
}

std::string decision_json(const Decision& decision) {
  Json json;
  json["copy"] = decision.copy;
  json["reason"] = decision.reason;
  json["execution_name"] = decision.execution_name;
  json["input"] = decision.copy ? Json::parse(decision.input, nullptr, false) : Json();
  return dump_json(json) + "\n";
}

std::string execution_name(std::string_view profile_name, const LedgerRow& source,
                           const LedgerRow& target) {
  std::string all(profile_name);
  for (const std::string* part :
       {&source.efs_sys_id, &source.efs_uid, &target.efs_sys_id, &target.efs_uid}) {
    all += '/';  // in no file system's id and in no uid
    all += *part;
  }
  return to_hex(sha256_of(std::as_bytes(std::span(all.data(), all.size()))));
}

}  // namespace nfsferry::recover

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "nfsferry/options.hpp"
#include "recover/home.hpp"
#include "recover/ledger.hpp"

namespace nfsferry::recover {

// One side of the workflow's input.
struct Endpoint {
  std::string domain_id;
  std::string domain_name;
  std::string user_profile_name;
  std::string space_name;
  std::string partition;       // of the file system's ARN: "aws"
  std::string region;          // may be empty
  std::string file_system_id;  // "fs-0123"
  std::string uid;             // the home's directory
  std::string mount_target;    // HOST or HOST:PORT instead of the DNS name; may be empty

  bool is_space() const { return !space_name.empty(); }
};

// The service's task options, as far as they mean something here.
struct TaskOptions {
  VerifyMode verify = VerifyMode::kTransferred;
  OverwriteMode overwrite = OverwriteMode::kAlways;
  CompareMode compare = CompareMode::kChanged;
  bool delete_surplus = false;
  bool keep_uid = false;  // else what the home's owner owns goes to the new home's owner
  bool keep_gid = false;
  std::vector<std::string> notes;  // of options that are accepted and change nothing
};

struct WorkflowInput {
  Endpoint source;
  Endpoint target;
  TaskOptions options;

  // The ledger's row for the target's home, without results.
  LedgerRow row() const;
};

// The input of the workflow, as its first state gets it. Errors: kBadInput that names the member:
// what cannot be read, names more than one directory, or asks for what is not done here.
Result<WorkflowInput> parse_workflow_input(std::string_view text, UidRule rule);

}  // namespace nfsferry::recover

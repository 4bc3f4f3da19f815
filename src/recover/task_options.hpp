#pragma once

#include "recover/json.hpp"
#include "recover/workflow_input.hpp"

namespace nfsferry::recover {

// The member `Options` of the workflow's input, under the service's names and values. Null and
// absent are the defaults. Errors: kBadInput for an unknown name or value, and for what is not
// done here.
Result<TaskOptions> parse_task_options(const Json* options);

}  // namespace nfsferry::recover

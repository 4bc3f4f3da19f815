#include "recover/outcome.hpp"

#include <algorithm>
#include <array>

namespace nfsferry::recover {
namespace {

constexpr std::array<std::string_view, 6> kFull{"ENOSPC",        "EDQUOT",        "NFS4ERR_NOSPC",
                                                "NFS4ERR_DQUOT", "NFS3ERR_NOSPC", "NFS3ERR_DQUOT"};
constexpr std::array<std::string_view, 10> kForbidden{
    "EACCES",       "EPERM",         "EROFS",        "NFS4ERR_ACCESS", "NFS4ERR_PERM",
    "NFS4ERR_ROFS", "NFS3ERR_ACCES", "NFS3ERR_PERM", "NFS3ERR_ROFS",   "AccessDeniedException"};

template <typename Names>
bool is_one_of(const Names& names, const std::string& code) {
  return std::find(names.begin(), names.end(), code) != names.end();
}

Outcome outcome(std::string_view error, ExitCode exit_code) {
  return {std::string(error), exit_code};
}

}  // namespace

Outcome outcome_of(const CopyReport& report) {
  switch (report.exit_code) {
    case ExitCode::kDone:
    case ExitCode::kOnlyChangedFiles: return {};
    case ExitCode::kEntriesFailed: {
      bool only_differs =
          report.failed_verify > 0 && report.failed_prepare + report.failed_transfer == 0;
      return outcome(only_differs ? kVerifyFailed : kPartialCopy, report.exit_code);
    }
    case ExitCode::kUsage: return outcome(kBadInput, report.exit_code);
    case ExitCode::kSourceUnreachable:
      if (is_one_of(kForbidden, report.error_code)) {
        return outcome(kDenied, ExitCode::kTargetUnusable);
      }
      return outcome(kSourceMissing, report.exit_code);
    case ExitCode::kTargetUnusable:
      if (is_one_of(kFull, report.error_code)) return outcome(kNoSpace, report.exit_code);
      if (is_one_of(kForbidden, report.error_code)) return outcome(kDenied, report.exit_code);
      return outcome(kTargetNotReady, ExitCode::kTemporary);
    case ExitCode::kTemporary:
    case ExitCode::kInterrupted:
    case ExitCode::kTerminated: return outcome(kTransient, report.exit_code);
  }
  return outcome(kTransient, report.exit_code);
}

}  // namespace nfsferry::recover

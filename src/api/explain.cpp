#include "api/explain.hpp"

#include <cerrno>

#include "base/escape.hpp"
#include "base/nfsstat4.hpp"

namespace nfsferry::api {
namespace {

// What to do about it; empty where the error says enough.
std::string advice(Role role, const Error& error) {
  if (error.is_errno(ECONNREFUSED)) {
    return "nothing listens there; check host, nfsport and that the server runs";
  }
  if (error.is_errno(EHOSTUNREACH) || error.is_errno(ENETUNREACH) || error.is(Own::kTimeout)) {
    return "check the network and that port 2049 is open to this host";
  }
  if (means_no_entry(error)) {
    return role == Role::kTarget ? "no such directory; --create-target makes the last component"
                                 : "no such directory or export; check the path";
  }
  if (error.is_errno(ENOTDIR) || is_nfs_status(error, Nfsstat4::kNotdir) ||
      is_status(error, Nfsstat4::kSymlink)) {
    return "a directory is needed; symlinks in an NFS path are not followed";
  }
  if (error.is_errno(EACCES) || error.is_errno(EPERM) || is_nfs_status(error, Nfsstat4::kAccess) ||
      is_nfs_status(error, Nfsstat4::kPerm)) {
    return "no permission; give uid= and gid= in the URL, or allow root on the export";
  }
  if (is_status(error, Nfsstat4::kMinorVersMismatch)) {
    return "the server does not speak this version; nfsferry probe shows what it offers";
  }
  return {};
}

}  // namespace

std::string explain(Role role, const Location& location, const Error& error) {
  std::string text = role == Role::kSource ? "source " : "target ";
  text += escape_for_terminal(location.text) + ": " + error.message();
  std::string what_to_do = advice(role, error);
  if (!what_to_do.empty()) text += "; " + what_to_do;
  return text;
}

ExitCode start_exit_code(Role role, const Error& error) {
  if (error.is(Own::kBadInput) || error.is(Own::kSameDirectory)) return ExitCode::kUsage;
  if (error.is(Own::kLocked)) return ExitCode::kTemporary;
  return role == Role::kSource ? ExitCode::kSourceUnreachable : ExitCode::kTargetUnusable;
}

}  // namespace nfsferry::api

#include "api/explain.hpp"

#include <cerrno>

#include "base/escape.hpp"
#include "base/nfsstat4.hpp"
#include "base/treatment.hpp"

namespace nfsferry::api {
namespace {

bool means_read_only(const Error& error) {
  return error.is_errno(EROFS) || is_nfs_status(error, Nfsstat4::kRofs);
}

bool means_full(const Error& error) {
  return error.is_errno(ENOSPC) || error.is_errno(EDQUOT) ||
         is_nfs_status(error, Nfsstat4::kNospc) || is_nfs_status(error, Nfsstat4::kDquot);
}

// Of a path, whose errors say more by themselves.
std::string local_advice(Role role, const Error& error) {
  if (role == Role::kTarget && means_no_entry(error)) {
    return "--create-target makes the last component";
  }
  if (means_full(error)) return "make room there, and run again";
  if (means_read_only(error)) return "the file system is mounted read-only";
  if (error.is_errno(EMFILE)) return "raise the limit on open files (ulimit -n)";
  return {};
}

// What to do about it; empty where the error says enough.
std::string advice(Role role, const Location& location, const Error& error) {
  if (location.kind == Location::Kind::kLocal) return local_advice(role, error);
  if (error.is_errno(ECONNREFUSED) && location.version == Location::Version::k3) {
    return "nothing listens there; check host and that the server and its rpcbind run, or give "
           "nfsport= and mountport=, which need no rpcbind";
  }
  if (error.is_errno(ECONNREFUSED)) {
    return "nothing listens there; check host, nfsport and that the server runs";
  }
  if (error.is_errno(ECONNRESET) || error.is(Own::kBadReply)) {
    return "what answers there may be no NFS server; check the port";
  }
  if (means_full(error)) return "make room there, and run again";
  if (means_read_only(error)) {
    return "the export is read-only, or the path is above the exports; name one of them";
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
  std::string what_to_do = advice(role, location, error);
  if (!what_to_do.empty()) text += "; " + what_to_do;
  return text;
}

ExitCode start_exit_code(Role role, const Error& error) {
  if (error.is(Own::kBadInput) || error.is(Own::kSameDirectory)) return ExitCode::kUsage;
  if (error.is(Own::kLocked)) return ExitCode::kTemporary;
  return role == Role::kSource ? ExitCode::kSourceUnreachable : ExitCode::kTargetUnusable;
}

ExitCode side_exit_code(Role role, const Error& error, bool reached) {
  bool away = means_away(error) && !error.is(Own::kBadReply);
  return reached && away ? ExitCode::kTemporary : start_exit_code(role, error);
}

}  // namespace nfsferry::api

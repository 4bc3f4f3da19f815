#include "base/error.hpp"

#include <cstring>

#include "base/escape.hpp"

namespace nfsferry {
namespace {

std::string_view table_name(Domain domain) {
  switch (domain) {
    case Domain::kErrno: return "errno";
    case Domain::kNfs4: return "nfsstat4";
    case Domain::kNfs3: return "nfsstat3";
    case Domain::kRpc: return "rpc";
    case Domain::kOwn: return "nfsferry";
    case Domain::kSqlite: return "sqlite";
    case Domain::kAws: return "HTTP status";
  }
  return "unknown";
}

}  // namespace

std::string Error::name() const {
  std::string_view known = code_name(domain, code);
  if (!known.empty()) return std::string(known);
  return std::string(table_name(domain)) + " " + std::to_string(code);
}

std::string Error::message() const {
  std::string text = operation;
  if (!path.empty()) {
    if (!text.empty()) text += ' ';
    text += escape_for_terminal(path);
  }
  if (!text.empty()) text += ": ";
  if (domain != Domain::kOwn || detail.empty()) text += name();
  if (domain == Domain::kErrno) {
    char buffer[128];
    text += std::string(" (") + strerror_r(static_cast<int>(code), buffer, sizeof buffer) + ")";
  }
  if (!detail.empty()) {
    if (domain != Domain::kOwn) text += ": ";
    text += detail;
  }
  return text;
}

Error errno_error(int number, std::string_view operation, std::string_view path) {
  return Error{Domain::kErrno,
               static_cast<std::uint32_t>(number),
               std::string(operation),
               std::string(path),
               {}};
}

Error own_error(Own own, std::string_view operation, std::string_view detail) {
  return Error{Domain::kOwn,
               static_cast<std::uint32_t>(own),
               std::string(operation),
               {},
               std::string(detail)};
}

Error rpc_error(RpcFailure failure, std::string_view operation, std::string_view detail) {
  return Error{Domain::kRpc,
               static_cast<std::uint32_t>(failure),
               std::string(operation),
               {},
               std::string(detail)};
}

}  // namespace nfsferry

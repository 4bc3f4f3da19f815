#include "tree/location.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <limits>

#include "base/escape.hpp"
#include "base/units.hpp"

namespace nfsferry {
namespace {

constexpr std::string_view kScheme = "nfs://";
constexpr std::size_t kGroupsMax = 16;
constexpr std::uint32_t kIdMax = std::numeric_limits<std::uint32_t>::max() - 1;
constexpr std::uint16_t kPortMax = std::numeric_limits<std::uint16_t>::max();

Error bad_input(std::string_view location, std::string_view problem) {
  return own_error(Own::kBadInput, "", quote_for_terminal(location) + ": " + std::string(problem));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The letters before "://" (RFC 3986 section 3.1), empty if the text is a path.
std::string_view scheme_of(std::string_view text) {
  std::size_t end = text.find("://");
  if (end == std::string_view::npos || end == 0 || !is_letter(text.front())) return {};
  std::string_view scheme = text.substr(0, end);
  bool plain = std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
  return plain ? scheme : std::string_view{};
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

class UrlParser {
 public:
  explicit UrlParser(std::string_view text) : text_(text) {}

  Result<Location> parse() {
    location_.kind = Location::Kind::kNfs;
    location_.text = std::string(text_);
    std::string_view rest = text_.substr(kScheme.size());
    std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
    rest.remove_prefix(authority.size());
    NFSFERRY_TRY(Ok host, host_and_port(authority), return);
    if (rest.empty() || rest.front() != '/') {
      return error("the path is missing; write nfs://host/path, or nfs://host/ for all of it");
    }
    std::size_t question = rest.find('?');
    NFSFERRY_TRY(Ok path, path_of(rest.substr(0, question)), return);
    if (question != std::string_view::npos) {
      NFSFERRY_TRY(Ok arguments, arguments_of(rest.substr(question + 1)), return);
    }
    return finish();
  }

 private:
  Error error(std::string_view problem) const { return bad_input(text_, problem); }

  Status host_and_port(std::string_view authority) {
    std::string_view port;
    bool has_port = false;
    if (!authority.empty() && authority.front() == '[') {
      std::size_t close = authority.find(']');
      if (close == std::string_view::npos) {
        return error("the host's bracket is not closed; write [address] as in nfs://[::1]/path");
      }
      location_.host = std::string(authority.substr(1, close - 1));
      in6_addr ignored{};
      if (::inet_pton(AF_INET6, location_.host.c_str(), &ignored) != 1 ||
          location_.host.find('\0') != std::string::npos) {
        return error("host " + quote_for_terminal(location_.host) +
                     " is no IPv6 address; write it as in nfs://[fd00::1]/path");
      }
      std::string_view after = authority.substr(close + 1);
      if (!after.empty() && after.front() != ':') {
        return error("after the host's bracket comes " + quote_for_terminal(after) +
                     "; write nfs://[address]:port/path");
      }
      has_port = !after.empty();
      if (has_port) port = after.substr(1);
    } else {
      NFSFERRY_TRY(Ok name, host_name(authority.substr(0, authority.find(':')), authority), return);
      has_port = authority.size() > location_.host.size();
      if (has_port) port = authority.substr(location_.host.size() + 1);
    }
    if (!has_port) return ok();
    NFSFERRY_TRY(std::uint16_t number, port_number("the port after the host", port), return);
    authority_port_ = number;
    return ok();
  }

  Status host_name(std::string_view name, std::string_view authority) {
    if (std::count(authority.begin(), authority.end(), ':') > 1) {
      return error("host " + quote_for_terminal(authority) +
                   " holds several colons; put an IPv6 address in brackets: nfs://[::1]/path");
    }
    if (name.empty()) return error("the host is empty; write nfs://host/path");
    for (char c : name) {
      if (is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == '_') continue;
      if (c == '@') {
        return error("host " + quote_for_terminal(authority) +
                     " holds a user; leave it out and write ?uid=NUMBER after the path");
      }
      return error("host " + quote_for_terminal(name) + " holds " +
                   quote_for_terminal(std::string_view(&c, 1)) +
                   "; a host has letters, digits, '.', '-' and '_'");
    }
    location_.host = std::string(name);
    return ok();
  }

  Status path_of(std::string_view path) {
    std::string& decoded = location_.path;
    for (std::size_t i = 0; i < path.size(); ++i) {
      if (path[i] != '%') {
        decoded += path[i];
        continue;
      }
      int high = i + 2 < path.size() ? hex_value(path[i + 1]) : -1;
      int low = i + 2 < path.size() ? hex_value(path[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return error("the path holds the bad escape " + quote_for_terminal(path.substr(i, 3)) +
                     "; write % as %25");
      }
      decoded += static_cast<char>(high << 4 | low);
      i += 2;
    }
    if (decoded.find('\0') != std::string::npos) {
      return error("the path holds a NUL byte (%00), which no name can hold; leave it out");
    }
    for (std::string_view component : split(decoded, '/')) {
      if (component == "..") {
        return error("the path holds '..'; write the path without it");
      }
    }
    return ok();
  }

  Status arguments_of(std::string_view query) {
    if (query.find('?') != std::string_view::npos) {
      return error("'?' stands twice; separate arguments by '&' and write a '?' of a name as %3F");
    }
    std::vector<std::string_view> seen;
    for (std::string_view argument : split(query, '&')) {
      std::size_t equals = argument.find('=');
      std::string_view name = argument.substr(0, equals);
      if (name.empty()) {
        return error("an argument after '?' is empty; write name=value, separated by '&'");
      }
      if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
        return error("argument " + quote_for_terminal(name) + " stands twice; write it once");
      }
      seen.push_back(name);
      bool has_value = equals != std::string_view::npos && equals + 1 < argument.size();
      NFSFERRY_TRY(Ok taken, take(name, has_value ? argument.substr(equals + 1) : ""), return);
    }
    return ok();
  }

  Status take(std::string_view name, std::string_view value) {
    if (name == "version") return take_version(value);
    if (name == "groups") return take_groups(value);
    if (name == "nfsport" || name == "mountport") {
      NFSFERRY_TRY(std::uint16_t port, port_number("argument '" + std::string(name) + "'", value),
                   return);
      (name == "nfsport" ? argument_port_ : location_.mount_port) = port;
      return ok();
    }
    if (name == "uid" || name == "gid") {
      NFSFERRY_TRY(std::uint32_t id, id_number(name, value), return);
      (name == "uid" ? location_.uid : location_.gid) = id;
      return ok();
    }
    return error("unknown argument " + quote_for_terminal(name) +
                 "; write version, nfsport, mountport, uid, gid or groups");
  }

  Status take_version(std::string_view value) {
    using Version = Location::Version;
    if (value == "3") {
      location_.version = Version::k3;
    } else if (value == "4") {
      location_.version = Version::kAutomatic;
    } else if (value == "4.0") {
      location_.version = Version::k40;
    } else if (value == "4.1") {
      location_.version = Version::k41;
    } else {
      return error("argument 'version' is " + quote_for_terminal(value) +
                   "; write 3, 4, 4.0 or 4.1");
    }
    return ok();
  }

  Status take_groups(std::string_view value) {
    for (std::string_view part : split(value, ',')) {
      NFSFERRY_TRY(std::uint32_t id, id_number("groups", part), return);
      if (location_.groups.size() == kGroupsMax) {
        return error("argument 'groups' holds more than 16 ids; AUTH_SYS carries at most 16");
      }
      location_.groups.push_back(id);
    }
    return ok();
  }

  Result<std::uint16_t> port_number(const std::string& what, std::string_view text) const {
    Result<std::uint64_t> number = parse_unsigned(text, kPortMax);
    if (number && *number > 0) return static_cast<std::uint16_t>(*number);
    return error(what + " is " + quote_for_terminal(text) + "; write a number from 1 to 65535");
  }

  Result<std::uint32_t> id_number(std::string_view name, std::string_view text) const {
    Result<std::uint64_t> number = parse_unsigned(text, kIdMax);
    if (number) return static_cast<std::uint32_t>(*number);
    return error("argument '" + std::string(name) + "' holds " + quote_for_terminal(text) +
                 "; write a number from 0 to 4294967294");
  }

  Result<Location> finish() {
    if (authority_port_ && argument_port_ && *authority_port_ != *argument_port_) {
      return error("the port is " + std::to_string(*authority_port_) + " after the host and " +
                   std::to_string(*argument_port_) + " in 'nfsport'; write one of them");
    }
    location_.nfs_port = authority_port_.value_or(argument_port_.value_or(location_.nfs_port));
    return std::move(location_);
  }

  std::string_view text_;
  Location location_;
  std::optional<std::uint16_t> authority_port_;
  std::optional<std::uint16_t> argument_port_;
};

}  // namespace

std::vector<std::string> Location::components() const {
  std::vector<std::string> names;
  for (std::string_view part : split(path, '/')) {
    if (!part.empty() && part != ".") names.emplace_back(part);
  }
  return names;
}

Result<Location> parse_location(std::string_view text) {
  if (text.empty()) {
    return own_error(Own::kBadInput, "", "the location is empty; write a path or nfs://host/path");
  }
  std::string_view scheme = scheme_of(text);
  if (!scheme.empty()) {
    if (text.starts_with(kScheme)) return UrlParser(text).parse();
    return bad_input(text, "unknown scheme " + quote_for_terminal(scheme) +
                               "; write nfs://host/path?version=4.1, or ./ in front of a path");
  }
  if (text.find('\0') != std::string_view::npos) {
    return bad_input(text, "the path holds a NUL byte, which no name can hold; leave it out");
  }
  Location location;
  location.text = std::string(text);
  location.path = std::string(text);
  return location;
}

}  // namespace nfsferry

#include "ganesha.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <system_error>
#include <tuple>
#include <utility>

#include "ci.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kScript = NFSFERRY_SOURCE_DIR "/tests/support/ganesha";

struct Outcome {
  int exit_code = -1;
  std::string output;  // stdout and stderr
};

std::string why(std::string_view what, int code) {
  return std::string(what) + ": " + std::generic_category().message(code);
}

std::string read_to_end(int fd) {
  std::string text;
  char chunk[4096];
  for (;;) {
    const ssize_t count = ::read(fd, chunk, sizeof chunk);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(chunk, static_cast<std::size_t>(count));
  }
}

Outcome run_script(const std::vector<std::string>& arguments) {
  std::vector<char*> argv{const_cast<char*>(kScript)};
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);

  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {-1, why("pipe2", errno)};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  pid_t child = 0;
  const int code = ::posix_spawn(&child, kScript, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  Outcome outcome;
  if (code == 0) {
    outcome.output = read_to_end(ends[0]);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  } else {
    outcome.output = why(kScript, code);
  }
  ::close(ends[0]);
  return outcome;
}

// Asked once: nothing a test does changes it.
const Outcome& check_once() {
  static const Outcome outcome = run_script({"check"});
  return outcome;
}

bool below(std::string_view path, std::string_view pseudo) {
  if (pseudo == "/") return true;
  return path.starts_with(pseudo) && (path.size() == pseudo.size() || path[pseudo.size()] == '/');
}

}  // namespace

std::pair<int, int> reserve_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return {-1, 0};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof address;
  const int on = 1;
  if (::bind(fd, generic, length) != 0 || ::getsockname(fd, generic, &length) != 0 ||
      ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
    ::close(fd);
    return {-1, 0};
  }
  return {fd, ntohs(address.sin_port)};
}

std::string require_ganesha() {
  return under_ci() || Ganesha::available() ? std::string() : check_once().output;
}

std::string require_export(const fs::path& folder) {
  Outcome outcome = run_script({"can-export", folder.string()});
  return outcome.exit_code == 0 ? std::string() : outcome.output;
}

fs::path export_base() {
  Outcome base = run_script({"base"});
  if (base.exit_code != 0 || base.output.empty()) return {};
  base.output.pop_back();  // the newline
  return base.output;
}

bool Ganesha::available() { return check_once().exit_code == 0; }

Ganesha::~Ganesha() {
  if (root_.empty()) return;
  const std::string problem = kill();
  if (!problem.empty()) std::fprintf(stderr, "%s\n", problem.c_str());
  if (port_socket_ >= 0) ::close(port_socket_);
  if (mount_port_socket_ >= 0) ::close(mount_port_socket_);
  std::error_code code;
  fs::remove_all(root_, code);
  if (code) std::fprintf(stderr, "cannot remove %s\n", root_.c_str());
}

std::string Ganesha::start(GaneshaOptions options) {
  if (!root_.empty()) return "start() was called before";
  if (!available()) return check_once().output;
  std::string root = export_base() / "nfsferry-ganesha-XXXXXX";
  if (::mkdtemp(root.data()) == nullptr) return why("cannot make " + root, errno);
  root_ = root;
  std::tie(port_socket_, port_) = reserve_port();
  if (port_socket_ < 0) return why("cannot reserve a port", errno);

  std::vector<std::string> arguments{"start", "--log", options.log_level, "--scratch", root_};
  const std::pair<const char*, int> numbers[] = {{"--port", port_},
                                                 {"--owner-pid", ::getpid()},
                                                 {"--grace", options.grace_s},
                                                 {"--lease", options.lease_s},
                                                 {"--attr-expiration", options.attr_expiration_s}};
  for (const auto& [option, value] : numbers) {
    arguments.push_back(option);
    arguments.push_back(std::to_string(value));
  }
  if (options.nfs3) {
    std::tie(mount_port_socket_, mount_port_) = reserve_port();
    if (mount_port_socket_ < 0) return why("cannot reserve a port", errno);
    arguments.insert(arguments.end(), {"--mount-port", std::to_string(mount_port_)});
  }
  arguments.insert(arguments.end(), {"--minor-versions", options.minor_versions});
  exports_ = std::move(options.exports);
  for (auto& exported : exports_) {
    if (exported.folder.empty()) {
      exported.folder = root_ / "exports" / exported.pseudo.substr(1);
      std::error_code code;
      fs::create_directories(exported.folder, code);
      if (code) return why("cannot make " + exported.folder.string(), code.value());
    }
    arguments.push_back("--export");
    arguments.push_back(exported.folder.string() + ":" + exported.pseudo);
  }
  return command(std::move(arguments));
}

std::string Ganesha::stop() { return command({"stop"}); }
std::string Ganesha::kill() { return command({"kill9"}); }
std::string Ganesha::restart() { return command({"restart"}); }

// The commands that start a server print its pid, the others print nothing.
std::string Ganesha::command(std::vector<std::string> arguments) {
  if (root_.empty()) return "start() was not called";
  arguments.push_back("--dir");
  arguments.push_back(root_ / "state");
  const Outcome outcome = run_script(arguments);
  pid_ = 0;
  if (outcome.exit_code != 0) {
    return arguments.front() + " failed with " + std::to_string(outcome.exit_code) + ": " +
           outcome.output;
  }
  const char* begin = outcome.output.data();
  std::from_chars(begin, begin + outcome.output.size(), pid_);
  return {};
}

std::string Ganesha::url(std::string_view path, std::string_view version) const {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string text = "nfs://127.0.0.1";
  for (const char character : path) {
    if (kPlain.find(character) != std::string_view::npos) {
      text += character;
    } else {
      const auto byte = static_cast<unsigned char>(character);
      text += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  text += '?';
  if (!version.empty()) text.append("version=").append(version).append("&");
  if (version == "3") text += "mountport=" + std::to_string(mount_port_) + "&";
  return text + "nfsport=" + std::to_string(port_);
}

fs::path Ganesha::folder(std::string_view path) const {
  const Export* best = nullptr;
  for (const auto& exported : exports_) {
    if (below(path, exported.pseudo) &&
        (best == nullptr || exported.pseudo.size() > best->pseudo.size())) {
      best = &exported;
    }
  }
  if (best == nullptr) return {};
  auto rest = path.substr(best->pseudo == "/" ? 0 : best->pseudo.size());
  while (rest.starts_with('/')) rest.remove_prefix(1);
  return rest.empty() ? best->folder : best->folder / rest;
}

}  // namespace nfsferry::test

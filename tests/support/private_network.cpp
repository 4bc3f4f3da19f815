#include "private_network.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "ci.hpp"
#include "ganesha.hpp"

namespace nfsferry::test {
namespace {

std::string trouble(const std::string& what) {
  return what + ": " + std::generic_category().message(errno);
}

std::string enter() {
  if (::geteuid() != 0) return "needs root: a network namespace";
  for (const char* tool : {"ip", "rpcbind"}) {
    std::string check = std::string("command -v ") + tool + " >/dev/null";
    if (std::system(check.c_str()) != 0) {
      return std::string(tool) + " is not installed; tools/setup installs iproute2 and rpcbind";
    }
  }
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) return trouble("unshare");
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return trouble("mount /");
  if (::mount("tmpfs", "/run", "tmpfs", 0, nullptr) != 0) return trouble("mount /run");
  // With loopback alone nfs-ganesha finds no address for its Bind_addr.
  const char* setup =
      "ip link set lo up && ip link add nfs3a type veth peer name nfs3b &&"
      " ip address add 10.99.3.1/24 dev nfs3a && ip link set nfs3a up && ip link set nfs3b up";
  return std::system(setup) == 0 ? std::string() : "the network could not be set up";
}

}  // namespace

const std::string& enter_private_network() {
  static const std::string reason = enter();
  return reason;
}

std::string require_nfs3_server() {
  if (auto missing = require_ganesha(); !missing.empty()) return missing;
  const std::string& reason = enter_private_network();
  return under_ci() ? std::string() : reason;
}

}  // namespace nfsferry::test

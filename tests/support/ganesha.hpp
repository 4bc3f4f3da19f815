// A private nfs-ganesha for one test or suite: NFSv4.0 and 4.1 on loopback, with folders of its
// own that are gone afterwards. A thin owner around the script tests/support/ganesha.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nfsferry::test {

struct Export {
  std::string pseudo;            // the path clients see, absolute
  std::filesystem::path folder;  // an existing folder; empty: a fresh one
};

struct GaneshaOptions {
  std::vector<Export> exports{{"/old", {}}, {"/new", {}}};
  int grace_s = 0;            // 0: no grace period; the server ends one after 10 s at the earliest
  int lease_s = 60;           // 1 to 120
  int attr_expiration_s = 0;  // 0: changes made in the folders show at once
  std::string minor_versions = "0, 1";
  std::string log_level = "EVENT";
  bool nfs3 = false;  // NFSv3 too; only in a private network (private_network.hpp)
};

// Why a test that needs the server is to be skipped; empty: run it. Under CI it is always empty,
// so that there a missing server fails the test in start():
//   if (auto missing = require_ganesha(); !missing.empty()) GTEST_SKIP() << missing;
std::string require_ganesha();
// The same of one that exports this folder: nfs-ganesha from release 6 on exports nothing in
// memory.
std::string require_export(const std::filesystem::path& folder);

// The best folder for exported ones, in memory where the server can export that; empty: none.
std::filesystem::path export_base();

// A socket bound to a loopback port that is free, and that port; -1 when there is none. It is bound
// alone and shared only afterwards, with a server that binds with SO_REUSEADDR: the kernel gives
// the port to nobody else while the server is down, not even to a client that connects to it.
// Whoever calls closes the socket.
std::pair<int, int> reserve_port();

// One server and its folders. Not for use by several threads at once.
// Each step returns an empty text, or what went wrong: ASSERT_EQ(server.start(), "").
class Ganesha {
 public:
  Ganesha() = default;
  Ganesha(const Ganesha&) = delete;
  Ganesha& operator=(const Ganesha&) = delete;
  ~Ganesha();  // ends the server and removes the folders

  // True when a server can run here: installed, and the caller is root.
  static bool available();

  // Makes the folders, reserves a port and returns once the server answers. Once per object.
  [[nodiscard]] std::string start(GaneshaOptions options = {});
  [[nodiscard]] std::string stop();     // ends it in order; the port stays reserved
  [[nodiscard]] std::string kill();     // ends it as a crash would
  [[nodiscard]] std::string restart();  // stops it when it runs; the same port and folders

  // nfs://127.0.0.1/old/200005?version=4.1&nfsport=PORT, with percent escapes in the path.
  // Without a version the URL names none; with "3" it names the port of MOUNT, too.
  std::string url(std::string_view path, std::string_view version = {}) const;

  // The real path behind a path that clients see: folder("/old/200005").
  std::filesystem::path folder(std::string_view path) const;

  int port() const { return port_; }
  int mount_port() const { return mount_port_; }  // 0 without NFSv3
  pid_t pid() const { return pid_; }              // 0 when it does not run
  std::filesystem::path log() const { return root_ / "state" / "log"; }

 private:
  std::string command(std::vector<std::string> arguments);

  std::filesystem::path root_;
  std::vector<Export> exports_;
  int port_socket_ = -1;  // bound, never listening: nobody else is given the port meanwhile
  int port_ = 0;
  int mount_port_socket_ = -1;
  int mount_port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace nfsferry::test

// The contract on NFSv4.1 and 4.0: one real nfs-ganesha for the whole process, a fresh directory
// for each test. Run in few processes (see CMakeLists.txt), since a server takes longer to start
// than a test to run.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "contract_suite.hpp"
#include "efs_filter.hpp"
#include "ganesha.hpp"
#include "nfs4/nfs4_tree.hpp"
#include "proxy.hpp"

namespace nfsferry::test {
namespace {

constexpr std::uint64_t kTimeoutMs = 30'000;

// The server of this process. Started by the first test that asks for it.
class SharedServer : public ::testing::Environment {
 public:
  static SharedServer& instance() {
    static auto* server = new SharedServer;  // owned by googletest once it is registered
    return *server;
  }

  // Empty, or why there is no server: a skip on a user's machine, a failure in CI.
  std::string start(bool& is_skip) {
    std::string missing = require_ganesha();
    is_skip = !missing.empty();
    if (is_skip) return missing;
    if (!started_) {
      started_ = true;
      trouble_ = server_.start();
    }
    return trouble_;
  }
  void TearDown() override {
    if (!started_ || !trouble_.empty()) return;
    EXPECT_EQ(server_.stop(), "");
  }
  Ganesha& server() { return server_; }
  std::string fresh_name() { return "place-" + std::to_string(++places_); }

 private:
  Ganesha server_;
  bool started_ = false;
  std::string trouble_;
  unsigned places_ = 0;
};

const auto* const kRegistered = ::testing::AddGlobalTestEnvironment(&SharedServer::instance());

// A directory of the server, used by the given user.
class ServerPlace final : public TreeUnderTest {
 public:
  static constexpr std::uint32_t kOrdinaryUser = 4711;

  // With a proxy: reached through it.
  ServerPlace(std::unique_ptr<Loop> loop, Ganesha& server, const std::string& name,
              const std::string& version, bool as_root, std::unique_ptr<Proxy> proxy,
              std::uint32_t connections)
      : loop_(std::move(loop)),
        folder_(server.folder("/old/" + name)),
        proxy_(std::move(proxy)),
        connections_(connections) {
    std::filesystem::create_directory(folder_);
    std::string url = server.url("/old/" + name, version);
    std::uint32_t user = as_root ? 0 : kOrdinaryUser;
    check(::chown(folder_.c_str(), user, user) == 0, "chown fails");
    url += "&uid=" + std::to_string(user) + "&gid=" + std::to_string(user);
    Result<Location> location = parse_location(url);
    check(location.has_value(), "the server's URL does not parse");
    location_ = *std::move(location);
    if (proxy_) location_.nfs_port = proxy_->port();
  }
  ~ServerPlace() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  ServerPlace(const ServerPlace&) = delete;
  ServerPlace& operator=(const ServerPlace&) = delete;

  Loop& loop() override { return *loop_; }
  std::unique_ptr<FullTree> make_client() override {
    nfs4::Nfs4Options options;
    options.run_id = "contract";
    options.timeout_ms = kTimeoutMs;
    options.connections = connections_;
    return std::make_unique<nfs4::Nfs4Tree>(*loop_, location_, std::move(options));
  }

 private:
  std::unique_ptr<Loop> loop_;
  std::filesystem::path folder_;
  std::unique_ptr<Proxy> proxy_;
  std::uint32_t connections_;
  Location location_;
};

std::unique_ptr<Proxy> efs_proxy(const Ganesha& server, const EfsOptions& efs) {
  auto proxy = start_efs_proxy(static_cast<std::uint16_t>(server.port()), efs);
  check(proxy.has_value(), "no proxy");
  return *std::move(proxy);
}

TreeFactory ganesha_factory(std::string name, EngineChoice engine, bool as_root,
                            const std::string& version = "4.1", std::optional<EfsOptions> efs = {},
                            std::uint32_t connections = 1) {
  auto make = [engine, as_root, version, efs,
               connections](std::string& missing) -> std::unique_ptr<TreeUnderTest> {
    SharedServer& shared = SharedServer::instance();
    bool is_skip = false;
    std::string trouble = shared.start(is_skip);
    if (is_skip) {
      missing = trouble;
      return nullptr;
    }
    EXPECT_EQ(trouble, "");
    Result<std::unique_ptr<Loop>> loop = Loop::create(engine);
    if (!trouble.empty() || !loop) {
      missing = loop ? "no server: " + trouble : "no io_uring here: " + loop.error().message();
      return nullptr;
    }
    return std::make_unique<ServerPlace>(
        *std::move(loop), shared.server(), shared.fresh_name(), version, as_root,
        efs ? efs_proxy(shared.server(), *efs) : nullptr, connections);
  };
  return {std::move(name), make};
}

EfsOptions efs_with(std::uint32_t slots, std::uint32_t operations) {
  EfsOptions efs;
  efs.slots = slots;
  efs.operations = operations;
  return efs;
}

INSTANTIATE_TEST_SUITE_P(
    Nfs41, TreeContract,
    ::testing::Values(
        ganesha_factory("GaneshaIoUring", EngineChoice::kIoUring, true),
        ganesha_factory("GaneshaEpoll", EngineChoice::kEpoll, true),
        ganesha_factory("GaneshaOrdinaryUser", EngineChoice::kAuto, false),
        ganesha_factory("GaneshaOnThreeConnections", EngineChoice::kAuto, true, "4.1", {}, 3),
        ganesha_factory("Efs", EngineChoice::kAuto, true, "4.1", EfsOptions{}),
        ganesha_factory("EfsWithOneSlot", EngineChoice::kAuto, true, "4.1", efs_with(1, 16)),
        ganesha_factory("EfsWithFewestOperations", EngineChoice::kAuto, true, "4.1",
                        efs_with(4, nfs4::Client::kOperationsLeast))),
    factory_name);
INSTANTIATE_TEST_SUITE_P(
    Nfs40, TreeContract,
    ::testing::Values(ganesha_factory("Ganesha", EngineChoice::kAuto, true, "4.0"),
                      ganesha_factory("Efs", EngineChoice::kAuto, true, "4.0", EfsOptions{}),
                      ganesha_factory("EfsWithFewestOperations", EngineChoice::kAuto, true, "4.0",
                                      efs_with(4, nfs4::Client::kOperationsLeast)),
                      ganesha_factory("GaneshaOrdinaryUser", EngineChoice::kAuto, false, "4.0")),
    factory_name);

}  // namespace
}  // namespace nfsferry::test

// The contract on NFSv3: one real nfs-ganesha for the whole process, in a network of its own, and a
// fresh directory for each test.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "contract_suite.hpp"
#include "nfs3/nfs3_tree.hpp"
#include "nfs3_server.hpp"

namespace nfsferry::test {
namespace {

const auto* const kRegistered = ::testing::AddGlobalTestEnvironment(&SharedServer::instance());

constexpr std::uint64_t kTimeoutMs = 30'000;

// A directory of the server, used by the given user.
class ServerPlace final : public TreeUnderTest {
 public:
  static constexpr std::uint32_t kOrdinaryUser = 4711;

  ServerPlace(std::unique_ptr<Loop> loop, Ganesha& server, const std::string& name, bool as_root,
              std::uint32_t connections)
      : loop_(std::move(loop)), folder_(server.folder("/old/" + name)), connections_(connections) {
    std::filesystem::create_directory(folder_);
    std::uint32_t user = as_root ? 0 : kOrdinaryUser;
    check(::chown(folder_.c_str(), user, user) == 0, "chown fails");
    std::string url = server.url("/old/" + name, "3");
    url += "&uid=" + std::to_string(user) + "&gid=" + std::to_string(user);
    Result<Location> location = parse_location(url);
    check(location.has_value(), "the server's URL does not parse");
    location_ = *std::move(location);
  }
  ~ServerPlace() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  ServerPlace(const ServerPlace&) = delete;
  ServerPlace& operator=(const ServerPlace&) = delete;

  Loop& loop() override { return *loop_; }
  std::unique_ptr<FullTree> make_client() override {
    nfs3::Nfs3Options options;
    options.run_id = "contract";
    options.timeout_ms = kTimeoutMs;
    options.connections = connections_;
    return std::make_unique<nfs3::Nfs3Tree>(*loop_, location_, std::move(options));
  }

 private:
  std::unique_ptr<Loop> loop_;
  std::filesystem::path folder_;
  std::uint32_t connections_;
  Location location_;
};

TreeFactory ganesha_factory(std::string name, EngineChoice engine, bool as_root,
                            std::uint32_t connections = 1) {
  auto make = [engine, as_root,
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
    return std::make_unique<ServerPlace>(*std::move(loop), shared.server(), shared.fresh_name(),
                                         as_root, connections);
  };
  return TreeFactory{std::move(name), std::move(make)};
}

INSTANTIATE_TEST_SUITE_P(
    Nfs3, TreeContract,
    ::testing::Values(ganesha_factory("GaneshaIoUring", EngineChoice::kIoUring, true),
                      ganesha_factory("GaneshaEpoll", EngineChoice::kEpoll, true),
                      ganesha_factory("GaneshaOrdinaryUser", EngineChoice::kAuto, false),
                      ganesha_factory("GaneshaOnThreeConnections", EngineChoice::kAuto, true, 3)),
    factory_name);

}  // namespace
}  // namespace nfsferry::test

// The contract on local trees: both engines, and an ordinary user's own files.
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "local_place.hpp"

namespace nfsferry::test {
namespace {

enum class User { kOwn, kOrdinary };

class LocalUnderTest final : public TreeUnderTest {
 public:
  static std::unique_ptr<TreeUnderTest> make(EngineChoice engine, User user, std::string& missing) {
    auto place = std::make_unique<LocalUnderTest>(user);
    Result<std::unique_ptr<Loop>> loop = Loop::create(engine);
    if (!loop) {
      missing = "no io_uring here: " + loop.error().message();
      return nullptr;
    }
    place->loop_ = *std::move(loop);
    return place;
  }

  explicit LocalUnderTest(User user) {
    if (user == User::kOwn) return;
    if (::geteuid() == 0) {
      check(::chown(folder_.path().c_str(), OrdinaryUser::kId, OrdinaryUser::kId) == 0,
            "chown fails");
    }
    user_.emplace();
  }

  Loop& loop() override { return *loop_; }
  std::unique_ptr<FullTree> make_client() override { return local_tree(*loop_, folder_.path()); }

 private:
  TemporaryFolder folder_;
  std::optional<OrdinaryUser> user_;  // before the loop, whose threads inherit it
  std::unique_ptr<Loop> loop_;
};

TreeFactory local_factory(std::string name, EngineChoice engine, User user) {
  auto make = [engine, user](std::string& missing) {
    return LocalUnderTest::make(engine, user, missing);
  };
  return {std::move(name), make};
}

INSTANTIATE_TEST_SUITE_P(
    Local, TreeContract,
    ::testing::Values(local_factory("IoUring", EngineChoice::kIoUring, User::kOwn),
                      local_factory("Epoll", EngineChoice::kEpoll, User::kOwn),
                      local_factory("OrdinaryUserIoUring", EngineChoice::kIoUring, User::kOrdinary),
                      local_factory("OrdinaryUserEpoll", EngineChoice::kEpoll, User::kOrdinary)),
    factory_name);

}  // namespace
}  // namespace nfsferry::test

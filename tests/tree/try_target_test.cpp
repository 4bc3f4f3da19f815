// What a probe's experiments find out about owners, on servers that are made up.
#include "tree/try_target.hpp"

#include <gtest/gtest.h>

#include "loop/loop.hpp"

namespace nfsferry::test {
namespace {

constexpr std::uint32_t kCaller = 1000;
constexpr std::uint32_t kOther = 2000;

enum class AtCreation { kTakes, kRefuses, kLeavesAway, kLeavesGroupsAway };

// What a server does with owners and groups that its caller gives.
struct Server {
  AtCreation at_creation = AtCreation::kTakes;
  bool to_others = true;  // afterwards
};

class MadeUpProbe {
 public:
  explicit MadeUpProbe(Server server) : server_(server) {}

  void want(std::uint32_t owner, std::uint32_t group) {
    owner_ = owner;
    group_ = group;
  }
  Task<Result<Attributes>> make(bool with_owner) {
    AtCreation does = server_.at_creation;
    bool to_other = with_owner && owner_ != kCaller;
    bool to_other_group = with_owner && group_ != kCaller;
    bool refused = (does == AtCreation::kRefuses && (to_other || to_other_group)) ||
                   (does == AtCreation::kLeavesGroupsAway && to_other);
    if (refused) co_return errno_error(EPERM, "create");
    bool given = with_owner && does == AtCreation::kTakes;
    co_return owned_by(given ? owner_ : kCaller, given ? group_ : kCaller);
  }
  bool owned(const Result<Attributes>& got) const {
    return got && got->owner.id == owner_ && got->group.id == group_;
  }
  Task<Result<bool>> give_away() {
    co_return server_.to_others || (owner_ == kCaller && group_ == kCaller);
  }
  Task<Result<Time>> keep(Time time) { co_return time; }
  Task<void> remove() { co_return; }

 private:
  static Attributes owned_by(std::uint32_t owner, std::uint32_t group) {
    Attributes out;
    out.owner.id = owner;
    out.group.id = group;
    return out;
  }

  Server server_;
  std::uint32_t owner_ = 0;
  std::uint32_t group_ = 0;
};

Capabilities found_on(Server server, std::uint32_t wanted) {
  auto loop = *Loop::create(EngineChoice::kEpoll);
  MadeUpProbe file(server);
  MadeUpProbe link(server);
  MadeUpProbe device(server);
  Capabilities can;
  Status tried = loop->run(try_target(file, link, device, wanted, wanted, can, true));
  EXPECT_TRUE(tried) << tried.error().message();
  return can;
}

TEST(TryTarget, AnOwnerIsGivenAtCreationWhereOthersAreTaken) {
  for (std::uint32_t wanted : {kCaller, kOther}) {
    Capabilities can = found_on({AtCreation::kTakes, true}, wanted);
    EXPECT_TRUE(can.owner_at_create && can.change_owner) << wanted;
  }
}

TEST(TryTarget, TheCallersOwnIdsProveNothingAboutThoseOfOthers) {
  for (AtCreation at_creation : {AtCreation::kLeavesAway, AtCreation::kLeavesGroupsAway}) {
    Capabilities can = found_on({at_creation, false}, kCaller);
    EXPECT_FALSE(can.owner_at_create);
    EXPECT_TRUE(can.change_owner) << "to the caller's own";
  }
}

TEST(TryTarget, TheCallersOwnIdsAreGivenAtCreationWhereThoseOfOthersAreRefused) {
  Capabilities can = found_on({AtCreation::kRefuses, false}, kCaller);
  EXPECT_TRUE(can.owner_at_create && can.change_owner);
}

TEST(TryTarget, AnOwnerThatIsLeftAwayAtCreationIsGivenAfterwards) {
  Capabilities can = found_on({AtCreation::kLeavesAway, true}, kOther);
  EXPECT_FALSE(can.owner_at_create);
  EXPECT_TRUE(can.change_owner);
}

TEST(TryTarget, OthersThatAreNeverTakenAreFoundOut) {
  Capabilities can = found_on({AtCreation::kRefuses, false}, kOther);
  EXPECT_FALSE(can.owner_at_create || can.change_owner);
}

}  // namespace
}  // namespace nfsferry::test

// A resolver that takes its time.
#include "loop/resolve.hpp"

#include <dlfcn.h>
#include <netdb.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "engine_fixture.hpp"

namespace nfsferry::test {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kSlowHost = "slow.invalid";

std::atomic<bool> resolver_waits{true};
std::atomic<unsigned> resolver_done{0};

// Until it is told to go on, and not for ever.
int resolve_slowly() {
  for (int looks = 0; resolver_waits && looks < 4'000; ++looks) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  ++resolver_done;
  return EAI_AGAIN;
}

}  // namespace
}  // namespace nfsferry::test

// In place of libc's, which answers for all other hosts.
extern "C" int getaddrinfo(const char* host, const char* service, const addrinfo* hints,
                           addrinfo** list) {
  if (host != nullptr && host == nfsferry::test::kSlowHost) return nfsferry::test::resolve_slowly();
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto next = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  return next(host, service, hints, list);
}

namespace nfsferry::test {
namespace {

class ResolveTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    resolver_waits = true;
    resolver_done = 0;
  }
};
INSTANTIATE_TEST_SUITE_P(Engine, ResolveTest, both_engines(), engine_label);

using Addresses = Result<std::vector<Address>>;

Task<void> cancel_soon(Loop& loop, CancelToken& cancel) {
  (void)co_await loop.sleep_for(milliseconds(20));
  cancel.cancel();
}

Task<Addresses> resolve_and_stop(Loop& loop) {
  CancelToken cancel;
  TaskGroup stopping;
  stopping.spawn(cancel_soon(loop, cancel));
  auto addresses = co_await resolve(loop, std::string(kSlowHost), 2049, &cancel);
  co_await stopping.join();
  co_return addresses;
}

void let_the_resolver_go_on() {
  resolver_waits = false;
  while (resolver_done == 0) std::this_thread::sleep_for(milliseconds(1));
}

TEST_P(ResolveTest, GivesAddressesWithThePort) {
  auto addresses = run(resolve(loop(), "127.0.0.1", 2049));
  ASSERT_TRUE(addresses) << addresses.error().message();
  ASSERT_EQ(addresses->size(), 1u);
  const auto& address = reinterpret_cast<const sockaddr_in&>(addresses->at(0).storage);
  EXPECT_EQ(address.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
  EXPECT_EQ(address.sin_port, htons(2049));
}

TEST_P(ResolveTest, SaysWhatTheResolverSays) {
  resolver_waits = false;
  auto addresses = run(resolve(loop(), std::string(kSlowHost), 2049));
  ASSERT_FALSE(addresses);
  EXPECT_TRUE(addresses.error().is(Own::kNameResolution)) << addresses.error().message();
}

TEST_P(ResolveTest, IsLeftToItselfWhenItIsCancelled) {
  auto addresses = run(resolve_and_stop(loop()));
  EXPECT_EQ(resolver_done, 0u) << "it was waited for";
  ASSERT_FALSE(addresses);
  EXPECT_TRUE(addresses.error().is(Own::kCancelled)) << addresses.error().message();
  let_the_resolver_go_on();
}

TEST_P(ResolveTest, DoesNotBeginWhenItIsCancelledAlready) {
  resolver_waits = false;
  CancelToken cancel;
  cancel.cancel();
  auto addresses = run(resolve(loop(), std::string(kSlowHost), 2049, &cancel));
  ASSERT_FALSE(addresses);
  EXPECT_TRUE(addresses.error().is(Own::kCancelled)) << addresses.error().message();
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(resolver_done, 0u) << "it was asked";
}

TEST_P(ResolveTest, MayAnswerWhenTheLoopIsGone) {
  {
    auto own = *Loop::create(GetParam());
    auto addresses = own->run(resolve_and_stop(*own));
    EXPECT_FALSE(addresses);
  }
  EXPECT_EQ(resolver_done, 0u) << "it was waited for";
  let_the_resolver_go_on();
}

// As after a stop.
TEST_P(ResolveTest, DoesNotKeepTheProcessFromEnding) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto stop_and_end = [this] {
    (void)run(resolve_and_stop(loop()));
    std::exit(static_cast<int>(resolver_done));
  };
  auto begun = Clock::now();
  EXPECT_EXIT(stop_and_end(), testing::ExitedWithCode(0), "");
  EXPECT_LT(Clock::now() - begun, std::chrono::seconds(10));
}

}  // namespace
}  // namespace nfsferry::test

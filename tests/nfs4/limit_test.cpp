// Requests and the run's limit on them, by a made-up clock, on a fake server.
#include <memory>
#include <string>

#include "made_up_clock.hpp"
#include "nfs4/client40.hpp"
#include "session_fixture.hpp"
#include "wire.hpp"

namespace nfsferry::test {
namespace {

using nfs4::Client;
using nfs4::Client40;

constexpr Rates kOneRequest{0, 1};

Task<void> remove_one(Client& client, std::string name, Status& result) {
  Compound request("REMOVE", Repeat::kIdempotent);
  request.add(nfs4::Putrootfh{});
  request.add(nfs4::Remove{{}, name});
  auto reply = co_await client.call(request);
  result = reply ? ok() : Status(reply.error());
}

struct Version {
  const char* name;
  std::unique_ptr<Client> (*make)(Loop& loop, ClientOptions options);
};

template <typename Made>
std::unique_ptr<Client> make(Loop& loop, ClientOptions options) {
  return std::make_unique<Made>(loop, std::move(options));
}

// One request has gone, and another one waits: the clock stands still.
class LimitTest : public SessionTest, public testing::WithParamInterface<Version> {
 protected:
  template <typename Body>
  void with_one_waiting(Body body) {
    auto work = [&]() -> Task<void> {
      ClientOptions limited = options(server_);
      limited.pace = &pace_;
      std::unique_ptr<Client> client = GetParam().make(*loop_, std::move(limited));
      Status opened = co_await client->open();
      EXPECT_TRUE(opened) << why(opened);
      Status first = ok();
      co_await remove_one(*client, "first", first);
      EXPECT_TRUE(first) << why(first);
      TaskGroup waiting;
      waiting.spawn(remove_one(*client, "second", second_));
      co_await body(*client);
      co_await waiting.join();
      co_await client->close();
    };
    loop_->run(work());
  }

  FakeServer server_;
  MadeUpClock clock_;
  StopFlag stop_{0};
  std::shared_ptr<RateLimits> limits_ = std::make_shared<RateLimits>(kOneRequest, clock_.now());
  Pace pace_{limits_, stop_};
  Status second_ = own_error(Own::kCancelled, "test", "not sent yet");
};

INSTANTIATE_TEST_SUITE_P(Versions, LimitTest,
                         testing::Values(Version{"v41", &make<Session>},
                                         Version{"v40", &make<Client40>}),
                         [](const auto& row) { return row.param.name; });

TEST_P(LimitTest, ARequestWaitsForItsTurnAndTheLeaseIsRenewedMeanwhile) {
  with_one_waiting([&](Client& client) -> Task<void> {
    Status renewed = co_await client.ping();
    EXPECT_TRUE(renewed) << why(renewed);
    EXPECT_EQ(server_.removed().size(), 1u);
    clock_.pass(std::chrono::seconds(1));
  });
  EXPECT_TRUE(second_) << why(second_);
  EXPECT_EQ(server_.removed().size(), 2u);
  EXPECT_EQ(pace_.waited_ms(), 1000u);
}

TEST_P(LimitTest, AStopLetsItGoAtOnce) {
  with_one_waiting([&](Client& client) -> Task<void> {
    (void)co_await client.ping();
    stop_ = 2;
  });
  EXPECT_TRUE(second_) << why(second_);
}

TEST_P(LimitTest, AClientThatIsClosedEndsTheWait) {
  with_one_waiting([&](Client& client) -> Task<void> {
    (void)co_await client.ping();
    co_await client.close();
  });
  EXPECT_TRUE(is_own(second_, Own::kCancelled)) << why(second_);
  EXPECT_EQ(server_.removed().size(), 1u);
}

}  // namespace
}  // namespace nfsferry::test

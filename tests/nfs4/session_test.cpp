// A session in good times: how it comes to be, what it sends, how it ends.
#include "nfs4/session.hpp"

#include <algorithm>
#include <set>

#include "session_fixture.hpp"

namespace nfsferry::test {
namespace {

TEST_F(SessionTest, OpensWithClientSessionAndReclaimAndGivesAllBack) {
  FakeServer server;
  auto body = [](Session&) -> Task<void> { co_return; };
  run(server, body);
  auto calls = server.calls();
  ASSERT_EQ(calls.size(), 5u);
  EXPECT_TRUE(calls[0].is(kOpExchangeId));
  EXPECT_TRUE(calls[1].is(kOpCreateSession));
  EXPECT_EQ(calls[1].create_sequence_id, 1u);
  EXPECT_TRUE(calls[2].is(kOpReclaimComplete)) << "before any OPEN";
  EXPECT_TRUE(calls[3].is(kOpDestroySession));
  EXPECT_TRUE(calls[4].is(kOpDestroyClientid));
}

TEST_F(SessionTest, HasAnOwnerOfItsOwn) {
  FakeServer server;
  auto body = [](Session&) -> Task<void> { co_return; };
  run(server, body);
  run(server, body);
  std::set<std::string> owners;
  for (const FakeCall& call : server.calls()) {
    if (call.is(kOpExchangeId)) owners.insert(call.operations[0].text);
  }
  EXPECT_EQ(owners.size(), 2u);
}

TEST_F(SessionTest, TakesTheSmallerOfWhatIsGrantedAndWhatItWants) {
  FakeServer generous({}, FakeLimits{8u << 20, 8u << 20, 65536, 1000, 500});
  auto generous_body = [](Session& session) -> Task<void> {
    EXPECT_EQ(session.limits().operations, 100u);
    EXPECT_EQ(session.limits().slots, 64u);
    EXPECT_EQ(session.limits().request_bytes, Session::kRecordBytesAsked);
    co_return;
  };
  run(generous, generous_body);
  FakeServer small({}, FakeLimits{70'000, 60'000, 2128, 50, 30});
  auto small_body = [](Session& session) -> Task<void> {
    EXPECT_EQ(session.limits().operations, 50u);
    EXPECT_EQ(session.limits().slots, 30u);
    EXPECT_EQ(session.limits().request_bytes, 70'000u);
    EXPECT_EQ(session.limits().response_bytes, 60'000u);
    EXPECT_EQ(session.limits().cached_response_bytes, 2128u);
    co_return;
  };
  run(small, small_body);
}

TEST_F(SessionTest, RefusesLimitsThatCannotBeWorkedWith) {
  struct Row {
    FakeLimits limits;
    std::string_view told;
  };
  for (const Row& row :
       {Row{{1 << 20, 1 << 20, 0, 7, 16}, "grants 7 operations in a request, and no fewer than 8 "},
        Row{{500, 1 << 20, 0, 100, 16}, "grants 500 bytes in a request, and no fewer than 8192 "},
        Row{{1 << 20, 900, 0, 100, 16}, "grants 900 bytes in a reply, and no fewer than 8192 "},
        Row{{1 << 20, 1 << 20, 0, 100, 0}, "grants 0 slots, and no fewer than 1 "}}) {
    FakeServer server({}, row.limits);
    Status opened = open_only(server);
    ASSERT_FALSE(opened);
    EXPECT_TRUE(opened.error().is(Own::kBadReply));
    EXPECT_NE(opened.error().message().find(row.told), std::string::npos)
        << opened.error().message();
  }
  FakeServer least({}, FakeLimits{8192, 8192, 0, 8, 1});
  Status opened = open_only(least);
  EXPECT_TRUE(opened) << opened.error().message();
}

TEST_F(SessionTest, AdvancesASlotWithEveryExecutedRequest) {
  FakeAnswer missing;
  missing.status = code_of(Nfsstat4::kNoent);
  missing.at = 1;
  FakeServer server(nth(2, missing));
  auto body = [](Session& session) -> Task<void> {
    EXPECT_TRUE(co_await remove(session, "a", Repeat::kIdempotent));
    Status failed = co_await remove(session, "b", Repeat::kIdempotent);
    EXPECT_TRUE(is_status(failed, Nfsstat4::kNoent));
    EXPECT_TRUE(co_await remove(session, "c", Repeat::kIdempotent));
  };
  run(server, body);
  auto calls = server.plain_calls();
  ASSERT_EQ(calls.size(), 3u);
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(calls[i].slot, 0u);
    EXPECT_EQ(calls[i].sequence_id, i + 2) << "RECLAIM_COMPLETE had 1";
    EXPECT_EQ(calls[i].highest_slot, 15u);
  }
}

TEST_F(SessionTest, RunsAsManyRequestsAtOnceAsThereAreSlots) {
  FakeServer server([](const FakeCall& call) {
    FakeAnswer answer;
    answer.hold = call.is_plain() && call.operations[1].text != "last";
    return answer;
  });
  std::vector<Status> results(16, ok());
  auto body = [&](Session& session) -> Task<void> {
    TaskGroup group;
    for (std::size_t i = 0; i < results.size(); ++i) {
      std::vector<std::string> names{i == 15 ? "last" : std::to_string(i)};
      group.spawn(store_status(remove_names(session, names, Repeat::kIdempotent), results[i]));
    }
    co_await group.join();
  };
  run(server, body);
  std::set<std::uint32_t> slots;
  for (const FakeCall& call : server.plain_calls()) slots.insert(call.slot);
  EXPECT_EQ(slots.size(), 16u);
  for (Status& result : results) EXPECT_TRUE(result);
}

TEST_F(SessionTest, UsesFewerSlotsWhenTheServerAsksForIt) {
  FakeServer server([](const FakeCall& call) {
    FakeAnswer answer;
    bool wide = call.is_plain() && call.operations[1].text == "wide";
    if (call.is_plain() && !wide) answer.target_highest_slot = 1;
    return answer;
  });
  auto many = [](Session& session, std::string name) -> Task<void> {
    TaskGroup group;
    std::vector<Status> results(8, ok());
    for (Status& result : results) {
      std::vector<std::string> names{name};
      group.spawn(store_status(remove_names(session, names, Repeat::kIdempotent), result));
    }
    co_await group.join();
    for (Status& result : results) EXPECT_TRUE(result);
  };
  auto body = [&](Session& session) -> Task<void> {
    EXPECT_TRUE(co_await remove(session, "first", Repeat::kIdempotent));
    co_await many(session, "narrow");
    EXPECT_TRUE(co_await remove(session, "wide", Repeat::kIdempotent));
    co_await many(session, "wide");
  };
  run(server, body);
  std::uint32_t narrow = 0;
  std::uint32_t wide = 0;
  for (const FakeCall& call : server.plain_calls()) {
    if (call.operations[1].text == "narrow") narrow = std::max(narrow, call.slot);
    if (call.operations[1].text == "wide") wide = std::max(wide, call.slot);
  }
  EXPECT_EQ(narrow, 1u);
  EXPECT_EQ(wide, 7u);
}

TEST_F(SessionTest, AsksForCachingOnlyWhereTheReplyFitsAndItHelps) {
  FakeServer server({}, FakeLimits{1 << 20, 1 << 20, 512, 100, 16});
  auto body = [](Session& session) -> Task<void> {
    EXPECT_TRUE(co_await remove(session, "a", Repeat::kIdempotent));
    EXPECT_TRUE(co_await remove(session, "a", Repeat::kOnce));
    std::vector<std::string> many(60, "a");
    EXPECT_TRUE(co_await remove_names(session, many, Repeat::kOnce));
    Compound request("PUT", Repeat::kOnce);
    request.add(nfs4::Putrootfh{});
    request.expect_reply_payload(4);
    EXPECT_TRUE(co_await session.call(request));
  };
  run(server, body);
  auto calls = server.plain_calls();
  ASSERT_EQ(calls.size(), 4u);
  EXPECT_FALSE(calls[0].cache_this) << "idempotent";
  EXPECT_TRUE(calls[1].cache_this);
  EXPECT_FALSE(calls[2].cache_this) << "would be REP_TOO_BIG_TO_CACHE after it was executed";
  EXPECT_FALSE(calls[3].cache_this) << "what a READ brought is not kept for us";
}

TEST_F(SessionTest, NoticesFewerResultsThanItSentOnOk) {
  FakeAnswer cut;
  cut.cut_after = 2;
  FakeServer server(nth(1, cut));
  Status status = remove_in(server, {"a", "b", "c"}, Repeat::kOnce);
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().is(Own::kRequestRefused));
  EXPECT_EQ(server.removed(), (std::vector<std::string>{"a"}));
}

TEST_F(SessionTest, RepeatsTheLeastThatWasExecutedInPart) {
  FakeAnswer cut;
  cut.cut_after = 1;
  FakeServer server(first_ones(3, cut));
  EXPECT_TRUE(remove_in(server, {"a"}));
  EXPECT_EQ(server.plain_calls().size(), 4u);
  EXPECT_EQ(server.removed(), (std::vector<std::string>{"a"}));
}

TEST_F(SessionTest, TellsOfTheLeastThatIsAlwaysExecutedInPart) {
  FakeAnswer cut;
  cut.cut_after = 1;
  FakeServer server(first_ones(100, cut));
  Status status = remove_in(server, {"a"});
  EXPECT_TRUE(is_own(status, Own::kRequestRefused)) << why(status);
}

TEST_F(SessionTest, RefusesAReplyOfAnotherSlot) {
  FakeServer server([seen = 0](const FakeCall& call) mutable {
    FakeAnswer answer;
    if (!call.is_plain() || seen++ > 0) return answer;
    answer.mislead_slot = true;
    return answer;
  });
  EXPECT_TRUE(remove_in(server, {"a"}));
  EXPECT_EQ(server.connections(), 2u) << "the connection that mixed replies up was ended";
}

TEST_F(SessionTest, KeepsRpcErrorsAndRepeatsSystemErrors) {
  FakeAnswer garbage;
  garbage.accept_stat = 4;
  FakeServer refuses(nth(1, garbage));
  Status status = remove_in(refuses, {"a"});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().name(), "GARBAGE_ARGS");

  FakeAnswer system;
  system.accept_stat = 5;
  FakeServer stumbles(nth(1, system));
  EXPECT_TRUE(remove_in(stumbles, {"a"}));
  auto calls = stumbles.plain_calls();
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0].sequence_id, calls[1].sequence_id);
}

TEST_F(SessionTest, RenewsTheLeaseWhenNothingElseIsSent) {
  FakeServer server;
  auto body = [&](Session& session) -> Task<void> {
    session.set_lease_seconds(3);
    for (int i = 0; i < 100 && server.plain_calls().empty(); ++i) {
      (void)co_await loop_->sleep_for(std::chrono::milliseconds(50));
    }
  };
  run(server, body);
  ASSERT_FALSE(server.plain_calls().empty());
  EXPECT_TRUE(server.plain_calls()[0].operations.empty()) << "SEQUENCE alone";
}

TEST_F(SessionTest, CountsRequestsAndTimesThemByKind) {
  FakeServer server;
  auto body = [](Session& session) -> Task<void> {
    std::uint64_t before = session.counters().requests;
    EXPECT_TRUE(co_await remove(session, "a", Repeat::kIdempotent));
    EXPECT_TRUE(co_await remove(session, "b", Repeat::kIdempotent));
    EXPECT_EQ(session.counters().requests, before + 2);
    EXPECT_EQ(session.counters().latency.at("REMOVE").count(), 2u);
  };
  run(server, body);
}

TEST_F(SessionTest, OpenTellsThatNobodyListens) {
  std::uint16_t port = 0;
  {
    FakeServer gone;
    port = gone.port();
  }
  auto open = [](Loop& loop, ClientOptions options) -> Task<Status> {
    Session session(loop, std::move(options));
    co_return co_await session.open();
  };
  ClientOptions nobody;
  nobody.host = "127.0.0.1";
  nobody.port = port;
  Status opened = loop_->run(open(*loop_, nobody));
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().is_errno(ECONNREFUSED)) << "at once, without patience";
  EXPECT_NE(opened.error().message().find("127.0.0.1:" + std::to_string(port)), std::string::npos);
}

TEST_F(SessionTest, OpenTellsThatTheServerSpeaksNo41) {
  FakeAnswer mismatch;
  mismatch.sequence_status = code_of(Nfsstat4::kMinorVersMismatch);
  FakeServer server(first_of(kOpExchangeId, mismatch));
  EXPECT_TRUE(is_status(open_only(server), Nfsstat4::kMinorVersMismatch));
}

TEST_F(SessionTest, OpenWaitsWhileTheServerAsksForPatience) {
  FakeAnswer delay;
  delay.sequence_status = code_of(Nfsstat4::kDelay);
  for (std::uint32_t operation : {kOpExchangeId, kOpCreateSession}) {
    FakeServer server(first_of(operation, delay));
    EXPECT_TRUE(open_only(server));
    EXPECT_EQ(server.count(operation), 2u);
  }
}

TEST_F(SessionTest, OpenGivesUpOnAServerThatTakesTheConnectionAndSaysNothing) {
  FakeServer server([](const FakeCall&) {
    FakeAnswer answer;
    answer.silent = true;
    return answer;
  });
  Status opened = open_only(server, 300);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message().find("has not answered"), std::string::npos)
      << opened.error().message();
}

// A server gives all that it keeps of a client back when that seems to have started anew.
TEST_F(SessionTest, StartsAnewAtTheEndWhereTheServerStillKeepsSomething) {
  FakeAnswer busy;
  busy.sequence_status = code_of(Nfsstat4::kClientidBusy);
  FakeServer server(first_of(kOpDestroyClientid, busy));
  EXPECT_TRUE(open_only(server));
  EXPECT_EQ(server.count(kOpDestroyClientid), 2u);
  auto clients = server.verifiers();
  ASSERT_EQ(clients.size(), 2u);
  EXPECT_NE(clients[0], clients[1]);
}

TEST_F(SessionTest, StartsAnewAtTheEndWhereTheServerMayKeepSomethingUnknown) {
  FakeServer server(first_ones(2, lost(true)));
  Status status = remove_in(server, {"a"}, Repeat::kIdempotent);
  EXPECT_TRUE(is_own(status, Own::kRequestRefused)) << why(status);
  EXPECT_EQ(server.verifiers().size(), 2u);
  EXPECT_EQ(server.count(kOpDestroyClientid), 1u);
}

TEST_F(SessionTest, RefusesCallsAfterItsEnd) {
  FakeServer server;
  auto body = [&](Session& session) -> Task<void> {
    co_await session.close();
    Status status = co_await remove(session, "a", Repeat::kIdempotent);
    EXPECT_FALSE(status);
    EXPECT_TRUE(status.error().is(Own::kCancelled));
  };
  run(server, body);
  EXPECT_TRUE(server.plain_calls().empty());
}

}  // namespace
}  // namespace nfsferry::test

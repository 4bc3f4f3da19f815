// A session in bad times: DELAY, lost connections, lost sessions, servers that restart or stay
// away.
#include <algorithm>
#include <chrono>

#include "nfs4/put_batch.hpp"
#include "session_fixture.hpp"
#include "wire.hpp"

namespace nfsferry::test {
namespace {

using std::chrono::milliseconds;
using Names = std::vector<std::string>;

FakeAnswer sequence_fails(Nfsstat4 status) {
  FakeAnswer answer;
  answer.sequence_status = code_of(status);
  return answer;
}
FakeAnswer sessions_forgotten() {
  FakeAnswer answer;
  answer.forget_sessions = true;
  return answer;
}

TEST_F(SessionTest, DelayOnSequenceRepeatsTheSameSlotAndSequenceId) {
  FakeServer server(nth(1, sequence_fails(Nfsstat4::kDelay)));
  EXPECT_TRUE(remove_in(server, {"a"}, Repeat::kOnce));
  auto calls = server.plain_calls();
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[1].slot, calls[0].slot);
  EXPECT_EQ(calls[1].sequence_id, calls[0].sequence_id);
  EXPECT_EQ(server.removed(), Names{"a"});
}

TEST_F(SessionTest, DelayInsideRepeatsAnIdempotentRequestUnderANewSequenceId) {
  FakeServer server(nth(1, fails_at(1, Nfsstat4::kDelay)));
  EXPECT_TRUE(remove_in(server, {"a"}));
  auto calls = server.plain_calls();
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[1].sequence_id, calls[0].sequence_id + 1);
}

TEST_F(SessionTest, NeitherADelayNorARenewalCountsAsAnAnswer) {
  FakeServer server([delays = 3](const FakeCall& call) mutable {
    bool put_off = call.is_plain() && call.operations.size() > 1 && delays-- > 0;
    return put_off ? fails_at(1, Nfsstat4::kDelay) : FakeAnswer{};
  });
  std::uint64_t before = 0;
  std::uint64_t after_renewal = 0;
  std::uint64_t after_request = 0;
  auto body = [&](Session& session) -> Task<void> {
    before = session.answers();
    Status renewed = co_await session.ping();
    EXPECT_TRUE(renewed);
    after_renewal = session.answers();
    Status removed = co_await remove(session, "a", Repeat::kIdempotent);
    EXPECT_TRUE(removed);
    after_request = session.answers();
  };
  run(server, body);
  EXPECT_EQ(after_renewal, before);
  EXPECT_EQ(after_request, before + 1);
}

TEST_F(SessionTest, FewerRequestsAreInFlightAfterADelayWhereverItCame) {
  for (bool at_sequence : {true, false}) {
    FakeAnswer delay =
        at_sequence ? sequence_fails(Nfsstat4::kDelay) : fails_at(1, Nfsstat4::kDelay);
    FakeServer server(nth(1, delay));
    std::string before;
    std::string after;
    auto body = [&](Session& session) -> Task<void> {
      before = session.describe();
      (void)co_await remove(session, "a", Repeat::kIdempotent);
      after = session.describe();
    };
    run(server, body);
    EXPECT_NE(before.find("in flight of 16"), std::string::npos) << before;
    EXPECT_NE(after.find("in flight of 8"), std::string::npos) << after;
  }
}

TEST_F(SessionTest, DelayInsideAOnceRequestIsTheCallersToDealWith) {
  FakeServer server(nth(1, fails_at(2, Nfsstat4::kDelay)));
  EXPECT_TRUE(is_status(remove_in(server, {"a", "b"}, Repeat::kOnce), Nfsstat4::kDelay));
  EXPECT_EQ(server.removed(), Names{"a"});
}

TEST_F(SessionTest, DelayThatNeverEndsIsGivenBackAfterTheTimeout) {
  auto always = [](FakeAnswer answer) {
    return [answer](const FakeCall& call) { return call.is_plain() ? answer : FakeAnswer{}; };
  };
  FakeServer at_sequence(always(sequence_fails(Nfsstat4::kDelay)));
  EXPECT_TRUE(is_status(remove_in(at_sequence, {"a"}, Repeat::kIdempotent, 100), Nfsstat4::kDelay));
  FakeServer inside(always(fails_at(1, Nfsstat4::kGrace)));
  EXPECT_TRUE(is_status(remove_in(inside, {"a"}, Repeat::kIdempotent, 100), Nfsstat4::kGrace));
  FakeServer full(always(fails_at(1, Nfsstat4::kResource)));
  EXPECT_TRUE(is_status(remove_in(full, {"a"}, Repeat::kIdempotent, 100), Nfsstat4::kResource));
  EXPECT_GT(full.plain_calls().size(), 2u);
}

TEST_F(SessionTest, LostConnectionReplaysBySlotAndTheServerExecutesOnce) {
  FakeServer server(nth(1, lost(true)));
  EXPECT_TRUE(remove_in(server, {"a"}, Repeat::kOnce));
  auto calls = server.plain_calls();
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[1].slot, calls[0].slot);
  EXPECT_EQ(calls[1].sequence_id, calls[0].sequence_id);
  EXPECT_EQ(calls[1].session, calls[0].session);
  EXPECT_EQ(server.removed(), Names{"a"}) << "the second answer came from the replay cache";
  EXPECT_EQ(server.connections(), 2u);
  EXPECT_EQ(server.count(kOpCreateSession), 1u);
}

TEST_F(SessionTest, LostConnectionBeforeTheRequestWasExecuted) {
  FakeServer server(nth(1, lost(false)));
  EXPECT_TRUE(remove_in(server, {"a"}, Repeat::kOnce));
  EXPECT_EQ(server.removed(), Names{"a"});
}

TEST_F(SessionTest, UncachedReplayRepeatsAnIdempotentRequest) {
  FakeServer server(nth(1, lost(true)));
  EXPECT_TRUE(remove_in(server, {"a"}, Repeat::kIdempotent));
  auto calls = server.plain_calls();
  ASSERT_EQ(calls.size(), 3u);
  EXPECT_EQ(calls[1].sequence_id, calls[0].sequence_id) << "answered RETRY_UNCACHED_REP";
  EXPECT_EQ(calls[2].sequence_id, calls[0].sequence_id + 1);
  EXPECT_EQ(server.removed(), (Names{"a", "a"}));
}

TEST_F(SessionTest, UncachedReplayOfAOnceRequestHasAnUnknownOutcome) {
  FakeServer server(nth(1, lost(true)), FakeLimits{1 << 20, 1 << 20, 0, 100, 16});
  Status status = ok();
  auto body = [&](Session& session) -> Task<void> {
    status = co_await remove(session, "a", Repeat::kOnce);
    EXPECT_TRUE(co_await remove(session, "b", Repeat::kOnce)) << "the slot goes on";
  };
  run(server, body);
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().is(Own::kOutcomeUnknown)) << status.error().message();
  EXPECT_EQ(server.removed(), (Names{"a", "b"}));
}

TEST_F(SessionTest, LostSessionIsMadeAgainUnderTheSameClient) {
  FakeServer server(nth(2, sessions_forgotten()));
  auto body = [](Session& session) -> Task<void> {
    EXPECT_TRUE(co_await remove(session, "a", Repeat::kOnce));
    EXPECT_TRUE(co_await remove(session, "b", Repeat::kOnce))
        << "refused when first sent: not executed";
    EXPECT_EQ(session.client_generation(), 1u);
  };
  run(server, body);
  EXPECT_EQ(server.count(kOpExchangeId), 1u);
  EXPECT_EQ(server.count(kOpCreateSession), 2u);
  EXPECT_EQ(server.removed(), (Names{"a", "b"}));
  auto calls = server.plain_calls();
  EXPECT_NE(calls.back().session, calls.front().session);
}

TEST_F(SessionTest, LostConnectionAndThenLostSession) {
  for (Repeat repeat : {Repeat::kIdempotent, Repeat::kOnce}) {
    FakeServer server([seen = 0](const FakeCall& call) mutable {
      if (!call.is_plain()) return FakeAnswer{};
      ++seen;
      return seen == 1 ? lost(true) : seen == 2 ? sessions_forgotten() : FakeAnswer{};
    });
    Status status = remove_in(server, {"a"}, repeat);
    if (repeat == Repeat::kIdempotent) {
      EXPECT_TRUE(status);
      EXPECT_EQ(server.removed(), (Names{"a", "a"}));
    } else {
      ASSERT_FALSE(status);
      EXPECT_TRUE(status.error().is(Own::kOutcomeUnknown)) << "sent before: nobody can tell";
      EXPECT_EQ(server.removed(), Names{"a"});
    }
  }
}

TEST_F(SessionTest, RestartedServerGetsANewClient) {
  FakeAnswer restarted;
  restarted.forget_clients = true;
  FakeServer server(nth(2, restarted));
  auto body = [](Session& session) -> Task<void> {
    EXPECT_TRUE(co_await remove(session, "a", Repeat::kOnce));
    EXPECT_TRUE(co_await remove(session, "b", Repeat::kOnce));
    EXPECT_EQ(session.client_generation(), 2u) << "state of the earlier client is gone";
  };
  run(server, body);
  EXPECT_EQ(server.count(kOpExchangeId), 2u);
  EXPECT_EQ(server.count(kOpReclaimComplete), 2u) << "after every new client id";
  EXPECT_EQ(server.removed(), (Names{"a", "b"}));
}

TEST_F(SessionTest, EverySequenceErrorThatMeansALostSessionIsRecoveredFrom) {
  for (Nfsstat4 status :
       {Nfsstat4::kBadsession, Nfsstat4::kDeadsession, Nfsstat4::kBadslot, Nfsstat4::kSeqMisordered,
        Nfsstat4::kSeqFalseRetry, Nfsstat4::kBadHighSlot, Nfsstat4::kConnNotBoundToSession,
        Nfsstat4::kExpired, Nfsstat4::kStaleClientid}) {
    FakeServer server(nth(1, sequence_fails(status)));
    EXPECT_TRUE(remove_in(server, {"a"}, Repeat::kOnce)) << code_of(status);
    EXPECT_EQ(server.removed(), Names{"a"}) << code_of(status);
  }
}

TEST_F(SessionTest, SequenceErrorsThatMeanSendLessReachTheCallerWhoCan) {
  FakeServer server(nth(1, sequence_fails(Nfsstat4::kTooManyOps)));
  auto body = [](Session& session) -> Task<void> {
    Status status = co_await remove(session, "a b c d e f g", Repeat::kOnce);
    EXPECT_TRUE(is_status(status, Nfsstat4::kTooManyOps));
    EXPECT_TRUE(co_await remove(session, "b", Repeat::kOnce));
  };
  run(server, body);
  auto calls = server.plain_calls();
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[1].sequence_id, calls[0].sequence_id) << "not executed: the slot stays";
}

TEST_F(SessionTest, TheLeastThatIsRefusedAsTooMuchIsSentAgain) {
  for (Nfsstat4 status : {Nfsstat4::kTooManyOps, Nfsstat4::kReqTooBig, Nfsstat4::kRepTooBig}) {
    FakeServer server(first_ones(3, sequence_fails(status)));
    EXPECT_TRUE(remove_in(server, {"a"}, Repeat::kOnce)) << code_of(status);
    auto calls = server.plain_calls();
    ASSERT_EQ(calls.size(), 4u);
    EXPECT_EQ(calls[3].sequence_id, calls[0].sequence_id) << "not executed: the slot stays";
    EXPECT_EQ(server.removed(), Names{"a"});
  }
}

TEST_F(SessionTest, TheLeastThatIsAlwaysRefusedAsTooMuchIsTold) {
  FakeServer server(first_ones(100, sequence_fails(Nfsstat4::kReqTooBig)));
  Status status = remove_in(server, {"a"});
  EXPECT_TRUE(is_status(status, Nfsstat4::kReqTooBig)) << why(status);
}

// nfs-servers.md, rule 2: a request over the server's size is a closed connection.
TEST_F(SessionTest, RequestThatLosesItsConnectionTwiceIsRefused) {
  FakeServer server([](const FakeCall& call) {
    bool deadly = call.is_plain() && call.operations[1].text == "deadly";
    return deadly ? lost(false) : FakeAnswer{};
  });
  auto body = [](Session& session) -> Task<void> {
    Status status =
        co_await remove(session, "deadly and seven times more of the same", Repeat::kOnce);
    EXPECT_TRUE(is_own(status, Own::kRequestRefused)) << why(status);
    EXPECT_TRUE(co_await remove(session, "harmless", Repeat::kOnce));
  };
  run(server, body);
  auto calls = server.plain_calls();
  ASSERT_EQ(calls.size(), 3u);
  EXPECT_EQ(calls[1].slot, calls[0].slot);
  EXPECT_EQ(server.count(kOpPutpubfh), 1u);
  EXPECT_EQ(calls[2].slot, calls[0].slot) << "the question took its place there";
  EXPECT_EQ(calls[2].sequence_id, calls[0].sequence_id + 1);
}

// Such a one is never too large: what ends its connections has other reasons, which may pass.
// As before a tunnel that accepts whatever becomes of its own way to the server.
TEST_F(SessionTest, RequestThatIsAnsweredBetweenItsLossesHasNotLostItsConnectionTwice) {
  FakeAnswer lost;
  lost.close = true;
  auto script = [lost, seen = 0u](const FakeCall& call) mutable {
    if (!call.is_plain()) return FakeAnswer{};
    ++seen;
    if (seen == 1 || seen == 4) return lost;
    return seen == 2 || seen == 3 ? fails_at(1, Nfsstat4::kGrace) : FakeAnswer{};
  };
  FakeServer server(script);
  EXPECT_TRUE(remove_in(server, {"a"}));
  EXPECT_EQ(server.plain_calls().size(), 5u);
  EXPECT_EQ(server.count(kOpPutpubfh), 0u) << "nothing is asked about it";
}

TEST_F(SessionTest, ConnectionsThatNeverReachedTheServerDoNotCountAgainstARequest) {
  FakeAnswer cut = lost(false);
  cut.stillborn = 3;
  FakeServer server(nth(1, cut));
  Status removed = remove_in(server, {"a", "b"});
  EXPECT_TRUE(removed) << why(removed);
  EXPECT_EQ(server.plain_calls().size(), 2u);
}

TEST_F(SessionTest, AnAnswerThatMakesNoSenseShowsThatTheServerIsReached) {
  FakeServer server([cut = false](const FakeCall& call) mutable {
    if (call.is_plain() && !std::exchange(cut, true)) return lost(false);
    FakeAnswer answer;
    if (call.is(kOpBindConnToSession)) {
      Wire reply;  // accepted, OK, one result, which ends after its status
      reply.u32(call.xid).u32(1).u32(0).u32(0).u32(0).u32(0);
      reply.u32(0).opaque("").u32(1).u32(kOpBindConnToSession).u32(0);
      auto size = static_cast<std::uint32_t>(reply.bytes().size());
      answer.raw = Wire().u32(0x80000000u | size).raw(reply.bytes()).bytes();
    }
    return answer;
  });
  Status removed = remove_in(server, {"a"}, Repeat::kIdempotent, 2'000);
  EXPECT_TRUE(removed) << why(removed);
}

TEST_F(SessionTest, TheLeastThatLosesItsConnectionsIsSentAgain) {
  FakeServer server(first_ones(5, lost(false)));
  EXPECT_TRUE(remove_in(server, {"a"}, Repeat::kOnce));
  EXPECT_EQ(server.removed(), Names{"a"});
  EXPECT_EQ(server.count(kOpPutpubfh), 2u);
}

TEST_F(SessionTest, TheLeastThatAlwaysLosesItsConnectionsIsRefused) {
  FakeServer server(first_ones(100, lost(false)));
  Status status = remove_in(server, {"a"}, Repeat::kOnce);
  EXPECT_TRUE(is_own(status, Own::kRequestRefused)) << why(status);
  EXPECT_EQ(server.count(kOpPutpubfh), 4u);
}

TEST_F(SessionTest, RequestThatWasExecutedAndLosesTwoRepliesGetsTheOneThatTheServerKept) {
  FakeServer server(first_ones(2, lost(true)));
  EXPECT_TRUE(remove_in(server, {"a"}, Repeat::kOnce));
  EXPECT_EQ(server.removed(), Names{"a"}) << "executed once";
  EXPECT_EQ(server.plain_calls().size(), 2u);
  EXPECT_EQ(server.count(kOpPutpubfh), 1u);
}

// A reply that costs the connection each time would cost it for ever.
TEST_F(SessionTest, RequestThatWasExecutedAndLosesTwoRepliesIsRefusedWhereNoneWasKept) {
  FakeServer server(first_ones(2, lost(true)));
  Status status = remove_in(server, {"a"}, Repeat::kIdempotent);
  EXPECT_TRUE(is_own(status, Own::kRequestRefused)) << why(status);
  EXPECT_EQ(server.plain_calls().size(), 2u);
}

TEST_F(SessionTest, QuestionThatIsSeenNotToBeTheRequestLeavesTheSessionAsItIs) {
  FakeServer server([seen = 0](const FakeCall& call) mutable {
    FakeAnswer answer;
    if (call.is(kOpPutpubfh)) answer.sequence_status = code_of(Nfsstat4::kSeqFalseRetry);
    return call.is_plain() && ++seen <= 2 ? lost(true) : answer;
  });
  auto body = [](Session& session) -> Task<void> {
    Status status = co_await remove(session, "a", Repeat::kOnce);
    EXPECT_TRUE(is_own(status, Own::kRequestRefused)) << why(status);
    EXPECT_TRUE(co_await remove(session, "b", Repeat::kOnce));
    EXPECT_EQ(session.client_generation(), 1u);
  };
  run(server, body);
  auto calls = server.plain_calls();
  ASSERT_EQ(calls.size(), 3u);
  EXPECT_EQ(calls[2].sequence_id, calls[0].sequence_id + 1);
  EXPECT_EQ(calls[2].session, calls[0].session);
}

TEST_F(SessionTest, SlotOfALostRequestThatTheServerDoesNotTakeAgainIsNotUsedAgain) {
  FakeServer server([seen = 0](const FakeCall& call) mutable {
    FakeAnswer refused;
    refused.sequence_status = code_of(Nfsstat4::kInval);
    if (!call.is_plain() || ++seen > 2) return FakeAnswer{};
    return seen == 1 ? lost(false) : refused;
  });
  auto body = [](Session& session) -> Task<void> {
    Status status = co_await remove(session, "a", Repeat::kOnce);
    EXPECT_TRUE(is_own(status, Own::kOutcomeUnknown)) << why(status);
    EXPECT_TRUE(co_await remove(session, "b", Repeat::kOnce));
  };
  run(server, body);
  auto calls = server.plain_calls();
  ASSERT_EQ(calls.size(), 3u);
  EXPECT_NE(calls[2].slot, calls[0].slot) << "the first one may be at work there";
}

TEST_F(SessionTest, ATemporaryIsRemovedAfterMoreLossesThanARequestMayHave) {
  FakeServer server(first_ones(3, lost(false)));
  auto body = [](Session& session) -> Task<void> {
    nfs4::Nfs4Directory parent("directory");
    co_await nfs4::remove_quietly(session, &parent, "temporary");
  };
  run(server, body);
  EXPECT_EQ(server.removed(), Names{"temporary"});
}

TEST_F(SessionTest, AbandonedSlotsComeBackWithANewSession) {
  FakeServer server(
      [](const FakeCall& call) {
        bool deadly = call.is_plain() && call.operations[1].text == "deadly";
        return deadly || call.is(kOpPutpubfh) ? lost(false) : FakeAnswer{};
      },
      FakeLimits{1 << 20, 1 << 20, 8192, 100, 2});
  auto body = [](Session& session) -> Task<void> {
    for (int i = 0; i < 5; ++i) {
      EXPECT_FALSE(co_await remove(session, "deadly", Repeat::kOnce));
      EXPECT_TRUE(co_await remove(session, "harmless", Repeat::kOnce));
    }
  };
  run(server, body);
  EXPECT_GT(server.count(kOpCreateSession), 1u);
  EXPECT_EQ(server.removed().size(), 5u);
}

TEST_F(SessionTest, ManyRequestsInFlightSurviveALostConnection) {
  FakeServer server([seen = 0](const FakeCall& call) mutable {
    FakeAnswer answer;
    if (!call.is_plain() || ++seen > 16) return answer;
    answer.hold = seen < 16;
    answer.close = seen == 16;  // all sixteen are executed, none is answered
    answer.execute = true;
    return answer;
  });
  std::vector<Status> results(40, ok());
  auto body = [&](Session& session) -> Task<void> {
    TaskGroup group;
    for (std::size_t i = 0; i < results.size(); ++i) {
      std::vector<std::string> names{std::to_string(i)};
      group.spawn(store_status(remove_names(session, names, Repeat::kOnce), results[i]));
    }
    co_await group.join();
  };
  run(server, body);
  for (Status& result : results) EXPECT_TRUE(result) << result.error().message();
  auto removed = server.removed();
  std::sort(removed.begin(), removed.end());
  EXPECT_EQ(removed.size(), 40u) << "each executed once";
  EXPECT_EQ(std::unique(removed.begin(), removed.end()), removed.end());
}

TEST_F(SessionTest, ServerThatNeverAnswersIsUnreachableAfterTheTimeout) {
  FakeServer server([](const FakeCall& call) {
    FakeAnswer answer;
    answer.silent = call.is_plain();
    return answer;
  });
  auto body = [](Session& session) -> Task<void> {
    Status status = co_await remove(session, "a", Repeat::kIdempotent);
    EXPECT_TRUE(is_own(status, Own::kUnreachable)) << why(status);
    Status later = co_await remove(session, "b", Repeat::kIdempotent);
    EXPECT_TRUE(is_own(later, Own::kUnreachable)) << why(later);
  };
  run(server, body, 300);
}

TEST_F(SessionTest, ServerThatStaysAwayIsUnreachableAfterTheTimeout) {
  FakeServer server;
  auto body = [&](Session& session) -> Task<void> {
    server.drop_connections(true);
    Status status = co_await remove(session, "a", Repeat::kIdempotent);
    EXPECT_TRUE(is_own(status, Own::kUnreachable)) << why(status);
  };
  run(server, body, 300);
}

TEST_F(SessionTest, ServerThatIsNoLongerOurVersionIsNotSaidToStayAway) {
  FakeServer server([restarted = false](const FakeCall& call) mutable {
    FakeAnswer answer;
    if (call.is_plain() && !std::exchange(restarted, true)) answer.forget_clients = true;
    if (call.is(kOpExchangeId) && restarted)
      answer.sequence_status = code_of(Nfsstat4::kMinorVersMismatch);
    return answer;
  });
  Status status = remove_in(server, {"a"});
  EXPECT_TRUE(is_own(status, Own::kUnreachable)) << why(status);
  EXPECT_NE(why(status).find("cannot be connected to again: "), std::string::npos) << why(status);
  EXPECT_EQ(why(status).find("--timeout"), std::string::npos) << why(status);
}

TEST_F(SessionTest, ServerThatComesBackIsWaitedFor) {
  FakeServer server;
  auto body = [&](Session& session) -> Task<void> {
    server.drop_connections(true);
    (void)co_await loop_->sleep_for(milliseconds(50));
    Status status = ok();
    TaskGroup group;
    group.spawn(store_status(remove(session, "a", Repeat::kOnce), status));
    (void)co_await loop_->sleep_for(milliseconds(100));
    server.accept_again();
    co_await group.join();
    EXPECT_TRUE(status) << status.error().message();
  };
  run(server, body);
  EXPECT_EQ(server.removed(), Names{"a"});
}

TEST_F(SessionTest, CloseDoesNotWaitForAServerThatIsAway) {
  FakeServer server;
  auto started = Clock::now();
  auto body = [&](Session& session) -> Task<void> {
    server.drop_connections(true);
    Status status = ok();
    TaskGroup group;
    group.spawn(store_status(remove(session, "a", Repeat::kIdempotent), status));
    (void)co_await loop_->sleep_for(milliseconds(50));
    co_await session.close();
    co_await group.join();
    EXPECT_TRUE(is_own(status, Own::kCancelled)) << why(status);
  };
  run(server, body);
  EXPECT_LT(Clock::now() - started, std::chrono::seconds(5));
}

// The answer to EXCHANGE_ID is kept back while the session is closed in the middle of recovery.
TEST_F(SessionTest, CloseInTheMiddleOfRecoveryEndsIt) {
  FakeServer server([seen = 0](const FakeCall& call) mutable {
    FakeAnswer answer;
    answer.forget_clients = call.is_plain();
    answer.silent = call.is(kOpExchangeId) && ++seen == 2;
    return answer;
  });
  auto body = [&](Session& session) -> Task<void> {
    Status status = ok();
    TaskGroup group;
    group.spawn(store_status(remove(session, "a", Repeat::kIdempotent), status));
    while (server.count(kOpExchangeId) < 2) {
      (void)co_await loop_->sleep_for(milliseconds(5));
    }
    co_await session.close();
    co_await group.join();
    EXPECT_FALSE(status);
  };
  run(server, body);
}

TEST_F(SessionTest, ConnectionLostUnderReclaimCompleteLeavesNoHalfMadeSession) {
  for (bool executed : {false, true}) {
    FakeServer server([executed, reclaims = 0](const FakeCall& call) mutable {
      if (call.is_plain() && call.operations[1].text == "b") {
        FakeAnswer restarted;
        restarted.forget_clients = reclaims == 1;
        return restarted;
      }
      if (!call.is(kOpReclaimComplete)) return FakeAnswer{};
      return ++reclaims == 2 ? lost(executed) : FakeAnswer{};
    });
    auto body = [](Session& session) -> Task<void> {
      EXPECT_TRUE(co_await remove(session, "a", Repeat::kOnce));
      Status status = co_await remove(session, "b", Repeat::kOnce);
      EXPECT_TRUE(status) << status.error().message();
    };
    run(server, body);
    EXPECT_EQ(server.removed(), (Names{"a", "b"}));
    EXPECT_GE(server.count(kOpReclaimComplete), 3u) << "said until it was heard";
  }
}

// One request waits out a DELAY while another finds the session gone: its slot is another's now.
TEST_F(SessionTest, DelayAcrossALostSessionStartsOverInTheNewOne) {
  FakeServer server(
      [delays = 0, broken = false](const FakeCall& call) mutable {
        if (!call.is_plain()) return FakeAnswer{};
        if (call.operations[1].text == "slow" && ++delays <= 3) {
          return sequence_fails(Nfsstat4::kDelay);
        }
        FakeAnswer answer;
        bool breaks = call.operations[1].text == "breaks";
        answer.forget_sessions = breaks && !std::exchange(broken, true);
        return answer;
      },
      FakeLimits{1 << 20, 1 << 20, 8192, 100, 4});
  auto body = [&](Session& session) -> Task<void> {
    Status slow = ok();
    TaskGroup group;
    group.spawn(store_status(remove(session, "slow", Repeat::kOnce), slow));
    (void)co_await loop_->sleep_for(milliseconds(15));
    EXPECT_TRUE(co_await remove(session, "breaks", Repeat::kOnce));
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(co_await remove(session, "other", Repeat::kOnce));
      (void)co_await loop_->sleep_for(milliseconds(5));
    }
    co_await group.join();
    EXPECT_TRUE(slow) << slow.error().message();
  };
  run(server, body);
  EXPECT_EQ(server.count(kOpCreateSession), 2u) << "nobody disturbed the new session";
  EXPECT_EQ(server.removed().size(), 22u);
}

}  // namespace
}  // namespace nfsferry::test

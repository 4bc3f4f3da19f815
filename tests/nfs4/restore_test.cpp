// What a lost client id took with it is taken again before anything else is sent.
#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "nfs4/root_lock.hpp"
#include "session_fixture.hpp"

namespace nfsferry::test {
namespace {

FakeAnswer restarted() {
  FakeAnswer answer;
  answer.forget_clients = true;
  return answer;
}

// The first operation but PUTROOTFH's name of each plain request, in order.
std::vector<std::string> asked(const FakeServer& server) {
  std::vector<std::string> names;
  for (const FakeCall& call : server.plain_calls()) names.push_back(call.operations.at(1).text);
  return names;
}

class RestoreTest : public SessionTest {
 protected:
  // A request for this name in recovery, the way a lock is taken again.
  static Task<Status> restore_by(Session& session, std::string name) {
    Compound request("LOOKUP", Repeat::kIdempotent);
    request.add(nfs4::Putrootfh{});
    request.add(nfs4::Lookup{{}, name});
    auto reply = co_await session.call_in_recovery(request);
    if (!reply) co_return std::move(reply).error();
    NFSFERRY_TRY(nfs4::NoReply root, reply->take<nfs4::Putrootfh>(), co_return);
    NFSFERRY_TRY(nfs4::NoReply found, reply->take<nfs4::Lookup>(), co_return);
    co_return ok();
  }
  // REMOVE of "a" and "b" side by side, with a hook that looks "lock" up; the errors of both.
  std::vector<Status> remove_with_restore(const FakeServer& server) {
    std::vector<Status> results{ok(), ok()};
    auto body = [&](Session& session) -> Task<void> {
      session.set_restore([&session] { return restore_by(session, "lock"); });
      TaskGroup group;
      group.spawn(store_status(remove(session, "a", Repeat::kOnce), results[0]));
      group.spawn(store_status(remove(session, "b", Repeat::kOnce), results[1]));
      co_await group.join();
    };
    run(server, body);
    return results;
  }
};

TEST_F(RestoreTest, ARestartedServerHearsOfItFirst) {
  FakeServer server(nth(1, restarted()));
  for (const Status& status : remove_with_restore(server)) EXPECT_TRUE(status) << why(status);
  // Both were refused with their session; slot 0 was used for the hook's request and goes on.
  auto names = asked(server);
  ASSERT_EQ(names.size(), 5u);
  EXPECT_EQ(names[2], "lock");
  EXPECT_EQ(server.removed().size(), 2u);
}

// Of a client id that stays: without a new one the run would go on without its lock.
TEST_F(RestoreTest, AServerThatHasRevokedStateHearsOfItFirst) {
  for (std::uint32_t flag : {0x08u, 0x10u, 0x20u}) {
    auto script = [flag, first = std::string()](const FakeCall& call) mutable {
      FakeAnswer answer;
      if (!call.has_sequence) return answer;
      if (first.empty()) first = call.session;
      if (call.session == first && call.is_plain()) answer.status_flags = flag;
      return answer;
    };
    FakeServer server(script);
    auto body = [&](Session& session) -> Task<void> {
      session.set_restore([&session] { return restore_by(session, "lock"); });
      Status before = ok();
      Status after = ok();
      co_await store_status(remove(session, "a", Repeat::kOnce), before);
      co_await store_status(remove(session, "b", Repeat::kOnce), after);
      EXPECT_TRUE(before && after);
    };
    run(server, body);
    EXPECT_EQ(asked(server), (std::vector<std::string>{"a", "lock", "b"}));
    auto verifiers = server.verifiers();
    ASSERT_GE(verifiers.size(), 2u);
    EXPECT_NE(verifiers[0], verifiers[1]) << "it would be the same client";
  }
}

// The news comes with a reply of the session that is being replaced already.
TEST_F(RestoreTest, RevokedStateThatIsToldOfDuringARecoveryIsHeardOf) {
  auto script = [seen = 0u](const FakeCall& call) mutable {
    FakeAnswer answer;
    if (!call.is_plain()) return answer;
    ++seen;
    if (seen == 1) {
      answer.status_flags = 0x20;
      answer.hold = true;
    }
    answer.forget_sessions = seen == 2;
    return answer;
  };
  FakeServer server(script);
  for (const Status& status : remove_with_restore(server)) EXPECT_TRUE(status) << why(status);
  EXPECT_EQ(asked(server), (std::vector<std::string>{"a", "b", "lock", "b"}));
  auto verifiers = server.verifiers();
  ASSERT_GE(verifiers.size(), 2u);
  EXPECT_NE(verifiers[0], verifiers[1]) << "it would be the same client";
}

TEST_F(RestoreTest, AServerThatGoesOnToTellOfRevokedStateIsBelievedOnce) {
  auto script = [](const FakeCall& call) {
    FakeAnswer answer;
    if (call.has_sequence) answer.status_flags = 0x20;
    return answer;
  };
  FakeServer server(script);
  for (const Status& status : remove_with_restore(server)) EXPECT_TRUE(status) << why(status);
  EXPECT_EQ(server.removed().size(), 2u);
}

TEST_F(RestoreTest, ALostSessionOfAClientThatIsKnownLosesNothing) {
  FakeAnswer forgotten;
  forgotten.forget_sessions = true;
  FakeServer server(nth(1, forgotten));
  for (const Status& status : remove_with_restore(server)) EXPECT_TRUE(status) << why(status);
  EXPECT_EQ(asked(server).size(), 4u);
}

TEST_F(RestoreTest, GraceIsWaitedForAndNothingElseIsSentMeanwhile) {
  auto script = [seen = 0u](const FakeCall& call) mutable {
    if (!call.is_plain()) return FakeAnswer{};
    ++seen;
    if (seen == 1) return restarted();
    return seen == 3 || seen == 4 ? fails_at(1, Nfsstat4::kGrace) : FakeAnswer{};
  };
  FakeServer server(script);
  for (const Status& status : remove_with_restore(server)) EXPECT_TRUE(status) << why(status);
  auto names = asked(server);
  ASSERT_EQ(names.size(), 7u);
  for (std::size_t i : {2u, 3u, 4u}) EXPECT_EQ(names[i], "lock");
}

TEST_F(RestoreTest, ALostConnectionMakesItBeAskedAgainInANewSession) {
  FakeAnswer lost;
  lost.close = true;
  lost.execute = true;
  auto script = [lost, seen = 0u](const FakeCall& call) mutable {
    if (!call.is_plain()) return FakeAnswer{};
    ++seen;
    if (seen == 1) return restarted();
    return seen == 3 ? lost : FakeAnswer{};
  };
  FakeServer server(script);
  for (const Status& status : remove_with_restore(server)) EXPECT_TRUE(status) << why(status);
  auto calls = server.plain_calls();
  ASSERT_EQ(calls.size(), 6u);
  EXPECT_EQ(calls[3].operations.at(1).text, "lock");
  EXPECT_NE(calls[3].session, calls[2].session);
}

TEST_F(RestoreTest, WhatCannotBeTakenAgainEndsTheSession) {
  auto script = [seen = 0u](const FakeCall& call) mutable {
    if (!call.is_plain()) return FakeAnswer{};
    ++seen;
    if (seen == 1) return restarted();
    return seen == 3 ? fails_at(1, Nfsstat4::kAccess) : FakeAnswer{};
  };
  FakeServer server(script);
  for (const Status& status : remove_with_restore(server)) {
    EXPECT_TRUE(is_status(status, Nfsstat4::kAccess)) << why(status);
  }
  EXPECT_TRUE(server.removed().empty());
}

// The lock is given back while it is being taken again: the server answers nothing until then.
TEST_F(RestoreTest, ALockIsGivenBackOnceItIsTakenAgain) {
  std::atomic<bool> recovering = false;
  std::atomic<bool> go_on = false;
  auto script = [&, seen = 0u](const FakeCall& call) mutable {
    if (!call.is_plain()) return FakeAnswer{};
    ++seen;
    if (seen == 4) return restarted();  // after OPEN, LOCK, LOOKUP
    if (seen == 5) {
      recovering = true;
      while (!go_on) std::this_thread::yield();
    }
    return FakeAnswer{};
  };
  FakeServer server(script);
  Status other = ok();
  auto body = [&](Session& session) -> Task<void> {
    nfs4::RootLock lock(session);
    Status taken = co_await lock.take("root", "run");
    EXPECT_TRUE(taken) << why(taken);
    TaskGroup group;
    group.spawn(store_status(remove(session, "other", Repeat::kOnce), other));
    auto patience = Clock::now() + std::chrono::seconds(60);
    while (!recovering && Clock::now() < patience) {
      (void)co_await loop_->sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_TRUE(recovering);
    group.spawn(lock.release());
    for (int i = 0; i < 10; ++i) (void)co_await loop_->sleep_for(std::chrono::milliseconds(1));
    go_on = true;
    co_await group.join();
  };
  run(server, body);
  EXPECT_TRUE(other) << why(other);
  std::vector<std::uint32_t> recovery;
  auto calls = server.plain_calls();
  ASSERT_GE(calls.size(), 7u);
  for (std::size_t i = 4; i < 7; ++i) recovery.push_back(calls[i].operations.at(1).number);
  EXPECT_EQ(recovery, (std::vector<std::uint32_t>{kOpOpen, kOpLock, kOpLookup}));
  std::vector<std::string> removed = server.removed();
  EXPECT_EQ(std::ranges::count(removed, kLockName), 1);
}

TEST_F(RestoreTest, AServerWithoutLocksIsRecognisedAndItsFileRemoved) {
  for (Nfsstat4 refusal : {Nfsstat4::kNotsupp, Nfsstat4::kLockNotsupp}) {
    auto script = [refusal](const FakeCall& call) {
      for (std::size_t i = 0; i < call.operations.size(); ++i) {
        if (call.operations[i].number == kOpLock) return fails_at(i, refusal);
      }
      return FakeAnswer{};
    };
    FakeServer server(script);
    Status taken = ok();
    auto body = [&](Session& session) -> Task<void> {
      nfs4::RootLock lock(session);
      taken = co_await lock.take("root", "run");
      co_await lock.release();
    };
    run(server, body);
    EXPECT_TRUE(is_own(taken, Own::kUnsupported)) << why(taken);
    EXPECT_EQ(server.removed(), std::vector<std::string>{std::string(kLockName)});
    EXPECT_EQ(server.plain_calls().back().operations.at(1).number, kOpClose);
  }
}

}  // namespace
}  // namespace nfsferry::test

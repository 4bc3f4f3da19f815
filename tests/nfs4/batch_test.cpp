// Vectored requests: whose fault an error is, and what is sent again.
#include "nfs4/batch.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "session_fixture.hpp"

namespace nfsferry::test {
namespace {

using namespace nfs4;
using Names = std::vector<std::string>;

// REMOVE of a name per item, two operations each.
class RemoveNames : public Batch {
 public:
  explicit RemoveNames(Names names, Repeat repeat = Repeat::kOnce)
      : names_(std::move(names)), repeat_(repeat), done_(names_.size()), undone_(names_.size()) {
    for (std::size_t i = 0; i < names_.size(); ++i) results_.push_back(ok());
  }
  std::string_view kind() const override { return "REMOVE"; }
  Repeat repeat() const override { return repeat_; }
  std::size_t size() const override { return names_.size(); }
  Status accept(std::size_t item) const override { return accept_name(names_[item]); }
  Cost cost(std::size_t, std::optional<std::size_t>) const override { return Cost{2, 64, 64}; }
  void encode(std::size_t item, std::optional<std::size_t>, Compound& request) override {
    request.add(Putrootfh{});
    request.add(Remove{{}, names_[item]});
  }
  Status decode(std::size_t item, std::optional<std::size_t>, CompoundReply& reply) override {
    NFSFERRY_TRY(NoReply root, reply.take<Putrootfh>(), return);
    NFSFERRY_TRY(NoReply removed, reply.take<Remove>(), return);
    ++done_[item];
    return ok();
  }
  Task<void> undo(std::size_t item) override {
    ++undone_[item];
    co_return;
  }
  void fail(std::size_t item, Error error) override { results_[item] = std::move(error); }

  // Names of the items that failed, with their errors.
  std::map<std::string, std::string> failures() const {
    std::map<std::string, std::string> out;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (!results_[i]) out[names_[i]] = results_[i].error().name();
    }
    return out;
  }
  // Every item has its result: done once, or failed.
  void expect_all_settled() const {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      EXPECT_EQ(done_[i], results_[i] ? 1 : 0) << names_[i];
    }
  }
  int undone(std::size_t item) const { return undone_[item]; }

 private:
  Names names_;
  Repeat repeat_;
  std::vector<Status> results_;
  std::vector<int> done_;
  std::vector<int> undone_;
};

Names numbered(std::size_t count) {
  Names names;
  for (std::size_t i = 0; i < count; ++i) names.push_back("n" + std::to_string(i));
  return names;
}

// Where this name's REMOVE stands in a request.
std::optional<std::size_t> place_of(const FakeCall& call, std::string_view name) {
  for (std::size_t i = 0; i < call.operations.size(); ++i) {
    if (call.operations[i].text == name) return i;
  }
  return {};
}

// Fails the REMOVE of a name, `times` times.
FakeServer::Script fails_name(std::string name, Nfsstat4 status, unsigned times = 1000) {
  return [name, status, times, seen = 0u](const FakeCall& call) mutable {
    FakeAnswer answer;
    auto place = call.is_plain() ? place_of(call, name) : std::nullopt;
    if (!place || seen++ >= times) return answer;
    answer.at = *place;
    answer.status = code_of(status);
    return answer;
  };
}

class BatchTest : public SessionTest {
 protected:
  ClientLimits run_batch_on(const FakeServer& server, Batch& batch,
                            std::uint64_t timeout_ms = kTestTimeoutMs) {
    ClientLimits limits;
    auto body = [&](Session& session) -> Task<void> {
      co_await run_batch(session, batch);
      limits = session.limits();
    };
    run(server, body, timeout_ms);
    return limits;
  }
};

class BusyBatchTest : public BatchTest, public testing::WithParamInterface<Repeat> {};

std::size_t largest_request(const FakeServer& server) {
  std::size_t most = 0;
  for (const FakeCall& call : server.plain_calls()) {
    most = std::max(most, call.operations.size() + 1);
  }
  return most;
}

TEST_F(BatchTest, SendsAsManyItemsARequestAsTheLimitTakes) {
  FakeServer server({}, FakeLimits{1 << 20, 1 << 20, 8192, 21, 16});
  RemoveNames batch(numbered(25));
  run_batch_on(server, batch);
  batch.expect_all_settled();
  EXPECT_TRUE(batch.failures().empty());
  EXPECT_EQ(server.plain_calls().size(), 3u) << "10, 10 and 5 items";
  EXPECT_EQ(largest_request(server), 21u);
}

// Four items a request and one request at a time: the last one comes when the batch is older than
// the timeout.
TEST_F(BatchTest, WaitsForABusyServerHoweverLongTheBatchHasTaken) {
  auto busy = fails_name("n39", Nfsstat4::kDelay, 1);
  FakeServer server(
      [busy](const FakeCall& call) mutable {
        if (call.is_plain()) std::this_thread::sleep_for(std::chrono::milliseconds(130));
        return busy(call);
      },
      FakeLimits{1 << 20, 1 << 20, 8192, 9, 1});
  RemoveNames batch(numbered(40));
  run_batch_on(server, batch, 1'000);
  batch.expect_all_settled();
  EXPECT_EQ(batch.failures(), (std::map<std::string, std::string>{}));
  EXPECT_EQ(largest_request(server), 9u);
}

// Two of ten that the server always puts off, a file of which it has to fetch the bytes for one:
// they are waited for side by side, and the others not with them.
TEST_P(BusyBatchTest, WaitsForSeveralThatAreBusyAtTheSameTime) {
  auto fourth = fails_name("n3", Nfsstat4::kDelay);
  auto eighth = fails_name("n7", Nfsstat4::kDelay);
  FakeServer server([fourth, eighth](const FakeCall& call) mutable {
    std::size_t before = place_of(call, "n3").value_or(1000);
    std::size_t later = place_of(call, "n7").value_or(1000);
    return before < later ? fourth(call) : eighth(call);
  });
  RemoveNames batch(numbered(10), GetParam());
  run_batch_on(server, batch, 2'500);
  batch.expect_all_settled();
  EXPECT_EQ(batch.failures(),
            (std::map<std::string, std::string>{{"n3", "NFS4ERR_DELAY"}, {"n7", "NFS4ERR_DELAY"}}));
  std::size_t first_with_n9 = 0;
  std::size_t last_with_n3 = 0;
  auto calls = server.plain_calls();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (first_with_n9 == 0 && place_of(calls[i], "n9") && !place_of(calls[i], "n7"))
      first_with_n9 = i;
    if (place_of(calls[i], "n3")) last_with_n3 = i;
  }
  EXPECT_GT(first_with_n9, 0u);
  EXPECT_LT(first_with_n9, last_with_n3);
}
// The time that an item may take begins when it is refused, whatever those before it took.
TEST_P(BusyBatchTest, WaitsForEachFromItsFirstRefusalOn) {
  constexpr auto kTimeout = std::chrono::milliseconds(2'000);
  auto busy_for = [](std::string name, std::chrono::milliseconds time) {
    return [=, first = std::optional<Clock::time_point>()](const FakeCall& call) mutable {
      auto place = place_of(call, name);
      if (!place) return FakeAnswer{};
      if (!first) first = Clock::now();
      if (Clock::now() - *first > time) return FakeAnswer{};
      return fails_at(*place, Nfsstat4::kDelay);
    };
  };
  auto one = busy_for("n0", kTimeout * 8 / 10);
  auto other = busy_for("n1", kTimeout * 6 / 10);
  FakeServer server([one, other](const FakeCall& call) mutable {
    FakeAnswer answer = one(call);
    return answer.status ? answer : other(call);
  });
  RemoveNames batch(numbered(2), GetParam());
  run_batch_on(server, batch, kTimeout.count());
  batch.expect_all_settled();
  EXPECT_EQ(batch.failures(), (std::map<std::string, std::string>{}));
}

INSTANTIATE_TEST_SUITE_P(Repeats, BusyBatchTest,
                         testing::Values(Repeat::kOnce, Repeat::kIdempotent));

TEST_F(BatchTest, OfNothingSendsNothing) {
  FakeServer server;
  RemoveNames batch({});
  run_batch_on(server, batch);
  EXPECT_TRUE(server.plain_calls().empty());
}

TEST_F(BatchTest, FailsTheItemAtFaultAloneAndGoesOnBehindIt) {
  FakeServer server(fails_name("n3", Nfsstat4::kAccess));
  RemoveNames batch(numbered(10));
  run_batch_on(server, batch);
  batch.expect_all_settled();
  EXPECT_EQ(batch.failures(), (std::map<std::string, std::string>{{"n3", "NFS4ERR_ACCESS"}}));
  EXPECT_EQ(batch.undone(3), 1);
  EXPECT_EQ(batch.undone(4), 0) << "never executed";
  EXPECT_EQ(server.plain_calls().size(), 2u);
  EXPECT_EQ(server.removed().size(), 9u);
}

TEST_F(BatchTest, FailsEveryItemThatDeservesIt) {
  FakeServer server([](const FakeCall& call) {
    FakeAnswer answer;
    if (!call.is_plain()) return answer;
    for (std::size_t i = 0; i < call.operations.size(); ++i) {
      if (!call.operations[i].text.starts_with("bad")) continue;
      answer.at = i;
      answer.status = code_of(Nfsstat4::kNoent);
      break;
    }
    return answer;
  });
  RemoveNames batch({"bad1", "good1", "bad2", "bad3", "good2", "bad4"});
  run_batch_on(server, batch);
  batch.expect_all_settled();
  EXPECT_EQ(batch.failures().size(), 4u);
  EXPECT_EQ(server.removed(), (Names{"good1", "good2"}));
}

TEST_F(BatchTest, NeverSendsANameThatMustNotBeUsed) {
  FakeServer server;
  RemoveNames batch({"good", "..", std::string("a\0b", 3), "a/b", "", std::string(256, 'n')});
  run_batch_on(server, batch);
  EXPECT_EQ(batch.failures().size(), 5u);
  EXPECT_EQ(server.removed(), Names{"good"});
}

TEST_F(BatchTest, WaitsOutAGraceThatStopsItHalfWay) {
  FakeServer server(fails_name("n4", Nfsstat4::kGrace, 3));
  RemoveNames batch(numbered(8));
  run_batch_on(server, batch);
  batch.expect_all_settled();
  EXPECT_TRUE(batch.failures().empty());
  EXPECT_EQ(server.removed(), numbered(8)) << "nothing twice";
  EXPECT_EQ(server.plain_calls().size(), 4u);
}

TEST_F(BatchTest, GivesUpOnAGraceThatNeverEnds) {
  FakeServer server(fails_name("n1", Nfsstat4::kGrace));
  RemoveNames batch(numbered(3));
  run_batch_on(server, batch, 100);
  batch.expect_all_settled();
  EXPECT_EQ(batch.failures(), (std::map<std::string, std::string>{{"n1", "NFS4ERR_GRACE"}}));
}

// ganesha, granted less than it was asked for: operation granted + 1 fails, the earlier ones are
// executed.
TEST_F(BatchTest, LearnsTooManyOpsFromWhereItFails) {
  FakeServer server([](const FakeCall& call) {
    FakeAnswer answer;
    if (!call.is_plain() || call.operations.size() + 1 <= 11) return answer;
    answer.at = 10;  // SEQUENCE and ten more are done
    answer.status = code_of(Nfsstat4::kTooManyOps);
    return answer;
  });
  RemoveNames batch(numbered(40));
  ClientLimits limits = run_batch_on(server, batch);
  batch.expect_all_settled();
  EXPECT_TRUE(batch.failures().empty());
  EXPECT_EQ(limits.operations, 11u);
  EXPECT_EQ(server.removed().size(), 40u);
  EXPECT_LE(server.plain_calls().size(), 9u) << "one refusal, then eight of five items";
}

// knfsd over its limit: the first 50 are executed and the status is OK.
TEST_F(BatchTest, LearnsFromFewerResultsThanItSent) {
  FakeServer server([](const FakeCall& call) {
    FakeAnswer answer;
    if (call.is_plain() && call.operations.size() > 20) answer.cut_after = 20;
    return answer;
  });
  RemoveNames batch(numbered(40));
  ClientLimits limits = run_batch_on(server, batch);
  batch.expect_all_settled();
  EXPECT_TRUE(batch.failures().empty());
  EXPECT_EQ(limits.operations, 21u);
  EXPECT_EQ(server.removed().size(), 40u);
}

// ganesha over its own 100: RESOURCE, nothing executed, not even SEQUENCE.
TEST_F(BatchTest, HalvesARequestThatIsRefusedWhole) {
  FakeServer server([](const FakeCall& call) {
    FakeAnswer answer;
    if (call.is_plain() && call.operations.size() > 20) {
      answer.sequence_status = code_of(Nfsstat4::kResource);
    }
    return answer;
  });
  RemoveNames batch(numbered(45));
  ClientLimits limits = run_batch_on(server, batch);
  batch.expect_all_settled();
  EXPECT_TRUE(batch.failures().empty());
  EXPECT_LE(limits.operations, 50u);
  EXPECT_EQ(server.removed().size(), 45u);
}

// A server that is short of memory for a moment.
TEST_F(BatchTest, TriesMoreAgainWhenAnotherResourceIsLongPast) {
  FakeServer server([](const FakeCall& call) {
    FakeAnswer answer;
    if (call.operations.size() > 60 && place_of(call, "poor0")) {
      answer.sequence_status = code_of(Nfsstat4::kResource);
    }
    return answer;
  });
  std::vector<std::uint32_t> operations;
  auto body = [&](Session& session) -> Task<void> {
    Names poor = numbered(45);
    for (std::string& name : poor) name = "poor" + name.substr(1);
    RemoveNames first(std::move(poor));
    co_await run_batch(session, first);
    operations.push_back(session.limits().operations);
    for (int i = 0; i < 5; ++i) {
      RemoveNames more(numbered(2'000));
      co_await run_batch(session, more);
      operations.push_back(session.limits().operations);
    }
  };
  run(server, body);
  EXPECT_LE(operations.front(), 50u);
  EXPECT_EQ(operations.back(), 100u);
}

TEST_F(BatchTest, WaitsWhereASingleItemFindsNoResources) {
  FakeServer server(fails_name("n0", Nfsstat4::kResource, 5));
  RemoveNames batch(numbered(1));
  ClientLimits limits = run_batch_on(server, batch);
  batch.expect_all_settled();
  EXPECT_TRUE(batch.failures().empty());
  EXPECT_EQ(limits.operations, 100u) << "two operations were not too many";
}

TEST_F(BatchTest, NeverRaisesALimitByLearning) {
  FakeServer server(fails_name("n2", Nfsstat4::kReqTooBig, 1),
                    FakeLimits{20'000, 20'000, 8192, 10, 16});
  RemoveNames batch(numbered(6));
  ClientLimits limits = run_batch_on(server, batch);
  batch.expect_all_settled();
  EXPECT_LE(limits.request_bytes, 20'000u);
  EXPECT_LE(limits.operations, 10u);
}

// A request over knfsd's size ends the connection.
TEST_F(BatchTest, SplitsARequestThatEndsItsConnection) {
  FakeServer server([](const FakeCall& call) {
    FakeAnswer answer;
    answer.close = call.is_plain() && call.operations.size() > 8;
    return answer;
  });
  RemoveNames batch(numbered(16));
  run_batch_on(server, batch);
  batch.expect_all_settled();
  EXPECT_TRUE(batch.failures().empty());
  auto removed = server.removed();
  std::sort(removed.begin(), removed.end());
  EXPECT_EQ(removed.size(), 16u);
  EXPECT_EQ(std::unique(removed.begin(), removed.end()), removed.end());
}

TEST_F(BatchTest, FailsTheItemThatAlwaysEndsTheConnectionAndNoOther) {
  FakeServer server([](const FakeCall& call) {
    FakeAnswer answer;
    answer.close = call.is_plain() && place_of(call, "n5");
    return answer;
  });
  RemoveNames batch(numbered(8));
  run_batch_on(server, batch);
  batch.expect_all_settled();
  EXPECT_EQ(batch.failures(), (std::map<std::string, std::string>{{"n5", "request_refused"}}));
}

TEST_F(BatchTest, LooksAtAndRepeatsARequestOfUnknownOutcome) {
  FakeAnswer unanswered;
  unanswered.close = true;
  unanswered.execute = true;
  FakeServer server(nth(1, unanswered), FakeLimits{1 << 20, 1 << 20, 0, 100, 16});
  RemoveNames batch(numbered(3), Repeat::kOnce);
  run_batch_on(server, batch);
  batch.expect_all_settled();
  EXPECT_TRUE(batch.failures().empty());
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(batch.undone(i), 1) << "looked at before";
  EXPECT_EQ(server.removed().size(), 6u);
}

TEST_F(BatchTest, FailsEveryItemWhenTheServerIsGone) {
  FakeServer server([](const FakeCall& call) {
    FakeAnswer answer;
    answer.silent = call.is_plain();
    return answer;
  });
  RemoveNames batch(numbered(3));
  run_batch_on(server, batch, 300);
  EXPECT_EQ(batch.failures().size(), 3u);
  EXPECT_EQ(batch.failures()["n0"], "unreachable");
}

// Judges one name's result itself: the server found nothing wrong with it.
class JudgingBatch : public RemoveNames {
 public:
  JudgingBatch(Names names, std::size_t bad) : RemoveNames(std::move(names)), bad_(bad) {}
  Status decode(std::size_t item, std::optional<std::size_t> previous,
                CompoundReply& reply) override {
    NFSFERRY_TRY(Ok taken, RemoveNames::decode(item, previous, reply), return);
    if (item != bad_) return ok();
    return own_error(Own::kVerifyMismatch, "READ");
  }

 private:
  std::size_t bad_;
};

TEST_F(BatchTest, WhatIsJudgedByUsStopsNothingBehindIt) {
  FakeServer server;
  JudgingBatch batch(numbered(10), 3);
  run_batch_on(server, batch);
  EXPECT_EQ(batch.failures(), (std::map<std::string, std::string>{{"n3", "verify_mismatch"}}));
  EXPECT_EQ(batch.undone(3), 1);
  EXPECT_EQ(server.removed(), numbered(10)) << "nothing twice";
  EXPECT_EQ(server.plain_calls().size(), 1u);
}

// Has names for the head of its first request; its errors outlive it.
class CarryingBatch : public RemoveNames {
 public:
  class Head : public RemoveNames {
   public:
    Head(Names names, std::map<std::string, std::string>& failures)
        : RemoveNames(std::move(names)), failures_of_all_(failures) {}
    ~Head() override { failures_of_all_ = failures(); }

   private:
    std::map<std::string, std::string>& failures_of_all_;
  };
  CarryingBatch(Names names, Names head) : RemoveNames(std::move(names)), head_(std::move(head)) {}
  std::unique_ptr<Batch> take_head(const Cost& room) override {
    room_ = room;
    if (head_.empty()) return nullptr;
    return std::make_unique<Head>(std::exchange(head_, {}), head_failures_);
  }
  const Cost& room() const { return room_; }
  const std::map<std::string, std::string>& head_failures() const { return head_failures_; }

 private:
  Names head_;
  Cost room_;
  std::map<std::string, std::string> head_failures_;
};

TEST_F(BatchTest, AHeadTravelsInTheSameRequest) {
  FakeServer server;
  CarryingBatch batch(numbered(4), {"h0", "h1"});
  run_batch_on(server, batch);
  EXPECT_EQ(batch.room().operations, 100u - 1 - 4 * 2);
  EXPECT_EQ(server.removed(), (Names{"h0", "h1", "n0", "n1", "n2", "n3"}));
  EXPECT_EQ(server.plain_calls().size(), 1u);
}

TEST_F(BatchTest, AfterAFailureInTheHeadItsRestGoesAloneAndTheItemsOnceMore) {
  FakeServer server(fails_name("h1", Nfsstat4::kIsdir));
  CarryingBatch batch(numbered(4), {"h0", "h1", "h2"});
  run_batch_on(server, batch);
  batch.expect_all_settled();
  EXPECT_TRUE(batch.failures().empty());
  EXPECT_EQ(batch.head_failures(), (std::map<std::string, std::string>{{"h1", "NFS4ERR_ISDIR"}}));
  EXPECT_EQ(server.removed(), (Names{"h0", "h2", "n0", "n1", "n2", "n3"}));
}

TEST_F(BatchTest, AHeadOfUnknownOutcomeIsRepeatedAlone) {
  FakeAnswer unanswered;
  unanswered.close = true;
  unanswered.execute = true;
  FakeServer server(nth(1, unanswered), FakeLimits{1 << 20, 1 << 20, 0, 100, 16});
  CarryingBatch batch(numbered(2), {"h0"});
  run_batch_on(server, batch);
  batch.expect_all_settled();
  EXPECT_TRUE(batch.failures().empty());
  EXPECT_TRUE(batch.head_failures().empty());
  EXPECT_EQ(server.removed(), (Names{"h0", "n0", "n1", "h0", "n0", "n1"}));
}

}  // namespace
}  // namespace nfsferry::test

// A 4.0 client on a fake server: client ids, sequence ids, what is repeated and what is not.
#include "nfs4/client40.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "nfs4/nfs4_tree.hpp"
#include "session_fixture.hpp"
#include "wire.hpp"

namespace nfsferry::test {
namespace {

using nfs4::Client;
using nfs4::Client40;
using nfs4::Stateid;

FakeAnswer fails(std::size_t at, Nfsstat4 status) {
  FakeAnswer answer;
  answer.at = at;
  answer.status = code_of(status);
  return answer;
}
FakeAnswer restarted() {
  FakeAnswer answer;
  answer.forget_clients = true;
  return answer;
}

// `name` outlives the request.
Compound open_request(std::string_view name, Repeat repeat) {
  Compound request("OPEN", repeat);
  request.add(nfs4::Putrootfh{});
  nfs4::OpenCreate open;
  open.name = name;
  request.add(open);
  request.add(nfs4::Getfh{});
  return request;
}

// Creates a file and keeps it open.
Task<Result<Stateid>> create(Client& client, std::string name, Repeat repeat) {
  Compound request = open_request(name, repeat);
  auto reply = co_await client.call(request);
  if (!reply) co_return std::move(reply).error();
  NFSFERRY_TRY(nfs4::NoReply root, reply->take<nfs4::Putrootfh>(), co_return);
  NFSFERRY_TRY(nfs4::OpenCreate::Reply opened, reply->take<nfs4::OpenCreate>(), co_return);
  co_return opened.stateid;
}

Task<Status> close_file(Client& client, Stateid stateid) {
  Compound request("CLOSE", Repeat::kIdempotent);
  request.add(nfs4::Putrootfh{});
  request.add(nfs4::Close{{}, stateid});
  auto reply = co_await client.call(request);
  if (!reply) co_return std::move(reply).error();
  NFSFERRY_TRY(nfs4::NoReply root, reply->take<nfs4::Putrootfh>(), co_return);
  NFSFERRY_TRY(nfs4::NoReply closed, reply->take<nfs4::Close>(), co_return);
  co_return ok();
}

Task<Status> remove_one(Client& client, std::string name, Repeat repeat) {
  Compound request("REMOVE", repeat);
  request.add(nfs4::Putrootfh{});
  request.add(nfs4::Remove{{}, name});
  auto reply = co_await client.call(request);
  if (!reply) co_return std::move(reply).error();
  NFSFERRY_TRY(nfs4::NoReply root, reply->take<nfs4::Putrootfh>(), co_return);
  NFSFERRY_TRY(nfs4::NoReply removed, reply->take<nfs4::Remove>(), co_return);
  co_return ok();
}

// Every OPEN, OPEN_CONFIRM and CLOSE that came, in order.
std::vector<FakeOperation> sequenced(const FakeServer& server) {
  std::vector<FakeOperation> found;
  for (const FakeCall& call : server.calls()) {
    for (const FakeOperation& operation : call.operations) {
      bool counted = operation.number == kOpOpen || operation.number == kOpClose ||
                     operation.number == kOpOpenConfirm;
      if (counted) found.push_back(operation);
    }
  }
  return found;
}

std::vector<std::uint32_t> seqids(const FakeServer& server) {
  std::vector<std::uint32_t> found;
  for (const FakeOperation& operation : sequenced(server)) found.push_back(operation.seqid);
  return found;
}

// The n-th request with this operation (from 1) is answered in its own way.
FakeServer::Script nth_with(std::uint32_t operation, unsigned n, FakeAnswer special) {
  return [operation, n, special, seen = 0u](const FakeCall& call) mutable {
    bool has = std::any_of(call.operations.begin(), call.operations.end(),
                           [&](const auto& one) { return one.number == operation; });
    return has && ++seen == n ? special : FakeAnswer{};
  };
}
FakeServer::Script nth_open(unsigned n, FakeAnswer special) {
  return nth_with(kOpOpen, n, special);
}

class Client40Test : public SessionTest {
 protected:
  template <typename Body>
  void with_client(const FakeServer& server, Body body) {
    auto work = [&]() -> Task<void> {
      Client40 client(*loop_, options(server));
      Status opened = co_await client.open();
      EXPECT_TRUE(opened) << why(opened);
      if (opened) co_await body(client);
      co_await client.close();
    };
    loop_->run(work());
  }
  // Two files after each other; their results.
  std::vector<Status> create_two(const FakeServer& server, Repeat repeat = Repeat::kOnce) {
    std::vector<Status> results;
    with_client(server, [&](Client& client) -> Task<void> {
      for (const char* name : {"a", "b"}) {
        auto made = co_await create(client, name, repeat);
        results.push_back(made ? ok() : Status(made.error()));
      }
    });
    return results;
  }
};

TEST_F(Client40Test, NothingHasASequenceAndEveryRequestIsOfMinorVersion0) {
  FakeServer server;
  create_two(server);
  for (const FakeCall& call : server.calls()) {
    EXPECT_EQ(call.minor_version, 0u);
    EXPECT_FALSE(call.has_sequence);
  }
  EXPECT_TRUE(server.calls().at(0).is(kOpSetclientid));
  EXPECT_TRUE(server.calls().at(1).is(kOpSetclientidConfirm));
}

TEST_F(Client40Test, ANewOwnerIsConfirmedOnceAndCountsEveryOperation) {
  FakeServer server;
  with_client(server, [](Client& client) -> Task<void> {
    auto first = co_await create(client, "a", Repeat::kOnce);
    auto second = co_await create(client, "b", Repeat::kOnce);
    EXPECT_TRUE(first && second);
    Status closed = co_await close_file(client, *first);
    EXPECT_TRUE(closed) << why(closed);
  });
  auto operations = sequenced(server);
  ASSERT_EQ(operations.size(), 4u);  // OPEN, OPEN_CONFIRM, OPEN, CLOSE
  EXPECT_EQ(seqids(server), (std::vector<std::uint32_t>{1, 2, 3, 4}));
  EXPECT_EQ(operations[1].number, kOpOpenConfirm);
  EXPECT_EQ(operations[2].owner, operations[0].owner);
  // The stateid as OPEN_CONFIRM numbered it.
  EXPECT_EQ(operations[3].stateid.substr(0, 4), std::string("\0\0\0\2", 4));
}

TEST_F(Client40Test, AFailedOpenCountsUnlessItsErrorSaysOtherwise) {
  struct Row {
    Nfsstat4 status;
    bool counts;
  };
  for (Row row :
       {Row{Nfsstat4::kExist, true}, Row{Nfsstat4::kNospc, true}, Row{Nfsstat4::kDelay, true},
        Row{Nfsstat4::kGrace, true}, Row{Nfsstat4::kBadxdr, false}, Row{Nfsstat4::kResource, false},
        Row{Nfsstat4::kMoved, false}, Row{Nfsstat4::kNofilehandle, false}}) {
    FakeServer server(nth_open(1, fails(1, row.status)));
    auto results = create_two(server);
    EXPECT_TRUE(is_status(results[0], row.status)) << why(results[0]);
    EXPECT_TRUE(results[1]) << why(results[1]);
    EXPECT_EQ(seqids(server).at(1), row.counts ? 2u : 1u) << code_of(row.status);
  }
}

Task<void> create_into(Client& client, std::string name, unsigned& created) {
  auto made = co_await create(client, std::move(name), Repeat::kOnce);
  if (made) ++created;
}

TEST_F(Client40Test, ManyOpensAtOnceShareAFewOwners) {
  FakeServer server;
  unsigned created = 0;
  with_client(server, [&created](Client& client) -> Task<void> {
    TaskGroup group;
    for (unsigned i = 0; i < 100; ++i) group.spawn(create_into(client, std::to_string(i), created));
    co_await group.join();
  });
  EXPECT_EQ(created, 100u);
  std::set<std::string> owners;
  for (const FakeOperation& operation : sequenced(server)) {
    if (operation.number == kOpOpen) owners.insert(operation.owner);
  }
  EXPECT_EQ(owners.size(), nfs4::StateOwners::kOpenOwnersMost);
}

TEST_F(Client40Test, ARecoveryOpensWhileManyOpensWait) {
  FakeAnswer crash = restarted();
  crash.close = true;
  FakeServer server(nth_open(30, crash));
  unsigned created = 0;
  unsigned restored = 0;
  with_client(server, [&](Client& client) -> Task<void> {
    auto open_lock_file = [&client, &restored]() -> Task<Status> {
      Compound request = open_request("lock", Repeat::kIdempotent);
      auto reply = co_await client.call_in_recovery(request);
      if (reply) ++restored;
      co_return reply ? ok() : Status(reply.error());
    };
    client.set_restore(open_lock_file);
    TaskGroup group;
    for (unsigned i = 0; i < 100; ++i) group.spawn(create_into(client, std::to_string(i), created));
    co_await group.join();
  });
  EXPECT_EQ(restored, 1u);
  EXPECT_GE(created, 100u - nfs4::StateOwners::kOpenOwnersMost) << "what was on its way is unknown";
}

TEST_F(Client40Test, AnOwnerThatIsOutOfStepIsReplaced) {
  FakeServer server(nth_open(1, fails(1, Nfsstat4::kBadSeqid)));
  auto results = create_two(server);
  EXPECT_TRUE(is_status(results[0], Nfsstat4::kBadSeqid)) << why(results[0]);
  EXPECT_TRUE(results[1]) << why(results[1]);
  auto operations = sequenced(server);
  EXPECT_NE(operations.at(1).owner, operations.at(0).owner);
  EXPECT_EQ(operations.at(1).seqid, 1u);
}

TEST_F(Client40Test, WhatWasLostWithItsConnectionIsUnknownAndItsOwnerGivenUp) {
  for (bool executed : {false, true}) {
    FakeServer server(nth_open(1, lost(executed)));
    auto results = create_two(server);
    EXPECT_TRUE(is_own(results[0], Own::kOutcomeUnknown)) << why(results[0]);
    EXPECT_TRUE(results[1]) << why(results[1]);
    auto operations = sequenced(server);
    EXPECT_NE(operations.at(1).owner, operations.at(0).owner);
    EXPECT_EQ(server.count(kOpRenew), 1u) << "is the client id still known?";
  }
}

TEST_F(Client40Test, AnIdempotentOpenIsRepeatedWithItsSequenceId) {
  FakeServer server(nth_open(1, lost(true)));
  auto results = create_two(server, Repeat::kIdempotent);
  EXPECT_TRUE(results[0]) << why(results[0]);
  auto operations = sequenced(server);
  EXPECT_EQ(operations.at(1).owner, operations.at(0).owner);
  EXPECT_EQ(operations.at(1).seqid, operations.at(0).seqid);
}

TEST_F(Client40Test, ALostConfirmationIsRepeatedWithItsSequenceId) {
  for (bool executed : {false, true}) {
    FakeServer server(nth_with(kOpOpenConfirm, 1, lost(executed)));
    auto results = create_two(server);
    EXPECT_TRUE(results[0]) << why(results[0]);
    auto operations = sequenced(server);
    ASSERT_EQ(operations.size(), 4u);  // OPEN, OPEN_CONFIRM twice, OPEN
    EXPECT_EQ(seqids(server), (std::vector<std::uint32_t>{1, 2, 2, 3}));
    EXPECT_EQ(operations[3].owner, operations[0].owner);
  }
}

TEST_F(Client40Test, AConfirmationIsPutOffAsLongAsTheServerWants) {
  FakeServer server(nth_with(kOpOpenConfirm, 1, fails(1, Nfsstat4::kDelay)));
  create_two(server);
  EXPECT_EQ(seqids(server), (std::vector<std::uint32_t>{1, 2, 3, 4}));
}

TEST_F(Client40Test, AnOwnerThatIsNotConfirmedOpensNothingMore) {
  FakeServer server(nth_with(kOpOpenConfirm, 1, fails(1, Nfsstat4::kBadStateid)));
  create_two(server);
  auto operations = sequenced(server);
  ASSERT_EQ(operations.size(), 4u);  // OPEN and OPEN_CONFIRM of two owners
  EXPECT_NE(operations[2].owner, operations[0].owner);
}

TEST_F(Client40Test, WhatCouldNotBeClosedIsLetGoWithTheClientId) {
  FakeServer server(nth_with(kOpClose, 1, fails(1, Nfsstat4::kLocksHeld)));
  with_client(server, [](Client& client) -> Task<void> {
    auto made = co_await create(client, "a", Repeat::kOnce);
    EXPECT_TRUE(made);
    Status closed = co_await close_file(client, *made);
    EXPECT_TRUE(is_status(closed, Nfsstat4::kLocksHeld)) << why(closed);
  });
  EXPECT_EQ(server.count(kOpSetclientid), 2u);
}

TEST_F(Client40Test, AReplyThatDoesNotFitItsRequestIsALostOne) {
  auto head = [](std::uint32_t xid) {  // accepted, executed, OK, no tag, two results
    return Wire().u32(xid).u32(1).u32(0).u32(0).u32(0).u32(0).u32(0).u32(0).u32(2);
  };
  auto of_another = [&](std::uint32_t xid) {
    return head(xid).u32(kOpPutrootfh).u32(0).u32(kOpLookup).u32(0);
  };
  auto cut_short = [&](std::uint32_t xid) { return head(xid).u32(kOpPutrootfh).u32(0); };
  auto expect_lost = [&](auto reply) {
    FakeServer server([reply, seen = false](const FakeCall& call) mutable {
      FakeAnswer answer;
      if (!call.is_plain() || std::exchange(seen, true)) return answer;
      std::string bytes = reply(call.xid).bytes();
      answer.raw =
          Wire().u32(0x80000000u | static_cast<std::uint32_t>(bytes.size())).bytes() + bytes;
      return answer;
    });
    Status status = ok();
    with_client(server, [&](Client& client) -> Task<void> {
      status = co_await remove_one(client, "x", Repeat::kIdempotent);
    });
    EXPECT_TRUE(status) << why(status);
    EXPECT_EQ(server.connections(), 2u);
    EXPECT_EQ(server.removed(), std::vector<std::string>{"x"});
  };
  expect_lost(of_another);
  expect_lost(cut_short);
}

TEST_F(Client40Test, ARemoveThatMustNotBeRepeatedIsSentOnce) {
  FakeServer server(nth(1, lost(true)));
  Status status = ok();
  with_client(server, [&](Client& client) -> Task<void> {
    status = co_await remove_one(client, "x", Repeat::kOnce);
  });
  EXPECT_TRUE(is_own(status, Own::kOutcomeUnknown)) << why(status);
  EXPECT_EQ(server.removed(), std::vector<std::string>{"x"});
}

// The connection ends while nothing is asked: the next request finds none.
TEST_F(Client40Test, WhatWasNotSentIsNotUnknown) {
  FakeServer server;
  Status status = ok();
  with_client(server, [&](Client& client) -> Task<void> {
    server.drop_connections();
    while (client.describe().find("no connection") == std::string::npos) {
      (void)co_await loop_->sleep_for(std::chrono::milliseconds(1));
    }
    status = co_await remove_one(client, "x", Repeat::kOnce);
  });
  EXPECT_TRUE(status) << why(status);
  EXPECT_EQ(server.removed(), std::vector<std::string>{"x"});
}

TEST_F(Client40Test, TheLeastThatLosesItsConnectionsIsRepeated) {
  for (unsigned times : {3u, 100u}) {
    FakeServer server(first_ones(times, lost(false)));
    Status status = ok();
    with_client(server, [&](Client& client) -> Task<void> {
      status = co_await remove_one(client, "x", Repeat::kIdempotent);
    });
    EXPECT_EQ(status.has_value(), times == 3) << why(status);
    EXPECT_EQ(is_own(status, Own::kRequestRefused), times == 100) << why(status);
  }
}

TEST_F(Client40Test, TheLeastThatWasExecutedInPartIsRepeated) {
  FakeAnswer cut;
  cut.cut_after = 1;
  FakeServer server(first_ones(3, cut));
  Status status = ok();
  with_client(server, [&](Client& client) -> Task<void> {
    status = co_await remove_one(client, "x", Repeat::kIdempotent);
  });
  EXPECT_TRUE(status) << why(status);
  EXPECT_EQ(server.removed(), std::vector<std::string>{"x"});
}

TEST_F(Client40Test, ARestartIsNoticedBeforeAnythingElseIsSent) {
  FakeAnswer crash = restarted();
  crash.close = true;
  FakeServer server(nth(1, crash));
  Status status = ok();
  with_client(server, [&](Client& client) -> Task<void> {
    std::uint64_t before = client.client_generation();
    auto look_up = [&client]() -> Task<Status> {
      Compound request("LOOKUP", Repeat::kIdempotent);
      request.add(nfs4::Putrootfh{});
      request.add(nfs4::Lookup{{}, "lock"});
      auto reply = co_await client.call_in_recovery(request);
      co_return reply ? ok() : Status(reply.error());
    };
    client.set_restore(look_up);
    status = co_await remove_one(client, "x", Repeat::kIdempotent);
    EXPECT_EQ(client.client_generation(), before + 1);
  });
  EXPECT_TRUE(status) << why(status);
  auto calls = server.calls();
  ASSERT_GE(calls.size(), 8u);
  EXPECT_TRUE(calls[3].is(kOpRenew));  // after SETCLIENTID, its confirmation, the REMOVE
  EXPECT_TRUE(calls[4].is(kOpSetclientid));
  EXPECT_TRUE(calls[5].is(kOpSetclientidConfirm));
  EXPECT_EQ(calls[6].operations.at(1).text, "lock");
  EXPECT_EQ(calls[7].operations.at(1).text, "x");
  EXPECT_EQ(calls[0].operations[0].text, calls[4].operations[0].text) << "the client's name";
}

TEST_F(Client40Test, AnOpenThatTellsOfARestartIsNotTheLastOne) {
  FakeServer server(nth_open(1, restarted()));
  auto results = create_two(server);
  EXPECT_TRUE(is_status(results[0], Nfsstat4::kStaleClientid)) << why(results[0]);
  EXPECT_TRUE(results[1]) << why(results[1]);
  EXPECT_EQ(server.count(kOpSetclientid), 2u + 1u) << "start, restart, and all let go";
}

TEST_F(Client40Test, TheLeaseIsRenewedHoweverBusyTheClientIs) {
  FakeServer server;
  with_client(server, [&](Client& client) -> Task<void> {
    client.set_lease_seconds(3);
    auto patience = Clock::now() + std::chrono::seconds(60);
    while (server.count(kOpRenew) == 0 && Clock::now() < patience) {
      Status removed = co_await remove_one(client, "x", Repeat::kIdempotent);
      EXPECT_TRUE(removed) << why(removed);
      (void)co_await client.loop().sleep_for(std::chrono::milliseconds(10));
    }
  });
  EXPECT_GE(server.count(kOpRenew), 1u);
}

TEST_F(Client40Test, TwoClientsHaveNamesOfTheirOwn) {
  FakeServer server;
  create_two(server);
  create_two(server);
  std::set<std::string> names;
  for (const FakeCall& call : server.calls()) {
    if (call.is(kOpSetclientid)) names.insert(call.operations[0].text);
  }
  EXPECT_EQ(names.size(), 2u);
}

// A tree whose client is open, without a root.
class Tree40Test : public Client40Test {
 protected:
  template <typename Body>
  void with_tree(const FakeServer& server, Body body, const std::string& version = "4.0") {
    Location location = *parse_location("nfs://127.0.0.1/?version=" + version +
                                        "&nfsport=" + std::to_string(server.port()));
    nfs4::Nfs4Tree tree(*loop_, location, nfs4::Nfs4Options{"test", kTestTimeoutMs});
    auto work = [&]() -> Task<void> {
      Status opened = co_await tree.client().open();
      EXPECT_TRUE(opened) << why(opened);
      if (opened) co_await body(tree);
      co_await tree.client().close();
    };
    loop_->run(work());
  }
  // One file after the other; the result of the last.
  Result<PutResult> put(const FakeServer& server, unsigned times) {
    Result<PutResult> last = PutResult{};
    with_tree(server, [&](nfs4::Nfs4Tree& tree) -> Task<void> {
      nfs4::Nfs4Directory directory("root");
      for (unsigned i = 0; i < times; ++i) {
        std::vector<PutFile> files{{&directory, "final", as_bytes("data"), {}}};
        auto results = co_await tree.put_files(files, ReadBack::kNo);
        last = results.at(0);
      }
    });
    return last;
  }
};

Task<void> expect_range(SourceFile& file, std::uint64_t offset) {
  auto range = co_await file.read(offset, 4);
  EXPECT_TRUE(range) << (range ? "" : range.error().message());
}

// Refuses what carries no stateid of an OPEN.
FakeAnswer wants_own_stateid(const FakeCall& call) {
  for (std::size_t i = 0; i < call.operations.size(); ++i) {
    const FakeOperation& one = call.operations[i];
    bool carries = one.number == kOpWrite || one.number == kOpRead;
    if (carries && one.stateid == std::string(16, '\0')) return fails(i, Nfsstat4::kBadStateid);
  }
  return {};
}

std::vector<std::uint32_t> numbers(const FakeCall& call) {
  std::vector<std::uint32_t> found;
  for (const FakeOperation& operation : call.operations) found.push_back(operation.number);
  return found;
}

TEST_F(Tree40Test, ASmallFileIsOneRequestThatIsClosedByAnother) {
  FakeServer server;
  auto result = put(server, 2);
  EXPECT_TRUE(result) << result.error().message();
  std::vector<FakeCall> puts;
  for (const FakeCall& call : server.plain_calls()) {
    if (call.operations.size() > 4) puts.push_back(call);
  }
  ASSERT_EQ(puts.size(), 2u);
  EXPECT_EQ(numbers(puts[0]),
            (std::vector<std::uint32_t>{kOpPutfh, kOpSavefh, kOpOpen, kOpWrite, kOpVerify,
                                        kOpSetattr, kOpCommit, kOpGetfh, kOpRestorefh, kOpRename}));
  EXPECT_EQ(puts[0].operations[3].stateid, std::string(16, '\0'));
}

// How many CLOSEs each request has that has any.
std::vector<std::size_t> closes(const FakeServer& server) {
  std::vector<std::size_t> found;
  for (const FakeCall& call : server.plain_calls()) {
    std::size_t count = 0;
    for (const FakeOperation& one : call.operations) count += one.number == kOpClose ? 1 : 0;
    if (count > 0) found.push_back(count);
  }
  return found;
}

TEST_F(Tree40Test, FilesAreClosedARequestFullAtATime) {
  FakeServer server;
  auto result = put(server, 30);
  EXPECT_TRUE(result) << result.error().message();
  EXPECT_EQ(closes(server), std::vector<std::size_t>{25}) << "the rest goes with the client id";
  EXPECT_EQ(server.count(kOpSetclientid), 2u);
}

TEST_F(Tree40Test, NoFileStaysOpenLongerThanItTakesToRenewTheLease) {
  FakeServer server;
  with_tree(server, [&](nfs4::Nfs4Tree& tree) -> Task<void> {
    tree.client().set_lease_seconds(3);
    nfs4::Nfs4Directory directory("root");
    std::vector<PutFile> files{{&directory, "final", as_bytes("data"), {}}};
    auto results = co_await tree.put_files(files, ReadBack::kNo);
    EXPECT_TRUE(results.at(0));
    auto patience = Clock::now() + std::chrono::seconds(60);
    while (closes(server).empty() && Clock::now() < patience) {
      (void)co_await loop_->sleep_for(std::chrono::milliseconds(10));
    }
    // What comes after the answer to the CLOSE has an answer, so that one was taken.
    Compound request("LOOKUP", Repeat::kIdempotent);
    request.add(nfs4::Putrootfh{});
    auto reply = co_await tree.client().call(request);
    EXPECT_TRUE(reply);
  });
  EXPECT_EQ(closes(server), std::vector<std::size_t>{1});
  EXPECT_EQ(server.count(kOpSetclientid), 1u) << "nothing is left open";
}

TEST_F(Tree40Test, ACloseThatIsDelayedIsSentAgainByItsOwner) {
  FakeServer server([delayed = false](const FakeCall& call) mutable {
    bool closing = call.operations.size() > 1 && call.operations[1].number == kOpClose;
    if (!closing || std::exchange(delayed, true)) return FakeAnswer{};
    return fails(1, Nfsstat4::kDelay);
  });
  with_client(server, [](Client& client) -> Task<void> {
    auto opened = co_await create(client, "a", Repeat::kOnce);
    EXPECT_TRUE(opened);
    Status closed = co_await close_file(client, *opened);
    EXPECT_TRUE(closed) << why(closed);
  });
  EXPECT_EQ(seqids(server), (std::vector<std::uint32_t>{1, 2, 3, 4}));
}

TEST_F(Tree40Test, NeitherADelayNorARenewalCountsAsAnAnswer) {
  FakeServer server([delays = 3](const FakeCall& call) mutable {
    bool removes = call.operations.size() > 1 && call.operations[1].number == kOpRemove;
    return removes && delays-- > 0 ? fails(1, Nfsstat4::kDelay) : FakeAnswer{};
  });
  with_client(server, [](Client& client) -> Task<void> {
    std::uint64_t before = client.answers();
    Status renewed = co_await client.ping();
    EXPECT_TRUE(renewed);
    EXPECT_EQ(client.answers(), before);
    Status removed = co_await remove_one(client, "a", Repeat::kIdempotent);
    EXPECT_TRUE(removed);
    EXPECT_EQ(client.answers(), before + 1);
  });
}

TEST_F(Tree40Test, AServerThatWantsTheStateidOfAnOpenGetsItFromThenOn) {
  FakeServer server(wants_own_stateid);
  auto result = put(server, 2);
  EXPECT_TRUE(result) << result.error().message();
  unsigned refused = 0;
  unsigned written = 0;
  for (const FakeCall& call : server.plain_calls()) {
    for (const FakeOperation& one : call.operations) {
      if (one.number != kOpWrite) continue;
      bool special = one.stateid == std::string(16, '\0');
      ++(special ? refused : written);
    }
  }
  EXPECT_EQ(refused, nfs4::BatchRunner::kAttemptsMost) << "by the first of both files";
  EXPECT_EQ(written, 2u);
}

TEST_F(Tree40Test, ASourceFileIsOpenedByNameWhereReadingWantsIt) {
  FakeServer server(wants_own_stateid);
  std::string read;
  std::string ranged;
  with_tree(server, [&](nfs4::Nfs4Tree& tree) -> Task<void> {
    nfs4::Nfs4Directory directory("root");
    Entry entry{"name", {}, "handle"};
    entry.attributes.size_bytes = 4;
    std::vector<SourceItem> items{{&directory, &entry}};
    auto files = co_await tree.read_files(items);
    if (files.at(0)) read = nfs4::text_of(files[0]->data.bytes);
    auto file = co_await tree.open_file(items[0]);
    auto range = co_await (*file)->read(0, 4);
    if (range) ranged = nfs4::text_of(range->data.bytes);
    Status closed = co_await (*file)->close();
    EXPECT_TRUE(closed) << why(closed);
  });
  EXPECT_EQ(read, "data");
  EXPECT_EQ(ranged, "data");
  auto operations = sequenced(server);
  auto count = [&](std::uint32_t number) {
    return std::count_if(operations.begin(), operations.end(),
                         [&](const FakeOperation& one) { return one.number == number; });
  };
  EXPECT_EQ(count(kOpOpen), 2);
  EXPECT_EQ(count(kOpClose), 2);
  EXPECT_EQ(operations.at(0).text, "name");
}

TEST_F(Tree40Test, AnOpenThatTellsOfLostStateIsDoneAgain) {
  for (Nfsstat4 status : {Nfsstat4::kBadSeqid, Nfsstat4::kStaleClientid}) {
    FakeServer server(nth_open(1, fails(1, status)));
    Status made = ok();
    with_tree(server, [&](nfs4::Nfs4Tree& tree) -> Task<void> {
      auto parent = std::make_shared<nfs4::Nfs4Directory>("root");
      NewAttributes attributes;
      auto file = co_await tree.create_file(parent, "large", attributes);
      made = file ? ok() : Status(file.error());
      if (file) co_await (*file)->abandon();
    });
    EXPECT_TRUE(made) << why(made);
  }
}

TEST_F(Tree40Test, ASourceFileIsOpenedAgainForANewClientId) {
  FakeServer server([opens = 0u](const FakeCall& call) mutable {
    bool opening = call.operations.size() > 1 && call.operations[1].number == kOpOpen;
    if (opening && ++opens == 1) return fails(1, Nfsstat4::kStaleClientid);
    return wants_own_stateid(call);
  });
  with_tree(server, [&](nfs4::Nfs4Tree& tree) -> Task<void> {
    nfs4::Nfs4Directory directory("root");
    Entry entry{"name", {}, "handle"};
    SourceItem item{&directory, &entry};
    auto file = co_await tree.open_file(item);
    co_await expect_range(**file, 0);
    Status closed = co_await (*file)->close();
    EXPECT_TRUE(closed) << why(closed);
  });
}

// One owner's OPENs of a file are one to the server: the CLOSE of one range would end another's.
TEST_F(Tree40Test, RangesOfAFileShareOneOpenOnBothVersions) {
  for (const char* version : {"4.0", "4.1"}) {
    FakeServer server(wants_own_stateid);
    with_tree(
        server,
        [&](nfs4::Nfs4Tree& tree) -> Task<void> {
          nfs4::Nfs4Directory directory("root");
          Entry entry{"name", {}, "handle"};
          entry.attributes.size_bytes = 16;
          SourceItem item{&directory, &entry};
          auto file = co_await tree.open_file(item);
          TaskGroup ranges;
          for (std::uint64_t offset = 0; offset < 16; offset += 4) {
            ranges.spawn(expect_range(**file, offset));
          }
          co_await ranges.join();
          Status closed = co_await (*file)->close();
          EXPECT_TRUE(closed) << why(closed);
        },
        version);
    unsigned opened = 0;
    unsigned closed = 0;
    for (const FakeCall& call : server.plain_calls()) {
      for (const FakeOperation& one : call.operations) {
        opened += one.number == kOpOpen ? 1 : 0;
        closed += one.number == kOpClose ? 1 : 0;
      }
    }
    EXPECT_EQ(opened, 1u) << version;
    EXPECT_EQ(closed, 1u) << version;
  }
}

}  // namespace
}  // namespace nfsferry::test

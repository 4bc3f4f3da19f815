// State, or a connection, that is lost under the requests of the lock and of the probe: it is made
// anew, the lock taken again first, and the run goes on.
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "fault_plan.hpp"
#include "server_fixture.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;
using nfs4::Nfs4Tree;

struct Struck {
  Operation at;
  unsigned nth;
};

constexpr Nfsstat4 kOfState[] = {Nfsstat4::kExpired, Nfsstat4::kStaleClientid,
                                 Nfsstat4::kStaleStateid, Nfsstat4::kBadStateid};
constexpr Nfsstat4 kOfSession[] = {Nfsstat4::kBadsession, Nfsstat4::kDeadsession,
                                   Nfsstat4::kBadslot, Nfsstat4::kSeqMisordered};

class LostStateTest : public ServerTest {
 protected:
  bool is_41() const { return std::string_view(GetParam()) == "4.1"; }
  // A tree that reaches the server through a fault; nothing else is behind that proxy.
  Nfs4Tree& open_with(const Fault& fault) {
    plans_.push_back(std::make_unique<FaultPlan>(std::vector<Fault>{fault}));
    return open_client(start_proxy(plans_.back()->filters()).port());
  }
  Fault status(Nfsstat4 status, Struck struck) {
    return {Fault::Kind::kStatus, struck.at, static_cast<std::uint32_t>(status), struck.nth, 1};
  }
  // Every fault that says that state is gone, at each of these.
  std::vector<Fault> faults_at(const std::vector<Struck>& struck, const Struck& at_sequence) {
    std::vector<Fault> faults;
    for (Nfsstat4 code : kOfState) {
      for (const Struck& one : struck) faults.push_back(status(code, one));
    }
    if (!is_41()) return faults;
    for (Nfsstat4 code : kOfSession) faults.push_back(status(code, at_sequence));
    return faults;
  }
  Result<MadeDirectory> make_directory(Nfs4Tree& tree, std::string name) {
    MakeDirectory request{tree.root(), std::move(name), {}};
    request.attributes.owner = 1234;
    auto made = run(tree.make_directories(std::span<const MakeDirectory>(&request, 1)));
    return made[0];
  }
  void expect_struck() { EXPECT_EQ(plans_.back()->struck(), 1u); }
  void expect_free() {
    EXPECT_FALSE(fs::exists(server_.folder("/old") / kLockName));
    Nfs4Tree& next = open_client();
    Status locked = run(next.lock_root("next-run"));
    EXPECT_TRUE(locked) << locked.error().message();
    close_client(next);
  }

  void TearDown() override {
    ServerTest::TearDown();
    plans_.clear();
  }

 private:
  std::vector<std::unique_ptr<FaultPlan>> plans_;  // outlive the proxy
};

TEST_P(LostStateTest, TheLockIsTakenAllTheSame) {
  start_server();
  std::vector<Struck> requests{{kOpOpen, 1},  {kOpGetfh, 2}, {kOpLock, 1},
                               {kOpWrite, 1}, {kOpLock, 2},  {kOpLookup, 2}};
  for (const Fault& fault : faults_at(requests, {kOpSequence, 5})) {
    SCOPED_TRACE(to_string(fault));
    Nfs4Tree& tree = open_with(fault);
    Status locked = run(tree.lock_root("run"));
    ASSERT_TRUE(locked) << locked.error().message();
    expect_struck();
    Nfs4Tree& other = open_client();
    Status refused = run(other.lock_root("other"));
    EXPECT_TRUE(!refused && refused.error().is(Own::kLocked));
    close_client(other);
    close_client(tree);
    expect_free();
  }
}

TEST_P(LostStateTest, TheLockIsGivenBackAllTheSame) {
  start_server();
  std::vector<Struck> requests{
      {kOpLookup, 3}, {kOpLock, 3}, {kOpRemove, 1}, {kOpLocku, 1}, {kOpClose, 1}};
  for (const Fault& fault : faults_at(requests, {kOpSequence, 8})) {
    SCOPED_TRACE(to_string(fault));
    Nfs4Tree& tree = open_with(fault);
    Status locked = run(tree.lock_root("run"));
    ASSERT_TRUE(locked) << locked.error().message();
    close_client(tree);
    expect_struck();
    expect_free();
  }
}

// With a lock that nobody knows whether it was granted: it must not keep ourselves out.
TEST_P(LostStateTest, TheLockIsTakenAgainAllTheSame) {
  start_server();
  for (const Fault& fault :
       {status(Nfsstat4::kExpired, {kOpLock, 3}), status(Nfsstat4::kBadStateid, {kOpRead, 1}),
        Fault{Fault::Kind::kCutReply, kOpLock, 0, 3, 1}}) {
    SCOPED_TRACE(to_string(fault));
    Nfs4Tree& tree = open_with(fault);
    ASSERT_TRUE(run(tree.lock_root("run")));
    kill_server();
    ASSERT_EQ(server_.restart(), "");
    auto listed = run(tree.lookup(tree.root(), std::string(kLockName)));
    ASSERT_TRUE(listed) << listed.error().message();
    expect_struck();
    close_client(tree);
    expect_free();
  }
}

TEST_P(LostStateTest, TheProbeFindsOutAllTheSame) {
  start_server();
  std::vector<Fault> faults =
      faults_at({{kOpOpen, 1}, {kOpSetattr, 1}, {kOpSetattr, 2}, {kOpCreate, 1}, {kOpCreate, 2}},
                {kOpSequence, 5});
  for (Operation at : {kOpOpen, kOpCreate, kOpSetattr}) {
    faults.push_back({Fault::Kind::kCutCall, at, 0, 1, 1});
    faults.push_back({Fault::Kind::kCutReply, at, 0, 1, 1});
  }
  for (const Fault& fault : faults) {
    SCOPED_TRACE(to_string(fault));
    Nfs4Tree& tree = open_with(fault);
    Status probed = run(tree.probe(12345, 23456));
    ASSERT_TRUE(probed) << probed.error().message();
    expect_struck();
    const Capabilities& can = tree.capabilities();
    EXPECT_TRUE(can.change_owner && can.owner_at_create && can.symlinks && can.devices);
    EXPECT_EQ(can.time_granularity_ns, 1u);
    EXPECT_TRUE(fs::is_empty(server_.folder("/old")));
    close_client(tree);
  }
}

// Or the directory would be taken for somebody's own, and a target's root keep its private mode.
TEST_P(LostStateTest, ADirectoryThatWasMadeWithoutAnAnswerIsNew) {
  start_server();
  std::string name = "made";
  for (const Fault& fault : {Fault{Fault::Kind::kCutReply, kOpCreate, 0, 1, 1},
                             status(Nfsstat4::kDelay, {kOpRestorefh, 1})}) {
    SCOPED_TRACE(to_string(fault));
    Nfs4Tree& tree = open_with(fault);
    name += "-again";
    auto made = make_directory(tree, name);
    ASSERT_TRUE(made) << made.error().message();
    expect_struck();
    EXPECT_TRUE(made->created);
    EXPECT_EQ(made->entry.attributes.type, FileType::kDirectory);
    close_client(tree);
  }
}

TEST_P(LostStateTest, ADirectoryThatWasThereIsNotNew) {
  start_server();
  fs::path full = server_.folder("/old") / "full";
  fs::create_directories(full / "inside");
  fs::path empty = server_.folder("/old") / "empty";
  fs::create_directories(empty);
  fs::permissions(full, fs::perms(0700));
  fs::permissions(empty, fs::perms(0755));
  for (const Fault& fault : {Fault{Fault::Kind::kCutReply, kOpCreate, 0, 1, 1},
                             status(Nfsstat4::kDelay, {kOpCreate, 1})}) {
    for (const char* name : {"full", "empty"}) {
      SCOPED_TRACE(std::string(name) + ", " + to_string(fault));
      Nfs4Tree& tree = open_with(fault);
      auto made = make_directory(tree, name);
      ASSERT_TRUE(made) << made.error().message();
      expect_struck();
      EXPECT_FALSE(made->created);
      close_client(tree);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Versions, LostStateTest, kServerVersions, version_name);

}  // namespace
}  // namespace nfsferry::test

// Renames that failed or whose outcome is not known: whether they were done is looked for.
#include "nfs4/rename_queue.hpp"

#include <vector>

#include "nfs4/nfs4_tree.hpp"
#include "session_fixture.hpp"

namespace nfsferry::test {
namespace {

constexpr std::uint64_t kFakeFileid = 7;  // of every file of the fake server

bool looks_for(const FakeCall& call, std::string_view name) {
  for (const FakeOperation& operation : call.operations) {
    if (operation.number == kOpLookup && operation.text == name) return true;
  }
  return false;
}

// A server on which these names are missing, and which refuses to rename.
FakeServer::Script without(std::vector<std::string> missing) {
  return [missing](const FakeCall& call) {
    for (const std::string& name : missing) {
      if (looks_for(call, name)) return fails_at(1, Nfsstat4::kNoent);
    }
    for (std::size_t i = 0; i < call.operations.size(); ++i) {
      if (call.operations[i].number == kOpRename) return fails_at(i, Nfsstat4::kPerm);
    }
    return FakeAnswer{};
  };
}

class RenameTest : public SessionTest {
 protected:
  bool is_renamed(FakeServer::Script script, std::uint64_t fileid) {
    FakeServer server(std::move(script));
    bool done = false;
    nfs4::FileHandle handle{"directory"};
    auto body = [&](Session& session) -> Task<void> {
      done = co_await nfs4::is_renamed(session, handle, "temporary", "name", fileid);
    };
    run(server, body);
    return done;
  }
  // What becomes of one rename that the server refuses.
  Status refused(FakeServer::Script script, std::uint64_t fileid) {
    FakeServer server(std::move(script));
    Status outcome = ok();
    nfs4::Nfs4Directory directory(nfs4::FileHandle{"directory"});
    auto body = [&](Session& session) -> Task<void> {
      nfs4::RenameQueue queue(session);
      queue.put_begins();
      nfs4::PendingRename rename;
      rename.parent = &directory;
      rename.from = "temporary";
      rename.to = "name";
      rename.fileid = fileid;
      rename.done = [&outcome](Status status) { outcome = std::move(status); };
      queue.add(std::move(rename));
      co_await queue.put_ends();
    };
    run(server, body);
    return outcome;
  }
};

TEST_F(RenameTest, IsDoneWhereTheNameHoldsTheFile) {
  EXPECT_TRUE(is_renamed(without({}), kFakeFileid));
  EXPECT_FALSE(is_renamed(without({}), kFakeFileid + 1));
  EXPECT_FALSE(is_renamed(without({"name"}), kFakeFileid));
}

TEST_F(RenameTest, WithoutFileidsTheTemporaryHasToBeGone) {
  EXPECT_FALSE(is_renamed(without({}), 0));
  EXPECT_TRUE(is_renamed(without({"temporary"}), 0));
  EXPECT_FALSE(is_renamed(without({"temporary", "name"}), 0));
}

TEST_F(RenameTest, ThatWasRefusedIsAFailureThoughTheNameHoldsAnotherFile) {
  for (std::uint64_t fileid : {std::uint64_t{0}, kFakeFileid + 1}) {
    Status outcome = refused(without({}), fileid);
    EXPECT_TRUE(is_status(outcome, Nfsstat4::kPerm)) << why(outcome);
  }
}

}  // namespace
}  // namespace nfsferry::test

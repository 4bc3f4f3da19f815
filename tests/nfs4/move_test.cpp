// Moves to another directory whose answers are lost: what has both names says whether they were
// done.
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "nfs4/nfs4_tree.hpp"
#include "session_fixture.hpp"

namespace nfsferry::test {
namespace {

using Paths = std::set<std::string>;

const std::string kOldPlace = "old/name";
const std::string kNewPlace = "new/name";

bool is_move(const FakeCall& call) {
  return std::ranges::any_of(call.operations,
                             [](const auto& one) { return one.number == kOpRename; });
}

// What becomes of a RENAME, and what is there afterwards.
struct MoveAnswer {
  FakeAnswer answer;
  Paths there;
  std::optional<Nfsstat4> look_fails{};  // of every LOOKUP afterwards
};

// Says what is there, and answers one RENAME after the other like this.
FakeServer::Script keeping(std::vector<MoveAnswer> moves) {
  Paths first{kOldPlace};
  return [moves, there = std::move(first), next = std::size_t{0},
          look_fails = std::optional<Nfsstat4>()](const FakeCall& call) mutable {
    if (is_move(call)) {
      if (next == moves.size()) return fails_at(0, Nfsstat4::kServerfault);
      there = moves[next].there;
      look_fails = moves[next].look_fails;
      return moves[next++].answer;
    }
    std::string at;
    for (std::size_t i = 0; i < call.operations.size(); ++i) {
      const FakeOperation& one = call.operations[i];
      if (one.number == kOpPutfh) at = one.text;
      if (look_fails && one.number == kOpLookup) return fails_at(i, *look_fails);
      bool missing = one.number == kOpLookup && !there.contains(at + "/" + one.text);
      if (missing) return fails_at(i, Nfsstat4::kNoent);
    }
    return FakeAnswer{};
  };
}

constexpr std::size_t kRenameAt = 3;  // behind PUTFH, SAVEFH, PUTFH

class MoveTest : public SessionTest {
 protected:
  struct Moved {
    Status status;
    std::ptrdiff_t sent;  // RENAMEs
  };

  Moved move(std::vector<MoveAnswer> moves) {
    FakeServer server(keeping(std::move(moves)));
    Location location =
        *parse_location("nfs://127.0.0.1/?version=4.0&nfsport=" + std::to_string(server.port()));
    nfs4::Nfs4Tree tree(*loop_, location, nfs4::Nfs4Options{"test", kTestTimeoutMs});
    Status status = own_error(Own::kCancelled, "move");
    auto work = [&]() -> Task<void> {
      Status opened = co_await tree.client().open();
      EXPECT_TRUE(opened) << why(opened);
      if (opened) status = co_await move_one(tree);
      co_await tree.client().close();
    };
    loop_->run(work());
    return Moved{std::move(status), std::ranges::count_if(server.plain_calls(), is_move)};
  }

 private:
  static Task<Status> move_one(nfs4::Nfs4Tree& tree) {
    nfs4::Nfs4Directory from("old");
    nfs4::Nfs4Directory to("new");
    std::vector<MoveEntry> items{{&from, "name", &to, "name"}};
    auto moved = co_await tree.move(items);
    co_return std::move(moved.at(0));
  }
};

TEST_F(MoveTest, ThatWasDoneWithoutAnAnswerIsNotSentAgain) {
  Moved moved = move({{lost(false), {kNewPlace}}});
  EXPECT_TRUE(moved.status) << why(moved.status);
  EXPECT_EQ(moved.sent, 1);
}

TEST_F(MoveTest, ThatWasNotDoneIsSentAgain) {
  Moved moved = move({{lost(false), {kOldPlace}}, {FakeAnswer{}, {kNewPlace}}});
  EXPECT_TRUE(moved.status) << why(moved.status);
  EXPECT_EQ(moved.sent, 2);
}

// Moved and replaced, or not moved and the new name taken by somebody: sent again it would put one
// over the other.
TEST_F(MoveTest, WithoutAnAnswerIsNeitherDoneNorSentAgainWhereBothNamesAreTaken) {
  Moved moved = move({{lost(false), {kOldPlace, kNewPlace}}});
  EXPECT_TRUE(is_own(moved.status, Own::kOutcomeUnknown)) << why(moved.status);
  EXPECT_EQ(moved.sent, 1);
}

TEST_F(MoveTest, WithoutAnAnswerSaysWhyItCannotBeLookedFor) {
  Moved moved = move({{lost(false), {kNewPlace}, Nfsstat4::kAccess}});
  EXPECT_TRUE(is_own(moved.status, Own::kOutcomeUnknown)) << why(moved.status);
  EXPECT_NE(why(moved.status).find("ACCESS"), std::string::npos) << why(moved.status);
}

TEST_F(MoveTest, EndsWithTheErrorOfALookThatEndsTheRun) {
  Moved moved = move({{lost(false), {kNewPlace}, Nfsstat4::kWrongCred}});
  EXPECT_TRUE(is_status(moved.status, Nfsstat4::kWrongCred)) << why(moved.status);
}

TEST_F(MoveTest, IsNotDoneWhereNeitherNameIsThere) {
  Moved moved = move({{lost(false), {}}, {fails_at(kRenameAt, Nfsstat4::kNoent), {}}});
  EXPECT_TRUE(is_status(moved.status, Nfsstat4::kNoent)) << why(moved.status);
}

// By the first request, which came to its end only after it was looked for.
TEST_F(MoveTest, ThatWasDoneBeforeItCameAgainIsDone) {
  Moved moved =
      move({{lost(false), {kOldPlace}}, {fails_at(kRenameAt, Nfsstat4::kNoent), {kNewPlace}}});
  EXPECT_TRUE(moved.status) << why(moved.status);
  EXPECT_EQ(moved.sent, 2);
}

// Somebody has a file of that name where it is to go, and the old one is gone.
TEST_F(MoveTest, ThatWasPutOffBeforeItsRenameIsNotTakenForDone) {
  Moved moved = move({{fails_at(0, Nfsstat4::kDelay), {kNewPlace}},
                      {fails_at(kRenameAt, Nfsstat4::kNoent), {kNewPlace}}});
  EXPECT_TRUE(is_status(moved.status, Nfsstat4::kNoent)) << why(moved.status);
}

}  // namespace
}  // namespace nfsferry::test

#include "nfs4/listing.hpp"

#include <functional>
#include <limits>
#include <memory>
#include <set>

#include "session_fixture.hpp"

namespace nfsferry::test {
namespace {

using nfs4::Readdir;

Readdir::RawEntry raw(std::string_view name, std::uint64_t cookie) {
  Readdir::RawEntry entry;
  entry.cookie = cookie;
  entry.name = name;
  entry.fattr.present = nfs4::kEntryAttrs;
  entry.fattr.attributes.type = FileType::kRegular;
  return entry;
}

Readdir::Reply reply_of(std::vector<Readdir::RawEntry> entries, bool eof) {
  Readdir::Reply reply;
  reply.entries = std::move(entries);
  reply.eof = eof;
  return reply;
}

TEST(ListingPage, GivesNoNameThatLeadsElsewhere) {
  std::string with_nul("a\0b", 3);
  std::string long_name(256, 'x');
  std::uint64_t cookie = 0;
  auto listed = reply_of({raw(".", 1), raw("..", 2), raw("", 3), raw("a/b", 4), raw("/", 5),
                          raw(with_nul, 6), raw(long_name, 7), raw("good", 8)},
                         true);
  auto page = nfs4::page_from(listed, cookie);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries.size(), 1u);
  EXPECT_EQ(page->entries[0].name, "good");
  std::set<std::string> refused;
  for (const Error& error : page->refused) {
    EXPECT_TRUE(error.is(Own::kBadName)) << error.message();
    refused.insert(error.path);
  }
  EXPECT_EQ(refused, (std::set<std::string>{".", "..", "", "/", "a/b", with_nul, long_name}));
  EXPECT_EQ(cookie, 8u);
}

TEST(ListingPage, RefusesAnEntryWithoutWhatACopyNeeds) {
  std::uint64_t cookie = 0;
  auto listed = reply_of({raw("half", 1), raw("whole", 2)}, true);
  listed.entries[0].fattr.present = nfs4::AttrMask{nfs4::Attr::kType};
  auto page = nfs4::page_from(listed, cookie);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries.size(), 1u);
  ASSERT_EQ(page->refused.size(), 1u);
  EXPECT_TRUE(page->refused[0].is(Own::kBadReply));
  EXPECT_EQ(page->refused[0].path, "half");
}

TEST(ListingPage, EndsOnACookieThatStandsStill) {
  std::uint64_t cookie = 0;
  auto listed = reply_of({raw("a", 5), raw("b", 5)}, false);
  auto page = nfs4::page_from(listed, cookie);
  ASSERT_FALSE(page);
  EXPECT_TRUE(page.error().is(Own::kListingLoops));
}

TEST(ListingPage, TakesTheLargestCookieAndTheLargestSize) {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t cookie = 0;
  auto listed = reply_of({raw("a", kMost), raw("b", std::uint64_t{1} << 63)}, false);
  listed.entries[0].fattr.attributes.size_bytes = kMost;
  auto page = nfs4::page_from(listed, cookie);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->entries[0].attributes.size_bytes, kMost);
  EXPECT_EQ(cookie, std::uint64_t{1} << 63);
}

TEST(Circle, IsFoundWhereverItBegins) {
  for (std::uint64_t before : {0u, 1u, 7u, 100u}) {
    for (std::uint64_t round : {1u, 2u, 3u, 64u, 1000u}) {
      Circle circle;
      std::uint64_t steps = 0;
      auto value = [&](std::uint64_t i) { return i < before ? i : before + (i - before) % round; };
      while (!circle.closed_by(value(steps))) ASSERT_LT(++steps, 4 * (before + round) + 4);
      EXPECT_GE(steps, round) << "no value came twice yet";
    }
  }
}

TEST(Circle, IsNotFoundWhereEveryValueIsNew) {
  Circle circle;
  for (std::uint64_t i = 0; i < 100'000; ++i) ASSERT_FALSE(circle.closed_by(i * 7919 % 1'000'003));
}

TEST_F(SessionTest, APageThatIsRefusedEitherWayIsAskedForTwiceAndSaysNothingOfAcls) {
  for (bool asks : {true, false}) {
    FakeServer server([](const FakeCall& call) {
      FakeAnswer refused;
      refused.at = 1;
      refused.status = code_of(Nfsstat4::kAccess);
      return call.is(kOpPutfh) ? refused : FakeAnswer{};
    });
    Status listed = ok();
    bool tells_acls = asks;
    auto body = [&](Session& session) -> Task<void> {
      auto directory = std::make_shared<nfs4::Nfs4Directory>("handle");
      nfs4::Nfs4Listing listing(session, directory, nfs4::kEntryAttrs, tells_acls);
      auto page = co_await listing.next();
      if (!page) listed = page.error();
    };
    run(server, body);
    EXPECT_TRUE(is_status(listed, Nfsstat4::kAccess)) << why(listed);
    EXPECT_EQ(tells_acls, asks);
    EXPECT_EQ(server.count(kOpPutfh), asks ? 2u : 1u);
  }
}

TEST_F(SessionTest, AListingThatTheServerLostIsOneRecognisableError) {
  for (Nfsstat4 refusal : {Nfsstat4::kBadCookie, Nfsstat4::kNotSame}) {
    FakeAnswer refused;
    refused.at = 1;
    refused.status = code_of(refusal);
    FakeServer server(nth(1, refused));
    Status listed = ok();
    auto body = [&](Session& session) -> Task<void> {
      auto directory = std::make_shared<nfs4::Nfs4Directory>("handle");
      bool no_acls = false;
      nfs4::Nfs4Listing listing(session, directory, nfs4::kEntryAttrs, no_acls);
      auto page = co_await listing.next();
      if (!page) listed = page.error();
    };
    run(server, body);
    EXPECT_TRUE(is_status(listed, Nfsstat4::kBadCookie)) << why(listed);
  }
}

// Listings whose pages the test makes up.
class HostilePages : public SessionTest {
 protected:
  using Pages = std::function<FakePage(const FakeOperation& readdir, unsigned nth)>;  // from 0

  // Reads until the end, an error or so many pages.
  void list(Pages pages, unsigned most = 1000) {
    FakeServer server([&pages, nth = 0u](const FakeCall& call) mutable {
      FakeAnswer answer;
      for (const FakeOperation& operation : call.operations) {
        if (operation.number == kOpReaddir) answer.page = pages(operation, nth++);
      }
      return answer;
    });
    auto body = [this, most](Session& session) -> Task<void> {
      auto directory = std::make_shared<nfs4::Nfs4Directory>("handle");
      bool no_acls = false;
      nfs4::Nfs4Listing listing(session, directory, nfs4::kEntryAttrs, no_acls);
      for (bool eof = false; !eof && names_.size() < most;) {
        auto page = co_await listing.next();
        if (!page) {
          ended_ = page.error();
          co_return;
        }
        // They come without attributes.
        for (const Error& refused : page->refused) names_.push_back(refused.path);
        eof = page->eof;
      }
    };
    run(server, body);
    for (const FakeCall& call : server.plain_calls()) {
      for (const FakeOperation& operation : call.operations) {
        if (operation.number == kOpReaddir) asked_.push_back(operation);
      }
    }
  }

  std::vector<std::string> names_;
  Status ended_ = ok();
  std::vector<FakeOperation> asked_;
};

TEST_F(HostilePages, ThatAreGoodGiveAllNames) {
  list([](const FakeOperation& readdir, unsigned) {
    bool first = readdir.cookie == 0;
    return first ? FakePage{{{"a", 9}, {"b", 4}}, false} : FakePage{{{"c", 2}}, true};
  });
  EXPECT_TRUE(ended_) << why(ended_);
  EXPECT_EQ(names_, (std::vector<std::string>{"a", "b", "c"}));
  ASSERT_EQ(asked_.size(), 2u);
  EXPECT_EQ(asked_[1].cookie, 4u);
}

TEST_F(HostilePages, WhoseCookiesGoRoundEnd) {
  for (unsigned round : {2u, 3u, 10u}) {
    names_.clear();
    list([round](const FakeOperation&, unsigned nth) {
      return FakePage{{{"name", 1 + nth % round}}, false};
    });
    EXPECT_TRUE(is_own(ended_, Own::kListingLoops)) << why(ended_);
    EXPECT_GE(names_.size(), round) << "no cookie came twice yet";
    EXPECT_LE(names_.size(), 4 * round);
  }
}

TEST_F(HostilePages, ThatGoRoundWithinOnePageEnd) {
  list([](const FakeOperation&, unsigned) {
    return FakePage{{{"a", 1}, {"b", 2}, {"a", 1}, {"b", 2}}, false};
  });
  EXPECT_TRUE(is_own(ended_, Own::kListingLoops)) << why(ended_);
  EXPECT_EQ(names_.size(), 4u);
}

TEST_F(HostilePages, WithoutAnEntryAreAskedForOnceMoreLargerAndThenEnd) {
  list([](const FakeOperation&, unsigned) { return FakePage{{}, false}; });
  EXPECT_TRUE(is_own(ended_, Own::kListingLoops)) << why(ended_);
  ASSERT_EQ(asked_.size(), 2u);
  EXPECT_GT(asked_[1].maxcount, asked_[0].maxcount);
}

TEST_F(HostilePages, WithoutAnEntryForWantOfRoomAloneDoNotEndAListing) {
  list([](const FakeOperation& readdir, unsigned) {
    bool large = readdir.maxcount > nfs4::Nfs4Listing::kMaxcount;
    return large ? FakePage{{{"a", 1}}, true} : FakePage{{}, false};
  });
  EXPECT_TRUE(ended_) << why(ended_);
  EXPECT_EQ(names_, std::vector<std::string>{"a"});
}

TEST_F(HostilePages, WithoutAnEntryInTheMiddleEndAListing) {
  list([](const FakeOperation& readdir, unsigned) {
    return readdir.cookie == 0 ? FakePage{{{"a", 1}}, false} : FakePage{{}, false};
  });
  EXPECT_TRUE(is_own(ended_, Own::kListingLoops)) << why(ended_);
  EXPECT_EQ(names_, std::vector<std::string>{"a"});
}

// No end of it can be told: whoever reads it must be able to stop.
TEST_F(HostilePages, OfNewCookiesWithoutEndAreReadAsLongAsSomebodyWants) {
  constexpr unsigned kMost = 2000;
  list([](const FakeOperation&, unsigned nth) { return FakePage{{{"name", 1 + nth}}, false}; },
       kMost);
  EXPECT_TRUE(ended_) << why(ended_);
  EXPECT_EQ(names_.size(), kMost);
}

}  // namespace
}  // namespace nfsferry::test

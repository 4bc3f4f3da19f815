// A server that restarts under a listing: never resumed, and started over by a new one.
#include <set>
#include <string>
#include <vector>

#include "server_fixture.hpp"

namespace nfsferry::test {
namespace {

using nfs4::Nfs4Tree;

class ListingRestartTest : public ServerTest {
 protected:
  static constexpr std::size_t kEntries = 3'000;  // several pages

  void fill(Nfs4Tree& tree) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < kEntries; ++i) names.push_back("entry-" + std::to_string(i));
    std::vector<MakeSymlink> links;
    for (const std::string& name : names) links.push_back({tree.root().get(), name, "x", {}});
    for (const Status& made : run(tree.make_symlinks(links))) ASSERT_TRUE(made);
  }
  // All names, or the error that ended the listing.
  Result<std::set<std::string>> read_rest(Listing& listing) {
    std::set<std::string> names;
    for (bool eof = false; !eof;) {
      auto page = run(listing.next());
      if (!page) return std::move(page).error();
      for (Entry& entry : page->entries) names.insert(std::move(entry.name));
      eof = page->eof;
    }
    return names;
  }
};

TEST_P(ListingRestartTest, TheListingEndsWithBadCookieAndANewOneIsWhole) {
  start_server();
  Nfs4Tree& tree = open_client();
  fill(tree);
  auto listing = *tree.list(tree.root());
  auto first = run(listing->next());
  ASSERT_TRUE(first) << first.error().message();
  ASSERT_FALSE(first->eof);
  ASSERT_EQ(server_.kill(), "");  // and back within the second: even then the restart is noticed
  ASSERT_EQ(server_.restart(), "");
  auto rest = read_rest(*listing);
  ASSERT_FALSE(rest) << rest->size() << " more entries";
  EXPECT_EQ(rest.error().domain, Domain::kNfs4);
  EXPECT_EQ(rest.error().code, static_cast<std::uint32_t>(Nfsstat4::kBadCookie))
      << rest.error().message();
  auto again = read_rest(**tree.list(tree.root()));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->size(), kEntries);
}

INSTANTIATE_TEST_SUITE_P(Versions, ListingRestartTest, kServerVersions, version_name);

}  // namespace
}  // namespace nfsferry::test

// Listings end on the tests' own server, whatever was removed between them.
#include <set>
#include <string>
#include <vector>

#include "server_fixture.hpp"

namespace nfsferry::test {
namespace {

using nfs4::Nfs4Tree;

class ListingAfterRemovalTest : public ServerTest {
 protected:
  // What a server remembers of the listing before is of use to it only while the directory's time
  // stays: where everything happens within one tick of its clock.
  static constexpr int kRounds = 50;

  void make(Nfs4Tree& tree, const std::string& name) {
    std::vector<MakeSymlink> one{{tree.root().get(), name, "x", {}}};
    Status made = run(tree.make_symlinks(one)).at(0);
    ASSERT_TRUE(made) << made.error().message();
  }
  void remove(Nfs4Tree& tree, const std::string& name) {
    std::vector<RemoveEntry> one{{tree.root().get(), name, false}};
    Status removed = run(tree.remove(one)).at(0);
    ASSERT_TRUE(removed) << removed.error().message();
  }
  Result<std::multiset<std::string>> list(Nfs4Tree& tree) {
    auto listing = *tree.list(tree.root());
    std::multiset<std::string> names;
    for (bool eof = false; !eof;) {
      auto page = run(listing->next());
      if (!page) return std::move(page).error();
      for (Entry& entry : page->entries) names.insert(std::move(entry.name));
      eof = page->eof;
    }
    return names;
  }
};

TEST_P(ListingAfterRemovalTest, EndsAndGivesEachNameOnce) {
  start_server();
  Nfs4Tree& tree = open_client();
  const std::vector<std::string> names{"a", "b", "c", "d"};
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(round);
    // On Linux's tmpfs the oldest entry comes last.
    const std::string& gone = names.at(static_cast<std::size_t>(round / 2) % names.size());
    for (const std::string& name : names) make(tree, name);
    ASSERT_TRUE(list(tree));
    remove(tree, gone);
    auto listed = list(tree);
    ASSERT_TRUE(listed) << listed.error().message();
    std::multiset<std::string> expected(names.begin(), names.end());
    expected.erase(gone);
    ASSERT_EQ(*listed, expected);
    for (const std::string& name : expected) remove(tree, name);
  }
}

INSTANTIATE_TEST_SUITE_P(Versions, ListingAfterRemovalTest, kServerVersions, version_name);

}  // namespace
}  // namespace nfsferry::test

// The second client is tested by itself: a change that does not arrive would prove nothing.
#include "nfs_changes.hpp"

#include <unistd.h>

#include "copy_fixture.hpp"
#include "nasty_tree.hpp"

namespace nfsferry::test {
namespace {

class NfsChanges : public CopyTest {};

TEST_F(NfsChanges, arrive_in_the_folder_of_the_server) {
  Ground changed = source_ground(Place::kNfs);
  Ground kept = source_ground(Place::kLocal);
  for (const Ground& ground : {changed, kept}) make_nasty_tree(ground.folder, 7);
  ASSERT_EQ(differences(kept.folder, changed.folder), std::vector<std::string>{});
  std::string url = servers().source.url("/old/" + changed.folder.filename().string(), "4");

  unsigned changes = change_through_nfs(url, changed.folder, 7);

  EXPECT_GT(changes, 5u);
  EXPECT_GE(differences(kept.folder, changed.folder).size(), changes);
}

}  // namespace
}  // namespace nfsferry::test

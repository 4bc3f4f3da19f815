// Contract: attributes of what is there, removal, the capability record, the lock.
#include <cerrno>
#include <string>
#include <vector>

#include "contract_suite.hpp"

namespace nfsferry::test {
namespace {

TEST_P(TreeContract, AttributesOfAFileAreSet) {
  put(tree().root(), "file", pattern(10, 1), attributes(0600, Time{1, 0}));
  NewAttributes wanted = attributes(0751, Time{1'700'000'000, 987'654'321});
  std::vector<SetAttributes> items{{tree().root(), "file", wanted}};
  auto results = run(tree().set_attributes(items));
  ASSERT_TRUE(results.at(0)) << results.at(0).error().message();
  Entry found = entry(tree().root(), "file");
  EXPECT_EQ(found.attributes.mode, 0751u);
  EXPECT_EQ(found.attributes.mtime, kept(*wanted.mtime));
  expect_owner(found);
  EXPECT_EQ(content(tree().root(), "file"), pattern(10, 1));
}

TEST_P(TreeContract, UnsetAttributesStayAsTheyAre) {
  put(tree().root(), "file", pattern(10, 1), attributes(0604));
  NewAttributes only_mode;
  only_mode.mode = 0640;
  NewAttributes only_time;
  only_time.mtime = Time{5, 6};
  std::vector<SetAttributes> first{{tree().root(), "file", only_mode}};
  ASSERT_TRUE(run(tree().set_attributes(first)).at(0));
  EXPECT_EQ(entry(tree().root(), "file").attributes.mtime, kept(kTime));
  std::vector<SetAttributes> second{{tree().root(), "file", only_time}};
  ASSERT_TRUE(run(tree().set_attributes(second)).at(0));
  NewAttributes only_atime;
  only_atime.atime = Time{7, 8};
  std::vector<SetAttributes> third{{tree().root(), "file", only_atime}};
  ASSERT_TRUE(run(tree().set_attributes(third)).at(0));
  Entry found = entry(tree().root(), "file");
  EXPECT_EQ(found.attributes.mode, 0640u);
  EXPECT_EQ(found.attributes.mtime, kept(Time{5, 6}));
}

TEST_P(TreeContract, ADirectoryIsFinishedAfterItsEntries) {
  for (std::uint32_t mode : {0755u, 0500u, 02770u, 01777u, 0000u}) {
    SCOPED_TRACE(mode);
    std::string name = "directory" + std::to_string(mode);
    DirectoryPtr directory = make_directory(tree().root(), name);
    put(directory, "file", pattern(10, 1));
    std::vector<SetAttributes> finish{{directory, "", attributes(mode)}};
    auto results = run(tree().set_attributes(finish));
    ASSERT_TRUE(results.at(0)) << results.at(0).error().message();
    Entry found = entry(tree().root(), name);
    EXPECT_EQ(found.attributes.mode, mode);
    EXPECT_EQ(found.attributes.mtime, kept(kTime));
    expect_owner(found);
    NewAttributes open_again;
    open_again.mode = 0777;  // for the look at everything at the end of the test
    std::vector<SetAttributes> reopen{{tree().root(), name, open_again}};
    results = run(tree().set_attributes(reopen));
    ASSERT_TRUE(results.at(0)) << results.at(0).error().message();
    EXPECT_EQ(entry(tree().root(), name).attributes.mode, 0777u);
  }
}

TEST_P(TreeContract, TheRootsOwnAttributesAreSet) {
  NewAttributes wanted;
  wanted.mode = 0710;
  wanted.mtime = kTime;
  std::vector<SetAttributes> items{{tree().root(), "", wanted}};
  auto results = run(tree().set_attributes(items));
  ASSERT_TRUE(results.at(0)) << results.at(0).error().message();
  FullTree& second = second_client();
  EXPECT_EQ(second.root_entry().attributes.mode, 0710u);
  EXPECT_EQ(second.root_entry().attributes.mtime, kept(kTime));
}

TEST_P(TreeContract, OwnersAreChangedWhereTheTreeCan) {
  if (!can().change_owner) return;
  put(tree().root(), "file", pattern(10, 1));
  make_directory(tree().root(), "directory");
  if (can().symlinks) symlink(tree().root(), "link", "file");
  NewAttributes owners;
  owners.owner = 54321;
  owners.group = 65432;
  std::vector<SetAttributes> items{{tree().root(), "file", owners},
                                   {tree().root(), "directory", owners}};
  if (can().symlinks) items.push_back({tree().root(), "link", owners});
  auto results = run(tree().set_attributes(items));
  for (std::size_t i = 0; i < items.size(); ++i) {
    ASSERT_TRUE(results.at(i)) << results.at(i).error().message();
    expect_owner(entry(tree().root(), items[i].name), 54321, 65432);
  }
}

TEST_P(TreeContract, SettingASymlinkNeverTouchesWhatItPointsTo) {
  if (!can().symlinks) return;
  put(tree().root(), "victim", pattern(10, 1), attributes(0600));
  symlink(tree().root(), "link", "victim");
  NewAttributes wanted = attributes(0777, Time{7, 7});
  if (can().change_owner) wanted.owner = 54321;
  std::vector<SetAttributes> items{{tree().root(), "link", wanted}};
  auto results = run(tree().set_attributes(items));
  Entry victim = entry(tree().root(), "victim");
  EXPECT_EQ(victim.attributes.mode, 0600u);
  EXPECT_EQ(victim.attributes.mtime, kept(kTime));
  if (can().owner_at_create) expect_owner(victim);
  ASSERT_TRUE(results.at(0)) << results.at(0).error().message();
  Entry link = entry(tree().root(), "link");
  EXPECT_EQ(link.attributes.type, FileType::kSymlink);
  expect_owner(link, 54321);
  if (can().symlink_times) {
    EXPECT_EQ(link.attributes.mtime, kept(Time{7, 7}));
  }
}

TEST_P(TreeContract, AnOwnerAloneLeavesModeAndTimes) {
  if (!can().change_owner) return;
  put(tree().root(), "file", pattern(10, 1), attributes(0604));
  NewAttributes only_owner;
  only_owner.owner = 54321;
  std::vector<SetAttributes> items{{tree().root(), "file", only_owner}};
  auto results = run(tree().set_attributes(items));
  ASSERT_TRUE(results.at(0)) << results.at(0).error().message();
  Entry found = entry(tree().root(), "file");
  EXPECT_EQ(found.attributes.owner, (Owner{54321, {}}));
  EXPECT_EQ(found.attributes.mode, 0604u);
  EXPECT_EQ(found.attributes.mtime, kept(kTime));
}

TEST_P(TreeContract, AttributesOfManyNamesAreSetInOneCall) {
  constexpr std::size_t kNames = 90;
  std::vector<SetAttributes> items;
  for (std::size_t i = 0; i < kNames; ++i) {
    std::string name = "n" + std::to_string(i);
    if (i % 3 == 0)
      make_directory(tree().root(), name);
    else if (i % 3 == 1 && can().symlinks)
      symlink(tree().root(), name, "n2");
    else
      put(tree().root(), name, {});
    Time mtime{1'600'000'000 + static_cast<std::int64_t>(i), 5};
    items.push_back({tree().root(), name, attributes(i % 2 == 0 ? 04755 : 0711, mtime)});
  }
  auto results = run(tree().set_attributes(items));
  for (std::size_t i = 0; i < kNames; ++i) {
    SCOPED_TRACE(items[i].name);
    ASSERT_TRUE(results.at(i)) << results.at(i).error().message();
    Entry found = entry(tree().root(), items[i].name);
    expect_owner(found);
    bool link = found.attributes.type == FileType::kSymlink;
    if (!link) {
      EXPECT_EQ(found.attributes.mode, *items[i].attributes.mode);
    }
    if (!link || can().symlink_times) {
      EXPECT_EQ(found.attributes.mtime, kept(*items[i].attributes.mtime));
    }
  }
}

TEST_P(TreeContract, SetIdBitsSurviveAChangeOfOwnerInTheSameCall) {
  put(tree().root(), "file", pattern(10, 1), attributes(0600));
  for (std::uint32_t owner : {54321u, 54322u}) {
    NewAttributes wanted = attributes(06755);
    if (can().change_owner) wanted.owner = owner;
    std::vector<SetAttributes> items{{tree().root(), "file", wanted}};
    auto results = run(tree().set_attributes(items));
    ASSERT_TRUE(results.at(0)) << results.at(0).error().message();
    Entry found = entry(tree().root(), "file");
    EXPECT_EQ(found.attributes.mode, 06755u);
    expect_owner(found, owner);
  }
}

TEST_P(TreeContract, AMissingEntryFailsAlone) {
  put(tree().root(), "a", {});
  put(tree().root(), "b", {});
  NewAttributes wanted = attributes(0611);
  std::vector<SetAttributes> items{{tree().root(), "a", wanted},
                                   {tree().root(), "missing", wanted},
                                   {tree().root(), "..", wanted},
                                   {tree().root(), "a/b", wanted},
                                   {tree().root(), "b", wanted}};
  auto results = run(tree().set_attributes(items));
  ASSERT_EQ(results.size(), items.size());
  EXPECT_TRUE(results[0]) << results[0].error().message();
  ASSERT_FALSE(results[1]);
  EXPECT_TRUE(means(results[1].error(), ENOENT)) << results[1].error().message();
  EXPECT_FALSE(results[2]);
  EXPECT_FALSE(results[3]);
  EXPECT_TRUE(results[4]) << results[4].error().message();
  EXPECT_EQ(entry(tree().root(), "b").attributes.mode, 0611u);
}

TEST_P(TreeContract, FilesAndEmptyDirectoriesAreRemoved) {
  put(tree().root(), "file", pattern(10, 1));
  make_directory(tree().root(), "directory");
  std::vector<RemoveEntry> items{{tree().root().get(), "file", false},
                                 {tree().root().get(), "directory", true}};
  if (can().symlinks) {
    symlink(tree().root(), "link", "keep");
    items.push_back({tree().root().get(), "link", false});
  }
  put(tree().root(), "keep", {});
  auto results = run(tree().remove(items));
  ASSERT_EQ(results.size(), items.size());
  for (const Status& result : results) EXPECT_TRUE(result) << result.error().message();
  EXPECT_EQ(names(tree().root()), std::vector<std::string>{"keep"});
}

TEST_P(TreeContract, AFullDirectoryAndAMissingNameAreNotRemovedAndFailAlone) {
  DirectoryPtr full = make_directory(tree().root(), "full");
  put(full, "inside", {});
  put(tree().root(), "file", {});
  std::vector<RemoveEntry> items{{tree().root().get(), "full", true},
                                 {tree().root().get(), "missing", false},
                                 {tree().root().get(), "..", true},
                                 {tree().root().get(), "full/inside", false},
                                 {tree().root().get(), "file", false}};
  auto results = run(tree().remove(items));
  ASSERT_EQ(results.size(), items.size());
  ASSERT_FALSE(results[0]);
  EXPECT_TRUE(means(results[0].error(), ENOTEMPTY) || means(results[0].error(), EEXIST))
      << results[0].error().message();
  ASSERT_FALSE(results[1]);
  EXPECT_TRUE(means(results[1].error(), ENOENT)) << results[1].error().message();
  EXPECT_FALSE(results[2]);
  EXPECT_FALSE(results[3]);
  EXPECT_TRUE(results[4]) << results[4].error().message();
  EXPECT_EQ(names(full), std::vector<std::string>{"inside"});
}

TEST_P(TreeContract, TheProbeLeavesNothingBehind) {
  Status probed = run(tree().probe(kOwner, kGroup));
  ASSERT_TRUE(probed) << probed.error().message();
  EXPECT_EQ(names(tree().root()), std::vector<std::string>{});
  EXPECT_GE(can().time_granularity_ns, 1u);
}

TEST_P(TreeContract, HowFineTimesAreIsKnownBeforeTheProbe) {
  make_directory(tree().root(), "inside");  // the root's ctime is the tree's own
  FullTree& fresh = second_client();
  std::uint32_t before = std::max(fresh.capabilities().granularity_at_most_ns,
                                  fresh.capabilities().time_granularity_ns);
  Status probed = run(fresh.probe(kOwner, kGroup));
  ASSERT_TRUE(probed) << probed.error().message();
  std::uint32_t after = fresh.capabilities().time_granularity_ns;
  EXPECT_GE(before, after);
  EXPECT_LE(before, after * 1'000'000) << "a clock shows so many zeros once in a million times";
  EXPECT_EQ(fresh.capabilities().granularity_at_most_ns, 1u) << "the probe knows";
}

TEST_P(TreeContract, TheRoomThatIsLeftIsTold) {
  auto space = run(tree().space());
  ASSERT_TRUE(space) << space.error().message();
  EXPECT_GT(space->total_bytes, 0u);
  EXPECT_GT(space->available_bytes, 0u);
  EXPECT_LE(space->available_bytes, space->total_bytes);
}

TEST_P(TreeContract, RunsWithTheSameIdShareTheLock) {
  FullTree& second = second_client();
  Status first_lock = run(tree().lock_root("run-a"));
  ASSERT_TRUE(first_lock) << first_lock.error().message();
  Status second_lock = run(second.lock_root("run-a"));
  ASSERT_TRUE(second_lock) << second_lock.error().message();
  Status again = run(tree().lock_root("run-a"));
  EXPECT_TRUE(again) << again.error().message();
}

TEST_P(TreeContract, WhoSharesALockHasItsMarkAndTheNextRunAnother) {
  FullTree& first = second_client();
  FullTree& sharer = second_client();
  FullTree& next = second_client();
  ASSERT_TRUE(run(first.lock_root("run-a")));
  ASSERT_TRUE(run(sharer.lock_root("run-a")));
  if (!can().exclusive_lock) return;
  const std::string mark = first.capabilities().lock_mark;
  EXPECT_EQ(mark.substr(0, 6), "run-a-");
  EXPECT_EQ(sharer.capabilities().lock_mark, mark);
  ASSERT_TRUE(run(sharer.probe(kOwner, kGroup)));
  EXPECT_EQ(sharer.capabilities().lock_mark, mark) << "a probe forgets it";
  close_client(first);
  close_client(sharer);
  ASSERT_TRUE(run(next.lock_root("run-a")));
  EXPECT_NE(next.capabilities().lock_mark, mark);
}

TEST_P(TreeContract, AnotherRunIsKeptOutAndToldByWhom) {
  FullTree& holder = second_client();
  FullTree& sharer = second_client();
  FullTree& other = second_client();
  ASSERT_TRUE(run(holder.lock_root("run-a")));
  Status refused = run(other.lock_root("run-b"));
  if (!can().exclusive_lock) {
    EXPECT_TRUE(refused) << refused.error().message();
    return;
  }
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Own::kLocked)) << refused.error().message();
  EXPECT_NE(refused.error().message().find("run-a"), std::string::npos)
      << refused.error().message();
  ASSERT_TRUE(run(sharer.lock_root("run-a")));
  close_client(holder);
  EXPECT_FALSE(run(other.lock_root("run-b"))) << "one client still holds it";
  close_client(sharer);
  Status free = run(other.lock_root("run-b"));
  EXPECT_TRUE(free) << free.error().message();
}

TEST_P(TreeContract, ClosingGivesTheLockBackAndRemovesItsFile) {
  FullTree& second = second_client();
  ASSERT_TRUE(run(second.lock_root("run-a")));
  close_client(second);
  EXPECT_EQ(names(tree().root()), std::vector<std::string>{});
}

}  // namespace
}  // namespace nfsferry::test

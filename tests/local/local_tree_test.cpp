// What the contract suite cannot see: the folder behind the tree changes while we work in it.
#include "local/local_tree.hpp"

#include <fcntl.h>
#include <sys/mount.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "local_place.hpp"
#include "made_up_clock.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

class LocalTreeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    loop_ = *Loop::create(EngineChoice::kEpoll);
    tree_ = local_tree(*loop_, folder_.path());
    Status opened = run(tree_->open());
    ASSERT_TRUE(opened) << opened.error().message();
  }
  void TearDown() override {
    if (tree_) run(tree_->close());
  }

  template <typename T>
  T run(Task<T> task) {
    return loop_->run(std::move(task));
  }
  LocalTree& tree() { return *tree_; }
  Entry entry(const DirectoryPtr& directory, const std::string& name) {
    auto found = run(tree().lookup(directory, name));
    EXPECT_TRUE(found) << found.error().message();
    return found ? *found : Entry{};
  }
  DirectoryPtr directory(const std::string& name) {
    Entry found = entry(tree().root(), name);
    auto opened = run(tree().open_directory(tree().root(), found));
    EXPECT_TRUE(opened) << opened.error().message();
    return opened ? *opened : nullptr;
  }
  Result<PutResult> put(const DirectoryPtr& parent, std::string_view name, std::string_view text,
                        NewAttributes attributes = {}) {
    Bytes data = bytes_of(text);
    std::vector<PutFile> items{{parent.get(), name, data, attributes}};
    return run(tree().put_files(items, ReadBack::kNo)).at(0);
  }
  std::vector<Result<SmallFile>> read(const std::vector<Entry>& entries) {
    std::vector<SourceItem> items;
    for (const Entry& one : entries) items.push_back({tree().root().get(), &one});
    return run(tree().read_files(items));
  }

  TemporaryFolder folder_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<LocalTree> tree_;
};

std::string text_of(const SmallFile& file) {
  return std::string(reinterpret_cast<const char*>(file.data.bytes.data()), file.data.bytes.size());
}

// --- Limits --------------------------------------------------------------------------------------

// Units that were asked for, while the clock stood still.
std::uint64_t asked_for(RateLimit& limit, std::uint64_t saved) {
  limit.enter(saved);
  auto behind = limit.wait(limit.enter(0));
  return static_cast<std::uint64_t>(behind.count()) * limit.rate() / 1'000'000;
}

TEST_F(LocalTreeTest, EveryRequestThatIsCountedAsksTheLimitFirst) {
  write_text(folder_ / "file", "content");
  Entry listed = entry(tree().root(), "file");
  MadeUpClock clock;
  StopFlag stop{0};
  auto limits = std::make_shared<RateLimits>(Rates{0, 1000}, clock.now());
  clock.pass(std::chrono::seconds(1));  // saves a hundred
  Pace pace(limits, stop);
  auto limited = local_tree(*loop_, folder_.path(), LocalOptions{"limited", false, &pace});
  auto work = [&]() -> Task<void> {
    Status done = co_await limited->open();
    EXPECT_TRUE(done);
    SourceItem asked{limited->root().get(), &listed};
    std::span<const SourceItem> one(&asked, 1);
    auto small = co_await limited->read_files(one);
    EXPECT_TRUE(small[0]);
    auto source = co_await limited->open_file(asked);
    auto range = co_await (*source)->read(0, 7);
    EXPECT_TRUE(range);
    NewAttributes attributes;
    auto target = co_await limited->create_file(limited->root(), "copy", attributes);
    done = co_await (*target)->write(0, range->data.bytes);
    EXPECT_TRUE(done);
    done = co_await (*target)->commit(7);
    EXPECT_TRUE(done);
    done = co_await (*target)->finish(attributes);
    EXPECT_TRUE(done);
    done = co_await (*source)->close();
    EXPECT_TRUE(done);
    co_await limited->close();
  };
  loop_->run(work());
  EXPECT_EQ(read_text(folder_ / "copy"), "content");
  EXPECT_GT(limited->counters().requests, 8u);
  EXPECT_EQ(asked_for(limits->requests, 100), limited->counters().requests);
}

// --- Nothing is written outside the root ---------------------------------------------------------

TEST_F(LocalTreeTest, ADirectoryReplacedByASymlinkIsNeverEntered) {
  TemporaryFolder outside;
  fs::create_directory(folder_ / "home");
  DirectoryPtr home = directory("home");  // listed, its descriptor is not open yet
  fs::rename(folder_ / "home", folder_ / "moved");
  fs::create_symlink(outside.path(), folder_ / "home");
  Result<PutResult> refused = put(home, "file", "text");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(fs::is_empty(outside.path()));
  EXPECT_TRUE(fs::is_empty(folder_ / "moved"));
}

TEST_F(LocalTreeTest, ADirectoryReplacedByAnotherIsStale) {
  fs::create_directory(folder_ / "home");
  DirectoryPtr home = directory("home");
  fs::rename(folder_ / "home", folder_ / "moved");
  fs::create_directory(folder_ / "home");
  Result<PutResult> refused = put(home, "file", "text");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is_errno(ESTALE)) << refused.error().message();
  EXPECT_TRUE(fs::is_empty(folder_ / "home"));
}

TEST_F(LocalTreeTest, AnOpenDirectoryIsTheSameWhateverBecomesOfItsName) {
  TemporaryFolder outside;
  fs::create_directory(folder_ / "home");
  DirectoryPtr home = directory("home");
  ASSERT_TRUE(put(home, "first", "1"));
  fs::rename(folder_ / "home", folder_ / "moved");
  fs::create_symlink(outside.path(), folder_ / "home");
  ASSERT_TRUE(put(home, "second", "2"));
  EXPECT_EQ(read_text(folder_ / "moved/second"), "2");
  EXPECT_TRUE(fs::is_empty(outside.path()));
}

TEST_F(LocalTreeTest, AnEntryReplacedByASymlinkIsNotFollowedWhenAttributesAreSet) {
  TemporaryFolder outside;
  write_text(outside / "victim", "text");
  ::chmod((outside / "victim").c_str(), 0600);
  write_text(folder_ / "file", "text");
  fs::remove(folder_ / "file");
  fs::create_symlink(outside / "victim", folder_ / "file");
  NewAttributes wanted;
  wanted.mode = 0777;
  wanted.mtime = Time{1, 1};
  std::vector<SetAttributes> items{{tree().root(), "file", wanted}};
  run(tree().set_attributes(items));
  EXPECT_EQ(stat_of(outside / "victim").st_mode & 07777u, 0600u);
  EXPECT_NE(stat_of(outside / "victim").st_mtime, 1);
}

// --- Sources that change -------------------------------------------------------------------------

TEST_F(LocalTreeTest, WhatTookAListedFilesPlaceIsStaleAndNeighboursAreRead) {
  for (const char* name : {"a", "fifo", "link", "other", "directory", "gone", "z"}) {
    write_text(folder_ / name, "four");
  }
  std::vector<Entry> entries;
  for (const char* name : {"a", "fifo", "link", "other", "directory", "gone", "z"}) {
    entries.push_back(entry(tree().root(), name));
  }
  write_text(folder_ / "new", "five");
  fs::rename(folder_ / "new", folder_ / "other");
  for (const char* name : {"fifo", "link", "directory", "gone"}) fs::remove(folder_ / name);
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);  // nobody writes: must not hang
  fs::create_symlink("a", folder_ / "link");
  fs::create_directory(folder_ / "directory");

  auto files = read(entries);
  ASSERT_EQ(files.size(), entries.size());
  ASSERT_TRUE(files.front()) << files.front().error().message();
  ASSERT_TRUE(files.back()) << files.back().error().message();
  EXPECT_EQ(text_of(*files.front()), "four");
  EXPECT_EQ(text_of(*files.back()), "four");
  for (std::size_t i = 1; i + 1 < files.size(); ++i) {
    SCOPED_TRACE(entries[i].name);
    ASSERT_FALSE(files[i]);
    int wanted = entries[i].name == "gone" ? ENOENT : ESTALE;
    EXPECT_TRUE(files[i].error().is_errno(wanted)) << files[i].error().message();
    EXPECT_EQ(files[i].error().path, entries[i].name);
  }
}

TEST_F(LocalTreeTest, AFileThatGrowsAfterItsListingIsNotComplete) {
  write_text(folder_ / "grows", "four");
  std::vector<Entry> entries{entry(tree().root(), "grows")};
  std::ofstream(folder_ / "grows", std::ios::app) << " and more";
  auto files = read(entries);
  ASSERT_TRUE(files.at(0)) << files.at(0).error().message();
  EXPECT_FALSE(files.at(0)->complete);
  EXPECT_EQ(text_of(*files.at(0)), "four");
  EXPECT_EQ(files.at(0)->after.size_bytes, 13u);
  EXPECT_GT(files.at(0)->after.change, entries[0].attributes.change);
}

TEST_F(LocalTreeTest, AReplacedSymlinkIsStale) {
  fs::create_symlink("one", folder_ / "link");
  Entry listed = entry(tree().root(), "link");
  fs::create_symlink("two", folder_ / "new");  // exists before the other goes: another inode
  fs::rename(folder_ / "new", folder_ / "link");
  std::vector<SourceItem> items{{tree().root().get(), &listed}};
  auto texts = run(tree().read_links(items));
  ASSERT_FALSE(texts.at(0));
  EXPECT_TRUE(texts.at(0).error().is_errno(ESTALE)) << texts.at(0).error().message();
}

TEST_F(LocalTreeTest, ReadingDoesNotMoveTheAccessTime) {
  NewAttributes old;
  old.atime = Time{1'000'000'000, 7};
  old.mtime = Time{1'100'000'000, 8};
  ASSERT_TRUE(put(tree().root(), "file", "text", old));
  Entry listed = entry(tree().root(), "file");
  EXPECT_EQ(listed.attributes.atime, (Time{1'000'000'000, 7}));
  ASSERT_TRUE(read({listed}).at(0));
  EXPECT_EQ(entry(tree().root(), "file").attributes.atime, (Time{1'000'000'000, 7}));
}

// A file system of 1 MiB in memory, where we may mount one. Unmounted lazily: who looks at it at
// that moment (a backup, a df) must not keep it.
class SmallFileSystem {
 public:
  explicit SmallFileSystem(std::string path) : path_(std::move(path)) {
    fs::create_directory(path_);
    mounted_ = ::mount("none", path_.c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  ~SmallFileSystem() {
    if (!mounted_) return;
    EXPECT_EQ(::umount2(path_.c_str(), MNT_DETACH), 0);
  }
  SmallFileSystem(const SmallFileSystem&) = delete;
  SmallFileSystem& operator=(const SmallFileSystem&) = delete;

  bool is_mounted() const { return mounted_; }

 private:
  const std::string path_;
  bool mounted_ = false;
};

TEST_F(LocalTreeTest, AnotherFileSystemIsListedWithItsOwnId) {
  SmallFileSystem file_system(folder_ / "mounted");
  if (!file_system.is_mounted()) GTEST_SKIP() << "no file system can be mounted here";
  Entry mounted = entry(tree().root(), "mounted");
  EXPECT_FALSE(mounted.attributes.fsid == tree().root_entry().attributes.fsid);
  auto listing = tree().list(tree().root());
  auto page = run((*listing)->next());
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries.size(), 1u);
  EXPECT_EQ(page->entries[0].attributes.fsid, mounted.attributes.fsid);
  EXPECT_EQ(page->entries[0].attributes.fileid, mounted.attributes.fileid);
}

// --- Full disks, masks, groups, limits -----------------------------------------------------------

TEST_F(LocalTreeTest, AFullFileSystemFailsTheFileAndLeavesNoTemporary) {
  SmallFileSystem file_system(folder_ / "small");
  if (!file_system.is_mounted()) GTEST_SKIP() << "no file system can be mounted here";
  DirectoryPtr small = directory("small");
  const Bytes big = pattern(900 << 10, 1);
  const Bytes tiny = pattern(10, 2);
  std::vector<PutFile> items{{small.get(), "fits", big, {}},
                             {small.get(), "too-much", big, {}},
                             {small.get(), "tiny", tiny, {}}};
  auto results = run(tree().put_files(items, ReadBack::kCompare));
  auto file = run(tree().create_file(small, "large", {}));
  ASSERT_TRUE(file) << file.error().message();
  Status written = run((*file)->write(0, big));
  run((*file)->abandon());
  std::vector<std::string> left;
  for (const auto& one : fs::directory_iterator(folder_ / "small")) {
    left.push_back(one.path().filename());
  }
  EXPECT_TRUE(results.at(0)) << results.at(0).error().message();
  ASSERT_FALSE(results.at(1));
  EXPECT_TRUE(results.at(1).error().is_errno(ENOSPC)) << results.at(1).error().message();
  EXPECT_EQ(results.at(1).error().path, "too-much");
  ASSERT_FALSE(written);
  EXPECT_TRUE(written.error().is_errno(ENOSPC)) << written.error().message();
  EXPECT_EQ(written.error().path, "large");
  for (const std::string& name : left) EXPECT_FALSE(name.starts_with(kTemporaryPrefix)) << name;
}

TEST(CompareContent, FindsEveryDifference) {
  TemporaryFolder folder;
  for (std::size_t size : {0u, 1u, 4096u, 65535u, 65536u, 65537u, 200'000u}) {
    SCOPED_TRACE(size);
    const Bytes wanted = pattern(size, 1);
    std::vector<std::pair<Bytes, bool>> stored{{wanted, true}};
    stored.push_back({pattern(size + 1, 1), false});  // the same and one more
    if (size > 0) {
      stored.push_back({pattern(size - 1, 1), false});
      for (std::size_t at : {std::size_t{0}, size / 2, size - 1}) {
        stored.push_back({wanted, false});
        stored.back().first[at] ^= std::byte{0x10};
      }
    }
    for (const auto& [bytes, same] : stored) {
      write_text(folder / "file",
                 std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
      UniqueFd fd(::open((folder / "file").c_str(), O_RDONLY | O_CLOEXEC));
      Status compared = compare_content(fd.get(), wanted, "file");
      EXPECT_EQ(compared.has_value(), same) << bytes.size();
      if (!compared) {
        EXPECT_TRUE(compared.error().is(Own::kVerifyMismatch));
      }
    }
  }
}

TEST_F(LocalTreeTest, TheUmaskDoesNotLeakIntoResults) {
  const mode_t old = ::umask(0777);
  NewAttributes wanted;
  wanted.mode = 0754;
  Result<PutResult> with_mode = put(tree().root(), "with", "text", wanted);
  Result<PutResult> without = put(tree().root(), "without", "text");
  std::vector<MakeDirectory> items{{tree().root(), "directory", {}}};
  auto made = run(tree().make_directories(items));
  const Directory* root = tree().root().get();
  std::vector<MakeSpecial> specials{{root, "fifo", FileType::kFifo, 0, 0, wanted}};
  auto special = run(tree().make_specials(specials));
  ::umask(old);
  ASSERT_TRUE(with_mode && without && made.at(0) && special.at(0));
  EXPECT_EQ(stat_of(folder_ / "with").st_mode & 07777u, 0754u);
  EXPECT_EQ(stat_of(folder_ / "without").st_mode & 07777u, 0600u);
  EXPECT_EQ(stat_of(folder_ / "directory").st_mode & 07777u, 0700u);
  EXPECT_EQ(stat_of(folder_ / "fifo").st_mode & 07777u, 0754u);
}

TEST_F(LocalTreeTest, ASetGroupIdParentDoesNotLeakIntoNewDirectories) {
  fs::create_directory(folder_ / "shared");
  ASSERT_EQ(::chmod((folder_ / "shared").c_str(), 02777), 0);
  DirectoryPtr shared = directory("shared");
  std::vector<MakeDirectory> items{{shared, "new", {}}};
  ASSERT_TRUE(run(tree().make_directories(items)).at(0));
  EXPECT_EQ(stat_of(folder_ / "shared/new").st_mode & 07777u, 0700u);
}

std::size_t open_descriptors() {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

TEST_F(LocalTreeTest, ManyDirectoriesInUseHoldFewDescriptors) {
  std::vector<MakeDirectory> items;
  for (int i = 0; i < 500; ++i) items.push_back({tree().root(), "d" + std::to_string(i), {}});
  const std::size_t before = open_descriptors();
  auto made = run(tree().make_directories(items));
  for (const auto& one : made) {
    ASSERT_TRUE(one) << one.error().message();
    ASSERT_TRUE(put(one->directory, "file", "text"));
  }
  EXPECT_LE(open_descriptors(), before + OpenDirectories::kOpenMax);
  made.clear();
  EXPECT_LE(open_descriptors(), before);
}

TEST_F(LocalTreeTest, ADeepChainIsFreedWithoutRecursion) {
  fs::create_directory(folder_ / "d");
  DirectoryPtr deep = directory("d");
  Entry below = entry(tree().root(), "d");
  for (int i = 0; i < 300'000; ++i) {
    deep = LocalDirectory::make_child(local(deep), "d", below.attributes);
  }
  deep.reset();
}

TEST_F(LocalTreeTest, DirectoriesServeTreesOnOtherThreads) {
  std::vector<MakeDirectory> items;
  for (int i = 0; i < 100; ++i) items.push_back({tree().root(), "d" + std::to_string(i), {}});
  auto made = run(tree().make_directories(items));
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread) {
    threads.emplace_back([this, thread, &made] {
      auto loop = *Loop::create(EngineChoice::kAuto);
      auto other = local_tree(*loop, folder_.path());
      ASSERT_TRUE(loop->run(other->open()));
      std::string name = "file" + std::to_string(thread);
      for (const auto& one : made) {
        std::vector<PutFile> put{{one->directory.get(), name, {}, {}}};
        auto results = loop->run(other->put_files(put, ReadBack::kNo));
        ASSERT_TRUE(results.at(0)) << results.at(0).error().message();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& one : made) {
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / one->entry.name), {}), 3);
  }
}

TEST_F(LocalTreeTest, CountersTellRequestsByKind) {
  std::uint64_t before = tree().counters().requests;
  ASSERT_TRUE(put(tree().root(), "file", "text"));
  ASSERT_TRUE(read({entry(tree().root(), "file")}).at(0));
  TreeCounters counters = tree().counters();
  EXPECT_EQ(counters.requests, before + 3);
  EXPECT_EQ(counters.latency.at("put_files").count(), 1u);
  EXPECT_EQ(counters.latency.at("lookup").count(), 1u);
  EXPECT_EQ(counters.latency.at("read_files").count(), 1u);
}

TEST_F(LocalTreeTest, TheProbeFindsNanosecondsAndLinkTimesOnThisFileSystem) {
  Status probed = run(tree().probe(12345, 23456));
  ASSERT_TRUE(probed) << probed.error().message();
  EXPECT_TRUE(tree().capabilities().names_need_sync) << "a probe does not find that out";
  const Capabilities& can = tree().capabilities();
  EXPECT_TRUE(can.hard_links && can.symlinks && can.rename && can.fifos_and_sockets);
  EXPECT_TRUE(can.symlink_times);
  EXPECT_EQ(can.time_granularity_ns, 1u);
  EXPECT_EQ(can.change_owner, ::geteuid() == 0);
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

// --- An ordinary user ----------------------------------------------------------------------------

// A tree as an ordinary user opens it.
struct UsersTree {
  explicit UsersTree(const std::string& path)
      : loop(*Loop::create(EngineChoice::kEpoll)), tree(local_tree(*loop, path)) {
    Status opened = loop->run(tree->open());
    EXPECT_TRUE(opened) << opened.error().message();
  }
  Result<ListingPage> first_page() {
    auto listing = tree->list(tree->root());
    return loop->run((*listing)->next());
  }
  Result<PutResult> put(std::string_view name, NewAttributes attributes) {
    std::vector<PutFile> items{{tree->root().get(), name, {}, attributes}};
    return loop->run(tree->put_files(items, ReadBack::kNo)).at(0);
  }

  OrdinaryUser user;  // before the loop, whose threads inherit it
  std::unique_ptr<Loop> loop;
  std::unique_ptr<LocalTree> tree;
};

TEST_F(LocalTreeTest, AnOrdinaryUserIsToldWhatFailedAndTheRestGoesOn) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs files that somebody else owns";
  write_text(folder_ / "open", "open");
  write_text(folder_ / "closed", "closed");
  ::chmod((folder_ / "closed").c_str(), 0);
  ::chmod(folder_.path().c_str(), 0755);
  UsersTree users(folder_.path());
  Result<ListingPage> page = users.first_page();
  ASSERT_TRUE(page) << page.error().message();
  ASSERT_EQ(page->entries.size(), 2u);
  for (const Entry& one : page->entries) {
    std::vector<SourceItem> items{{users.tree->root().get(), &one}};
    auto files = users.loop->run(users.tree->read_files(items));
    if (one.name == "open") {
      EXPECT_TRUE(files.at(0));
    } else {
      ASSERT_FALSE(files.at(0));
      EXPECT_TRUE(files.at(0).error().is_errno(EACCES)) << files.at(0).error().message();
    }
  }
  Result<PutResult> refused = users.put("new", {});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is_errno(EACCES)) << refused.error().message();
  EXPECT_EQ(refused.error().path, "new");
}

TEST_F(LocalTreeTest, AnOrdinaryUserMayNotGiveFilesAway) {
  ::chmod(folder_.path().c_str(), 0777);
  UsersTree users(folder_.path());
  Status probed = users.loop->run(users.tree->probe(12345, 12345));
  ASSERT_TRUE(probed) << probed.error().message();
  EXPECT_FALSE(users.tree->capabilities().change_owner);
  EXPECT_FALSE(users.tree->capabilities().devices);
  NewAttributes foreign;
  foreign.owner = 12345;
  Result<PutResult> refused = users.put("file", foreign);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is_errno(EPERM)) << refused.error().message();
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(LocalTreeTest, ADirectoryThatMayBeListedButNotEnteredIsReported) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs a directory that somebody else owns";
  write_text(folder_ / "file", "text");
  ::chmod(folder_.path().c_str(), 0744);
  UsersTree users(folder_.path());
  Result<ListingPage> page = users.first_page();
  ASSERT_FALSE(page);
  EXPECT_TRUE(page.error().is_errno(EACCES)) << page.error().message();
}

// --- A kernel or a container without openat2 -----------------------------------------------------

std::string work_without_openat2(const std::string& path, int number) {
  forbid(SYS_openat2, number);
  auto loop = *Loop::create(EngineChoice::kEpoll);
  auto tree = local_tree(*loop, path);
  if (!loop->run(tree->open())) return "open fails";
  std::vector<MakeDirectory> items{{tree->root(), "directory", {}}, {tree->root(), "link", {}}};
  auto made = loop->run(tree->make_directories(items));
  if (!made.at(0)) return made.at(0).error().message();
  if (made.at(1)) return "a symlink was entered";
  const Bytes data = pattern(1000, 1);
  std::vector<PutFile> puts{{made.at(0)->directory.get(), "file", data, {}}};
  auto results = loop->run(tree->put_files(puts, ReadBack::kCompare));
  if (!results.at(0)) return results.at(0).error().message();
  auto found = loop->run(tree->lookup(made.at(0)->directory, "file"));
  if (!found) return found.error().message();
  std::vector<SourceItem> reads{{made.at(0)->directory.get(), &*found}};
  auto files = loop->run(tree->read_files(reads));
  if (!files.at(0)) return files.at(0).error().message();
  return files.at(0)->complete ? "" : "the file came back in part";
}

TEST(LocalTreeWithoutOpenat2, WorksWithOpenatAlone) {
  for (int number : {ENOSYS, EPERM}) {
    TemporaryFolder folder;
    fs::create_symlink("/", folder / "link");
    EXPECT_EQ(in_child([&] { return work_without_openat2(folder.path(), number); }), "");
  }
}

}  // namespace
}  // namespace nfsferry::test

// Opening a root, and the lock that keeps other runs out of it.
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "local_place.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

class LocalRootTest : public ::testing::Test {
 protected:
  template <typename T>
  T run(Task<T> task) {
    return loop_->run(std::move(task));
  }
  std::unique_ptr<LocalTree> open_tree() {
    auto tree = local_tree(*loop_, folder_.path());
    Status opened = run(tree->open());
    EXPECT_TRUE(opened) << opened.error().message();
    return tree;
  }
  std::string lock_path() { return folder_ / kLockName; }

  TemporaryFolder folder_;
  std::unique_ptr<Loop> loop_ = *Loop::create(EngineChoice::kEpoll);
};

struct RootCase {
  std::string path;
  int number;
  std::string says;
};

TEST_F(LocalRootTest, ARootThatDoesNotOpenSaysWhichPartAndWhy) {
  fs::create_directory(folder_ / "a");
  write_text(folder_ / "a/file", "text");
  fs::create_symlink("nowhere", folder_ / "a/dangling");
  const std::vector<RootCase> cases = {
      {folder_ / "a/b", ENOENT, "a/b' does not exist"},
      {folder_ / "a/b/", ENOENT, "a/b' does not exist"},
      {folder_ / "a/b/c/d", ENOENT, "a/b' does not exist; make it first"},
      {folder_ / "a/file", ENOTDIR, "a/file' is no directory"},
      {folder_ / "a/file/c", ENOTDIR, "a/file' is no directory"},
      {folder_ / "a/dangling", ENOENT, "a/dangling' does not exist"},
  };
  for (const RootCase& expected : cases) {
    SCOPED_TRACE(expected.path);
    auto tree = local_tree(*loop_, expected.path);
    Status opened = run(tree->open());
    ASSERT_FALSE(opened);
    EXPECT_TRUE(opened.error().is_errno(expected.number)) << opened.error().message();
    EXPECT_NE(opened.error().message().find(expected.says), std::string::npos)
        << opened.error().message();
  }
}

TEST_F(LocalRootTest, ARootThatMayNotBeReadSaysWhoMay) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs a directory that somebody else owns";
  fs::create_directories(folder_ / "a/closed/inner");
  ::chmod(folder_.path().c_str(), 0755);
  ::chmod((folder_ / "a/closed").c_str(), 0700);
  OrdinaryUser user;
  auto loop = *Loop::create(EngineChoice::kEpoll);
  for (const char* path : {"a/closed", "a/closed/inner"}) {
    auto tree = local_tree(*loop, folder_ / path);
    Status opened = loop->run(tree->open());
    ASSERT_FALSE(opened);
    EXPECT_TRUE(opened.error().is_errno(EACCES)) << opened.error().message();
    EXPECT_NE(opened.error().message().find("user 65534 may not"), std::string::npos)
        << opened.error().message();
  }
}

TEST_F(LocalRootTest, AMissingRootIsMadeOnlyOnRequest) {
  LocalOptions options;
  options.create_missing = true;
  auto tree = local_tree(*loop_, folder_ / "new", options);
  Status opened = run(tree->open());
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(stat_of(folder_ / "new").st_mode & 0777u, 0700u);
  auto deeper = local_tree(*loop_, folder_ / "x/y", options);
  EXPECT_FALSE(run(deeper->open())) << "only the last component is made";
  EXPECT_FALSE(fs::exists(folder_ / "x"));
}

TEST_F(LocalRootTest, SymlinksInTheRootPathItselfAreFollowed) {
  fs::create_directory(folder_ / "real");
  fs::create_symlink("real", folder_ / "link");
  auto tree = local_tree(*loop_, folder_ / "link");
  Status opened = run(tree->open());
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(tree->root_entry().attributes.fileid, stat_of(folder_ / "real").st_ino);
}

TEST_F(LocalRootTest, ALockFileLeftByADeadRunBlocksNobody) {
  write_text(lock_path(), "dead-run\n1\nhost\n");
  auto tree = open_tree();
  Status locked = run(tree->lock_root("new-run"));
  ASSERT_TRUE(locked) << locked.error().message();
  EXPECT_EQ(read_text(lock_path()).substr(0, 8), "new-run\n");
  run(tree->close());
  EXPECT_FALSE(fs::exists(lock_path()));
}

// Locks in a child process that is killed while it holds the lock.
void die_with_the_lock(const std::string& path) {
  int ready[2];
  check(::pipe(ready) == 0, "pipe fails");
  const pid_t child = ::fork();
  check(child >= 0, "fork fails");
  if (child == 0) {
    ::alarm(60);
    auto loop = *Loop::create(EngineChoice::kEpoll);
    auto tree = local_tree(*loop, path);
    bool good =
        loop->run(tree->open()).has_value() && loop->run(tree->lock_root("killed-run")).has_value();
    char answer = good ? 'y' : 'n';
    if (::write(ready[1], &answer, 1) == 1) ::pause();
    ::_exit(1);
  }
  char answer = 'n';
  EXPECT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  auto loop = *Loop::create(EngineChoice::kEpoll);
  auto other = local_tree(*loop, path);
  EXPECT_TRUE(loop->run(other->open()));
  Status refused = loop->run(other->lock_root("other-run"));
  EXPECT_FALSE(refused);
  if (!refused) {
    EXPECT_TRUE(refused.error().is(Own::kLocked)) << refused.error().message();
    EXPECT_NE(refused.error().message().find("run 'killed-run' (process " + std::to_string(child)),
              std::string::npos)
        << refused.error().message();
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(LocalRootTest, AKilledRunLetsGoOfTheLock) {
  die_with_the_lock(folder_.path());
  EXPECT_TRUE(fs::exists(lock_path()));
  auto tree = open_tree();
  Status locked = run(tree->lock_root("other-run"));
  EXPECT_TRUE(locked) << locked.error().message();
  run(tree->close());
}

TEST_F(LocalRootTest, APlantedLockFileLeadsNowhere) {
  TemporaryFolder outside;
  write_text(outside / "victim", "precious");
  const std::string victim = folder_ / "victim";
  write_text(victim, "precious");
  auto tree = open_tree();

  fs::create_symlink(outside / "victim", lock_path());
  EXPECT_FALSE(run(tree->lock_root("run"))) << "a symlink";
  fs::remove(lock_path());
  fs::create_hard_link(victim, lock_path());
  Status linked = run(tree->lock_root("run"));
  ASSERT_FALSE(linked) << "a hard link";
  EXPECT_TRUE(linked.error().is(Own::kTypeConflict)) << linked.error().message();
  fs::remove(lock_path());
  ASSERT_EQ(::mkfifo(lock_path().c_str(), 0600), 0);
  EXPECT_FALSE(run(tree->lock_root("run"))) << "a fifo";
  fs::remove(lock_path());
  fs::create_directory(lock_path());
  EXPECT_FALSE(run(tree->lock_root("run"))) << "a directory";
  fs::remove(lock_path());

  EXPECT_EQ(read_text(outside / "victim"), "precious");
  EXPECT_EQ(read_text(victim), "precious");
  Status locked = run(tree->lock_root("run"));
  EXPECT_TRUE(locked) << locked.error().message();
  EXPECT_EQ(stat_of(lock_path()).st_mode & 0777u, 0600u);
  run(tree->close());
}

TEST_F(LocalRootTest, ALockFileThatAnotherRunMadeMeanwhileIsLeftToIt) {
  auto first = open_tree();
  auto second = open_tree();
  ASSERT_TRUE(run(first->lock_root("first")));
  fs::remove(lock_path());  // somebody's hand
  ASSERT_TRUE(run(second->lock_root("second")));
  run(first->close());
  EXPECT_TRUE(fs::exists(lock_path()));
  run(second->close());
  EXPECT_FALSE(fs::exists(lock_path()));
}

TEST_F(LocalRootTest, ManyShardsTakeAndGiveBackTheLockAtOnce) {
  std::vector<std::thread> shards;
  for (int shard = 0; shard < 6; ++shard) {
    shards.emplace_back([this] {
      auto loop = *Loop::create(EngineChoice::kEpoll);
      for (int round = 0; round < 20; ++round) {
        auto tree = local_tree(*loop, folder_.path());
        ASSERT_TRUE(loop->run(tree->open()));
        Status locked = loop->run(tree->lock_root("same-run"));
        ASSERT_TRUE(locked) << locked.error().message();
        EXPECT_EQ(read_text(lock_path()).substr(0, 9), "same-run\n");
        loop->run(tree->close());
      }
    });
  }
  for (std::thread& shard : shards) shard.join();
  EXPECT_FALSE(fs::exists(lock_path()));
}

TEST_F(LocalRootTest, ShardsOfTwoRunsNeverHoldTheLockAtOnce) {
  std::atomic<int> holders[2] = {0, 0};
  std::atomic<int> successes{0};
  std::vector<std::thread> shards;
  for (std::size_t number = 0; number < 4; ++number) {
    shards.emplace_back([&, run_number = number / 2] {
      auto loop = *Loop::create(EngineChoice::kEpoll);
      for (int round = 0; round < 60; ++round) {
        auto tree = local_tree(*loop, folder_.path());
        ASSERT_TRUE(loop->run(tree->open()));
        if (loop->run(tree->lock_root("run-" + std::to_string(run_number)))) {
          ++holders[run_number];
          EXPECT_EQ(holders[1 - run_number].load(), 0);
          ++successes;
          std::this_thread::yield();
          --holders[run_number];
        }
        loop->run(tree->close());
      }
    });
  }
  for (std::thread& shard : shards) shard.join();
  EXPECT_GT(successes.load(), 0);
}

}  // namespace
}  // namespace nfsferry::test

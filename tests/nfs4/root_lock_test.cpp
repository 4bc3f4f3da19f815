// The run's lock on a real server: who is kept out, when it ends, and what a restart does to it.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "server_fixture.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;
using nfs4::Nfs4Tree;

GaneshaOptions short_lease() {
  GaneshaOptions options;
  options.lease_s = 2;
  return options;
}

class Nfs4RootLockTest : public ServerTest {
 protected:
  fs::path lock_path() { return server_.folder("/old") / kLockName; }
  std::string lock_text() {
    std::ifstream in(lock_path());
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  // Until the lease of whoever is gone is over.
  Status lock_in_time(Nfs4Tree& tree, const std::string& run_id) {
    auto patience = Clock::now() + std::chrono::seconds(60);
    for (;;) {
      Status locked = run(tree.lock_root(run_id));
      if (locked || !locked.error().is(Own::kLocked) || Clock::now() > patience) return locked;
      EXPECT_TRUE(run(loop_->sleep_for(std::chrono::milliseconds(100))));
    }
  }
  // Cuts the first run off, which goes by the proxy, until a second one has the lock; null where it
  // does not get it.
  Nfs4Tree* overtake(Nfs4Tree& first, Proxy& proxy) {
    EXPECT_TRUE(run(first.lock_root("first-run")));
    proxy.stop_accepting(true);
    proxy.drop_connections();
    Nfs4Tree& second = open_client();
    Status stolen = lock_in_time(second, "second-run");
    EXPECT_TRUE(stolen) << stolen.error().message();
    return stolen ? &second : nullptr;
  }
  void expect_locked_by(const Status& status, const std::string& run_id) {
    ASSERT_FALSE(status);
    EXPECT_TRUE(status.error().is(Own::kLocked)) << status.error().message();
    EXPECT_NE(status.error().message().find("run '" + run_id + "'"), std::string::npos)
        << status.error().message();
  }
  void expect_conflict(const Status& status) {
    ASSERT_FALSE(status);
    EXPECT_TRUE(status.error().is(Own::kTypeConflict)) << status.error().message();
  }
  Status make_one(Nfs4Tree& tree, std::string name) {
    std::vector<MakeDirectory> items{{tree.root(), std::move(name), {}}};
    auto made = run(tree.make_directories(items));
    return made.at(0) ? ok() : Status(made.at(0).error());
  }
  // Locks in a child process; returns it once it holds the lock.
  pid_t lock_in_a_child(const std::string& run_id) {
    int ready[2];
    check(::pipe(ready) == 0, "pipe fails");
    const pid_t child = ::fork();
    check(child >= 0, "fork fails");
    if (child == 0) {
      ::alarm(60);
      auto loop = *Loop::create(EngineChoice::kEpoll);
      auto tree = make_tree(*loop);
      bool good =
          loop->run(tree->open()).has_value() && loop->run(tree->lock_root(run_id)).has_value();
      char answer = good ? 'y' : 'n';
      if (::write(ready[1], &answer, 1) == 1) {
        (void)loop->run(loop->sleep_for(std::chrono::hours(1)));
      }
      ::_exit(1);
    }
    char answer = 'n';
    EXPECT_EQ(::read(ready[0], &answer, 1), 1);
    EXPECT_EQ(answer, 'y');
    ::close(ready[0]);
    ::close(ready[1]);
    return child;
  }
};

TEST_P(Nfs4RootLockTest, TheFileSaysWhoHoldsIt) {
  start_server();
  Nfs4Tree& first = open_client();
  ASSERT_TRUE(run(first.lock_root("first-run")));
  EXPECT_TRUE(first.capabilities().exclusive_lock);
  std::string begin = "first-run\n" + std::to_string(::getpid()) + "\n";
  EXPECT_EQ(lock_text().substr(0, begin.size()), begin);
  Status refused = run(open_client().lock_root("second-run"));
  expect_locked_by(refused, "first-run");
  EXPECT_NE(refused.error().message().find(", since 2"), std::string::npos);
  close_client(first);
  EXPECT_FALSE(fs::exists(lock_path()));
}

TEST_P(Nfs4RootLockTest, AFileLeftByADeadRunBlocksNobody) {
  start_server();
  std::ofstream(lock_path()) << "dead-run\n1\nhost\n" << std::string(1000, 'x');
  Nfs4Tree& tree = open_client();
  Status locked = run(tree.lock_root("new-run"));
  ASSERT_TRUE(locked) << locked.error().message();
  expect_locked_by(run(open_client().lock_root("other")), "new-run");
  close_client(tree);
  EXPECT_FALSE(fs::exists(lock_path()));
}

TEST_P(Nfs4RootLockTest, APlantedFileIsNeverWrittenTo) {
  start_server();
  Nfs4Tree& tree = open_client();
  const Directory* root = tree.root().get();
  const std::string precious = "precious";
  std::vector<PutFile> files{{root, "victim", std::as_bytes(std::span(precious)), {}}};
  ASSERT_TRUE(run(tree.put_files(files, ReadBack::kNo)).at(0));
  std::vector<RemoveEntry> file{{root, kLockName, false}};
  std::vector<RemoveEntry> folder{{root, kLockName, true}};

  std::vector<MakeSymlink> symlinks{{root, kLockName, "victim", {}}};
  ASSERT_TRUE(run(tree.make_symlinks(symlinks)).at(0));
  expect_conflict(run(tree.lock_root("run")));
  ASSERT_TRUE(run(tree.remove(file)).at(0));

  std::vector<MakeLink> links{{root, "victim", root, kLockName}};
  ASSERT_TRUE(run(tree.make_links(links)).at(0));
  expect_conflict(run(tree.lock_root("run")));
  ASSERT_TRUE(run(tree.remove(file)).at(0));

  ASSERT_TRUE(make_one(tree, std::string(kLockName)));
  expect_conflict(run(tree.lock_root("run")));
  ASSERT_TRUE(run(tree.remove(folder)).at(0));

  EXPECT_EQ(fs::file_size(server_.folder("/old") / "victim"), precious.size());
  Status locked = run(tree.lock_root("run"));
  EXPECT_TRUE(locked) << locked.error().message();
}

TEST_P(Nfs4RootLockTest, AKilledRunLosesTheLockWithItsLease) {
  start_server(short_lease());
  pid_t child = lock_in_a_child("killed-run");
  Nfs4Tree& tree = open_client();
  expect_locked_by(run(tree.lock_root("other-run")), "killed-run");
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  Status locked = lock_in_time(tree, "other-run");
  EXPECT_TRUE(locked) << locked.error().message();
}

TEST_P(Nfs4RootLockTest, TheLockIsKeptOverAServerRestart) {
  start_server();
  Nfs4Tree& holder = open_client();
  ASSERT_TRUE(run(holder.lock_root("first-run")));
  const std::string text = lock_text();
  kill_server();
  ASSERT_EQ(server_.restart(), "");
  Status made = make_one(holder, "after");
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(lock_text(), text) << "its mark is in the names of temporaries";
  expect_locked_by(run(open_client().lock_root("second-run")), "first-run");
  close_client(holder);
  EXPECT_FALSE(fs::exists(lock_path()));
}

TEST_P(Nfs4RootLockTest, ARunThatWasCutOffAndOvertakenWritesNothingMore) {
  start_server(short_lease());
  Proxy& proxy = start_proxy();
  Nfs4Tree& first = open_client(proxy.port());
  Nfs4Tree* second = overtake(first, proxy);
  ASSERT_NE(second, nullptr);
  proxy.stop_accepting(false);
  expect_locked_by(make_one(first, "too-late"), "second-run");
  EXPECT_FALSE(fs::exists(server_.folder("/old") / "too-late"));
  close_client(first);
  EXPECT_EQ(lock_text().substr(0, 11), "second-run\n") << "it is not the first run's to remove";
}

TEST_P(Nfs4RootLockTest, ARunOvertakenByOneThatHasEndedWritesNothingMore) {
  start_server(short_lease());
  Proxy& proxy = start_proxy();
  Nfs4Tree& first = open_client(proxy.port());
  Nfs4Tree* second = overtake(first, proxy);
  ASSERT_NE(second, nullptr);
  close_client(*second);
  ASSERT_FALSE(fs::exists(lock_path()));
  proxy.stop_accepting(false);
  Status late = make_one(first, "too-late");
  ASSERT_FALSE(late);
  EXPECT_TRUE(late.error().is(Own::kLocked)) << late.error().message();
  EXPECT_NE(late.error().message().find("another run may have worked"), std::string::npos);
  EXPECT_FALSE(fs::exists(server_.folder("/old") / "too-late"));
  EXPECT_FALSE(fs::exists(lock_path()));
}

TEST_P(Nfs4RootLockTest, ARunOvertakenAfterARestartWritesNothingMore) {
  start_server();
  Proxy& proxy = start_proxy();
  Nfs4Tree& first = open_client(proxy.port());
  ASSERT_TRUE(run(first.lock_root("first-run")));
  kill_server();
  proxy.stop_accepting(true);
  proxy.drop_connections();
  ASSERT_EQ(server_.restart(), "");
  ASSERT_TRUE(run(open_client().lock_root("second-run")));
  proxy.stop_accepting(false);
  expect_locked_by(make_one(first, "too-late"), "second-run");
  EXPECT_FALSE(fs::exists(server_.folder("/old") / "too-late"));
}

TEST_P(Nfs4RootLockTest, ClosingIsNotHeldUpByAServerThatIsGone) {
  start_server();
  Nfs4Tree& tree = open_client();
  ASSERT_TRUE(run(tree.lock_root("run")));
  kill_server();
  close_client(tree);
  ASSERT_EQ(server_.restart(), "");
  EXPECT_TRUE(run(open_client().lock_root("next")));
}

INSTANTIATE_TEST_SUITE_P(Versions, Nfs4RootLockTest, kServerVersions, version_name);

}  // namespace
}  // namespace nfsferry::test

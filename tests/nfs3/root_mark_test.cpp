// The file by which a run over NFSv3 says that it is at work in a target.
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <utility>

#include "nfs3/nfs3_tree.hpp"
#include "nfs3_copies.hpp"
#include "nfs4/nfs4_tree.hpp"
#include "sample_tree.hpp"
#include "tree/lock_holder.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

// A process that has been, and is no more.
std::string ended_process() {
  pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  return std::to_string(child);
}

class Nfs3RootMark : public Nfs3Copy {
 protected:
  void SetUp() override {
    Nfs3Copy::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto loop = Loop::create(EngineChoice::kAuto);
    ASSERT_TRUE(loop);
    loop_ = *std::move(loop);
  }
  void TearDown() override {
    tree_.reset();
    Nfs3Copy::TearDown();
  }

  // Opens a tree at this path.
  nfs3::Nfs3Tree& tree_at(const std::string& path) {
    auto location = parse_location(url(path, "3"));
    nfs3::Nfs3Options of_test;
    of_test.run_id = "test";
    tree_ = std::make_unique<nfs3::Nfs3Tree>(*loop_, *std::move(location), std::move(of_test));
    EXPECT_TRUE(loop_->run(tree_->open()));
    return *tree_;
  }
  void close() { loop_->run(tree_->close()); }

  // A lock file with this text, as one that was left there.
  void leave(const std::string& text) {
    nfs3::Nfs3Tree& tree = tree_at(target_);
    PutFile file{tree.root().get(), kLockName, std::as_bytes(std::span(text)), {}};
    std::span<const PutFile> one(&file, 1);
    auto put = loop_->run(tree.put_files(one, ReadBack::kNo));
    EXPECT_TRUE(put[0]) << put[0].error().message();
    close();
  }
  bool is_there() const { return fs::exists(folder(target_) / kLockName); }
  std::string lock_text() const {
    std::ifstream file(folder(target_) / kLockName);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::unique_ptr<Loop> loop_;
  std::unique_ptr<nfs3::Nfs3Tree> tree_;
};

TEST_F(Nfs3RootMark, spares_the_place_from_a_run_that_deletes_around_it) {
  for (std::string_view version : {"3", "4.1"}) {
    std::string home = target_ + "/home" + std::string(version);
    nfs3::Nfs3Tree& around = tree_at(target_);
    MakeDirectory request{around.root(), "home" + std::string(version), {}};
    std::span<const MakeDirectory> one(&request, 1);
    ASSERT_TRUE(loop_->run(around.make_directories(one))[0]);
    close();
    nfs3::Nfs3Tree& tree = tree_at(home);
    std::string text = "work of years";
    PutFile file{tree.root().get(), "notebook", std::as_bytes(std::span(text)), {}};
    std::span<const PutFile> files(&file, 1);
    ASSERT_TRUE(loop_->run(tree.put_files(files, ReadBack::kNo))[0]);
    ASSERT_TRUE(loop_->run(tree.lock_root("a-run-at-work")));
    CopyOptions cleaning = options("4.1", version);
    cleaning.delete_surplus = true;
    cleaning.max_delete = 100;

    CopyReport report = copy(cleaning);

    EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
    EXPECT_EQ(report.deletion_refused, 1u) << version;
    close();
    EXPECT_TRUE(fs::exists(folder(home) / "notebook"));
    EXPECT_FALSE(fs::exists(folder(home) / kLockName));
  }
}

TEST_F(Nfs3RootMark, of_a_run_at_work_is_left_by_others_which_are_not_kept_out) {
  nfs3::Nfs3Tree& first = tree_at(target_);
  ASSERT_TRUE(loop_->run(first.lock_root("first")));
  const std::string text = lock_text();
  for (const char* run_id : {"first", "second"}) {
    CopyOptions another = options();
    another.run_id = run_id;
    expect_done(copy(another));
    EXPECT_EQ(lock_text(), text);
  }
  close();
  EXPECT_FALSE(is_there());
}

TEST_F(Nfs3RootMark, of_a_dead_process_of_this_host_becomes_the_next_runs) {
  LockHolder dead = LockHolder::this_process("dead");
  dead.process = ended_process();
  dead.mark = "NFSv3 0123456789";
  leave(dead.text());
  expect_done(copy(options()));
  EXPECT_FALSE(is_there());
}

TEST_F(Nfs3RootMark, that_may_be_in_use_is_left_as_it_is) {
  LockHolder dead = LockHolder::this_process("dead");
  dead.process = ended_process();
  LockHolder elsewhere = dead;
  elsewhere.host += "-not";
  elsewhere.mark = "NFSv3 0123456789";
  for (const std::string& text : {elsewhere.text(), dead.text(), std::string()}) {
    leave(text);
    expect_done(copy(options()));
    EXPECT_EQ(lock_text(), text);
  }
}

TEST_F(Nfs3RootMark, is_left_to_an_nfsv4_run_that_has_taken_its_file) {
  ASSERT_TRUE(loop_->run(tree_at(target_).lock_root("over-3")));
  auto location = parse_location(url(target_, "4.1"));
  nfs4::Nfs4Tree other(*loop_, *std::move(location), {});
  ASSERT_TRUE(loop_->run(other.open()));
  ASSERT_TRUE(loop_->run(other.lock_root("over-4")));
  close();
  EXPECT_TRUE(is_there());
  loop_->run(other.close());
  EXPECT_FALSE(is_there());
}

TEST_F(Nfs3RootMark, never_touches_what_else_has_the_name) {
  nfs3::Nfs3Tree& tree = tree_at(target_);
  MakeSymlink link{tree.root().get(), kLockName, "/etc/passwd", {}};
  std::span<const MakeSymlink> one(&link, 1);
  ASSERT_TRUE(loop_->run(tree.make_symlinks(one))[0]);
  close();
  expect_done(copy(options()));
  EXPECT_EQ(fs::read_symlink(folder(target_) / kLockName), "/etc/passwd");
}

}  // namespace
}  // namespace nfsferry::test

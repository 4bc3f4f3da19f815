// The file by which a run over NFSv3 says that it is at work in a target.
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "nfs3/nfs3_tree.hpp"
#include "nfs3_copies.hpp"
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
  bool is_there(const std::string& name) const { return fs::exists(folder(target_) / name); }

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

TEST_F(Nfs3RootMark, keeps_another_run_out_until_the_first_has_ended) {
  nfs3::Nfs3Tree& first = tree_at(target_);
  ASSERT_TRUE(loop_->run(first.lock_root("first")));

  CopyReport refused = copy(options());
  close();
  CopyReport after = copy(options());

  EXPECT_EQ(refused.exit_code, ExitCode::kTemporary);
  EXPECT_NE(refused.error_detail.find("run 'first'"), std::string::npos) << refused.error_detail;
  EXPECT_NE(refused.error_detail.find("remove that file"), std::string::npos)
      << refused.error_detail;
  expect_done(after);
  EXPECT_FALSE(is_there(std::string(kLockName)));
}

TEST_F(Nfs3RootMark, of_a_dead_process_of_this_host_or_without_text_is_replaced) {
  LockHolder dead = LockHolder::this_process("dead");
  dead.process = ended_process();
  for (const std::string& text : {dead.text(), std::string()}) {
    leave(text);

    CopyReport report = copy(options());

    expect_done(report);
    EXPECT_FALSE(is_there(std::string(kLockName)));
  }
}

TEST_F(Nfs3RootMark, of_another_host_keeps_out_though_nobody_may_be_there) {
  LockHolder elsewhere = LockHolder::this_process("elsewhere");
  elsewhere.host += "-not";
  elsewhere.process = ended_process();
  leave(elsewhere.text());

  CopyReport report = copy(options());

  EXPECT_EQ(report.exit_code, ExitCode::kTemporary);
  EXPECT_TRUE(is_there(std::string(kLockName)));
}

TEST_F(Nfs3RootMark, of_the_same_run_is_shared_and_left_to_who_made_it) {
  nfs3::Nfs3Tree& first = tree_at(target_);
  ASSERT_TRUE(loop_->run(first.lock_root("one-run")));
  CopyOptions shard = options();
  shard.run_id = "one-run";

  CopyReport report = copy(shard);

  expect_done(report);
  EXPECT_TRUE(is_there(std::string(kLockName)));
  close();
  EXPECT_FALSE(is_there(std::string(kLockName)));
}

TEST_F(Nfs3RootMark, a_name_that_something_else_has_is_told_and_left) {
  nfs3::Nfs3Tree& tree = tree_at(target_);
  MakeSymlink link{tree.root().get(), kLockName, "/etc/passwd", {}};
  std::span<const MakeSymlink> one(&link, 1);
  ASSERT_TRUE(loop_->run(tree.make_symlinks(one))[0]);
  close();

  CopyReport report = copy(options());

  EXPECT_EQ(report.exit_code, ExitCode::kTargetUnusable) << report.error_detail;
  EXPECT_TRUE(fs::is_symlink(folder(target_) / kLockName));
}

}  // namespace
}  // namespace nfsferry::test

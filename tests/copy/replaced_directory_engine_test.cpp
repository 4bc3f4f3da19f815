// A directory of the source that is removed and made anew while it is listed.
#include <utility>

#include "copy/worker.hpp"
#include "engine_fixture.hpp"

namespace nfsferry::copy {
namespace {

class ReplacedDirectory : public Engine {
 protected:
  static constexpr int kOld = 40;

  void SetUp() override {
    Engine::SetUp();
    from("/dir", FileType::kDirectory);
    for (int i = 0; i < kOld; ++i) from(old_name(i), FileType::kRegular, "old");
    MemoryNodePtr two = from("/dir/b1", FileType::kRegular, "two names");
    EXPECT_TRUE(source_volume_->link(two, *at(*source_volume_, "/dir"), "b2"));
    from("/dir/bdeep", FileType::kDirectory);
    from("/dir/bdeep/file", FileType::kRegular, "old and deep");
    for (int i = 0; i < kOld; ++i) from("/dir/z" + std::to_string(i), FileType::kRegular, "old");
  }
  static std::string old_name(int number) { return "/dir/a" + std::to_string(number); }

  // Removes the directory and makes another one when its page after `name` is asked for.
  MemoryOptions replacing(std::string name) {
    MemoryOptions out;
    out.page_entries = kOld + 3;
    out.fail = [this, name](std::string_view operation,
                            std::string_view on) -> std::optional<Error> {
      if (replaced_ || operation != "list" || on != name) return {};
      if (name.empty() && ++lists_ < 2) return {};  // the root
      replaced_ = true;
      source_volume_->edit("/dir", [](MemoryNode& node) {
        node.entries.clear();
        node.attributes.link_count = 0;
      });
      EXPECT_TRUE(source_volume_->remove(*source_volume_->root(), "dir", true));
      MemoryNodePtr now = from("/dir", FileType::kDirectory);
      from("/dir/new", FileType::kRegular, "new");
      from("/dir/a0", FileType::kRegular, "another content");
      set_mtime(*source_volume_, *now, Time{1'234'567'890, 0});
      return errno_error(ESTALE, operation, on);
    };
    return out;
  }
  // The first ones are copied by then.
  MemoryOptions replacing_late(std::string name) {
    MemoryOptions out = replacing(std::move(name));
    out.page_entries = 1;
    out.preferences.files_per_batch = 1;
    return out;
  }
  // Gives the file a "further name" in a directory that is listed later, which is returned.
  std::string name_deep_down(std::string_view file) {
    std::string deep;
    for (int i = 0; i < 100; ++i) from(deep += "/x", FileType::kDirectory);
    EXPECT_TRUE(source_volume_->link(at(*source_volume_, file), *at(*source_volume_, deep),
                                     "further name"));
    return deep;
  }
  void expect_the_new_one() {
    EXPECT_TRUE(replaced_);
    EXPECT_EQ(content(*target_volume_, "/dir/new"), "new");
    EXPECT_EQ(content(*target_volume_, "/dir/a0"), "another content");
    EXPECT_EQ(at(*target_volume_, "/dir")->attributes.mtime, (Time{1'234'567'890, 0}));
  }

  bool replaced_ = false;
  int lists_ = 0;
};

TEST_F(ReplacedDirectory, before_anything_of_it_was_listed_is_copied_as_it_is_now) {
  CopyReport report = copy(replacing(""));
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  expect_the_new_one();
  EXPECT_EQ(at(*target_volume_, "/dir")->entries.size(), 2u);
}

TEST_F(ReplacedDirectory, while_its_files_are_read_is_copied_as_it_is_now) {
  CopyReport report = copy(replacing("bdeep"));
  EXPECT_EQ(report.failures.size(), 0u);
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  expect_the_new_one();
  EXPECT_EQ(report.exit_code, ExitCode::kOnlyChangedFiles) << "what was in it may be anywhere";
  options_.delete_surplus = true;
  EXPECT_EQ(copy().exit_code, ExitCode::kDone);
  EXPECT_EQ(at(*target_volume_, "/dir")->entries.size(), 2u);
}

TEST_F(ReplacedDirectory, is_foretold_by_a_dry_run) {
  options_.dry_run = true;
  CopyReport report = copy(replacing("bdeep"));
  EXPECT_TRUE(replaced_);
  EXPECT_EQ(report.failures.size(), 0u);
  EXPECT_GE(report.files_transferred, kOld + 2u) << "of the old one, and of the new one";
  EXPECT_EQ(at(*target_volume_, "/dir"), nullptr);
}

TEST_F(ReplacedDirectory, takes_nothing_from_the_target_that_it_has_now) {
  options_.delete_surplus = true;
  to("/dir", FileType::kDirectory);
  MemoryNodePtr there = to("/dir/new", FileType::kRegular, "new");
  copy(replacing("bdeep"));
  expect_the_new_one();
  EXPECT_EQ(at(*target_volume_, "/dir/new"), there) << "it was equal";
}

// What has the first name of a group in the target is another file by then.
TEST_F(ReplacedDirectory, leaves_names_of_its_files_elsewhere_the_content_that_they_have) {
  std::string deep = name_deep_down("/dir/a0");
  CopyReport report = copy(replacing_late("bdeep"));
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  expect_the_new_one();
  EXPECT_EQ(content(*target_volume_, deep + "/further name"), "old");
}

TEST_F(ReplacedDirectory, leaves_names_of_files_further_down_the_content_that_they_have) {
  std::string deep = name_deep_down("/dir/bdeep/file");
  MemoryOptions source = replacing_late("z0");
  auto replace = source.fail;
  source.fail = [this, replace](std::string_view operation,
                                std::string_view on) -> std::optional<Error> {
    bool before = replaced_;
    auto error = replace(operation, on);
    if (replaced_ && !before) {
      from("/dir/bdeep", FileType::kDirectory);
      from("/dir/bdeep/file", FileType::kRegular, "new and deeper");
      set_mtime(*source_volume_, *at(*source_volume_, "/dir"), Time{1'234'567'890, 0});
    }
    return error;
  };
  CopyReport report = copy(std::move(source));
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  expect_the_new_one();
  EXPECT_EQ(content(*target_volume_, "/dir/bdeep/file"), "new and deeper");
  EXPECT_EQ(content(*target_volume_, deep + "/further name"), "old and deep");
}

TEST_F(ReplacedDirectory, has_nothing_of_its_own_kept_in_a_backup) {
  options_.backup_dir = "kept";
  options_.run_id = "run";
  CopyReport report = copy(replacing_late("bdeep"));
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  expect_the_new_one();
  EXPECT_EQ(report.backed_up, 0u);
  EXPECT_EQ(at(*target_volume_, "/kept/run/dir"), nullptr);
}

// A file has its name now.
class FileInsteadOfDirectory : public Engine {
 protected:
  void SetUp() override {
    Engine::SetUp();
    from("/dir", FileType::kDirectory);
    from("/dir/inside", FileType::kRegular, "inside");
    from("/other", FileType::kRegular, "other");
  }
  // When its page after `name` is asked for.
  MemoryOptions replacing(std::string name = "") {
    MemoryOptions out;
    out.fail = [this, name, lists = 0](std::string_view operation,
                                       std::string_view on) mutable -> std::optional<Error> {
      if (operation != "list" || on != name) return {};
      if (name.empty() && ++lists != 2) return {};  // the first is the root's
      source_volume_->edit("/dir", [](MemoryNode& node) { node.entries.clear(); });
      EXPECT_TRUE(source_volume_->remove(*source_volume_->root(), "dir", true));
      from("/dir", FileType::kRegular, "a file");
      return errno_error(ESTALE, operation, on);
    };
    return out;
  }
};

TEST_F(FileInsteadOfDirectory, is_copied) {
  CopyReport report = copy(replacing());
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  EXPECT_EQ(content(*target_volume_, "/dir"), "a file");
  EXPECT_EQ(report.folders_transferred, 0u);
  EXPECT_EQ(copy().files_transferred, 0u) << "nothing is left to do";
}

TEST_F(FileInsteadOfDirectory, fails_where_the_target_had_the_directory) {
  to("/dir", FileType::kDirectory);
  CopyReport report = copy(replacing());
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_NE(report.failures[0].message.find("become a file"), std::string::npos)
      << report.failures[0].message;
  EXPECT_NE(at(*target_volume_, "/dir"), nullptr);
}

TEST_F(FileInsteadOfDirectory, is_left_out_where_the_filters_say_so) {
  options_.filters = {{true, "dir/"}, {false, "dir"}};
  CopyReport report = copy(replacing());
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(at(*target_volume_, "/dir"), nullptr);
}

TEST_F(FileInsteadOfDirectory, takes_further_names_of_files_with_it) {
  MemoryNodePtr first = from("/a", FileType::kRegular, "two names");
  EXPECT_TRUE(source_volume_->link(first, *at(*source_volume_, "/dir"), "further name"));
  MemoryOptions source = replacing("further name");
  source.page_entries = 1;
  CopyReport report = copy(std::move(source));
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  EXPECT_EQ(content(*target_volume_, "/dir"), "a file");
  EXPECT_EQ(content(*target_volume_, "/a"), "two names");
  EXPECT_EQ(report.vanished, 1u);
}

// A file system that is unmounted meanwhile: below its name is what was there before.
TEST_F(Engine, what_was_unmounted_is_not_gone) {
  options_.cross_mounts = true;
  from("/mnt", FileType::kDirectory);
  for (int i = 0; i < 5; ++i) from("/mnt/file" + std::to_string(i), FileType::kRegular, "x");
  for (const char* path :
       {"/mnt", "/mnt/file0", "/mnt/file1", "/mnt/file2", "/mnt/file3", "/mnt/file4"}) {
    source_volume_->edit(path, [](MemoryNode& node) { node.attributes.fsid.minor += 1000; });
  }
  MemoryOptions unmounted;
  unmounted.fail = [this, done = false](std::string_view operation,
                                        std::string_view on) mutable -> std::optional<Error> {
    bool below = on.starts_with("file");
    if (!below || (operation != "read_file" && operation != "lookup")) return {};
    if (!std::exchange(done, true)) {
      source_volume_->edit("/mnt", [](MemoryNode& node) { node.entries.clear(); });
      EXPECT_TRUE(source_volume_->remove(*source_volume_->root(), "mnt", true));
      from("/mnt", FileType::kDirectory);
    }
    return errno_error(ESTALE, operation, on);
  };
  CopyReport report = copy(unmounted);
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(report.failures.size(), 5u);
  EXPECT_EQ(report.vanished, 0u);
}

TEST(Another, is_what_has_another_number_or_another_handle) {
  Entry before{"name", {}, "handle"};
  before.attributes.fileid = 5;
  EXPECT_FALSE(is_another(before, before));
  Entry now = before;
  now.handle = "another";
  EXPECT_TRUE(is_another(now, before)) << "its number was free again";
  now.handle = "";
  EXPECT_FALSE(is_another(now, before)) << "a tree without handles";
  now.attributes.fileid = 6;
  EXPECT_TRUE(is_another(now, before));
  now.attributes.fsid.minor = 1;
  EXPECT_FALSE(is_another(now, before)) << "something was mounted, or is no more";
}

// nfs-ganesha (4.3) that keeps no pages of directories says so where an entry goes meanwhile.
TEST_F(ReplacedDirectory, that_is_called_stale_and_is_still_there_is_listed_again) {
  MemoryOptions stale;
  stale.page_entries = kOld + 3;
  stale.fail = [times = 2](std::string_view operation,
                           std::string_view on) mutable -> std::optional<Error> {
    bool now = operation == "list" && on == "bdeep" && times > 0;
    if (!now) return {};
    --times;
    return errno_error(ESTALE, operation, on);
  };
  CopyReport report = copy(stale);
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.failures.size(), 0u);
  EXPECT_EQ(at(*target_volume_, "/dir")->entries.size(), 2u * kOld + 3);
}

}  // namespace
}  // namespace nfsferry::copy

// Directories that their owner may not write into, in a target that is not written to as root.
#include <csignal>
#include <string>

#include "engine_fixture.hpp"

namespace nfsferry::copy {
namespace {

class LockedDirectory : public Engine {
 protected:
  void SetUp() override {
    Engine::SetUp();
    MemoryNodePtr dir = from("/dir", FileType::kDirectory);
    for (int i = 0; i < 10; ++i) from(in_dir("file", i), FileType::kRegular, "content");
    from("/dir/inner", FileType::kDirectory);
    from("/dir/link", FileType::kSymlink, "text");
    EXPECT_TRUE(source_volume_->link(at(*source_volume_, "/dir/file0"), *dir, "further name"));
    lock(*source_volume_);
  }
  static std::string in_dir(const std::string& name, int number) {
    return "/dir/" + name + std::to_string(number);
  }
  static void lock(MemoryVolume& volume) {
    volume.edit("/dir", [](MemoryNode& node) { node.attributes.mode = 0555; });
  }
  bool is_locked() const { return (at(*target_volume_, "/dir")->attributes.mode & 0777) == 0555; }

  // As a server does for whoever owns the directory. The names are of /dir's alone.
  MemoryOptions as_owner() {
    MemoryOptions out;
    out.fail = [this](std::string_view operation, std::string_view name) -> std::optional<Error> {
      bool makes = operation == "put_file" || operation == "create_file" ||
                   operation == "make_directory" || operation == "make_symlink" ||
                   operation == "make_link" || operation == "remove";
      MemoryNodePtr dir = at(*target_volume_, "/dir");
      if (!makes || name == "dir" || name.starts_with(".nfsferry") || !dir ||
          (dir->attributes.mode & 0200) != 0)
        return {};
      return errno_error(EACCES, operation, name);
    };
    return out;
  }
  // Counts attempts to set attributes, and has them fail where there is an error.
  using Fail = decltype(MemoryOptions::fail);
  static Fail counting(int& set, Fail otherwise, std::optional<Error> error) {
    return [&set, otherwise, error](std::string_view operation,
                                    std::string_view name) -> std::optional<Error> {
      if (operation != "set_attributes") return otherwise(operation, name);
      ++set;
      return error;
    };
  }
  void expect_all() {
    EXPECT_EQ(at(*target_volume_, "/dir")->entries.size(), 13u);
    EXPECT_EQ(at(*target_volume_, "/dir/further name"), at(*target_volume_, "/dir/file0"));
    EXPECT_TRUE(is_locked());
  }
};

TEST_F(LockedDirectory, that_is_new_is_filled_and_locked) {
  CopyReport report = copy({}, as_owner());
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  expect_all();
}

TEST_F(LockedDirectory, that_a_run_left_unfinished_is_filled_by_the_next) {
  to("/dir", FileType::kDirectory);
  lock(*target_volume_);
  CopyReport report = copy({}, as_owner());
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  expect_all();
}

TEST_F(LockedDirectory, takes_what_has_changed_and_lets_go_of_what_is_surplus) {
  copy({}, as_owner());
  for (int i = 2; i < 6; ++i) {
    source_volume_->edit(in_dir("file", i),
                         [](MemoryNode& node) { node.attributes.mtime = Time{1'800'000'000, 0}; });
  }
  to("/dir/surplus", FileType::kRegular, "x");
  options_.delete_surplus = true;
  for (CompareMode mode : {CompareMode::kChanged, CompareMode::kChecksum}) {
    options_.compare = mode;
    source_volume_->edit("/dir/file9", [](MemoryNode& node) {
      std::byte changed{static_cast<unsigned char>(node.attributes.change)};
      node.content.write(0, std::span<const std::byte>(&changed, 1));
    });
    CopyReport report = copy({}, as_owner());
    EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
    for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  }
  expect_all();
}

TEST_F(LockedDirectory, is_left_alone_where_nothing_is_to_be_done) {
  copy({}, as_owner());
  MemoryOptions target = as_owner();
  int set = 0;
  target.fail = counting(set, target.fail, {});
  EXPECT_EQ(copy({}, target).exit_code, ExitCode::kDone);
  EXPECT_EQ(set, 0);
}

TEST_F(LockedDirectory, of_somebody_else_is_not_tried_for_each_entry) {
  for (int i = 10; i < 300; ++i) from(in_dir("file", i), FileType::kRegular, "content");
  lock(*source_volume_);
  to("/dir", FileType::kDirectory);
  lock(*target_volume_);
  MemoryOptions target = as_owner();
  target.preferences.files_per_batch = 1;
  int set = 0;
  target.fail = counting(set, target.fail, errno_error(EPERM, "chmod"));
  CopyReport report = copy({}, target);
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_LT(set, 50) << "for those under way together, and at the end";
}

TEST_F(LockedDirectory, may_be_the_root) {
  options_.root_attributes = true;
  for (MemoryVolume* volume : {source_volume_.get(), target_volume_.get()}) {
    volume->edit("/", [](MemoryNode& node) { node.attributes.mode = 0555; });
  }
  MemoryOptions target = as_owner();
  target.fail = [this](std::string_view operation, std::string_view name) -> std::optional<Error> {
    bool locked = (target_volume_->root()->attributes.mode & 0200) == 0;
    if (!locked || operation != "make_directory" || name != "dir") return {};
    return errno_error(EACCES, operation, name);
  };
  EXPECT_EQ(copy({}, target).exit_code, ExitCode::kDone);
  EXPECT_EQ(target_volume_->root()->attributes.mode & 0777, 0555u);
}

}  // namespace
}  // namespace nfsferry::copy

// What a check finds out about two trees, and how it judges.
#include "copy/check.hpp"

#include "copy/survey.hpp"
#include "engine_fixture.hpp"

namespace nfsferry::copy {
namespace {

class Check : public Engine {
 protected:
  // No suspicion that both are one directory, which costs a look by a file.
  void SetUp() override {
    Engine::SetUp();
    target_volume_->edit("/", [](MemoryNode& root) { root.attributes.fileid = 4711; });
  }
  struct Found {
    CheckReport check;
    CopyReport run;
  };
  Found look(MemoryOptions source_options = {}, MemoryOptions target_options = {},
             std::string* lock_mark = nullptr) {
    Observer quiet;
    auto source = tree(source_volume_, std::move(source_options));
    auto target = tree(target_volume_, std::move(target_options));
    Pace pace(limits_, stop_);
    Shared shared(Job::kCheck, options_, quiet, stop_, pace);
    shared.filter = *Filter::compile(options_.filters);
    Found found;
    loop_->run(look_task(shared, *source, *target, found));
    if (lock_mark) *lock_mark = shared.target_can.lock_mark;
    return found;
  }
  Task<void> look_task(Shared& shared, MemoryTree& source, MemoryTree& target, Found& found) {
    co_await open_and_prepare(shared, source, target);
    Side side{&source, &target};
    co_await check_on_this_thread(shared, *loop_, side, found.check);
    fill_check(shared, found.check, found.run);
    co_await source.close();
    co_await target.close();
  }

  void fill_source() {
    MemoryVolume& volume = *source_volume_;
    add(volume, "/deep", FileType::kDirectory);
    add(volume, "/deep/er", FileType::kDirectory);
    add(volume, "/deep/er/small", FileType::kRegular, "1234567890");
    add(volume, "/empty", FileType::kRegular);
    add(volume, "/large", FileType::kRegular, std::string(3 << 20, 'l'));
    add(volume, "/link", FileType::kSymlink, "nowhere");
    add(volume, "/pipe", FileType::kFifo);
    add(volume, "/disk", FileType::kBlockDevice);
    add(volume, "/.nfs0001", FileType::kRegular, "left");
    add(volume, "/" + temporary_name("old"), FileType::kRegular, "left");
    Status linked = volume.link(at(volume, "/large"), *volume.root(), "again");
    EXPECT_TRUE(linked);
  }
  // Whether nothing at all is in the target's root.
  bool target_is_bare() {
    bool eof = false;
    return target_volume_->list(*target_volume_->root(), {}, 1, eof).empty();
  }
  static bool mentions(const std::vector<std::string>& texts, std::string_view part) {
    for (const std::string& text : texts) {
      if (text.find(part) != std::string::npos) return true;
    }
    return false;
  }
};

TEST_F(Check, counts_what_a_copy_would_carry) {
  fill_source();
  auto [check, run] = look();
  EXPECT_EQ(run.exit_code, ExitCode::kDone) << run.error_detail;
  EXPECT_TRUE(check.source.complete);
  EXPECT_EQ(check.source.directories, 2u);
  EXPECT_EQ(check.source.files, 3u);
  EXPECT_EQ(check.source.bytes, 10u + (3u << 20));
  EXPECT_EQ(check.source.large_files, 1u);
  EXPECT_EQ(check.source.large_bytes, 3u << 20);
  EXPECT_EQ(check.source.hard_links, 1u);
  EXPECT_EQ(check.source.symlinks, 1u);
  EXPECT_EQ(check.source.specials, 1u);
  EXPECT_EQ(check.source.devices, 1u);
}

TEST_F(Check, what_filters_leave_out_is_counted_apart) {
  fill_source();
  options_.filters = {{false, "deep/"}, {false, "large"}};
  auto [check, run] = look();
  EXPECT_EQ(check.source.directories, 0u);
  EXPECT_EQ(check.source.files, 2u) << "a further name of the large file is not left out";
  EXPECT_EQ(check.source.hard_links, 0u);
  EXPECT_EQ(check.source.files_filtered, 1u);
  EXPECT_EQ(check.source.folders_filtered, 1u);
}

TEST_F(Check, tries_files_of_the_source_and_leaves_nothing_in_the_target) {
  fill_source();
  auto [check, run] = look();
  EXPECT_EQ(check.trial.files, 2u);
  EXPECT_GT(check.trial.files_per_second, 0u);
  EXPECT_EQ(check.trial.bytes, 3u << 20);
  EXPECT_GT(check.trial.bytes_per_second, 0u);
  EXPECT_TRUE(check.expected_ms);
  EXPECT_TRUE(check.clock_ahead_ms);
  EXPECT_TRUE(target_is_bare());
}

// Whoever shares the run's id takes other names for those of the dead.
TEST_F(Check, what_it_writes_carries_the_mark_of_its_lock) {
  fill_source();
  std::vector<std::string> written;
  MemoryOptions watched;
  watched.fail = [&](std::string_view operation, std::string_view name) -> std::optional<Error> {
    if (operation == "put_file" || operation == "create_file") written.emplace_back(name);
    return {};
  };
  std::string mark;
  (void)look({}, watched, &mark);
  EXPECT_NE(mark, "");
  EXPECT_EQ(written.size(), 4u);  // for the clock, two small files and a large one
  for (const std::string& name : written) {
    EXPECT_TRUE(name.starts_with(temporary_beginning(mark))) << name << ", lock " << mark;
  }
}

TEST_F(Check, a_directory_that_holds_itself_is_told_and_no_endless_check) {
  add(*source_volume_, "/a", FileType::kDirectory);
  add(*source_volume_, "/a/file", FileType::kRegular, "content");
  MemoryNodePtr a = at(*source_volume_, "/a");
  source_volume_->edit("/a", [&](MemoryNode& node) { node.entries.emplace("again", a); });

  auto [check, run] = look();
  source_volume_->edit("/a", [](MemoryNode& node) { node.entries.erase("again"); });

  EXPECT_TRUE(check.source.complete);
  EXPECT_EQ(check.source.directories, 1u);
  ASSERT_EQ(run.failures.size(), 1u);
  EXPECT_EQ(run.failures[0].path, "a/again");
  EXPECT_EQ(run.failures[0].error, "listing_loops");
}

TEST_F(Check, an_empty_source_is_fine) {
  auto [check, run] = look();
  EXPECT_EQ(run.exit_code, ExitCode::kDone) << run.error_detail;
  EXPECT_TRUE(check.target_empty);
  EXPECT_EQ(check.expected_ms, check.source.duration_ms);
}

TEST_F(Check, ALimitIsInTheEstimateAndDoesNotHoldUpTheTrial) {
  fill_source();
  limits_->set({1000, 0});
  CheckReport check = look().check;
  EXPECT_EQ(check.source.bytes, 10u + (3u << 20));
  EXPECT_EQ(check.expected_ms, check.source.bytes);
  EXPECT_EQ(check.trial.bytes, 3u << 20);
}

TEST_F(Check, too_little_room_in_an_empty_target_is_a_problem) {
  add(*source_volume_, "/file", FileType::kRegular, "1234567890");
  MemoryOptions small;
  small.space = {100, 9, 0};
  auto [check, run] = look({}, small);
  EXPECT_EQ(run.exit_code, ExitCode::kTargetUnusable);
  EXPECT_EQ(run.error_code, "no_space");
  small.space = {100, 10, 0};
  EXPECT_EQ(look({}, small).run.exit_code, ExitCode::kDone);
}

TEST_F(Check, too_few_files_free_are_a_problem) {
  add(*source_volume_, "/dir", FileType::kDirectory);
  add(*source_volume_, "/dir/file", FileType::kRegular);
  MemoryOptions small;
  small.space = {100, 100, 1};
  EXPECT_EQ(look({}, small).run.exit_code, ExitCode::kTargetUnusable);
  small.space.files_free = 2;
  EXPECT_EQ(look({}, small).run.exit_code, ExitCode::kDone);
}

TEST_F(Check, too_little_room_in_a_target_that_holds_something_is_a_note) {
  add(*source_volume_, "/file", FileType::kRegular, "1234567890");
  add(*target_volume_, "/file", FileType::kRegular, "1234567890");
  MemoryOptions small;
  small.space = {100, 5, 0};
  auto [check, run] = look({}, small);
  EXPECT_EQ(run.exit_code, ExitCode::kDone);
  EXPECT_FALSE(check.target_empty);
  EXPECT_TRUE(mentions(check.notes, "10 B")) << check.notes.size();
}

TEST_F(Check, what_cannot_be_read_is_listed_and_the_rest_counted) {
  fill_source();
  MemoryOptions closed;
  closed.fail = [](std::string_view operation, std::string_view name) -> std::optional<Error> {
    bool hidden = operation == "open_directory" && name == "er";
    bool unreadable =
        (operation == "read_file" && name == "empty") || (operation == "read" && name == "again");
    if (hidden || unreadable) return errno_error(EACCES, operation, name);
    return {};
  };
  auto [check, run] = look(closed);
  EXPECT_EQ(run.exit_code, ExitCode::kEntriesFailed);
  ASSERT_EQ(run.failures.size(), 3u);
  EXPECT_EQ(run.failures[0].path, "deep/er");
  EXPECT_EQ(run.failures[1].path, "empty");
  EXPECT_EQ(run.failures[2].path, "again");  // the first name of "large"
  EXPECT_EQ(check.source.files, 2u);
}

TEST_F(Check, a_target_that_refuses_the_write_is_not_ready) {
  fill_source();
  for (std::string_view refused : {"put_file", "create_file", "write", "commit"}) {
    MemoryOptions options;
    options.fail = [refused](std::string_view operation,
                             std::string_view name) -> std::optional<Error> {
      if (operation == refused) return errno_error(EROFS, operation, name);
      return {};
    };
    auto [check, run] = look({}, options);
    EXPECT_EQ(run.exit_code, ExitCode::kTargetUnusable) << refused;
    EXPECT_TRUE(target_is_bare()) << refused;
  }
}

TEST_F(Check, what_the_target_does_not_keep_is_noted) {
  fill_source();
  MemoryOptions poor;
  poor.capabilities.devices = false;
  poor.capabilities.symlink_times = false;
  poor.capabilities.time_granularity_ns = 1000;
  auto [check, run] = look({}, poor);
  EXPECT_EQ(run.exit_code, ExitCode::kDone);
  for (const char* part : {"device nodes", "times of symlinks", "1000 ns"}) {
    EXPECT_TRUE(mentions(check.notes, part)) << part;
  }
  EXPECT_FALSE(check.keeps_symlink_times);
}

TEST_F(Check, a_stop_ends_it) {
  fill_source();
  MemoryOptions stopping;
  stopping.fail = [this](std::string_view operation, std::string_view) -> std::optional<Error> {
    if (operation == "list") stop_ = SIGINT;
    return {};
  };
  auto [check, run] = look(stopping);
  EXPECT_EQ(run.exit_code, ExitCode::kInterrupted);
  EXPECT_TRUE(target_is_bare());
}

TEST_F(Check, more_directories_than_may_wait_are_all_counted) {
  for (std::size_t i = 0; i < DirectoryQueue::kMost + 100; ++i) {
    add(*source_volume_, "/" + std::to_string(i), FileType::kDirectory);
    add(*source_volume_, "/" + std::to_string(i) + "/file", FileType::kRegular);
  }
  auto [check, run] = look();
  EXPECT_EQ(check.source.directories, DirectoryQueue::kMost + 100);
  EXPECT_EQ(check.source.files, DirectoryQueue::kMost + 100);
  EXPECT_EQ(check.trial.files, Survey::kSmallSample);
}

}  // namespace
}  // namespace nfsferry::copy

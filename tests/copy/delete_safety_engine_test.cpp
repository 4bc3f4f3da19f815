// What --delete and --force must not take, whatever the two sides look like and whatever happens
// meanwhile.
#include <csignal>

#include "copy/sweep.hpp"
#include "engine_fixture.hpp"

namespace nfsferry::copy {
namespace {

class DeleteSafety : public Engine {
 protected:
  void SetUp() override {
    Engine::SetUp();
    options_.delete_surplus = true;
    from("/kept", FileType::kRegular, "in both");
  }
  bool there(std::string_view path) { return at(*target_volume_, path) != nullptr; }
  void remove(std::string_view path) {
    std::size_t slash = path.rfind('/');
    MemoryNodePtr directory = at(*target_volume_, path.substr(0, slash));
    EXPECT_TRUE(target_volume_->remove(*directory, path.substr(slash + 1), false)) << path;
  }
};

TEST_F(DeleteSafety, the_source_inside_the_target_stays) {
  source_volume_ = target_volume_;
  to("/surplus", FileType::kDirectory);
  to("/surplus/homes", FileType::kDirectory);
  to("/surplus/homes/source", FileType::kDirectory);
  to("/surplus/homes/source/kept", FileType::kRegular, "the only copy");
  to("/surplus/homes/other", FileType::kRegular, "x");
  MemoryOptions inside;
  inside.path = "/surplus/homes/source";

  CopyReport report = copy(inside);

  EXPECT_EQ(content(*target_volume_, "/kept"), "the only copy");
  EXPECT_EQ(content(*target_volume_, "/surplus/homes/source/kept"), "the only copy");
  EXPECT_FALSE(there("/surplus/homes/other"));
  EXPECT_EQ(report.deletion_refused, 1u);
}

TEST_F(DeleteSafety, the_source_inside_the_target_is_not_written_into) {
  source_volume_ = target_volume_;
  to("/home", FileType::kDirectory);
  to("/home/old", FileType::kDirectory);
  to("/home/old/file", FileType::kRegular, "the only copy");
  to("/home/old/old", FileType::kDirectory);
  to("/home/old/old/file", FileType::kRegular, "of an earlier home");
  options_.delete_surplus = false;
  MemoryOptions inside;
  inside.path = "/home/old";
  MemoryOptions around;
  around.path = "/home";

  CopyReport report = copy(inside, around);

  EXPECT_EQ(report.exit_code, ExitCode::kUsage);
  EXPECT_NE(report.error_detail.find("inside the target, at old"), std::string::npos)
      << report.error_detail;
  EXPECT_EQ(content(*target_volume_, "/home/old/file"), "the only copy");
}

TEST_F(DeleteSafety, the_target_of_another_run_stays_with_all_that_is_in_it) {
  to("/tree", FileType::kDirectory);
  to("/tree/a", FileType::kRegular, "x");
  to("/tree/home", FileType::kDirectory);
  to("/tree/home/" + std::string(kLockName), FileType::kRegular, "of a run that is at work");
  to("/tree/home/data", FileType::kRegular, "arrived just now");
  to("/tree/home/deep", FileType::kDirectory);

  CopyReport report = copy();

  EXPECT_TRUE(there("/tree/home/data"));
  EXPECT_TRUE(there("/tree/home/deep"));
  EXPECT_FALSE(there("/tree/a"));
  EXPECT_EQ(report.deletion_refused, 1u);
}

TEST_F(DeleteSafety, a_target_that_ignores_case_keeps_the_directory_that_was_copied_into) {
  target_volume_->ignore_case();
  from("/Pictures", FileType::kDirectory);
  from("/Pictures/one", FileType::kRegular, "one");
  from("/Pictures/Deep", FileType::kDirectory);
  from("/Pictures/Deep/two", FileType::kRegular, "two");
  from("/NAME", FileType::kRegular, "new");
  to("/pictures", FileType::kDirectory);
  to("/pictures/deep", FileType::kDirectory);
  to("/name", FileType::kRegular, "old");

  CopyReport report = copy();

  EXPECT_EQ(content(*target_volume_, "/pictures/one"), "one");
  EXPECT_EQ(content(*target_volume_, "/pictures/deep/two"), "two");
  EXPECT_TRUE(target_volume_->find(*target_volume_->root(), "name"));
  EXPECT_EQ(report.files_deleted, 0u);
  EXPECT_EQ(report.folders_deleted, 0u);
}

TEST_F(DeleteSafety, a_name_that_a_target_lists_twice_is_not_surplus) {
  copy();
  to("/surplus", FileType::kRegular, "x");
  MemoryOptions twice;
  twice.relist = [](std::vector<Entry>& entries) {
    std::vector<Entry> again = entries;
    entries.insert(entries.end(), again.begin(), again.end());
  };
  CopyReport report = copy({}, twice);
  EXPECT_EQ(content(*target_volume_, "/kept"), "in both");
  EXPECT_TRUE(there("/surplus")) << "such a listing proves nothing";
  EXPECT_EQ(report.files_deleted, 0u);
  EXPECT_EQ(copy().files_deleted, 1u);
}

TEST_F(DeleteSafety, what_the_source_has_by_now_stays) {
  copy();
  to("/moved here", FileType::kRegular, "x");
  from("/new", FileType::kRegular, "makes the copy write");
  CopyReport report =
      copy({}, before("put_file", "new", [this] { from("/moved here", FileType::kRegular, "x"); }));
  EXPECT_TRUE(there("/moved here"));
  EXPECT_EQ(report.files_deleted, 0u);
  EXPECT_EQ(report.deletion_refused, 1u);
}

TEST_F(DeleteSafety, nothing_goes_of_a_directory_that_was_replaced_in_the_source) {
  from("/dir", FileType::kDirectory);
  to("/dir", FileType::kDirectory);
  to("/dir/surplus", FileType::kRegular, "x");
  from("/new", FileType::kRegular, "makes the copy write");
  copy({}, before("put_file", "new", [this] {
         EXPECT_TRUE(source_volume_->remove(*source_volume_->root(), "dir", true));
         from("/dir", FileType::kDirectory);
         from("/dir/surplus", FileType::kRegular, "x");
       }));
  EXPECT_TRUE(there("/dir/surplus"));
}

TEST_F(DeleteSafety, what_changed_in_the_target_since_it_was_compared_stays) {
  copy();
  to("/file", FileType::kRegular, "x");
  to("/reused", FileType::kRegular, "x");
  to("/tree", FileType::kDirectory);
  from("/new", FileType::kRegular, "makes the copy write");
  CopyReport report = copy({}, before("put_file", "new", [this] {
                             target_volume_->write(*at(*target_volume_, "/file"), 0,
                                                   std::as_bytes(std::span("longer", 6)));
                             std::uint64_t number =
                                 at(*target_volume_, "/reused")->attributes.fileid;
                             remove("/reused");
                             to("/reused", FileType::kRegular, "another file");
                             at(*target_volume_, "/reused")->attributes.fileid = number;
                             to("/tree/new", FileType::kRegular, "x");
                           }));
  EXPECT_TRUE(there("/file"));
  EXPECT_TRUE(there("/reused"));
  EXPECT_TRUE(there("/tree/new"));
  EXPECT_EQ(report.files_deleted, 0u);
  EXPECT_EQ(report.deletion_refused, 3u);
}

TEST_F(DeleteSafety, nothing_goes_when_an_entry_failed_elsewhere) {
  from("/closed", FileType::kDirectory);
  to("/closed", FileType::kDirectory);
  to("/closed/file", FileType::kRegular, "x");
  to("/surplus", FileType::kDirectory);
  to("/surplus/moved", FileType::kRegular, "now in /closed, which cannot be read");
  CopyReport report = copy(failing("open_directory", "closed", EACCES));
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_TRUE(there("/closed/file"));
  EXPECT_TRUE(there("/surplus/moved"));
  EXPECT_EQ(report.files_deleted, 0u);
  EXPECT_EQ(report.deletion_refused, 1u);
}

TEST_F(DeleteSafety, what_arrives_after_the_count_does_not_exceed_the_number_allowed) {
  options_.max_delete = 3;
  to("/tree", FileType::kDirectory);
  to("/tree/a", FileType::kDirectory);
  to("/tree/a/1", FileType::kRegular, "x");
  int listed = 0;
  MemoryOptions filling;
  filling.fail = [&](std::string_view operation, std::string_view) -> std::optional<Error> {
    // The root is listed by the walk and by both sweeps, each directory below by both sweeps.
    bool fills = operation == "open_directory" && ++listed == 4;
    for (int i = 2; fills && i < 9; ++i) {
      to("/tree/a/" + std::to_string(i), FileType::kRegular, "x");
    }
    return {};
  };
  CopyReport report = copy({}, filling);
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(report.failed_delete, 1u);
  EXPECT_LE(report.files_deleted + report.folders_deleted, 3u);
  EXPECT_TRUE(there("/tree/a"));
}

TEST_F(DeleteSafety, a_directory_of_more_than_fits_in_memory_is_gone_through_once) {
  to("/wide", FileType::kDirectory);
  for (int i = 0; i < 70'000; ++i) to("/wide/" + std::to_string(i), FileType::kRegular);
  for (int i = 0; i < 100; ++i) {
    std::string directory = "/wide/0dir" + std::to_string(i);
    to(directory, FileType::kDirectory);
    to(directory + "/file", FileType::kRegular, "x");
  }
  to("/wide/.nfs0001", FileType::kRegular, "open somewhere");
  CopyReport report = copy({}, failing("remove", "69999", EBUSY));
  EXPECT_EQ(report.files_deleted, 70'099u);
  EXPECT_EQ(report.folders_deleted, 100u);
  EXPECT_EQ(report.deletion_refused, 1u);
  EXPECT_EQ(report.failed_delete, 1u);
  EXPECT_EQ(at(*target_volume_, "/wide")->entries.size(), 2u);
}

TEST_F(DeleteSafety, more_directories_than_fit_in_memory_all_go) {
  to("/wide", FileType::kDirectory);
  for (int i = 0; i < 70'000; ++i) to("/wide/" + std::to_string(i), FileType::kDirectory);
  CopyReport report = copy();
  EXPECT_EQ(report.exit_code, ExitCode::kDone);
  EXPECT_EQ(report.folders_deleted, 70'001u);
  EXPECT_FALSE(there("/wide"));
}

TEST_F(DeleteSafety, directories_that_a_target_takes_for_one_keep_each_others_files) {
  target_volume_->ignore_case();
  from("/PICTURES", FileType::kDirectory);
  from("/PICTURES/one", FileType::kRegular, "one");
  from("/pictures", FileType::kDirectory);
  from("/pictures/two", FileType::kRegular, "two");
  for (int run = 0; run < 3; ++run) {
    CopyReport report = copy();
    EXPECT_EQ(content(*target_volume_, "/PICTURES/one"), "one");
    EXPECT_EQ(content(*target_volume_, "/PICTURES/two"), "two");
    EXPECT_EQ(report.files_deleted, 0u);
  }
}

TEST_F(DeleteSafety, nothing_goes_of_a_directory_of_the_copy_in_which_another_run_is_at_work) {
  from("/homes", FileType::kDirectory);
  from("/homes/x", FileType::kDirectory);
  to("/homes", FileType::kDirectory);
  to("/homes/x", FileType::kDirectory);
  to("/homes/x/" + std::string(kLockName), FileType::kRegular, "of a run that is at work");
  to("/homes/x/data", FileType::kRegular, "arrived just now");
  to("/homes/x/deep", FileType::kDirectory);
  const std::string on_its_way = "/homes/x/" + temporary_name("abc");
  to(on_its_way, FileType::kRegular, "half");
  to("/homes/surplus", FileType::kRegular, "x");
  copy();
  EXPECT_TRUE(there("/homes/x/data"));
  EXPECT_TRUE(there("/homes/x/deep"));
  EXPECT_TRUE(there(on_its_way));
  EXPECT_FALSE(there("/homes/surplus"));
}

TEST_F(DeleteSafety, what_was_moved_out_of_the_target_is_not_emptied_there) {
  to("/tree", FileType::kDirectory);
  to("/tree/old", FileType::kDirectory);
  to("/tree/old/file", FileType::kRegular, "rescued");
  MemoryNodePtr rescued = at(*target_volume_, "/tree/old");
  CopyReport report =
      copy({}, before("lookup", "old", [this] {
             target_volume_->edit("/tree", [](MemoryNode& node) { node.entries.erase("old"); });
           }));
  EXPECT_EQ(rescued->entries.size(), 1u);
  EXPECT_EQ(report.files_deleted, 0u);
  EXPECT_EQ(report.folders_deleted, 1u) << "the tree that it was in";
}

TEST_F(DeleteSafety, nothing_goes_where_a_directory_above_was_replaced_in_the_source) {
  from("/a", FileType::kDirectory);
  from("/a/b", FileType::kDirectory);
  to("/a", FileType::kDirectory);
  to("/a/b", FileType::kDirectory);
  to("/a/b/file", FileType::kRegular, "x");
  from("/new", FileType::kRegular, "makes the copy write");
  copy({}, before("put_file", "new", [this] {
         MemoryNodePtr old = at(*source_volume_, "/a");
         source_volume_->edit("/", [&](MemoryNode& root) {
           root.entries.erase("a");
           root.entries.emplace("a.old", old);
         });
         from("/a", FileType::kDirectory);
         from("/a/b", FileType::kDirectory);
         from("/a/b/file", FileType::kRegular, "x");
       }));
  EXPECT_TRUE(there("/a/b/file"));
}

TEST_F(DeleteSafety, a_file_system_that_goes_away_while_it_is_listed_takes_nothing_along) {
  from("/mnt", FileType::kDirectory);
  for (int i = 0; i < 20; ++i) from("/mnt/" + std::to_string(i), FileType::kRegular, "x");
  copy();
  MemoryOptions unmounted;
  unmounted.page_entries = 10;
  unmounted.fail = [this, done = false](std::string_view operation,
                                        std::string_view name) mutable -> std::optional<Error> {
    if (operation != "list" || name != "17" || done) return {};
    done = true;
    source_volume_->edit("/", [](MemoryNode& root) { root.entries.erase("mnt"); });
    from("/mnt", FileType::kDirectory);
    source_volume_->edit("/mnt", [](MemoryNode& node) { node.attributes.fsid.minor += 1000; });
    return errno_error(ESTALE, operation, name);
  };
  CopyReport report = copy(unmounted);
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_TRUE(there("/mnt/3"));
  EXPECT_EQ(report.files_deleted, 0u);
}

TEST_F(DeleteSafety, what_is_mounted_in_the_source_out_of_the_target_stays) {
  options_.cross_mounts = true;
  to("/old", FileType::kDirectory);
  to("/old/file", FileType::kRegular, "the only copy");
  MemoryNodePtr mounted = at(*target_volume_, "/old");
  source_volume_->edit("/", [&](MemoryNode& root) { root.entries.emplace("mnt", mounted); });
  CopyReport report = copy();
  EXPECT_EQ(content(*target_volume_, "/mnt/file"), "the only copy");
  EXPECT_EQ(content(*target_volume_, "/old/file"), "the only copy");
  EXPECT_EQ(report.deletion_refused, 1u);
  source_volume_->edit("/", [&](MemoryNode& root) { root.entries.erase("mnt"); });
}

TEST_F(DeleteSafety, nothing_goes_where_files_have_no_numbers) {
  to("/surplus", FileType::kRegular, "x");
  target_volume_->edit("/", [](MemoryNode& root) { root.attributes.fileid = 0; });
  CopyReport report = copy();
  EXPECT_TRUE(there("/surplus"));
  EXPECT_EQ(report.deletion_refused, 1u);
}

TEST_F(DeleteSafety, another_file_of_the_same_size_and_time_stays) {
  to("/file", FileType::kRegular, "one");
  from("/new", FileType::kRegular, "makes the copy write");
  CopyReport report = copy({}, before("put_file", "new", [this] {
                             remove("/file");
                             to("/file", FileType::kRegular, "two");
                           }));
  EXPECT_EQ(content(*target_volume_, "/file"), "two");
  EXPECT_EQ(report.deletion_refused, 1u);
}

TEST_F(DeleteSafety, a_listing_that_never_ends_is_a_failure) {
  to("/wide", FileType::kDirectory);
  to("/wide/a", FileType::kRegular, "x");
  to("/wide/b", FileType::kRegular, "x");
  MemoryOptions endless;
  endless.page_entries = 1;
  endless.relist = [](std::vector<Entry>& entries) {
    if (entries.size() != 1 || entries[0].name != "a") return;
    for (std::size_t i = 0; i < Sweep::kEntriesMost; ++i) {
      Entry made_up = entries[0];
      made_up.name = "f" + std::to_string(i);
      entries.push_back(std::move(made_up));
    }
  };
  endless.fail = [](std::string_view operation, std::string_view name) -> std::optional<Error> {
    bool kept = operation == "remove" && name == "a";
    return kept ? std::optional(errno_error(ENOENT, "remove", name)) : std::nullopt;
  };
  CopyReport report = copy({}, endless);
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].error, "listing_loops");
}

TEST_F(DeleteSafety, a_stop_in_the_midst_of_it_leaves_the_rest_and_the_next_run_takes_it) {
  constexpr unsigned kDirectories = 60;
  for (unsigned i = 0; i < kDirectories; ++i) {
    std::string path = "/d" + std::to_string(i);
    to(path, FileType::kDirectory);
    to(path + "/file", FileType::kRegular, "x");
  }
  MemoryOptions stopping;
  stopping.fail = [this, removals = 0](std::string_view operation,
                                       std::string_view) mutable -> std::optional<Error> {
    if (operation == "remove" && ++removals == 10) stop_ = SIGTERM;
    return {};
  };
  CopyReport report = copy({}, stopping);
  EXPECT_EQ(report.exit_code, ExitCode::kTerminated);
  EXPECT_GE(report.files_deleted, 9u);
  EXPECT_LT(report.files_deleted + report.folders_deleted, 2 * kDirectories);
  std::uint64_t left = 0;
  for (unsigned i = 0; i < kDirectories; ++i) {
    std::string path = "/d" + std::to_string(i);
    left += (there(path) ? 1u : 0u) + (there(path + "/file") ? 1u : 0u);
  }
  EXPECT_EQ(report.files_deleted + report.folders_deleted + left, 2 * kDirectories);

  stop_ = 0;
  CopyReport next = copy();
  EXPECT_EQ(next.exit_code, ExitCode::kDone) << next.error_detail;
  EXPECT_EQ(next.files_deleted + next.folders_deleted, left);
}

TEST_F(DeleteSafety, force_takes_nothing_for_what_is_gone_from_the_source) {
  options_.delete_surplus = false;
  options_.force = true;
  from("/becomes a file", FileType::kRegular, "x");
  to("/becomes a file", FileType::kDirectory);
  to("/becomes a file/a", FileType::kRegular, "x");
  copy(before("lookup", "becomes a file", [this] {
    EXPECT_TRUE(source_volume_->remove(*source_volume_->root(), "becomes a file", false));
  }));
  EXPECT_TRUE(there("/becomes a file/a"));
}

TEST_F(DeleteSafety, force_takes_nothing_of_a_directory_that_cannot_go_as_a_whole) {
  options_.delete_surplus = false;
  options_.force = true;
  from("/becomes a file", FileType::kRegular, "x");
  to("/becomes a file", FileType::kDirectory);
  to("/becomes a file/a", FileType::kRegular, "x");
  to("/becomes a file/deep", FileType::kDirectory);
  to("/becomes a file/deep/.nfs0001", FileType::kRegular, "open somewhere");
  to("/becomes a file/deep/b", FileType::kRegular, "x");
  for (bool dry : {true, false}) {
    options_.dry_run = dry;
    CopyReport report = copy();
    EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
    EXPECT_EQ(report.failed_transfer, 1u);
    EXPECT_EQ(report.failed_delete, 0u);
    EXPECT_EQ(report.deletion_refused, 0u);
    EXPECT_EQ(report.files_deleted, 0u);
    EXPECT_TRUE(there("/becomes a file/a"));
    EXPECT_TRUE(there("/becomes a file/deep/b"));
  }
}

}  // namespace
}  // namespace nfsferry::copy

// What only the target has: removed with --delete, and when not.
#include "copy/sweep.hpp"
#include "engine_fixture.hpp"

namespace nfsferry::copy {
namespace {

class Delete : public Engine {
 protected:
  void SetUp() override {
    Engine::SetUp();
    options_.delete_surplus = true;
    from("/kept", FileType::kRegular, "in both");
  }
  bool there(std::string_view path) { return at(*target_volume_, path) != nullptr; }
  CopyReport done(MemoryOptions target_options = {}) {
    CopyReport report = copy({}, std::move(target_options));
    EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
    for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
    return report;
  }
};

class Deletions : public Observer {
 public:
  bool wants_entries() const override { return true; }
  void on_entry(const EntryRecord& record) override {
    if (record.action == EntryAction::kDeleted) paths.insert(std::string(record.path));
  }
  std::set<std::string> paths;
};

TEST_F(Delete, removes_each_name_that_only_the_target_has_with_all_that_is_in_it) {
  from("/dir", FileType::kDirectory);
  to("/dir", FileType::kDirectory);
  to("/dir/surplus", FileType::kRegular, "x");
  to("/tree", FileType::kDirectory);
  to("/tree/a", FileType::kDirectory);
  to("/tree/a/b", FileType::kDirectory);
  to("/tree/a/b/file", FileType::kRegular, "x");
  to("/tree/a/b/.nfsferry-123", FileType::kRegular, "of a run that died");
  to("/tree/link", FileType::kSymlink, "/kept");
  to("/tree/fifo", FileType::kFifo);

  Deletions seen;
  CopyReport report = copy({}, {}, &seen);

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_TRUE(there("/kept"));
  EXPECT_TRUE(there("/dir"));
  EXPECT_FALSE(there("/dir/surplus"));
  EXPECT_FALSE(there("/tree"));
  EXPECT_EQ(report.files_deleted, 5u);
  EXPECT_EQ(report.folders_deleted, 3u);
  EXPECT_EQ(report.deletion_refused, 0u);
  EXPECT_EQ(seen.paths,
            (std::set<std::string>{"dir/surplus", "tree", "tree/a", "tree/a/b", "tree/a/b/file",
                                   "tree/a/b/.nfsferry-123", "tree/link", "tree/fifo"}));
}

TEST_F(Delete, happens_only_when_it_is_asked_for) {
  options_.delete_surplus = false;
  to("/surplus", FileType::kRegular, "x");
  EXPECT_EQ(done().files_deleted, 0u);
  EXPECT_TRUE(there("/surplus"));
}

TEST_F(Delete, leaves_the_directory_the_time_of_the_source) {
  from("/dir", FileType::kDirectory);
  done();
  to("/dir/surplus", FileType::kRegular, "x");
  Time wanted = source_volume_->attributes(*at(*source_volume_, "/dir")).mtime;
  EXPECT_EQ(done().files_deleted, 1u);
  EXPECT_EQ(target_volume_->attributes(*at(*target_volume_, "/dir")).mtime, wanted);
  CopyReport third = done();
  EXPECT_EQ(third.files_deleted, 0u);
  EXPECT_EQ(third.metadata_repaired, 0u);
}

TEST_F(Delete, spares_what_clients_and_file_systems_keep_for_themselves_and_what_holds_it) {
  to("/.nfs0001", FileType::kRegular, "open somewhere");
  to("/lost+found", FileType::kDirectory);
  to("/lost+found/#12", FileType::kRegular, "x");
  to("/tree", FileType::kDirectory);
  to("/tree/deep", FileType::kDirectory);
  to("/tree/deep/.nfs0002", FileType::kRegular, "open somewhere");
  to("/tree/file", FileType::kRegular, "x");

  CopyReport report = done();

  EXPECT_TRUE(there("/.nfs0001"));
  EXPECT_TRUE(there("/lost+found/#12"));
  EXPECT_TRUE(there("/tree/deep/.nfs0002"));
  EXPECT_FALSE(there("/tree/file"));
  EXPECT_EQ(report.files_deleted, 1u);
  EXPECT_EQ(report.folders_deleted, 0u);
  EXPECT_EQ(report.deletion_refused, 3u);
}

TEST_F(Delete, spares_what_the_filters_leave_out_and_what_holds_it) {
  options_.filters = {{false, "*.keep"}, {false, "/private/"}};
  to("/private", FileType::kDirectory);
  to("/private/file", FileType::kRegular, "x");
  to("/tree", FileType::kDirectory);
  to("/tree/a.keep", FileType::kRegular, "x");
  to("/tree/b", FileType::kRegular, "x");

  CopyReport report = done();

  EXPECT_TRUE(there("/private/file"));
  EXPECT_TRUE(there("/tree/a.keep"));
  EXPECT_FALSE(there("/tree/b"));
  EXPECT_EQ(report.files_deleted, 1u);
  EXPECT_EQ(report.deletion_refused, 2u);
}

TEST_F(Delete, spares_what_the_source_has_and_could_not_give) {
  from("/unreadable", FileType::kRegular, "12345");
  to("/unreadable", FileType::kRegular, "1");
  from("/.nfs0003", FileType::kRegular, "a left-over, not copied");
  to("/.nfs0003", FileType::kRegular, "x");
  CopyReport report = copy(failing("read_file", "unreadable", EIO));
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_TRUE(there("/unreadable"));
  EXPECT_TRUE(there("/.nfs0003"));
  EXPECT_EQ(report.files_deleted, 0u);
}

TEST_F(Delete, spares_a_directory_whose_listing_was_started_over) {
  for (int i = 0; i < 50; ++i) from("/f" + std::to_string(i), FileType::kRegular, "x");
  to("/surplus", FileType::kRegular, "x");
  CopyReport report = copy(forgetting({3}));
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_TRUE(there("/surplus"));
  EXPECT_EQ(report.files_deleted, 0u);
  EXPECT_EQ(report.deletion_refused, 1u);
  EXPECT_EQ(done().files_deleted, 1u) << "the next run sees it whole";
}

TEST_F(Delete, counts_what_would_go_where_the_target_forgets_its_place) {
  to("/tree", FileType::kDirectory);
  for (int i = 0; i < 35; ++i) to("/tree/f" + std::to_string(i), FileType::kRegular, "x");
  options_.max_delete = 36;
  options_.dry_run = true;
  EXPECT_EQ(done(forgetting({4})).files_deleted, 35u) << "while they are counted";
  EXPECT_EQ(done(forgetting({8})).files_deleted, 35u) << "while they are told";
  options_.dry_run = false;
  EXPECT_EQ(done(forgetting({4})).files_deleted, 35u);
}

TEST_F(Delete, foretells_each_name_once_where_a_large_listing_is_started_over) {
  to("/tree", FileType::kDirectory);
  constexpr std::size_t kNames = Sweep::kEntriesMost + 3'000;
  for (std::size_t i = 0; i < kNames; ++i) to("/tree/" + std::to_string(i), FileType::kRegular);
  options_.dry_run = true;
  MemoryOptions forgets = forgetting({20});  // the root's is the first
  forgets.page_entries = 1000;
  EXPECT_EQ(done(forgets).files_deleted, kNames);
}

TEST_F(Delete, of_more_than_is_allowed_does_nothing_and_counts_what_is_inside) {
  to("/tree", FileType::kDirectory);
  for (int i = 0; i < 4; ++i) to("/tree/f" + std::to_string(i), FileType::kRegular, "x");
  options_.max_delete = 4;
  CopyReport report = copy();
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(report.failed_delete, 1u);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].error, "too_many_deletions");
  EXPECT_NE(report.failures[0].message.find("to delete: 5, more than"), std::string::npos)
      << report.failures[0].message;
  EXPECT_EQ(report.files_deleted, 0u);
  EXPECT_TRUE(there("/tree/f3"));
  EXPECT_TRUE(there("/kept"));

  options_.max_delete = 5;
  EXPECT_EQ(done().files_deleted, 4u);
  EXPECT_FALSE(there("/tree"));
}

TEST_F(Delete, of_what_cannot_be_counted_does_nothing_where_a_number_is_set) {
  to("/tree", FileType::kDirectory);
  to("/file", FileType::kRegular, "x");
  options_.max_delete = 100;
  CopyReport report = copy({}, failing("open_directory", "tree", EACCES));
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(report.files_deleted, 0u);
  EXPECT_TRUE(there("/file"));
}

TEST_F(Delete, does_not_take_an_empty_source_at_its_word) {
  source_volume_ = std::make_shared<MemoryVolume>();
  to("/only copy", FileType::kRegular, "x");
  CopyReport report = copy();
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(report.failed_delete, 1u);
  EXPECT_TRUE(there("/only copy"));

  options_.max_delete = 1;
  EXPECT_EQ(done().files_deleted, 1u);
  EXPECT_FALSE(there("/only copy"));
}

TEST_F(Delete, that_fails_is_a_failure_of_its_own_and_the_others_go_on) {
  to("/tree", FileType::kDirectory);
  to("/tree/busy", FileType::kRegular, "x");
  to("/tree/other", FileType::kRegular, "x");
  CopyReport report = copy({}, failing("remove", "busy", EBUSY));
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(report.failed_delete, 1u);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].path, "tree/busy");
  EXPECT_TRUE(there("/tree/busy"));
  EXPECT_FALSE(there("/tree/other"));
}

TEST_F(Delete, of_a_deep_directory_takes_all_of_it) {
  std::string path;
  for (int i = 0; i < 2'000; ++i) {
    path += "/d";
    to(path, FileType::kDirectory);
  }
  CopyReport report = done();
  EXPECT_EQ(report.folders_deleted, 2'000u);
  EXPECT_FALSE(there("/d"));
}

TEST_F(Delete, writes_nothing_in_a_comparison) {
  done();
  to("/surplus", FileType::kRegular, "x");
  CopyReport report = verify();
  EXPECT_EQ(report.target_only, 1u);
  EXPECT_TRUE(there("/surplus"));
}

}  // namespace
}  // namespace nfsferry::copy

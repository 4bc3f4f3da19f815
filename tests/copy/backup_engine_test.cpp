// --backup-dir: what is replaced or deleted is kept, and put back by a restore.
#include <csignal>

#include <functional>
#include <utility>

#include "copy/restore.hpp"
#include "copy/sweep.hpp"
#include "engine_fixture.hpp"

namespace nfsferry::copy {
namespace {

class BackupRun : public Engine {
 protected:
  void SetUp() override {
    Engine::SetUp();
    options_.backup_dir = "kept";
    options_.run_id = "first";
    options_.delete_surplus = options_.force = true;
    from("/same", FileType::kRegular, "same");
  }
  std::string target(std::string_view path) { return content(*target_volume_, path); }
  std::string kept(const std::string& path, const std::string& run = "first") {
    return content(*target_volume_, "/kept/" + run + path);
  }
  bool there(std::string_view path) { return at(*target_volume_, path) != nullptr; }
  CopyReport done(MemoryOptions target_options = {}) {
    CopyReport report = copy({}, std::move(target_options));
    EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
    for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
    return report;
  }
  // Everything below a directory, with types, sizes, numbers and times.
  static void describe(MemoryVolume& volume, const std::string& path, std::string& out) {
    for (const auto& [name, node] : at(volume, path)->entries) {
      if (path.empty() && name == "kept") continue;
      const Attributes& own = node->attributes;
      out += path + "/" + name + " " + std::string(file_type_name(own.type)) + " " +
             std::to_string(own.fileid) + " " + std::to_string(own.mode) + " " +
             std::to_string(own.mtime.seconds) + " " + std::to_string(own.mtime.nanoseconds) + " " +
             std::to_string(own.link_count) + "\n";
      if (own.type == FileType::kDirectory) describe(volume, path + "/" + name, out);
    }
  }
  std::string described() {
    std::string out;
    describe(*target_volume_, "", out);
    return out;
  }
  struct Restored {
    CopyReport run;
    std::uint64_t restored = 0;
    std::uint64_t unchanged = 0;
    std::uint64_t displaced = 0;
  };
  Restored restore(const std::string& run, MemoryOptions target_options = {}) {
    Observer quiet;
    Pace pace(limits_, stop_);
    options_.run_id = "undo-" + run;
    Shared shared(Job::kCopy, options_, quiet, stop_, pace);
    auto tree = this->tree(target_volume_, std::move(target_options));
    Restored out;
    loop_->run(restore_task(shared, *tree, run, out));
    return out;
  }
  static Task<void> restore_task(Shared& shared, MemoryTree& tree, std::string run, Restored& out) {
    Status opened = co_await tree.open();
    EXPECT_TRUE(opened);
    const Attributes& root = tree.root_entry().attributes;
    shared.ownership = Ownership(shared.options, root, root);
    auto places = co_await find_backups(tree);
    EXPECT_TRUE(places);
    for (const BackupPlace& place : *places) {
      if (place.entry.name != run) continue;
      Restore restore(shared, tree);
      Status done = co_await restore.go(place);
      EXPECT_TRUE(done) << (done ? "" : done.error().message());
      out.restored = restore.restored();
      out.unchanged = restore.unchanged();
    }
    out.displaced = shared.counters.backed_up;
    shared.failures.give_to(out.run);
    fill_outcome(shared, out.run);
    co_await tree.close();
  }
};

TEST_F(BackupRun, keeps_what_is_replaced_and_what_is_deleted_at_the_path_that_it_had) {
  from("/dir", FileType::kDirectory);
  from("/dir/file", FileType::kRegular, "new content");
  from("/dir/large", FileType::kRegular, std::string(400 << 10, 'n'));
  from("/dir/link", FileType::kSymlink, "new");
  to("/dir", FileType::kDirectory);
  MemoryNodePtr old = to("/dir/file", FileType::kRegular, "old");
  to("/dir/large", FileType::kRegular, "old and small");
  to("/dir/link", FileType::kSymlink, "older text");
  to("/surplus", FileType::kDirectory);
  to("/surplus/deep", FileType::kDirectory);
  to("/surplus/deep/file", FileType::kRegular, "only here");
  to("/dir/gone", FileType::kRegular, "gone");

  CopyReport report = done();

  EXPECT_EQ(target("/dir/file"), "new content");
  EXPECT_EQ(kept("/dir/file"), "old");
  EXPECT_EQ(at(*target_volume_, "/kept/first/dir/file"), old) << "no bytes are moved";
  EXPECT_EQ(old->attributes.link_count, 1u);
  EXPECT_EQ(kept("/dir/large"), "old and small");
  EXPECT_EQ(at(*target_volume_, "/kept/first/dir/link")->text, "older text");
  EXPECT_EQ(kept("/dir/gone"), "gone");
  EXPECT_EQ(kept("/surplus/deep/file"), "only here");
  EXPECT_FALSE(there("/surplus"));
  EXPECT_EQ(report.backed_up, 5u);
  EXPECT_EQ(report.files_deleted, 2u);
  EXPECT_EQ(report.folders_deleted, 2u);
  EXPECT_EQ(at(*target_volume_, "/kept/first/dir")->attributes.mode, 0755u);

  options_.run_id = "second";
  CopyReport again = done();
  EXPECT_EQ(again.files_transferred, 0u);
  EXPECT_EQ(again.files_deleted, 0u) << "the backup is not surplus";
  EXPECT_FALSE(there("/kept/second"));
}

TEST_F(BackupRun, keeps_what_the_targets_listing_tells_nothing_of) {
  from("/file", FileType::kRegular, "new content");
  to("/file", FileType::kRegular, "old");
  done(failing("entry", "file", EIO));
  EXPECT_EQ(target("/file"), "new content");
  EXPECT_EQ(kept("/file"), "old");
}

// A target that takes both names for one, as those do that normalize them.
TEST_F(BackupRun, keeps_what_the_target_lists_under_another_name) {
  options_.delete_surplus = false;
  from("/FILE", FileType::kRegular, "new content");
  MemoryNodePtr linked = from("/LINKED", FileType::kRegular, "two names");
  ASSERT_TRUE(source_volume_->link(linked, *source_volume_->root(), "first name"));
  to("/file", FileType::kRegular, "old");
  to("/linked", FileType::kRegular, "old, too");
  MemoryOptions folding;
  folding.fail = [this](std::string_view operation, std::string_view) -> std::optional<Error> {
    if (operation == "list") target_volume_->ignore_case();
    return {};
  };
  CopyReport report = done(folding);
  EXPECT_EQ(target("/FILE"), "new content");
  EXPECT_EQ(kept("/FILE"), "old");
  EXPECT_EQ(target("/LINKED"), "two names");
  EXPECT_EQ(kept("/LINKED"), "old, too");
  EXPECT_EQ(report.backed_up, 2u);
}

TEST_F(BackupRun, keeps_nothing_that_it_has_written_itself) {
  from("/file", FileType::kRegular, "content");
  MemoryOptions changing;
  changing.tamper = [times = 0](std::string_view name, std::uint64_t,
                                std::span<std::byte> bytes) mutable {
    if (name == "file" && times++ == 0) bytes[0] = std::byte{'x'};
  };
  CopyReport report = done(changing);
  EXPECT_EQ(target("/file"), "content");
  EXPECT_EQ(report.backed_up, 0u);
  EXPECT_FALSE(there("/kept"));
}

TEST_F(BackupRun, fails_where_surplus_cannot_be_listed) {
  to("/surplus", FileType::kDirectory);
  to("/surplus/file", FileType::kRegular, "x");
  MemoryOptions closed;
  closed.fail = [](std::string_view operation, std::string_view name) -> std::optional<Error> {
    bool meant = operation == "entry" && name == "file";
    return meant ? std::optional(errno_error(EACCES, operation, name)) : std::nullopt;
  };
  CopyReport report = copy({}, closed);
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].path, "surplus");
  EXPECT_TRUE(there("/surplus/file"));
}

TEST_F(BackupRun, keeps_nothing_in_a_directory_that_somebody_made_meanwhile) {
  from("/file", FileType::kRegular, "new content");
  to("/file", FileType::kRegular, "old");
  MemoryOptions meanwhile;
  meanwhile.fail = [this](std::string_view operation, std::string_view) -> std::optional<Error> {
    if (operation == "list" && !there("/kept")) {
      to("/kept", FileType::kDirectory);
      to("/kept/thesis", FileType::kRegular, "mine");
    }
    return {};
  };
  options_.delete_surplus = false;
  CopyReport report = copy({}, meanwhile);
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(target("/file"), "old");
  EXPECT_FALSE(there("/kept/README.nfsferry"));
}

TEST_F(BackupRun, is_undone_by_a_restore_which_can_be_undone_as_well) {
  from("/dir", FileType::kDirectory);
  from("/dir/file", FileType::kRegular, "new content");
  from("/becomes a file", FileType::kRegular, "x");
  from("/becomes a directory", FileType::kDirectory);
  from("/becomes a directory/inside", FileType::kRegular, "x");
  from("/becomes a link", FileType::kSymlink, "same");
  to("/dir", FileType::kDirectory);
  to("/dir/file", FileType::kRegular, "old");
  to("/dir/gone", FileType::kRegular, "gone");
  to("/becomes a file", FileType::kDirectory);
  to("/becomes a file/inside", FileType::kRegular, "x");
  to("/becomes a directory", FileType::kRegular, "old");
  to("/becomes a link", FileType::kRegular, "old");
  to("/surplus", FileType::kDirectory);
  to("/surplus/file", FileType::kRegular, "only here");
  to("/same", FileType::kRegular, "same");
  set_mtime(*target_volume_, *at(*target_volume_, "/same"), Time{1'700'000'000, 5});
  set_mtime(*source_volume_, *at(*source_volume_, "/dir"), Time{1'700'000'000, 5});
  set_mtime(*target_volume_, *at(*target_volume_, "/dir"), Time{1'700'000'000, 5});
  std::string before = described();
  done();
  std::string after = described();
  ASSERT_NE(before, after);

  Restored undone = restore("first");

  EXPECT_EQ(undone.run.exit_code, ExitCode::kDone) << undone.run.error_detail;
  EXPECT_EQ(described(), before);
  EXPECT_EQ(undone.restored, 6u);
  EXPECT_EQ(undone.displaced, 4u);
  EXPECT_FALSE(there("/kept/first"));
  EXPECT_EQ(kept("/dir/file", "undo-first"), "new content");

  Restored redone = restore("undo-first");
  EXPECT_EQ(redone.run.exit_code, ExitCode::kDone) << redone.run.error_detail;
  EXPECT_EQ(target("/dir/file"), "new content");
  EXPECT_EQ(target("/becomes a directory/inside"), "x");
}

TEST_F(BackupRun, that_cannot_keep_something_leaves_it_as_it_is) {
  from("/a", FileType::kRegular, "new content");
  from("/b", FileType::kRegular, "new content");
  to("/a", FileType::kRegular, "old");
  to("/b", FileType::kRegular, "old");
  CopyReport report = copy({}, failing("make_link", "a", EMLINK));
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(target("/a"), "old");
  EXPECT_EQ(target("/b"), "new content");

  options_.run_id = "second";
  report = copy({}, failing("make_link", "a", ENOSPC));
  EXPECT_NE(report.exit_code, ExitCode::kDone);
  EXPECT_EQ(target("/a"), "old");
}

// The directory is listed again; what was there before the run is what is kept.
TEST_F(BackupRun, keeps_the_first_of_what_is_replaced_twice) {
  from("/dir", FileType::kDirectory);
  from("/dir/a", FileType::kRegular, "first content");
  from("/dir/b", FileType::kRegular, "x");
  to("/dir", FileType::kDirectory);
  to("/dir/a", FileType::kRegular, "oldest");
  MemoryOptions replaced;
  replaced.page_entries = 1;
  replaced.fail = [this, done = false](std::string_view operation,
                                       std::string_view name) mutable -> std::optional<Error> {
    if (operation != "list" || name != "a" || done) return {};
    done = true;
    source_volume_->edit("/", [](MemoryNode& root) { root.entries.erase("dir"); });
    from("/dir", FileType::kDirectory);
    from("/dir/a", FileType::kRegular, "second, longer content");
    return errno_error(ESTALE, operation, name);
  };
  copy(replaced);
  EXPECT_EQ(target("/dir/a"), "second, longer content");
  EXPECT_EQ(kept("/dir/a"), "oldest");
}

TEST_F(BackupRun, moves_no_directory_in_which_something_must_stay) {
  to("/surplus", FileType::kDirectory);
  to("/surplus/a", FileType::kRegular, "x");
  to("/surplus/.nfs0001", FileType::kRegular, "open somewhere");
  CopyReport report = done();
  EXPECT_EQ(report.deletion_refused, 1u);
  EXPECT_EQ(report.files_deleted, 0u);
  EXPECT_TRUE(there("/surplus/a"));
}

TEST_F(BackupRun, is_counted_against_the_number_of_deletions) {
  options_.max_delete = 2;
  to("/surplus", FileType::kDirectory);
  to("/surplus/a", FileType::kRegular, "x");
  to("/surplus/b", FileType::kRegular, "x");
  EXPECT_EQ(copy().failed_delete, 1u);
  EXPECT_TRUE(there("/surplus/b"));
  options_.max_delete = 3;
  EXPECT_EQ(done().files_deleted, 2u);
}

TEST_F(BackupRun, does_nothing_in_a_dry_run_which_counts_the_same) {
  to("/surplus", FileType::kDirectory);
  to("/surplus/a", FileType::kRegular, "x");
  to("/same", FileType::kRegular, "other");
  options_.dry_run = true;
  CopyReport dry = done();
  EXPECT_FALSE(there("/kept"));
  options_.dry_run = false;
  CopyReport real = done();
  EXPECT_EQ(dry.files_deleted, real.files_deleted);
  EXPECT_EQ(dry.folders_deleted, real.folders_deleted);
  EXPECT_EQ(dry.files_transferred, real.files_transferred);
}

TEST_F(BackupRun, is_not_removed_by_a_later_run_that_deletes_and_keeps_no_backup) {
  to("/surplus", FileType::kRegular, "x");
  done();
  options_.backup_dir.clear();
  CopyReport report = done();
  EXPECT_EQ(report.deletion_refused, 1u);
  EXPECT_EQ(kept("/surplus"), "x");
}

TEST_F(BackupRun, keeps_names_that_become_links_of_another_file) {
  MemoryNodePtr two = from("/one", FileType::kRegular, "two names");
  EXPECT_TRUE(source_volume_->link(two, *source_volume_->root(), "two"));
  to("/one", FileType::kRegular, "old one");
  to("/two", FileType::kRegular, "old two");
  CopyReport report = done();
  EXPECT_EQ(at(*target_volume_, "/one"), at(*target_volume_, "/two"));
  EXPECT_EQ(kept("/one"), "old one");
  EXPECT_EQ(kept("/two"), "old two");
  EXPECT_EQ(report.backed_up, 2u);
}

TEST_F(BackupRun, keeps_names_of_a_file_whose_first_name_cannot_be_copied) {
  MemoryNodePtr two = from("/one", FileType::kRegular, "two names");
  EXPECT_TRUE(source_volume_->link(two, *source_volume_->root(), "two"));
  to("/one", FileType::kRegular, "old one");
  to("/two", FileType::kRegular, "old two");
  CopyReport report = copy({}, failing("put_file", "one", EIO));
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(target("/one"), "old one");
  EXPECT_EQ(target("/two"), "two names");
  EXPECT_EQ(kept("/two"), "old two");
}

TEST_F(BackupRun, overwrites_nothing_that_is_in_the_backup) {
  from("/a", FileType::kRegular, "new content");
  to("/a", FileType::kRegular, "put there by a run that shares the id");
  MemoryOptions shared;
  shared.fail = [this](std::string_view operation, std::string_view name) -> std::optional<Error> {
    if (operation != "put_file" || name != kBackupNote) return {};
    to("/kept/first", FileType::kDirectory);
    to("/kept/first/a", FileType::kRegular, "oldest");
    return {};
  };
  done(shared);
  EXPECT_EQ(target("/a"), "new content");
  EXPECT_EQ(kept("/a"), "oldest");
}

TEST_F(BackupRun, does_not_open_what_was_closed_in_the_target) {
  from("/dir", FileType::kDirectory);
  from("/dir/file", FileType::kRegular, "new content");
  MemoryNodePtr dir = to("/dir", FileType::kDirectory);
  to("/dir/file", FileType::kRegular, "old");
  NewAttributes closed;
  closed.mode = 0700;
  target_volume_->set_attributes(*dir, closed);
  done();
  EXPECT_EQ(at(*target_volume_, "/kept/first/dir")->attributes.mode, 0700u);
}

TEST_F(BackupRun, of_many_entries_of_one_directory_takes_all_of_them) {
  to("/dir", FileType::kDirectory);
  from("/dir", FileType::kDirectory);
  for (std::size_t i = 0; i < Sweep::kEntriesMost + 5; ++i) {
    to("/dir/" + std::to_string(i), FileType::kRegular);
  }
  EXPECT_EQ(done().files_deleted, Sweep::kEntriesMost + 5);
}

// Removes something from the target as soon as "a" is to get its second name.
MemoryOptions on_link_of_a(std::function<Status()> remove) {
  MemoryOptions removing;
  removing.fail = [remove = std::move(remove)](std::string_view operation,
                                               std::string_view name) -> std::optional<Error> {
    if (operation == "make_link" && name == "a") {
      EXPECT_TRUE(remove());
    }
    return {};
  };
  return removing;
}

TEST_F(BackupRun, what_somebody_removes_meanwhile_is_copied) {
  from("/a", FileType::kRegular, "new content");
  to("/a", FileType::kRegular, "old");
  auto remove = [this] { return target_volume_->remove(*target_volume_->root(), "a", false); };
  done(on_link_of_a(remove));
  EXPECT_EQ(target("/a"), "new content");
}

TEST_F(BackupRun, that_somebody_removes_meanwhile_keeps_nothing_and_nothing_is_replaced) {
  from("/a", FileType::kRegular, "new content");
  to("/a", FileType::kRegular, "old");
  auto remove = [this] {
    return target_volume_->remove(*at(*target_volume_, "/kept"), "first", true);
  };
  CopyReport report = copy({}, on_link_of_a(remove));
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(target("/a"), "old");
}

TEST_F(BackupRun, is_not_removed_where_the_source_has_a_directory_of_its_name) {
  to("/surplus", FileType::kRegular, "x");
  done();
  options_.backup_dir = "other";
  options_.run_id = "second";
  from("/kept", FileType::kDirectory);
  from("/kept/mine", FileType::kRegular, "x");
  done();
  EXPECT_EQ(target("/kept/mine"), "x");
  EXPECT_EQ(kept("/surplus"), "x");
}

TEST_F(BackupRun, a_restore_takes_no_other_file_of_the_same_number_for_the_same) {
  to("/a", FileType::kRegular, "old");
  from("/a", FileType::kRegular, "new content");
  done();
  at(*target_volume_, "/kept/first/a")->attributes.fileid =
      at(*target_volume_, "/a")->attributes.fileid;
  Restored undone = restore("first");
  EXPECT_EQ(undone.restored, 1u);
  EXPECT_EQ(target("/a"), "old");
}

TEST_F(BackupRun, a_file_that_was_kept_and_then_not_replaced_is_in_place_after_a_restore) {
  from("/a", FileType::kRegular, "new content");
  to("/a", FileType::kRegular, "old");
  CopyReport report = copy({}, failing("put_file", "a", EIO));
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  ASSERT_EQ(kept("/a"), "old");
  Restored undone = restore("first");
  EXPECT_EQ(undone.unchanged, 1u);
  EXPECT_EQ(target("/a"), "old");
  EXPECT_FALSE(there("/kept/first"));
}

TEST_F(BackupRun, a_restore_leaves_in_the_backup_what_it_cannot_put_back) {
  to("/a", FileType::kRegular, "a");
  to("/b", FileType::kRegular, "b");
  done();
  Restored undone = restore("first", failing("move", "a", EIO));
  EXPECT_EQ(undone.run.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(kept("/a"), "a");
  EXPECT_EQ(target("/b"), "b");
  EXPECT_EQ(restore("first").restored, 1u);
  EXPECT_EQ(target("/a"), "a");
}

TEST_F(BackupRun, a_restore_goes_through_directories_side_by_side_and_leaves_the_failed_ones) {
  constexpr unsigned kWide = 7;
  for (unsigned i = 0; i < kWide * kWide; ++i) {
    std::string above = "/d" + std::to_string(i / kWide);
    std::string path = above + "/e" + std::to_string(i % kWide);
    if (i % kWide == 0) from(above, FileType::kDirectory);
    if (i % kWide == 0) to(above, FileType::kDirectory);
    from(path, FileType::kDirectory);
    to(path, FileType::kDirectory);
    from(path + "/file", FileType::kRegular, "new content");
    to(path + "/file", FileType::kRegular, "old " + path);
    to(path + "/surplus", FileType::kDirectory);
  }
  done();
  Restored undone = restore("first", failing("open_directory", "e3", EIO));
  EXPECT_EQ(undone.run.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(undone.run.failures.size(), kWide);
  EXPECT_EQ(undone.restored, 2 * kWide * (kWide - 1));
  EXPECT_EQ(target("/d2/e3/file"), "new content");
  EXPECT_EQ(kept("/d2/e3/file"), "old /d2/e3");
  EXPECT_EQ(target("/d2/e4/file"), "old /d2/e4");
  EXPECT_FALSE(there("/kept/first/d2/e4"));
  EXPECT_EQ(restore("first").restored, 2 * kWide);
  EXPECT_EQ(target("/d6/e3/file"), "old /d6/e3");
  EXPECT_TRUE(there("/d6/e3/surplus"));
  EXPECT_FALSE(there("/kept/first"));
}

TEST_F(BackupRun, a_restore_moves_no_directory_aside_in_which_another_run_is_at_work) {
  to("/a", FileType::kRegular, "old");
  done();
  to("/a", FileType::kDirectory);
  to("/a/.nfsferry-lock", FileType::kRegular, "somebody's");
  Restored undone = restore("first");
  EXPECT_EQ(undone.run.exit_code, ExitCode::kEntriesFailed);
  EXPECT_TRUE(there("/a/.nfsferry-lock"));
  EXPECT_EQ(kept("/a"), "old");
  ASSERT_TRUE(target_volume_->remove(*at(*target_volume_, "/a"), ".nfsferry-lock", false));
  EXPECT_EQ(restore("first").restored, 1u);
  EXPECT_EQ(target("/a"), "old");
}

TEST_F(BackupRun, leaves_a_directory_that_the_source_gets_while_it_is_gone_through) {
  to("/one", FileType::kDirectory);
  to("/two", FileType::kDirectory);
  auto counting = before("open_directory", "one", [this] { from("/one", FileType::kDirectory); });
  CopyReport report = done(counting);
  EXPECT_TRUE(there("/one"));
  EXPECT_FALSE(there("/two"));
  EXPECT_EQ(report.folders_deleted, 1u);
  EXPECT_EQ(report.deletion_refused, 1u);
}

TEST_F(BackupRun, a_restore_that_is_stopped_while_it_looks_through_a_directory_leaves_it) {
  to("/a", FileType::kRegular, "old");
  done();
  to("/a", FileType::kDirectory);
  for (const char* name : {"/a/1", "/a/2", "/a/3"}) to(name, FileType::kRegular, "x");
  to("/a/sub", FileType::kDirectory);
  to("/a/sub/.nfsferry-lock", FileType::kRegular, "somebody's");
  MemoryOptions options;
  options.page_entries = 1;
  options.fail = [this](std::string_view operation,
                        std::string_view after) -> std::optional<Error> {
    if (operation == "list" && after == "1") stop_ = SIGTERM;
    return {};
  };
  restore("first", options);
  EXPECT_NE(stop_, 0);
  EXPECT_TRUE(there("/a/sub/.nfsferry-lock"));
  EXPECT_EQ(kept("/a"), "old");
}

TEST_F(BackupRun, a_restore_reads_a_note_again_that_another_run_has_replaced) {
  from("/a", FileType::kRegular, "new content");
  to("/a", FileType::kRegular, "old");
  done();
  MemoryOptions options;
  options.fail = [this, reads = 0](std::string_view operation,
                                   std::string_view name) mutable -> std::optional<Error> {
    if (operation != "read_file" || name != kBackupNote || ++reads != 2) return {};
    std::string text = target("/kept/" + std::string(kBackupNote));
    EXPECT_TRUE(target_volume_->remove(*at(*target_volume_, "/kept"), kBackupNote, false));
    to("/kept/" + std::string(kBackupNote), FileType::kRegular, text);
    return {};
  };
  Restored undone = restore("first", options);
  EXPECT_EQ(undone.run.exit_code, ExitCode::kDone);
  EXPECT_EQ(target("/a"), "old");
}

// A part of it would tell of fewer runs than there are.
TEST_F(BackupRun, a_restore_reads_a_note_again_of_which_it_got_a_part) {
  from("/a", FileType::kRegular, "new content");
  to("/a", FileType::kRegular, "old");
  done();
  MemoryNodePtr note = at(*target_volume_, "/kept/" + std::string(kBackupNote));
  std::string text = target("/kept/" + std::string(kBackupNote));
  target_volume_->resize(*note, text.size() / 2);
  MemoryOptions options;
  options.fail = [&](std::string_view operation, std::string_view name) -> std::optional<Error> {
    if (operation == "read_file" && name == kBackupNote)
      target_volume_->write(*note, 0, std::as_bytes(std::span(text)));
    return {};
  };
  Restored undone = restore("first", options);
  EXPECT_EQ(undone.run.exit_code, ExitCode::kDone);
  EXPECT_EQ(target("/a"), "old");
}

TEST_F(BackupRun, keeps_what_a_name_had_before_a_listing_told_it_twice) {
  from("/a", FileType::kRegular, "new content");
  to("/a", FileType::kRegular, "old");
  MemoryOptions source;
  source.preferences.files_per_batch = 1;
  source.relist = [](std::vector<Entry>& entries) {
    std::vector<Entry> all = entries;
    for (const Entry& entry : all) entries.push_back(entry);
  };
  CopyReport report = copy(std::move(source));
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(target("/a"), "new content");
  EXPECT_EQ(kept("/a"), "old");
}

TEST_F(BackupRun, a_restore_takes_nothing_that_comes_while_it_looks_through_a_directory) {
  to("/a", FileType::kRegular, "old a");
  to("/big", FileType::kRegular, "old big");
  done();
  to("/big", FileType::kDirectory);
  to("/big/file", FileType::kRegular, "x");
  MemoryOptions options;
  options.fail = [this, opened = 0](std::string_view operation,
                                    std::string_view name) mutable -> std::optional<Error> {
    if (operation != "open_directory" || name != "big") return {};
    if (++opened != 2) return {};  // the first is whether it is a folder of backups
    if (!there("/a")) to("/a", FileType::kRegular, "made meanwhile");
    EXPECT_TRUE(target_volume_->remove(*at(*target_volume_, "/big"), "file", false));
    EXPECT_TRUE(target_volume_->remove(*target_volume_->root(), "big", true));
    to("/big", FileType::kRegular, "made meanwhile");
    return {};
  };
  Restored undone = restore("first", options);
  EXPECT_EQ(undone.run.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(target("/a"), "old a") << "it was put back before";
  EXPECT_EQ(target("/big"), "made meanwhile");
  EXPECT_EQ(kept("/big"), "old big");
}

TEST_F(BackupRun, a_restore_that_is_stopped_in_the_midst_goes_on_later) {
  constexpr unsigned kDirectories = 30;
  for (unsigned i = 0; i < kDirectories; ++i) {
    std::string path = "/d" + std::to_string(i);
    from(path, FileType::kDirectory);
    to(path, FileType::kDirectory);
    to(path + "/file", FileType::kRegular, "old");
  }
  done();
  MemoryOptions stopping;
  stopping.fail = [this, moves = 0](std::string_view operation,
                                    std::string_view) mutable -> std::optional<Error> {
    if (operation == "move" && ++moves == 5) stop_ = SIGTERM;
    return {};
  };
  Restored first = restore("first", stopping);
  EXPECT_GE(first.restored, 1u);
  EXPECT_LT(first.restored, kDirectories);
  stop_ = 0;
  Restored rest = restore("first");
  EXPECT_EQ(first.restored + rest.restored, kDirectories);
  for (unsigned i = 0; i < kDirectories; ++i) {
    EXPECT_EQ(target("/d" + std::to_string(i) + "/file"), "old");
  }
  EXPECT_FALSE(there("/kept/first"));
}

// Moves whose answer is lost, and then both names are taken.
class UnclearMove : public BackupRun {
 protected:
  MemoryOptions losing_the_answer(std::string from, std::string to, std::string name) {
    auto move = [=, this] {
      MemoryNodePtr old_place = at(*target_volume_, from);
      EXPECT_TRUE(target_volume_->move(*old_place, name, at(*target_volume_, to), name));
      this->to(from + "/" + name, FileType::kRegular, "made meanwhile");
    };
    MemoryOptions out = before("move", name, move);
    out.fail = [this, once = out.fail, name](std::string_view operation, std::string_view on) {
      std::optional<Error> error = once(operation, on);
      if (operation == "move" && on == name && moves_++ == 0)
        error = own_error(Own::kOutcomeUnknown, "move", "both are there");
      return error;
    };
    return out;
  }
  static Task<void> keep_twice(Shared& shared, MemoryTree& tree, std::vector<Status>& kept) {
    Status opened = co_await tree.open();
    EXPECT_TRUE(opened);
    auto root = std::make_shared<DirectoryNode>();
    root->entry = tree.root_entry();
    root->target = tree.root();
    for (int i = 0; i < 2; ++i) {
      std::vector<Kept> entries{Kept{root, "surplus"}};
      auto moved = co_await keep_moved(shared, tree, std::move(entries));
      kept.push_back(std::move(moved.at(0)));
    }
    co_await tree.close();
  }

  unsigned moves_ = 0;
};

TEST_F(UnclearMove, is_said_to_be_one_and_nothing_else_is_moved_over_what_it_moved) {
  to("/surplus", FileType::kRegular, "only here");
  Observer quiet;
  Pace pace(limits_, stop_);
  Shared shared(Job::kCopy, options_, quiet, stop_, pace);
  auto tree = this->tree(target_volume_, losing_the_answer("", "/kept/first", "surplus"));
  std::vector<Status> kept;
  loop_->run(keep_twice(shared, *tree, kept));
  ASSERT_FALSE(kept.at(0));
  std::string message = kept[0].error().message();
  EXPECT_NE(message.find("may have been moved to 'kept/first/surplus'"), message.npos) << message;
  EXPECT_EQ(message.find("left as it is"), message.npos) << message;
  EXPECT_FALSE(kept.at(1));
  EXPECT_EQ(moves_, 1u) << "a second one could replace what the first one moved";
  EXPECT_EQ(this->kept("/surplus"), "only here");
  EXPECT_EQ(target("/surplus"), "made meanwhile");
}

TEST_F(UnclearMove, of_a_restore_says_where_to_look) {
  to("/surplus", FileType::kRegular, "only here");
  done();
  Restored undone = restore("first", losing_the_answer("/kept/first", "", "surplus"));
  EXPECT_EQ(undone.run.exit_code, ExitCode::kEntriesFailed);
  ASSERT_EQ(undone.run.failures.size(), 1u);
  const std::string& message = undone.run.failures[0].message;
  EXPECT_NE(message.find("may have been put back"), message.npos) << message;
  EXPECT_EQ(target("/surplus"), "only here");
  EXPECT_EQ(kept("/surplus"), "made meanwhile");
}

class RefusedBackup : public BackupRun {
 protected:
  // The message of what is refused before the run.
  std::string refusal(Job job = Job::kCopy) {
    Observer quiet;
    Pace pace(limits_, stop_);
    Shared shared(job, options_, quiet, stop_, pace);
    auto source = tree(source_volume_);
    auto target = tree(target_volume_);
    std::string out;
    loop_->run(prepare(shared, *source, *target, out));
    return out;
  }
  static Task<void> prepare(Shared& shared, MemoryTree& source, MemoryTree& target,
                            std::string& out) {
    Status opened = co_await source.open();
    EXPECT_TRUE(opened);
    opened = co_await target.open();
    EXPECT_TRUE(opened);
    Status ready = co_await copy::prepare(shared, source, target, "first");
    out = ready ? "" : ready.error().message();
    co_await source.close();
    co_await target.close();
  }
};

TEST_F(RefusedBackup, where_something_else_has_the_name) {
  to("/kept", FileType::kRegular, "a file");
  EXPECT_NE(refusal().find("no directory"), std::string::npos) << refusal();
}

TEST_F(RefusedBackup, in_a_directory_that_is_no_backup_folder) {
  to("/kept", FileType::kDirectory);
  to("/kept/mine", FileType::kRegular, "x");
  EXPECT_NE(refusal().find("no backup folder"), std::string::npos) << refusal();
}

TEST_F(RefusedBackup, in_a_dry_run_as_in_the_copy) {
  to("/kept", FileType::kDirectory);
  EXPECT_EQ(refusal(Job::kDryRun), "");
  to("/kept/mine", FileType::kRegular, "x");
  EXPECT_EQ(refusal(Job::kDryRun), refusal());
  EXPECT_NE(refusal(Job::kDryRun), "");
}

TEST_F(RefusedBackup, in_a_target_that_ignores_case) {
  target_volume_->ignore_case();
  EXPECT_NE(refusal().find("ignores the case"), std::string::npos) << refusal();
}

TEST_F(RefusedBackup, not_in_an_empty_directory_of_a_run_that_was_killed) {
  to("/kept", FileType::kDirectory);
  EXPECT_EQ(refusal(), "");
  to("/kept/" + temporary_name("first"), FileType::kRegular, "the note, not yet renamed");
  EXPECT_EQ(refusal(), "");
}

TEST_F(RefusedBackup, of_a_run_that_has_one) {
  to("/surplus", FileType::kRegular, "x");
  done();
  EXPECT_NE(refusal().find("--run-id"), std::string::npos) << refusal();
  options_.run_id = "second";
  EXPECT_EQ(refusal(), "");
}

TEST_F(BackupRun, an_entry_of_the_source_with_the_folders_name_is_a_failure) {
  from("/kept", FileType::kDirectory);
  from("/kept/mine", FileType::kRegular, "x");
  CopyReport report = copy();
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].path, "kept");
  EXPECT_FALSE(there("/kept/mine"));
  options_.filters = {{false, "/kept/"}};
  done();
}

}  // namespace
}  // namespace nfsferry::copy

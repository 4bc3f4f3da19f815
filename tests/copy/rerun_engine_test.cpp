// Copying into a tree that is there already: what is skipped, repaired, replaced, left alone.
#include <algorithm>

#include "engine_fixture.hpp"

namespace nfsferry::copy {
namespace {

class Rerun : public Engine {
 protected:
  // A directory with files, a symlink, a FIFO and two names of one file.
  void make_home() {
    from("/dir", FileType::kDirectory);
    for (int i = 0; i < 50; ++i) {
      from("/dir/file" + std::to_string(i), FileType::kRegular, "content " + std::to_string(i));
    }
    from("/dir/link", FileType::kSymlink, "file1");
    from("/dir/fifo", FileType::kFifo);
    MemoryNodePtr file = from("/name", FileType::kRegular, "two names");
    Status linked = source_volume_->link(file, *at(*source_volume_, "/dir"), "other");
    EXPECT_TRUE(linked);
  }
  CopyReport good_copy() {
    CopyReport report = copy();
    EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
    for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
    return report;
  }
};

TEST_F(Rerun, an_unchanged_tree_transfers_nothing) {
  make_home();
  CopyReport first = good_copy();
  EXPECT_EQ(first.files_transferred, 54u);
  CopyReport second = good_copy();
  EXPECT_EQ(second.files_transferred, 0u);
  EXPECT_EQ(second.bytes_written, 0u);
  EXPECT_EQ(second.metadata_repaired, 0u);
  EXPECT_EQ(second.files_skipped, 54u);
  EXPECT_EQ(second.estimated_files, 0u);
  EXPECT_FALSE(second.manifest_complete) << "nothing was read";
  EXPECT_EQ(second.tree_digest, "");
}

TEST_F(Rerun, a_file_of_another_size_or_time_is_copied_again) {
  make_home();
  good_copy();
  source_volume_->write(*at(*source_volume_, "/dir/file1"), 0,
                        std::as_bytes(std::span("longer now")));
  set_mtime(*source_volume_, *at(*source_volume_, "/dir/file2"), Time{5, 6});
  CopyReport second = good_copy();
  EXPECT_EQ(second.files_transferred, 2u);
  EXPECT_EQ(content(*target_volume_, "/dir/file1"), content(*source_volume_, "/dir/file1"));
  EXPECT_EQ(target_volume_->attributes(*at(*target_volume_, "/dir/file2")).mtime, (Time{5, 6}));
}

TEST_F(Rerun, what_the_targets_listing_tells_nothing_of_is_asked_for) {
  from("/file", FileType::kRegular, "old");
  MemoryNodePtr newer = to("/file", FileType::kRegular, "newer");
  set_mtime(*target_volume_, *newer, Time{1'800'000'000, 0});
  options_.overwrite = OverwriteMode::kOlder;
  CopyReport report = copy({}, failing("entry", "file", EIO));
  EXPECT_EQ(report.exit_code, ExitCode::kDone);
  EXPECT_EQ(report.files_skipped, 1u);
  EXPECT_EQ(content(*target_volume_, "/file"), "newer");
}

TEST_F(Rerun, what_the_target_does_not_tell_is_not_replaced) {
  from("/file", FileType::kRegular, "new");
  from("/other", FileType::kRegular, "other");
  to("/file", FileType::kRegular, "unknown");
  MemoryOptions untold;
  untold.fail = [](std::string_view operation, std::string_view name) -> std::optional<Error> {
    bool meant = (operation == "entry" || operation == "lookup") && name == "file";
    return meant ? std::optional(errno_error(EIO, operation, name)) : std::nullopt;
  };
  CopyReport report = copy({}, untold);
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].path, "file");
  EXPECT_EQ(content(*target_volume_, "/file"), "unknown");
  EXPECT_EQ(content(*target_volume_, "/other"), "other");
}

TEST_F(Rerun, another_mode_or_owner_is_repaired_without_data) {
  make_home();
  good_copy();
  NewAttributes changed;
  changed.mode = 0600;
  source_volume_->set_attributes(*at(*source_volume_, "/dir/file1"), changed);
  changed = NewAttributes{};
  changed.owner = 77;
  source_volume_->set_attributes(*at(*source_volume_, "/dir/file2"), changed);
  source_volume_->set_attributes(*at(*source_volume_, "/dir/link"), changed);
  source_volume_->set_attributes(*at(*source_volume_, "/dir"), changed);
  CopyReport second = good_copy();
  EXPECT_EQ(second.files_transferred, 0u);
  EXPECT_EQ(second.bytes_written, 0u);
  EXPECT_EQ(second.metadata_repaired, 4u);
  auto now = [&](std::string_view path) {
    return target_volume_->attributes(*at(*target_volume_, path));
  };
  EXPECT_EQ(now("/dir/file1").mode, 0600u);
  EXPECT_EQ(now("/dir/file2").owner.id, 77u);
  EXPECT_EQ(now("/dir/link").owner.id, 77u);
  EXPECT_EQ(now("/dir").owner.id, 77u);
}

TEST_F(Rerun, an_untouched_directory_costs_no_request_of_its_own) {
  make_home();
  good_copy();
  std::uint64_t first = target_counters_.requests;
  good_copy();
  // open, marker look-up, lock, probe; then one listing for each of two directories.
  EXPECT_LT(target_counters_.requests, first);
  EXPECT_EQ(target_counters_.latency.count("set_attributes"), 0u);
}

TEST_F(Rerun, compare_all_copies_everything_again) {
  make_home();
  CopyReport first = good_copy();
  options_.compare = CompareMode::kAll;
  CopyReport second = good_copy();
  EXPECT_EQ(second.files_transferred, first.files_transferred);
  EXPECT_EQ(second.bytes_written, first.bytes_written);
  EXPECT_EQ(second.tree_digest, first.tree_digest);
}

TEST_F(Rerun, a_checksum_finds_what_size_and_time_hide) {
  make_home();
  from("/large", FileType::kRegular, std::string(3 << 20, 'a'));
  CopyReport first = good_copy();
  for (const char* path : {"/dir/file3", "/large"}) {
    MemoryNodePtr node = at(*target_volume_, path);
    target_volume_->write(*node, 3, std::as_bytes(std::span("X", 1)));
    set_mtime(*target_volume_, *node, Time{1'700'000'000, 5});
  }
  CopyReport blind = good_copy();
  EXPECT_EQ(blind.files_transferred, 0u);
  options_.compare = CompareMode::kChecksum;
  CopyReport second = good_copy();
  EXPECT_EQ(second.files_transferred, 2u);
  EXPECT_EQ(content(*target_volume_, "/dir/file3"), "content 3");
  EXPECT_EQ(content(*target_volume_, "/large"), std::string(3 << 20, 'a'));
  EXPECT_EQ(second.tree_digest, first.tree_digest) << "every content was read";
}

TEST_F(Rerun, a_symlink_with_another_text_of_the_same_length_is_made_anew) {
  from("/link", FileType::kSymlink, "version1");
  good_copy();
  ASSERT_TRUE(source_volume_->remove(*source_volume_->root(), "link", false));
  MemoryNodePtr link = from("/link", FileType::kSymlink, "version2");
  set_mtime(*source_volume_, *link, Time{8, 8});
  CopyReport second = good_copy();
  EXPECT_EQ(second.symlinks, 1u);
  EXPECT_EQ(*target_volume_->text(*at(*target_volume_, "/link")), "version2");
}

TEST_F(Rerun, symlinks_are_compared_by_text_where_the_target_keeps_no_times) {
  from("/link", FileType::kSymlink, "version1");
  to("/link", FileType::kSymlink, "version2");
  MemoryOptions target;
  target.capabilities.symlink_times = false;
  CopyReport report = copy({}, target);
  EXPECT_EQ(report.symlinks, 1u);
  EXPECT_EQ(*target_volume_->text(*at(*target_volume_, "/link")), "version1");
}

TEST_F(Rerun, overwrite_never_leaves_what_is_there_and_adds_what_is_not) {
  from("/old", FileType::kRegular, "new content");
  from("/new", FileType::kRegular, "more");
  to("/old", FileType::kRegular, "old");
  options_.overwrite = OverwriteMode::kNever;
  CopyReport report = good_copy();
  EXPECT_EQ(report.files_transferred, 1u);
  EXPECT_EQ(report.files_skipped, 1u);
  EXPECT_EQ(content(*target_volume_, "/old"), "old");
  EXPECT_EQ(content(*target_volume_, "/new"), "more");
}

TEST_F(Rerun, overwrite_older_leaves_newer_files_of_the_target) {
  from("/a", FileType::kRegular, "from source");
  from("/b", FileType::kRegular, "from source");
  set_mtime(*target_volume_, *to("/a", FileType::kRegular, "newer"), Time{1'800'000'000, 0});
  set_mtime(*target_volume_, *to("/b", FileType::kRegular, "older"), Time{1'600'000'000, 0});
  options_.overwrite = OverwriteMode::kOlder;
  good_copy();
  EXPECT_EQ(content(*target_volume_, "/a"), "newer");
  EXPECT_EQ(content(*target_volume_, "/b"), "from source");
}

TEST_F(Rerun, another_type_in_the_way_is_that_entrys_failure) {
  from("/a", FileType::kRegular, "file");
  from("/b", FileType::kDirectory);
  from("/b/inside", FileType::kRegular, "x");
  from("/c", FileType::kRegular, "c");
  to("/a", FileType::kDirectory);
  to("/b", FileType::kRegular, "keep me");
  CopyReport report = copy();
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  ASSERT_EQ(report.failures.size(), 2u);
  for (const Failure& failure : report.failures) EXPECT_EQ(failure.error, "type_conflict");
  EXPECT_EQ(content(*target_volume_, "/b"), "keep me");
  EXPECT_EQ(content(*target_volume_, "/c"), "c");
}

TEST_F(Rerun, force_replaces_what_is_in_the_way_with_all_that_is_in_it) {
  from("/a", FileType::kRegular, "file");
  from("/b", FileType::kDirectory);
  from("/b/inside", FileType::kRegular, "x");
  from("/c", FileType::kSymlink, "text");
  to("/a", FileType::kDirectory);
  to("/a/deep", FileType::kDirectory);
  to("/a/deep/er", FileType::kDirectory);
  to("/a/deep/er/file", FileType::kRegular, "gone");
  to("/b", FileType::kRegular, "gone");
  to("/c", FileType::kFifo);
  options_.force = true;
  good_copy();
  EXPECT_EQ(content(*target_volume_, "/a"), "file");
  EXPECT_EQ(content(*target_volume_, "/b/inside"), "x");
  EXPECT_EQ(*target_volume_->text(*at(*target_volume_, "/c")), "text");
}

TEST_F(Rerun, temporaries_of_dead_runs_are_removed) {
  make_home();
  good_copy();
  const std::string in_root = "/" + temporary_name("dead");
  const std::string below = "/dir/" + temporary_name("");
  to(in_root, FileType::kRegular, "half");
  to(below, FileType::kRegular, "half");
  CopyReport second = good_copy();
  EXPECT_EQ(second.temporaries_removed, 2u);
  EXPECT_EQ(at(*target_volume_, in_root), nullptr);
  EXPECT_EQ(at(*target_volume_, below), nullptr);
  EXPECT_EQ(target_volume_->attributes(*at(*target_volume_, "/dir")).mtime,
            source_volume_->attributes(*at(*source_volume_, "/dir")).mtime);
}

TEST_F(Rerun, files_of_people_are_theirs_though_their_names_begin_like_temporaries) {
  for (const char* name : {"/.nfsferry-filters", "/.nfsferry-", "/.nfsferry-my-notes"}) {
    from(name, FileType::kRegular, "new, and longer");
    to(name, FileType::kRegular, "old");
  }
  to("/.nfsferry-only-here", FileType::kRegular, "kept");
  CopyReport report = good_copy();
  EXPECT_EQ(report.temporaries_removed, 0u);
  EXPECT_EQ(report.leftovers_skipped, 0u);
  EXPECT_EQ(content(*target_volume_, "/.nfsferry-filters"), "new, and longer");
  EXPECT_EQ(content(*target_volume_, "/.nfsferry-"), "new, and longer");
  EXPECT_EQ(content(*target_volume_, "/.nfsferry-my-notes"), "new, and longer");
  EXPECT_EQ(content(*target_volume_, "/.nfsferry-only-here"), "kept");
}

TEST_F(Rerun, a_hard_link_that_became_a_file_of_its_own_is_linked_again) {
  make_home();
  good_copy();
  MemoryNode& dir = *at(*target_volume_, "/dir");
  ASSERT_TRUE(target_volume_->remove(dir, "other", false));
  to("/dir/other", FileType::kRegular, "two names");
  CopyReport second = good_copy();
  EXPECT_EQ(second.hard_links, 1u);
  EXPECT_EQ(at(*target_volume_, "/dir/other"), at(*target_volume_, "/name"));
}

TEST_F(Rerun, symlinks_and_fifos_of_several_names_keep_them) {
  for (const char* name : {"link", "fifo"}) {
    bool link = std::string_view(name) == "link";
    MemoryNodePtr node =
        from("/" + std::string(name), link ? FileType::kSymlink : FileType::kFifo, "text");
    ASSERT_TRUE(source_volume_->link(node, *source_volume_->root(), std::string(name) + "2"));
  }
  CopyReport first = good_copy();
  EXPECT_EQ(first.files_transferred, 4u);
  EXPECT_EQ(first.hard_links, 2u);
  EXPECT_EQ(at(*target_volume_, "/link"), at(*target_volume_, "/link2"));
  EXPECT_EQ(at(*target_volume_, "/fifo"), at(*target_volume_, "/fifo2"));
  CopyReport second = good_copy();
  EXPECT_EQ(second.files_transferred, 0u);
  EXPECT_EQ(verify().exit_code, ExitCode::kDone);
}

TEST_F(Rerun, two_files_that_the_target_has_as_one_are_parted) {
  from("/a", FileType::kRegular, "same");
  from("/b", FileType::kRegular, "same");
  MemoryNodePtr one = to("/a", FileType::kRegular, "same");
  ASSERT_TRUE(target_volume_->link(one, *target_volume_->root(), "b"));
  good_copy();
  EXPECT_NE(at(*target_volume_, "/a"), at(*target_volume_, "/b"));
}

TEST_F(Rerun, two_groups_that_the_target_has_as_one_are_parted) {
  for (const char* group : {"a", "b"}) {
    MemoryNodePtr file = from("/" + std::string(group), FileType::kRegular, "same");
    ASSERT_TRUE(source_volume_->link(file, *source_volume_->root(), std::string(group) + "2"));
  }
  MemoryNodePtr one = to("/a", FileType::kRegular, "same");
  for (const char* name : {"a2", "b", "b2"}) {
    ASSERT_TRUE(target_volume_->link(one, *target_volume_->root(), name));
  }
  good_copy();
  EXPECT_EQ(at(*target_volume_, "/a"), at(*target_volume_, "/a2"));
  EXPECT_EQ(at(*target_volume_, "/b"), at(*target_volume_, "/b2"));
  EXPECT_NE(at(*target_volume_, "/a"), at(*target_volume_, "/b"));
}

TEST_F(Rerun, a_listing_that_the_server_forgot_is_started_over) {
  make_home();
  for (int i = 0; i < 40; ++i) from("/sub" + std::to_string(i), FileType::kDirectory);
  CopyReport report = copy(forgetting({3, 12}));
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.files_transferred, 54u) << "each once";
  EXPECT_EQ(report.estimated_files, 54u);
  EXPECT_EQ(report.folders_transferred, 41u);
  EXPECT_EQ(report.retries, 2u);
}

TEST_F(Rerun, what_failed_or_was_skipped_before_a_listing_is_started_over_counts_once) {
  for (int i = 100; i < 130; ++i) from("/file" + std::to_string(i), FileType::kRegular, "text");
  from("/.nfs0001", FileType::kRegular, "left over");

  CopyReport report = copy(forgetting({3}), failing("put_file", "file105", EIO));

  EXPECT_EQ(report.retries, 1u);
  EXPECT_EQ(report.failed_transfer, 1u);
  EXPECT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.leftovers_skipped, 1u);
  EXPECT_EQ(report.files_transferred, 29u);
}

TEST_F(Rerun, what_is_missing_before_a_listing_is_started_over_is_one_difference) {
  for (int i = 100; i < 130; ++i) from("/file" + std::to_string(i), FileType::kRegular, "text");
  CopyReport report = verify(nullptr, forgetting({3}));
  EXPECT_EQ(report.failed_verify, 30u);
}

TEST_F(Rerun, what_took_an_entrys_place_is_copied_instead) {
  from("/a", FileType::kRegular, "file");
  from("/b", FileType::kRegular, "file");
  MemoryOptions source;
  auto done = std::make_shared<bool>(false);
  auto volume = source_volume_;
  source.fail = [done, volume](std::string_view operation,
                               std::string_view name) -> std::optional<Error> {
    if (operation != "read_file" || name != "a" || *done) return {};
    *done = true;
    MemoryNode& root = *volume->root();
    EXPECT_TRUE(volume->remove(root, "a", false));
    EXPECT_TRUE(volume->remove(root, "b", false));
    add(*volume, "/a", FileType::kDirectory);
    add(*volume, "/a/inside", FileType::kRegular, "new");
    add(*volume, "/b", FileType::kSymlink, "text");
    return errno_error(ESTALE, "read", name);
  };
  CopyReport report = copy(source);
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(content(*target_volume_, "/a/inside"), "new");
  EXPECT_EQ(*target_volume_->text(*at(*target_volume_, "/b")), "text");
}

// Its directory has changed, though all in it was as it should be.
TEST_F(Rerun, what_took_the_place_of_a_compared_entry_is_copied_and_its_directory_finished) {
  from("/d", FileType::kDirectory);
  from("/d/a", FileType::kRegular, "file");
  good_copy();
  options_.compare = CompareMode::kChecksum;
  MemoryOptions source;
  bool done = false;
  source.fail = [&](std::string_view operation, std::string_view name) -> std::optional<Error> {
    if (operation != "read_file" || std::exchange(done, true)) return {};
    EXPECT_TRUE(source_volume_->remove(*at(*source_volume_, "/d"), "a", false));
    from("/d/a", FileType::kRegular, "another file");
    return errno_error(ESTALE, "read", name);
  };
  MemoryOptions target;
  int settings = 0;
  target.fail = [&](std::string_view operation, std::string_view) -> std::optional<Error> {
    if (operation == "set_attributes") ++settings;
    return {};
  };
  CopyReport report = copy(source, target);
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(content(*target_volume_, "/d/a"), "another file");
  EXPECT_EQ(report.files_transferred, 1u);
  EXPECT_EQ(report.estimated_files, 1u);
  EXPECT_EQ(settings, 1);
}

TEST_F(Rerun, a_directory_that_the_target_does_not_list_is_a_failure) {
  make_home();
  good_copy();
  auto lists = std::make_shared<int>(0);
  MemoryOptions target;
  target.fail = [lists](std::string_view operation, std::string_view) -> std::optional<Error> {
    bool second = operation == "list" && ++*lists == 2;
    return second ? std::optional(errno_error(ESTALE, "list")) : std::nullopt;
  };
  CopyReport report = copy({}, target);
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(report.vanished, 0u);
  EXPECT_EQ(report.failed_prepare, 1u);
}

TEST_F(Rerun, a_source_that_forgot_everything_has_not_vanished) {
  make_home();
  MemoryOptions source;
  source.fail = [](std::string_view operation, std::string_view name) -> std::optional<Error> {
    bool stale = operation == "read_file" || operation == "lookup";
    return stale ? std::optional(errno_error(ESTALE, operation, name)) : std::nullopt;
  };
  CopyReport report = copy(source);
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(report.vanished, 0u);
  EXPECT_GE(report.failed_transfer, 50u);
}

TEST_F(Rerun, a_directory_with_a_new_one_in_its_place_is_copied_from_the_new_one) {
  from("/dir", FileType::kDirectory);
  from("/dir/old", FileType::kRegular, "old");
  MemoryOptions source;
  auto volume = source_volume_;
  auto done = std::make_shared<bool>(false);
  source.fail = [=](std::string_view operation, std::string_view) -> std::optional<Error> {
    if (operation != "open_directory" || *done) return {};
    *done = true;
    MemoryNode& root = *volume->root();
    EXPECT_TRUE(volume->remove(*at(*volume, "/dir"), "old", false));
    EXPECT_TRUE(volume->remove(root, "dir", true));
    add(*volume, "/dir", FileType::kDirectory);
    add(*volume, "/dir/new", FileType::kRegular, "new");
    return errno_error(ESTALE, "open");
  };
  CopyReport report = copy(source);
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.vanished, 0u);
  EXPECT_EQ(content(*target_volume_, "/dir/new"), "new");
}

class BusySource : public Rerun {
 protected:
  // One in which "busy" is written again whenever it is looked at, each time `step_ns` later.
  MemoryOptions busy_source(std::uint64_t step_ns) {
    auto volume = source_volume_;
    constexpr std::uint64_t kSecond = 1'000'000'000;
    MemoryOptions source;
    auto times = std::make_shared<std::uint64_t>(0);
    source.fail = [=](std::string_view operation, std::string_view name) -> std::optional<Error> {
      bool read = operation == "read_file" || operation == "attributes";
      if (!read || name != "busy") return {};
      MemoryNode& file = *at(*volume, "/busy");
      std::string text = "content " + std::to_string(++*times % 10);
      volume->write(file, 0, std::as_bytes(std::span(text)));
      std::uint64_t later = *times * step_ns;
      set_mtime(*volume, file,
                Time{1'700'000'000 + static_cast<std::int64_t>(later / kSecond),
                     static_cast<std::uint32_t>(later % kSecond)});
      return {};
    };
    return source;
  }
};

TEST_F(BusySource, a_file_that_never_stands_still_is_copied_again_by_the_next_run) {
  from("/busy", FileType::kRegular, "content 0");
  CopyReport first = copy(busy_source(1'000'000'000));
  EXPECT_EQ(first.exit_code, ExitCode::kOnlyChangedFiles) << first.error_detail;
  CopyReport second = good_copy();
  EXPECT_EQ(second.files_transferred, 1u);
  EXPECT_EQ(content(*target_volume_, "/busy"), content(*source_volume_, "/busy"));
}

TEST_F(BusySource, a_file_that_changed_within_what_the_target_takes_for_one_time_is_copied_again) {
  from("/busy", FileType::kRegular, "content 0");
  MemoryOptions target;
  target.capabilities.time_granularity_ns = 1'000'000'000;
  CopyReport first = copy(busy_source(1'000'000), target);
  EXPECT_EQ(first.exit_code, ExitCode::kOnlyChangedFiles) << first.error_detail;
  CopyReport second = copy({}, target);
  EXPECT_EQ(second.files_transferred, 1u);
  EXPECT_EQ(content(*target_volume_, "/busy"), content(*source_volume_, "/busy"));
  EXPECT_EQ(copy({}, target).files_transferred, 0u);
}

TEST_F(Rerun, what_is_left_alone_is_not_forced_away_by_a_directory) {
  from("/name", FileType::kDirectory);
  from("/name/inside", FileType::kRegular, "x");
  to("/name", FileType::kRegular, "precious");
  options_.force = true;
  options_.overwrite = OverwriteMode::kNever;
  EXPECT_EQ(copy().exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(content(*target_volume_, "/name"), "precious");
}

TEST_F(Rerun, force_keeps_the_old_entry_until_the_new_one_is_whole) {
  from("/name", FileType::kRegular, "new");
  to("/name", FileType::kSymlink, "old");
  options_.force = true;
  CopyReport report = copy(failing("read_file", "name", EIO));
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  ASSERT_NE(at(*target_volume_, "/name"), nullptr);
  EXPECT_EQ(*target_volume_->text(*at(*target_volume_, "/name")), "old");
  good_copy();
  EXPECT_EQ(content(*target_volume_, "/name"), "new");
}

TEST_F(Rerun, temporaries_of_a_process_that_shares_the_run_stay) {
  auto other = tree(target_volume_);
  auto begin = [](MemoryTree& target, std::unique_ptr<TargetFile>& file) -> Task<void> {
    Status ready = co_await target.open();
    if (ready) ready = co_await target.lock_root("run");
    EXPECT_TRUE(ready);
    NewAttributes attributes;
    auto created = co_await target.create_file(target.root(), "large", attributes);
    EXPECT_TRUE(created);
    file = *std::move(created);
  };
  auto end = [](MemoryTree& target, std::unique_ptr<TargetFile> file) -> Task<Status> {
    NewAttributes attributes;
    Status finished = co_await file->finish(attributes);
    file.reset();
    co_await target.close();
    co_return finished;
  };
  to("/" + temporary_name("run"), FileType::kRegular, "of an earlier run of this id");
  std::unique_ptr<TargetFile> file;
  loop_->run(begin(*other, file));

  CopyReport report = good_copy();

  EXPECT_EQ(report.temporaries_removed, 1u);
  Status finished = loop_->run(end(*other, std::move(file)));
  EXPECT_TRUE(finished) << finished.error().message();
  EXPECT_NE(at(*target_volume_, "/large"), nullptr);
}

TEST_F(Rerun, temporaries_stay_where_no_lock_keeps_other_runs_out) {
  const std::string in_use = "/" + temporary_name("other");
  to(in_use, FileType::kRegular, "in use");
  MemoryOptions target;
  target.capabilities.exclusive_lock = false;
  CopyReport report = copy({}, target);
  EXPECT_EQ(report.temporaries_removed, 0u);
  EXPECT_NE(at(*target_volume_, in_use), nullptr);
}

TEST_F(Rerun, another_file_system_below_is_entered_only_when_asked) {
  from("/mounted", FileType::kDirectory);
  from("/mounted/inside", FileType::kRegular, "x");
  from("/file", FileType::kRegular, "y");
  for (const char* path : {"/mounted", "/mounted/inside"}) {
    source_volume_->edit(path, [](MemoryNode& node) { node.attributes.fsid.minor += 1; });
  }
  CopyReport report = good_copy();
  EXPECT_EQ(report.files_transferred, 1u);
  EXPECT_EQ(at(*target_volume_, "/mounted"), nullptr);
  EXPECT_EQ(report.mounts_not_entered, 1u);
  EXPECT_FALSE(report.manifest_complete);
  EXPECT_EQ(report.tree_digest, "");
  EXPECT_EQ(verify().mounts_not_entered, 1u);
  options_.cross_mounts = true;
  EXPECT_EQ(good_copy().mounts_not_entered, 0u);
  EXPECT_EQ(content(*target_volume_, "/mounted/inside"), "x");
}

class Records : public Observer {
 public:
  bool wants_entries() const override { return true; }
  void on_entry(const EntryRecord& record) override {
    EXPECT_FALSE(actions.contains(std::string(record.path))) << record.path << " twice";
    actions[std::string(record.path)] = record.action;
    hashes[std::string(record.path)] = record.hash;
    errors[std::string(record.path)] = record.error;
  }
  std::map<std::string, EntryAction> actions;
  std::map<std::string, std::string> hashes;
  std::map<std::string, std::string> errors;
};

TEST_F(Rerun, every_entry_is_told_once) {
  make_home();
  Records first;
  copy({}, {}, &first);
  EXPECT_EQ(first.actions.size(), 55u) << "54 entries and a directory";
  EXPECT_EQ(first.actions["dir/file1"], EntryAction::kCopied);
  EXPECT_EQ(first.hashes["dir/file1"].size(), 32u);
  EXPECT_EQ(first.actions["dir"], EntryAction::kCopied);
  bool one_linked = (first.actions["name"] == EntryAction::kLinked) !=
                    (first.actions["dir/other"] == EntryAction::kLinked);
  EXPECT_TRUE(one_linked);
  NewAttributes changed;
  changed.mode = 0600;
  source_volume_->set_attributes(*at(*source_volume_, "/dir/file1"), changed);
  Records second;
  copy({}, {}, &second);
  EXPECT_EQ(second.actions.size(), 55u);
  EXPECT_EQ(second.actions["dir/file1"], EntryAction::kMetadata);
  EXPECT_EQ(second.actions["dir/file2"], EntryAction::kSkipped);
  EXPECT_EQ(second.actions["dir"], EntryAction::kSkipped);
}

TEST_F(Rerun, a_directory_that_fails_is_told_with_its_error) {
  make_home();
  Records records;
  copy({}, failing("make_directory", "dir", EIO), &records);
  ASSERT_TRUE(records.actions.contains("dir"));
  EXPECT_EQ(records.actions["dir"], EntryAction::kFailed);
  EXPECT_EQ(records.errors["dir"], "EIO");
}

// Subvolumes number their files alike.
TEST_F(Rerun, tells_files_of_two_file_systems_apart_that_have_one_number) {
  for (const char* directory : {"/one", "/two"}) {
    from(directory, FileType::kDirectory);
    to(directory, FileType::kDirectory);
  }
  MemoryNodePtr file = from("/one/file", FileType::kRegular, "right");
  EXPECT_TRUE(source_volume_->link(file, *at(*source_volume_, "/two"), "name"));
  std::uint64_t number = to("/one/file", FileType::kRegular, "right")->attributes.fileid;
  to("/two/name", FileType::kRegular, "wrong");
  target_volume_->edit("/two/name", [number](MemoryNode& node) {
    node.attributes.fileid = number;
    node.attributes.fsid.minor += 1;
  });
  EXPECT_EQ(verify().exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(copy().exit_code, ExitCode::kDone);
  EXPECT_EQ(content(*target_volume_, "/two/name"), "right");
  EXPECT_EQ(at(*target_volume_, "/two/name"), at(*target_volume_, "/one/file"));
}

}  // namespace
}  // namespace nfsferry::copy

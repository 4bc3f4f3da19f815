// What a run leaves aside, and what it has done already, is told and told rightly.
#include <algorithm>

#include "base/nfsstat4.hpp"
#include "engine_fixture.hpp"

namespace nfsferry::copy {
namespace {

class Told : public Engine {
 protected:
  CopyReport good_copy(MemoryOptions target_options = {}) {
    CopyReport report = copy({}, std::move(target_options));
    EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
    for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
    return report;
  }
  // Counts what is set of a directory: all of its names are empty.
  MemoryOptions counting_settings(int& count, bool need_sync) {
    MemoryOptions out;
    out.capabilities.names_need_sync = need_sync;
    out.fail = [&count](std::string_view operation, std::string_view) -> std::optional<Error> {
      if (operation == "set_attributes") ++count;
      return {};
    };
    return out;
  }
};

TEST_F(Told, a_directory_that_may_not_take_the_place_of_a_newer_file_is_a_failure) {
  from("/dir", FileType::kDirectory);
  from("/dir/file", FileType::kRegular, "x");
  for (bool force : {false, true}) {
    for (OverwriteMode mode : {OverwriteMode::kNever, OverwriteMode::kOlder}) {
      target_volume_ = std::make_shared<MemoryVolume>();
      MemoryNodePtr there = to("/dir", FileType::kRegular, "a file");
      set_mtime(*target_volume_, *there, Time{1'900'000'000, 0});
      options_.overwrite = mode;
      options_.force = force;
      CopyReport report = copy();
      EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
      ASSERT_EQ(report.failures.size(), 1u);
      EXPECT_EQ(report.failures[0].path, "dir");
      EXPECT_FALSE(report.manifest_complete);
      EXPECT_EQ(content(*target_volume_, "/dir"), "a file");
    }
  }
}

TEST_F(Told, a_file_that_may_not_take_the_place_of_a_directory_is_a_failure) {
  from("/name", FileType::kRegular, "content");
  from("/link", FileType::kSymlink, "text");
  for (bool force : {false, true}) {
    for (OverwriteMode mode : {OverwriteMode::kNever, OverwriteMode::kOlder}) {
      target_volume_ = std::make_shared<MemoryVolume>();
      for (const char* name : {"/name", "/link"})
        set_mtime(*target_volume_, *to(name, FileType::kDirectory), Time{1'900'000'000, 0});
      to("/name/inside", FileType::kRegular, "kept");
      options_.overwrite = mode;
      options_.force = force;
      CopyReport report = copy();
      EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
      EXPECT_EQ(report.failures.size(), 2u);
      for (const Failure& failure : report.failures) EXPECT_EQ(failure.error, "type_conflict");
      EXPECT_EQ(report.files_skipped, 0u);
      EXPECT_EQ(content(*target_volume_, "/name/inside"), "kept");
    }
  }
}

TEST_F(Told, a_directory_with_a_temporarys_name_is_one_like_others) {
  from("/.nfsferry-notes", FileType::kDirectory);
  from("/.nfsferry-notes/file", FileType::kRegular, "x");
  EXPECT_EQ(good_copy().files_transferred, 1u);
  options_.dry_run = true;
  EXPECT_EQ(good_copy().files_transferred, 0u);
  options_.dry_run = false;
  CopyReport again = good_copy();
  EXPECT_EQ(again.files_transferred, 0u);
  EXPECT_EQ(again.metadata_repaired, 0u);
  CopyReport compared = verify();
  EXPECT_EQ(compared.exit_code, ExitCode::kDone);
  EXPECT_EQ(compared.target_only, 0u);

  source_volume_->edit("/", [](MemoryNode& root) { root.entries.erase(".nfsferry-notes"); });
  from("/other", FileType::kRegular, "y");
  options_.delete_surplus = true;
  EXPECT_EQ(good_copy().folders_deleted, 1u);
}

TEST_F(Told, names_that_are_never_removed_are_so_whatever_has_them) {
  from("/file", FileType::kRegular, "x");
  to("/lost+found", FileType::kRegular, "a file");
  to("/.nfs0001d", FileType::kDirectory);
  to("/.nfs0001d/inside", FileType::kRegular, "x");
  options_.delete_surplus = true;
  CopyReport report = good_copy();
  EXPECT_EQ(report.files_deleted + report.folders_deleted, 0u);
  EXPECT_EQ(report.deletion_refused, 2u);
  EXPECT_EQ(content(*target_volume_, "/.nfs0001d/inside"), "x");
}

TEST_F(Told, what_is_not_deleted_as_it_would_be_too_much_is_counted) {
  from("/file", FileType::kRegular, "x");
  to("/one", FileType::kRegular, "x");
  to("/two", FileType::kRegular, "x");
  options_.delete_surplus = true;
  options_.max_delete = 1;
  CopyReport report = copy();
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(report.deletion_refused, 2u);
}

TEST_F(Told, a_directory_out_of_which_nothing_goes_is_not_set_again) {
  from("/dir", FileType::kDirectory);
  from("/dir/file", FileType::kRegular, "x");
  options_.delete_surplus = true;
  good_copy();
  Time kept = target_volume_->attributes(*at(*target_volume_, "/dir")).mtime;
  to("/dir/.nfs0001", FileType::kRegular, "open somewhere");
  set_mtime(*target_volume_, *at(*target_volume_, "/dir"), kept);
  int settings = 0;
  EXPECT_EQ(good_copy(counting_settings(settings, false)).deletion_refused, 1u);
  EXPECT_EQ(settings, 0);
}

TEST_F(Told, the_root_is_repaired_once) {
  options_.root_attributes = true;
  from("/file", FileType::kRegular, "x");
  source_volume_->edit("/", [](MemoryNode& root) { root.attributes.mode = 0710; });
  good_copy();
  target_volume_->edit("/", [](MemoryNode& root) { root.attributes.mode = 0777; });
  EXPECT_EQ(good_copy().metadata_repaired, 1u);
  EXPECT_EQ(target_volume_->attributes(*target_volume_->root()).mode, 0710u);
  options_.dry_run = true;
  EXPECT_EQ(good_copy().metadata_repaired, 0u);
  options_.dry_run = false;
  EXPECT_EQ(good_copy().metadata_repaired, 0u);
}

TEST_F(Told, a_root_whose_owner_is_no_number_is_a_failure_where_it_is_to_be_given) {
  from("/file", FileType::kRegular, "x");
  source_volume_->edit("/", [](MemoryNode& root) { root.attributes.owner = {0, "nobody"}; });
  int settings = 0;
  EXPECT_EQ(good_copy(counting_settings(settings, true)).files_transferred, 1u);
  options_.root_attributes = true;
  from("/second", FileType::kRegular, "x");
  settings = 0;
  CopyReport report = copy({}, counting_settings(settings, true));
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].path, "");
  EXPECT_EQ(report.failures[0].error, "owner_not_numeric");
  EXPECT_EQ(settings, 1);  // its names are durable all the same
}

// Where names are durable only once their directory is synced, the root's are, too.
TEST_F(Told, names_in_the_root_are_made_durable_where_somebody_has_to) {
  for (bool need_sync : {false, true}) {
    target_volume_ = std::make_shared<MemoryVolume>();
    from(need_sync ? "/second" : "/first", FileType::kRegular, "x");
    int settings = 0;
    good_copy(counting_settings(settings, need_sync));
    EXPECT_EQ(settings, need_sync ? 1 : 0);
    settings = 0;
    good_copy(counting_settings(settings, need_sync));
    EXPECT_EQ(settings, 0) << "nothing was written";
  }
  target_volume_ = std::make_shared<MemoryVolume>();
  MemoryOptions failing_sync = failing("set_attributes", "*", EIO);
  failing_sync.capabilities.names_need_sync = true;
  EXPECT_EQ(copy({}, failing_sync).exit_code, ExitCode::kEntriesFailed);
}

TEST_F(Told, what_is_kept_is_durable_before_it_is_replaced) {
  from("/dir", FileType::kDirectory);
  from("/dir/file", FileType::kRegular, "new");
  to("/dir", FileType::kDirectory);
  to("/dir/file", FileType::kRegular, "the old one");
  options_.backup_dir = "kept";
  options_.run_id = "first";
  std::vector<std::string> steps;
  MemoryOptions target;
  target.capabilities.names_need_sync = true;
  target.fail = [&steps](std::string_view operation,
                         std::string_view name) -> std::optional<Error> {
    bool replaced = operation == "put_file" && name == "file";
    if (operation == "set_attributes" || operation == "make_link" || replaced) {
      steps.emplace_back(operation);
    }
    return {};
  };
  good_copy(target);
  auto kept = std::find(steps.begin(), steps.end(), "make_link");
  ASSERT_NE(kept, steps.end());
  ASSERT_NE(kept + 1, steps.end());
  EXPECT_EQ(*(kept + 1), "set_attributes");
  EXPECT_EQ(*(kept + 2), "put_file");
}

// A server that is started again loses what is open, as often as it is.
TEST_F(Told, a_large_file_outlasts_more_restarts_than_there_are_attempts) {
  from("/large", FileType::kRegular, std::string(3 << 20, 'l'));
  for (Nfsstat4 status : {Nfsstat4::kStaleStateid, Nfsstat4::kExpired}) {
    for (int times : {8, 1000}) {
      target_volume_ = std::make_shared<MemoryVolume>();
      MemoryOptions restarting;
      auto left = std::make_shared<int>(times);
      restarting.fail = [=](std::string_view operation,
                            std::string_view name) -> std::optional<Error> {
        if (operation != "write" || name != "large" || *left == 0) return {};
        --*left;
        return Error{Domain::kNfs4, static_cast<std::uint32_t>(status), "WRITE", {}, {}};
      };
      CopyReport report = copy({}, restarting);
      bool outlasted = times == 8;
      EXPECT_EQ(report.exit_code, outlasted ? ExitCode::kDone : ExitCode::kEntriesFailed);
      std::string wanted = outlasted ? std::string(3 << 20, 'l') : "(missing)";
      EXPECT_TRUE(content(*target_volume_, "/large") == wanted);
    }
  }
}

}  // namespace
}  // namespace nfsferry::copy

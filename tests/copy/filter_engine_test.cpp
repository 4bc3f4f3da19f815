// What filters leave out of a copy, of a comparison and of a check.
#include <algorithm>
#include <vector>

#include "engine_fixture.hpp"

namespace nfsferry::copy {
namespace {

FilterRule include(std::string glob) { return {true, std::move(glob)}; }
FilterRule exclude(std::string glob) { return {false, std::move(glob)}; }

TEST(Filter, the_first_rule_that_matches_decides) {
  auto filter = Filter::compile({exclude("*.tmp"), include("keep"), exclude("k*"), include("*")});
  ASSERT_TRUE(filter);
  EXPECT_TRUE(filter->leaves_out("a.tmp", false));
  EXPECT_FALSE(filter->leaves_out("deep/keep", false));
  EXPECT_TRUE(filter->leaves_out("deep/kept", false));
  EXPECT_FALSE(filter->leaves_out("other", true));
}

TEST(Filter, what_no_rule_matches_is_included) {
  auto filter = Filter::compile({exclude("a/")});
  ASSERT_TRUE(filter);
  EXPECT_FALSE(filter->leaves_out("b", false));
  EXPECT_FALSE(filter->leaves_out("a", false));
  EXPECT_TRUE(filter->leaves_out("a", true));
  EXPECT_TRUE(Filter().empty());
  EXPECT_FALSE(Filter().leaves_out("a", true));
}

TEST(Filter, a_bad_glob_is_named) {
  auto filter = Filter::compile({exclude("good"), exclude("b[ad")});
  ASSERT_FALSE(filter);
  EXPECT_TRUE(filter.error().is(Own::kBadInput));
  EXPECT_NE(filter.error().detail.find("'b[ad'"), std::string::npos) << filter.error().detail;
}

class Filtered : public Engine {
 protected:
  void SetUp() override {
    Engine::SetUp();
    MemoryVolume& volume = *source_volume_;
    add(volume, "/note", FileType::kRegular, "note");
    add(volume, "/draft.tmp", FileType::kRegular, "draft");
    add(volume, "/cache", FileType::kDirectory);
    add(volume, "/cache/big", FileType::kRegular, "big");
    add(volume, "/project", FileType::kDirectory);
    add(volume, "/project/cache", FileType::kDirectory);
    add(volume, "/project/cache/small", FileType::kRegular, "small");
    add(volume, "/project/result", FileType::kRegular, "result");
    add(volume, "/project/link.tmp", FileType::kSymlink, "result");
  }
  bool target_has(std::string_view path) { return at(*target_volume_, path) != nullptr; }

  // Keeps the names of the source's directories that are opened.
  static MemoryOptions watched(std::vector<std::string>& opened) {
    MemoryOptions options;
    options.fail = [&opened](std::string_view operation,
                             std::string_view name) -> std::optional<Error> {
      if (operation == "open_directory") opened.emplace_back(name);
      return {};
    };
    return options;
  }
};

TEST_F(Filtered, what_is_excluded_is_not_copied_and_counted) {
  options_.filters = {exclude("*.tmp"), exclude("/cache/")};
  CopyReport report = copy();
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.files_filtered, 2u);
  EXPECT_EQ(report.folders_filtered, 1u);
  EXPECT_EQ(report.files_transferred, 3u);
  EXPECT_TRUE(target_has("/project/cache/small"));
  EXPECT_TRUE(target_has("/note"));
  EXPECT_FALSE(target_has("/draft.tmp"));
  EXPECT_FALSE(target_has("/cache"));
  EXPECT_FALSE(target_has("/project/link.tmp"));
}

TEST_F(Filtered, without_filters_nothing_is_counted) {
  CopyReport report = copy();
  EXPECT_EQ(report.files_filtered + report.folders_filtered, 0u);
  EXPECT_EQ(report.files_transferred, 6u);
}

TEST_F(Filtered, an_excluded_directory_is_not_opened) {
  std::vector<std::string> opened;
  options_.filters = {exclude("cache/")};
  CopyReport report = copy(watched(opened));
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.folders_filtered, 2u);
  EXPECT_EQ(opened, std::vector<std::string>{"project"});
}

TEST_F(Filtered, what_is_below_an_excluded_directory_needs_the_directory_to_be_included) {
  options_.filters = {include("small"), exclude("cache/")};
  CopyReport report = copy();
  EXPECT_FALSE(target_has("/project/cache"));
  options_.filters = {include("/project/cache/"), include("small"), exclude("cache/")};
  report = copy();
  EXPECT_TRUE(target_has("/project/cache/small"));
  EXPECT_EQ(report.folders_filtered, 1u);
}

TEST_F(Filtered, only_what_is_included_where_all_else_is_excluded) {
  options_.filters = {include("*/"), include("result"), exclude("*")};
  CopyReport report = copy();
  EXPECT_EQ(report.files_transferred, 1u);
  EXPECT_EQ(report.folders_transferred, 3u);
  EXPECT_EQ(report.files_filtered, 5u);
  EXPECT_TRUE(target_has("/project/result"));
}

TEST_F(Filtered, copy_and_target_are_equal_by_the_same_filters) {
  options_.filters = {exclude("*.tmp"), exclude("/cache")};
  copy();
  CopyReport report = verify();
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.files_verified, 3u);
  EXPECT_EQ(report.files_filtered, 2u);
  EXPECT_EQ(report.folders_filtered, 1u);
  options_.filters.clear();
  report = verify();
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(report.failed_prepare + report.failed_verify, 3u);
}

TEST_F(Filtered, a_comparison_that_ends_at_once_keeps_what_the_copy_counted) {
  options_.filters = {exclude("*.tmp"), exclude("/cache")};
  CopyReport report = copy();
  Observer quiet;
  Pace pace(limits_, stop_);
  Shared stopped(Job::kVerify, options_, quiet, stop_, pace);
  fill_verification(stopped, report);
  EXPECT_EQ(report.files_filtered, 2u);
  EXPECT_EQ(report.folders_filtered, 1u);
}

TEST_F(Filtered, what_the_target_holds_under_a_filtered_name_is_left_alone) {
  add(*target_volume_, "/draft.tmp", FileType::kRegular, "ours");
  add(*target_volume_, "/cache", FileType::kRegular, "no directory");
  options_.filters = {exclude("*.tmp"), exclude("cache/")};
  options_.force = true;
  CopyReport report = copy();
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(content(*target_volume_, "/draft.tmp"), "ours");
  EXPECT_EQ(content(*target_volume_, "/cache"), "no directory");
  report = verify();
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.target_only, 0u) << "the source has these names, too";
}

TEST_F(Filtered, a_group_whose_first_name_is_left_out_has_its_content_under_the_others) {
  MemoryVolume& volume = *source_volume_;
  MemoryNodePtr file = add(volume, "/a.first", FileType::kRegular, "shared");
  ASSERT_TRUE(volume.link(file, *volume.root(), "b"));
  ASSERT_TRUE(volume.link(file, *at(volume, "/project"), "c"));
  options_.filters = {exclude("*.first")};
  CopyReport report = copy();
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.hard_links, 1u);
  EXPECT_FALSE(target_has("/a.first"));
  EXPECT_EQ(content(*target_volume_, "/b"), "shared");
  EXPECT_EQ(at(*target_volume_, "/b"), at(*target_volume_, "/project/c"));
  EXPECT_EQ(verify().exit_code, ExitCode::kDone);
  report = copy();
  EXPECT_EQ(report.files_transferred, 0u) << "a re-run finds the group as it should be";
}

TEST_F(Filtered, a_name_left_out_of_a_pair_leaves_a_file_of_its_own) {
  MemoryVolume& volume = *source_volume_;
  MemoryNodePtr file = add(volume, "/a.first", FileType::kRegular, "shared");
  ASSERT_TRUE(volume.link(file, *volume.root(), "b"));
  options_.filters = {exclude("*.first")};
  EXPECT_EQ(copy().exit_code, ExitCode::kDone);
  EXPECT_EQ(content(*target_volume_, "/b"), "shared");
  EXPECT_EQ(copy().files_transferred, 0u);
  EXPECT_EQ(verify().exit_code, ExitCode::kDone);
}

TEST_F(Filtered, a_filter_that_is_taken_away_lets_the_next_run_copy_the_rest) {
  options_.filters = {exclude("cache/"), exclude("*.tmp")};
  copy();
  options_.filters.clear();
  CopyReport report = copy();
  EXPECT_EQ(report.files_transferred, 4u);
  EXPECT_EQ(report.files_skipped, 2u);
}

TEST_F(Filtered, a_directory_in_the_place_of_a_file_is_asked_about_again) {
  options_.filters = {exclude("note/")};
  MemoryVolume& volume = *source_volume_;
  MemoryOptions changing;
  bool swapped = false;
  changing.fail = [&](std::string_view operation, std::string_view name) -> std::optional<Error> {
    if (operation != "read_file" || name != "note" || swapped) return {};
    swapped = true;
    EXPECT_TRUE(volume.remove(*volume.root(), "note", false));
    add(volume, "/note", FileType::kDirectory);
    add(volume, "/note/inside", FileType::kRegular, "inside");
    return errno_error(ESTALE, "read", name);
  };
  CopyReport report = copy(changing);
  EXPECT_TRUE(swapped);
  EXPECT_EQ(report.folders_filtered, 1u);
  EXPECT_FALSE(target_has("/note"));
}

// Manifest and digest are of what the filters let through.
TEST_F(Filtered, a_manifest_is_complete_without_what_was_left_out) {
  options_.filters = {exclude("cache/"), exclude("*.tmp")};
  CopyReport filtered = copy();
  EXPECT_TRUE(filtered.manifest_complete);
  target_volume_ = std::make_shared<MemoryVolume>();
  options_.filters.clear();
  CopyReport whole = copy();
  EXPECT_TRUE(whole.manifest_complete);
  EXPECT_NE(filtered.tree_digest, whole.tree_digest);
}

// Entries that are skipped are told, those that filters leave out among them.
TEST_F(Filtered, the_trail_has_what_was_left_out) {
  class Trail : public Observer {
   public:
    bool wants_entries() const override { return true; }
    void on_entry(const EntryRecord& record) override {
      if (record.action == EntryAction::kSkipped) skipped.emplace_back(record.path);
    }
    std::vector<std::string> skipped;
  } trail;
  options_.filters = {exclude("cache/"), exclude("*.tmp")};
  copy({}, {}, &trail);
  std::sort(trail.skipped.begin(), trail.skipped.end());
  EXPECT_EQ(trail.skipped,
            (std::vector<std::string>{"cache", "draft.tmp", "project/cache", "project/link.tmp"}));
}

}  // namespace
}  // namespace nfsferry::copy

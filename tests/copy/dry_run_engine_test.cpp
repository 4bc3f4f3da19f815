// Dry runs between trees in memory: what is foretold is what happens, and nothing is written.
#include "engine_fixture.hpp"
#include "same_counts.hpp"

namespace nfsferry::copy {
namespace {

class DryRun : public Engine {
 protected:
  CopyReport dry(Observer* observer = nullptr) {
    options_.dry_run = true;
    MemoryOptions closed;
    closed.fail = [this](std::string_view operation, std::string_view) -> std::optional<Error> {
      if (operation.starts_with("list") || operation.starts_with("open") ||
          operation.starts_with("read") || operation == "lookup" || operation == "entry") {
        return {};
      }
      written_.insert(std::string(operation));
      return errno_error(EROFS, operation, {});
    };
    CopyReport report = copy({}, closed, observer);
    options_.dry_run = false;
    EXPECT_EQ(written_, std::set<std::string>{});
    return report;
  }
  std::set<std::string> written_;
};

class Actions : public Observer {
 public:
  bool wants_entries() const override { return true; }
  void on_entry(const EntryRecord& record) override {
    seen[std::string(record.path)] = record.action;
  }
  std::map<std::string, EntryAction> seen;
};

void expect_same(const CopyReport& dry, const CopyReport& real) {
  EXPECT_EQ(dry.exit_code, real.exit_code);
  EXPECT_EQ(dry.failed_transfer, real.failed_transfer);
  test::expect_same_counts(dry, real);
}

TEST_F(DryRun, of_a_first_copy_counts_all_of_it_and_makes_nothing) {
  from("/dir", FileType::kDirectory);
  from("/dir/deep", FileType::kDirectory);
  from("/dir/deep/file", FileType::kRegular, "content");
  from("/dir/link", FileType::kSymlink, "file");
  from("/dir/fifo", FileType::kFifo);
  MemoryNodePtr two = from("/two", FileType::kRegular, "two names");
  EXPECT_TRUE(source_volume_->link(two, *at(*source_volume_, "/dir"), "names"));

  Actions foretold;
  CopyReport report = dry(&foretold);

  EXPECT_EQ(report.files_transferred, 5u);
  EXPECT_EQ(report.bytes_written, 16u);
  EXPECT_EQ(at(*target_volume_, "/dir"), nullptr);
  Actions done;
  CopyReport real = copy({}, {}, &done);
  expect_same(report, real);
  EXPECT_EQ(foretold.seen, done.seen);
}

TEST_F(DryRun, where_times_may_be_rounded_takes_those_that_are_and_those_that_are_not) {
  MemoryNodePtr odd = from("/rounded", FileType::kRegular, "x");
  from("/whole", FileType::kRegular, "x");
  to("/rounded", FileType::kRegular, "x");
  to("/whole", FileType::kRegular, "x");
  set_mtime(*target_volume_, *at(*target_volume_, "/rounded"), Time{1'700'000'000, 0});
  options_.dry_run = true;
  MemoryOptions bounded;
  EXPECT_EQ(copy({}, bounded).files_transferred, 1u);
  bounded.capabilities.granularity_at_most_ns = 1'000'000'000;
  EXPECT_EQ(copy({}, bounded).files_transferred, 0u);
  set_mtime(*source_volume_, *odd, Time{1'700'000'001, 0});
  EXPECT_EQ(copy({}, bounded).files_transferred, 1u);
}

TEST_F(DryRun, of_a_second_copy_counts_what_changed_what_is_repaired_and_what_goes) {
  options_.delete_surplus = options_.force = true;
  from("/same", FileType::kRegular, "same");
  from("/longer", FileType::kRegular, "longer now");
  MemoryNodePtr mode = from("/mode", FileType::kRegular, "mode");
  from("/dir", FileType::kDirectory);
  from("/becomes a file", FileType::kRegular, "x");
  from("/becomes a directory", FileType::kDirectory);
  copy();
  target_volume_->write(*at(*target_volume_, "/longer"), 0, {});
  set_mtime(*target_volume_, *at(*target_volume_, "/longer"), Time{1, 0});
  NewAttributes other;
  other.mode = 0600;
  source_volume_->set_attributes(*mode, other);
  source_volume_->set_attributes(*at(*source_volume_, "/dir"), other);
  to("/surplus", FileType::kDirectory);
  to("/surplus/file", FileType::kRegular, "x");
  ASSERT_TRUE(target_volume_->remove(*target_volume_->root(), "becomes a file", false));
  to("/becomes a file", FileType::kDirectory);
  to("/becomes a file/inside", FileType::kRegular, "x");
  ASSERT_TRUE(target_volume_->remove(*target_volume_->root(), "becomes a directory", true));
  to("/becomes a directory", FileType::kRegular, "x");

  Actions foretold;
  CopyReport report = dry(&foretold);

  EXPECT_NE(at(*target_volume_, "/surplus/file"), nullptr);
  EXPECT_EQ(report.metadata_repaired, 2u);
  EXPECT_EQ(report.files_deleted, 3u);
  Actions done;
  CopyReport real = copy({}, {}, &done);
  expect_same(report, real);
  EXPECT_EQ(foretold.seen, done.seen);
  EXPECT_EQ(at(*target_volume_, "/surplus"), nullptr);
}

TEST_F(DryRun, with_checksums_reads_both_sides) {
  options_.compare = CompareMode::kChecksum;
  from("/file", FileType::kRegular, "right");
  copy();
  target_volume_->write(*at(*target_volume_, "/file"), 0, std::as_bytes(std::span("wrong", 5)));
  set_mtime(*target_volume_, *at(*target_volume_, "/file"), Time{1'700'000'000, 5});
  CopyReport report = dry();
  EXPECT_EQ(report.files_transferred, 1u);
  EXPECT_EQ(content(*target_volume_, "/file"), "wrong");
  expect_same(report, copy());
}

TEST_F(DryRun, says_what_stands_in_the_way) {
  from("/dir", FileType::kDirectory);
  to("/dir", FileType::kRegular, "x");
  CopyReport report = dry();
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  expect_same(report, copy());
}

TEST_F(DryRun, holds_to_the_number_of_deletions) {
  options_.delete_surplus = true;
  options_.max_delete = 1;
  from("/kept", FileType::kRegular, "x");
  to("/a", FileType::kRegular, "x");
  to("/b", FileType::kRegular, "x");
  CopyReport report = dry();
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(report.failed_delete, 1u);
  EXPECT_EQ(report.files_deleted, 0u);
}

}  // namespace
}  // namespace nfsferry::copy

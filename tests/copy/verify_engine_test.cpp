// Read back before a name is taken, and whole trees compared.
#include "engine_fixture.hpp"

namespace nfsferry::copy {
namespace {

constexpr std::size_t kLarge = 3 << 20;

class Verification : public Engine {
 protected:
  void both(std::string_view path, FileType type, std::string_view text = {}) {
    add(*source_volume_, path, type, text);
    add(*target_volume_, path, type, text);
    date("/dir");
  }
  // Adding to a directory moves its time.
  void date(std::string_view directory) {
    for (MemoryVolume* volume : {source_volume_.get(), target_volume_.get()}) {
      MemoryNodePtr node = at(*volume, directory);
      if (node) set_mtime(*volume, *node, Time{1'600'000'000, 0});
    }
  }
  static std::string error_of(const CopyReport& report, std::string_view path) {
    for (const Failure& failure : report.failures) {
      if (failure.path == path) return failure.error + ": " + failure.message;
    }
    return "none";
  }
  // Changes one byte of a file on its way to the target, the first `times` times.
  static MemoryOptions flipping(std::string wanted, int times) {
    MemoryOptions out;
    auto left = std::make_shared<int>(times);
    out.tamper = [wanted, left](std::string_view name, std::uint64_t offset,
                                std::span<std::byte> bytes) {
      if (name != wanted || offset != 0 || bytes.empty() || *left == 0) return;
      --*left;
      bytes[0] ^= std::byte{1};
    };
    return out;
  }
};

TEST_F(Verification, a_byte_flipped_once_on_its_way_is_found_and_sent_again) {
  add(*source_volume_, "/small", FileType::kRegular, "content");
  add(*source_volume_, "/large", FileType::kRegular, std::string(kLarge, 'l'));
  for (const char* name : {"small", "large"}) {
    CopyReport report = copy({}, flipping(name, 1));
    EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
    EXPECT_EQ(report.retries, 1u) << name;
    EXPECT_EQ(content(*target_volume_, "/small"), "content");
    EXPECT_EQ(content(*target_volume_, "/large"), std::string(kLarge, 'l'));
    options_.compare = CompareMode::kAll;
  }
}

TEST_F(Verification, a_file_that_never_comes_back_right_never_takes_its_name) {
  add(*source_volume_, "/small", FileType::kRegular, "content");
  add(*source_volume_, "/large", FileType::kRegular, std::string(kLarge, 'l'));
  for (std::string name : {"small", "large"}) {
    target_volume_ = std::make_shared<MemoryVolume>();
    CopyReport report = copy({}, flipping(name, 1000));
    EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
    EXPECT_EQ(report.failed_verify, 1u);
    EXPECT_NE(error_of(report, name).find("verify_mismatch"), std::string::npos);
    EXPECT_EQ(content(*target_volume_, "/" + name), "(missing)");
    EXPECT_EQ(target_volume_->root()->entries.size(), 1u) << "no temporaries";
  }
}

TEST_F(Verification, without_it_nobody_looks) {
  add(*source_volume_, "/small", FileType::kRegular, "content");
  options_.verify = VerifyMode::kNone;
  CopyReport report = copy({}, flipping("small", 1));
  EXPECT_EQ(report.exit_code, ExitCode::kDone);
  EXPECT_EQ(report.files_verified, 0u);
  EXPECT_NE(content(*target_volume_, "/small"), "content");
}

TEST_F(Verification, long_zeros_are_not_sent_and_the_copy_is_whole) {
  std::string sparse = std::string(200'000, '\0') + "middle" + std::string(kLarge, '\0');
  std::string all_zeros(300'000, '\0');
  std::string small = "x" + std::string(100'000, '\0');
  add(*source_volume_, "/sparse", FileType::kRegular, sparse);
  add(*source_volume_, "/zeros", FileType::kRegular, all_zeros);
  add(*source_volume_, "/small", FileType::kRegular, small);
  CopyReport report = copy();
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(content(*target_volume_, "/sparse"), sparse);
  EXPECT_EQ(content(*target_volume_, "/zeros"), all_zeros);
  EXPECT_EQ(content(*target_volume_, "/small"), small);
  EXPECT_EQ(report.bytes_written, sparse.size() + all_zeros.size() + small.size());
  EXPECT_EQ(report.bytes_transferred + report.sparse_bytes_saved, report.bytes_written);
  EXPECT_LT(report.bytes_transferred, 20'000u);
}

TEST_F(Verification, equal_trees_are_found_equal) {
  both("/dir", FileType::kDirectory);
  both("/dir/file", FileType::kRegular, "content");
  both("/dir/large", FileType::kRegular, std::string(kLarge, 'l'));
  both("/link", FileType::kSymlink, "dir");
  both("/fifo", FileType::kFifo);
  CopyReport report = verify();
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(report.files_verified, 4u);
  EXPECT_EQ(report.folders_verified, 1u);
  EXPECT_EQ(report.bytes_verified, kLarge + 7);
  EXPECT_TRUE(report.manifest_complete);
  EXPECT_NE(report.tree_digest, "");
}

TEST_F(Verification, each_difference_is_a_failure_that_says_what) {
  both("/same", FileType::kRegular, "same");
  both("/flipped", FileType::kRegular, "content");
  both("/flipped_large", FileType::kRegular, std::string(kLarge, 'l'));
  both("/mode", FileType::kRegular, "content");
  both("/dir", FileType::kDirectory);
  both("/dir/inside", FileType::kRegular, "x");
  add(*source_volume_, "/missing", FileType::kRegular, "m");
  add(*source_volume_, "/missing_directory", FileType::kDirectory);
  add(*source_volume_, "/longer", FileType::kRegular, "longer");
  add(*target_volume_, "/longer", FileType::kRegular, "long");
  add(*source_volume_, "/link", FileType::kSymlink, "text1");
  add(*target_volume_, "/link", FileType::kSymlink, "text2");
  add(*source_volume_, "/type", FileType::kRegular, "t");
  add(*target_volume_, "/type", FileType::kDirectory);
  add(*target_volume_, "/extra", FileType::kRegular, "e");
  for (const char* path : {"/flipped", "/flipped_large"}) {
    MemoryNodePtr node = at(*target_volume_, path);
    target_volume_->write(*node, 2, std::as_bytes(std::span("#", 1)));
    set_mtime(*target_volume_, *node, Time{1'700'000'000, 5});
  }
  NewAttributes mode;
  mode.mode = 0600;
  target_volume_->set_attributes(*at(*target_volume_, "/mode"), mode);
  target_volume_->set_attributes(*at(*target_volume_, "/dir"), mode);

  CopyReport report = verify();

  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(report.error_code, "differences");
  EXPECT_EQ(report.failed_verify, 9u);
  EXPECT_EQ(report.files_verified, 2u) << "same and dir/inside";
  EXPECT_EQ(report.target_only, 1u);
  auto says = [&](const char* path, const char* what) {
    EXPECT_NE(error_of(report, path).find(what), std::string::npos) << error_of(report, path);
  };
  says("flipped", "another content");
  says("flipped_large", "another content");
  says("mode", "mode 0600, not 0644");
  says("dir", "mode 0600, not 0755");
  says("missing", "missing");
  says("missing_directory", "missing");
  says("longer", "size 4, not 6");
  says("link", "another content");
  says("type", "type directory, not");
  EXPECT_FALSE(report.manifest_complete);
}

TEST_F(Verification, a_symlinks_time_is_compared_where_the_target_keeps_it) {
  both("/link", FileType::kSymlink, "text");
  set_mtime(*target_volume_, *at(*target_volume_, "/link"), Time{5, 6});
  EXPECT_NE(error_of(verify(), "link").find("mtime 5.000000006, not 1700000000.000000005"),
            std::string::npos);
  Capabilities keeps_none;
  keeps_none.symlink_times = false;
  target_can_ = keeps_none;
  EXPECT_EQ(verify().exit_code, ExitCode::kDone);
}

TEST_F(Verification, a_group_of_names_must_be_a_group_in_the_target) {
  MemoryNodePtr file = add(*source_volume_, "/a", FileType::kRegular, "two");
  ASSERT_TRUE(source_volume_->link(file, *source_volume_->root(), "b"));
  add(*target_volume_, "/a", FileType::kRegular, "two");
  add(*target_volume_, "/b", FileType::kRegular, "two");
  CopyReport report = verify();
  EXPECT_EQ(report.failed_verify, 1u);
  EXPECT_NE(error_of(report, "b").find("not linked to a"), std::string::npos)
      << error_of(report, "b");
}

TEST_F(Verification, names_of_one_file_are_compared_one_by_one_where_the_target_tells_no_numbers) {
  add(*source_volume_, "/a", FileType::kRegular, "same");
  EXPECT_TRUE(source_volume_->link(at(*source_volume_, "/a"), *source_volume_->root(), "b"));
  add(*target_volume_, "/a", FileType::kRegular, "same");
  add(*target_volume_, "/b", FileType::kRegular, "else");
  date("");
  MemoryOptions untold;
  untold.relist = [](std::vector<Entry>& entries) {
    for (Entry& entry : entries) entry.attributes.fileid = 0;
  };
  CopyReport report = verify(nullptr, {}, untold);
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(error_of(report, "a"), "none");
  EXPECT_NE(error_of(report, "b"), "none");
}

TEST_F(Verification, a_difference_is_told_beside_any_number_of_failures) {
  constexpr int kMany = 1'100;
  for (int i = 0; i < kMany; ++i) both("/a" + std::to_string(i), FileType::kRegular, "same");
  add(*source_volume_, "/z", FileType::kRegular, "same");
  add(*target_volume_, "/z", FileType::kRegular, "else");
  date("");
  options_.compare = CompareMode::kChecksum;
  MemoryOptions broken;
  broken.page_entries = 100;
  broken.fail = [](std::string_view operation, std::string_view name) -> std::optional<Error> {
    bool meant = operation == "read_file" && name.starts_with("a");
    return meant ? std::optional(errno_error(EIO, operation, name)) : std::nullopt;
  };
  CopyReport report = verify(nullptr, broken);
  EXPECT_TRUE(report.failures_truncated);
  EXPECT_NE(error_of(report, "z"), "none");
}

TEST_F(Verification, a_file_that_the_target_has_under_two_names_differs_and_is_left) {
  both("/a", FileType::kRegular, "x");
  ASSERT_TRUE(target_volume_->link(at(*target_volume_, "/a"), *target_volume_->root(), "b"));
  add(*source_volume_, "/fifo", FileType::kFifo);
  MemoryNodePtr fifo = add(*target_volume_, "/fifo", FileType::kFifo);
  set_mtime(*target_volume_, *fifo, Time{1, 1});
  CopyReport report = verify();
  EXPECT_EQ(report.failed_verify, 2u);
  EXPECT_EQ(at(*target_volume_, "/a"), at(*target_volume_, "/b"));
  EXPECT_EQ(target_volume_->attributes(*fifo).mtime, (Time{1, 1}));
}

TEST_F(Verification, two_files_that_are_one_in_the_target_differ) {
  for (std::string_view first : {"/a", "/c"}) {
    MemoryNodePtr file = add(*source_volume_, first, FileType::kRegular, "same");
    std::string second = first == "/a" ? "b" : "d";
    ASSERT_TRUE(source_volume_->link(file, *source_volume_->root(), second));
  }
  MemoryNodePtr all = add(*target_volume_, "/a", FileType::kRegular, "same");
  for (std::string_view name : {"b", "c", "d"}) {
    ASSERT_TRUE(target_volume_->link(all, *target_volume_->root(), name));
  }
  CopyReport report = verify();
  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  EXPECT_EQ(report.failed_verify, 1u);
  EXPECT_NE(error_of(report, "c").find("linked otherwise"), std::string::npos)
      << error_of(report, "c");
  EXPECT_EQ(copy().exit_code, ExitCode::kDone);
  EXPECT_EQ(verify().exit_code, ExitCode::kDone);
}

TEST_F(Verification, a_source_that_got_shorter_meanwhile_is_not_equal) {
  both("/large", FileType::kRegular, std::string(kLarge, 'l'));
  MemoryOptions source;
  auto volume = source_volume_;
  source.fail = [volume](std::string_view operation, std::string_view) -> std::optional<Error> {
    if (operation == "open_file") volume->resize(*at(*volume, "/large"), kLarge / 2);
    return {};
  };
  EXPECT_EQ(verify(nullptr, source).failed_verify, 1u);
}

TEST_F(Verification, owners_are_compared_as_they_were_mapped) {
  both("/file", FileType::kRegular, "x");
  NewAttributes owner;
  owner.owner = 5;
  source_volume_->set_attributes(*at(*source_volume_, "/file"), owner);
  owner.owner = 6;
  target_volume_->set_attributes(*at(*target_volume_, "/file"), owner);
  EXPECT_EQ(verify().failed_verify, 1u);
  options_.map_uid = {IdMap{5, 6}};
  EXPECT_EQ(verify().failed_verify, 0u);
}

TEST_F(Verification, a_second_run_over_a_copy_finds_nothing_and_writes_nothing) {
  both("/file", FileType::kRegular, "x");
  std::uint64_t before = target_volume_->attributes(*at(*target_volume_, "/file")).change;
  verify();
  EXPECT_EQ(target_volume_->attributes(*at(*target_volume_, "/file")).change, before);
  EXPECT_EQ(target_volume_->root()->entries.size(), 1u);
}

}  // namespace
}  // namespace nfsferry::copy

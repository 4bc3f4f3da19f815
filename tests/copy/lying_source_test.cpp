// A source that says what cannot be: the copy ends, says so, and takes no file for another.
#include <csignal>
#include <utility>

#include "engine_fixture.hpp"

namespace nfsferry::copy {
namespace {

class LyingSource : public Engine {
 protected:
  Attributes& source(std::string_view path) { return at(*source_volume_, path)->attributes; }
};

TEST_F(LyingSource, ADirectoryThatHoldsItselfIsAnErrorAndNoEndlessCopy) {
  add(*source_volume_, "/a", FileType::kDirectory);
  add(*source_volume_, "/a/file", FileType::kRegular, "content");
  MemoryNodePtr a = at(*source_volume_, "/a");
  source_volume_->edit("/a", [&](MemoryNode& node) { node.entries.emplace("again", a); });

  CopyReport report = copy();
  source_volume_->edit("/a", [](MemoryNode& node) { node.entries.erase("again"); });

  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].path, "a/again");
  EXPECT_EQ(report.failures[0].error, "listing_loops");
  EXPECT_EQ(content(*target_volume_, "/a/file"), "content");
  EXPECT_EQ(at(*target_volume_, "/a/again"), nullptr);
}

TEST_F(LyingSource, AFileInWhosePlaceAFileSystemIsMountedMeanwhileIsNotEntered) {
  add(*source_volume_, "/file", FileType::kRegular, "content");
  MemoryOptions mounting;
  mounting.fail = [this, first = true](std::string_view operation,
                                       std::string_view on) mutable -> std::optional<Error> {
    if (operation != "read_file" || on != "file" || !std::exchange(first, false)) return {};
    EXPECT_TRUE(source_volume_->remove(*source_volume_->root(), "file", false));
    add(*source_volume_, "/file", FileType::kDirectory);
    add(*source_volume_, "/file/inside", FileType::kRegular, "of another file system");
    for (const char* path : {"/file", "/file/inside"}) {
      source_volume_->edit(path, [](MemoryNode& node) { node.attributes.fsid.minor += 1000; });
    }
    return errno_error(ESTALE, operation, on);
  };

  CopyReport report = copy(mounting);

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_EQ(at(*target_volume_, "/file"), nullptr);
}

TEST_F(LyingSource, FilesOfOneNumberAndOtherSizesAreNotTakenForOneFile) {
  add(*source_volume_, "/a", FileType::kRegular, "one");
  add(*source_volume_, "/b", FileType::kRegular, "another");
  for (const char* path : {"/a", "/b"}) {
    source(path).fileid = 77;
    source(path).link_count = 2;
  }

  CopyReport report = copy();

  EXPECT_EQ(content(*target_volume_, "/a"), "one");
  EXPECT_EQ(content(*target_volume_, "/b"), "another");
  EXPECT_EQ(report.hard_links, 0u);
}

TEST_F(LyingSource, AFileHasNoMoreNamesThanLinks) {
  for (const char* path : {"/a", "/b", "/c"}) {
    add(*source_volume_, path, FileType::kRegular, path);
    source(path).fileid = 77;
    source(path).link_count = 2;
  }

  CopyReport report = copy();

  EXPECT_EQ(report.hard_links, 1u);  // two that look the same in everything
  EXPECT_EQ(content(*target_volume_, "/c"), "/c");
}

TEST_F(LyingSource, FilesWithoutANumberAreNotTakenForOneFile) {
  for (const char* path : {"/a", "/b"}) {
    add(*source_volume_, path, FileType::kRegular, path);
    source(path).fileid = 0;
    source(path).link_count = 2;
  }

  CopyReport report = copy();

  EXPECT_EQ(report.exit_code, ExitCode::kDone);
  EXPECT_EQ(content(*target_volume_, "/a"), "/a");
  EXPECT_EQ(content(*target_volume_, "/b"), "/b");
}

TEST_F(LyingSource, AFileOfTheLargestSizeIsAFileThatChanged) {
  add(*source_volume_, "/a", FileType::kRegular, "content");
  add(*source_volume_, "/b", FileType::kRegular, "good");
  source("/a").size_bytes = ~std::uint64_t{0};

  CopyReport report = copy();

  EXPECT_EQ(content(*target_volume_, "/b"), "good");
  EXPECT_NE(report.exit_code, ExitCode::kDone);
}

TEST_F(LyingSource, AFileWhoseSizeOnlyTheListingHasWrongIsCopied) {
  add(*source_volume_, "/a", FileType::kRegular, "content");
  for (std::uint64_t size : {std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    options_.compare = CompareMode::kAll;
    MemoryOptions lying;
    lying.relist = [size](std::vector<Entry>& entries) {
      for (Entry& entry : entries) entry.attributes.size_bytes = size;
    };

    CopyReport report = copy(lying);

    EXPECT_EQ(report.exit_code, ExitCode::kDone) << size;
    EXPECT_EQ(content(*target_volume_, "/a"), "content");
  }
}

TEST_F(LyingSource, AListingWithoutAnEndCanBeStopped) {
  add(*source_volume_, "/0", FileType::kRegular, "content");
  int pages = 0;
  MemoryOptions endless;
  endless.page_entries = 1;
  endless.fail = [&](std::string_view operation, std::string_view) -> std::optional<Error> {
    if (operation != "list") return {};
    // Each name comes after the ones before.
    add(*source_volume_, "/" + std::string(static_cast<std::size_t>(++pages), 'x'),
        FileType::kRegular, "content");
    if (pages == 100) stop_ = SIGTERM;
    return {};
  };

  CopyReport report = copy(endless);

  EXPECT_EQ(report.exit_code, stopped_by(SIGTERM));
  EXPECT_GE(pages, 100);
}

}  // namespace
}  // namespace nfsferry::copy

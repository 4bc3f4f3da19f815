// Contract: files and link texts are read; large files are written by ranges.
#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "contract_suite.hpp"
#include "tree/read_back.hpp"

namespace nfsferry::test {
namespace {

Bytes bytes_in(const Chunk& chunk) { return Bytes(chunk.bytes.begin(), chunk.bytes.end()); }

TEST_P(TreeContract, ManyFilesAreReadInOneCall) {
  const std::size_t count = 2 * tree().preferences().files_per_batch + 3;
  std::vector<std::string> names;
  std::vector<Bytes> contents;
  std::vector<PutFile> puts;
  for (std::size_t i = 0; i < count; ++i) {
    names.push_back("file" + std::to_string(i));
    contents.push_back(pattern(i * 997 % 20'000, static_cast<std::uint32_t>(i)));
  }
  for (std::size_t i = 0; i < count; ++i) {
    puts.push_back(PutFile{tree().root().get(), names[i], contents[i], attributes()});
  }
  put_files(puts);
  std::vector<Entry> entries;
  for (const std::string& name : names) entries.push_back(entry(tree().root(), name));
  std::vector<SourceItem> items;
  for (const Entry& one : entries) items.push_back({tree().root().get(), &one});
  auto files = run(tree().read_files(items));
  ASSERT_EQ(files.size(), count);
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_TRUE(files[i]) << files[i].error().message();
    EXPECT_TRUE(files[i]->complete);
    EXPECT_EQ(bytes_in(files[i]->data), contents[i]);
    EXPECT_EQ(files[i]->after.size_bytes, contents[i].size());
    EXPECT_EQ(files[i]->after.mtime, entries[i].attributes.mtime);
    EXPECT_EQ(files[i]->after.change, entries[i].attributes.change);
  }
}

TEST_P(TreeContract, AVanishedFileFailsAlone) {
  for (const char* name : {"a", "b", "c"}) put(tree().root(), name, pattern(3000, 7));
  std::vector<Entry> entries;
  for (const char* name : {"a", "b", "c"}) entries.push_back(entry(tree().root(), name));
  FullTree& second = second_client();
  DirectoryPtr second_root = second.root();
  std::vector<RemoveEntry> removal{{second_root.get(), "b", false}};
  ASSERT_TRUE(run(second.remove(removal)).at(0));
  std::vector<SourceItem> items;
  for (const Entry& one : entries) items.push_back({tree().root().get(), &one});
  auto files = run(tree().read_files(items));
  ASSERT_EQ(files.size(), 3u);
  for (std::size_t i : {std::size_t{0}, std::size_t{2}}) {
    ASSERT_TRUE(files[i]) << files[i].error().message();
    EXPECT_EQ(bytes_in(files[i]->data), pattern(3000, 7));
  }
  // A server may serve the removed file by its handle for a while: then it is whole.
  if (files[1]) {
    EXPECT_EQ(bytes_in(files[1]->data), pattern(3000, 7));
  } else {
    EXPECT_TRUE(means(files[1].error(), ENOENT) || means(files[1].error(), ESTALE))
        << files[1].error().message();
  }
}

TEST_P(TreeContract, AFileLargerThanListedIsReadInPartAndSaidToBe) {
  put(tree().root(), "grown", pattern(5000, 1));
  put(tree().root(), "neighbour", pattern(5000, 2));
  Entry grown = entry(tree().root(), "grown");
  Entry neighbour = entry(tree().root(), "neighbour");
  grown.attributes.size_bytes = 1000;  // as it was when it was listed
  std::vector<SourceItem> items{{tree().root().get(), &grown}, {tree().root().get(), &neighbour}};
  auto files = run(tree().read_files(items));
  ASSERT_TRUE(files.at(0)) << files.at(0).error().message();
  EXPECT_FALSE(files.at(0)->complete);
  EXPECT_EQ(files.at(0)->after.size_bytes, 5000u);
  Bytes part = bytes_in(files.at(0)->data);
  Bytes whole = pattern(5000, 1);
  ASSERT_LE(part.size(), whole.size());
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin()));
  ASSERT_TRUE(files.at(1)) << files.at(1).error().message();
  EXPECT_TRUE(files.at(1)->complete);
}

TEST_P(TreeContract, AFileThatGrewFromNothingIsNotComplete) {
  put(tree().root(), "grown", pattern(50, 1));
  Entry grown = entry(tree().root(), "grown");
  grown.attributes.size_bytes = 0;
  std::vector<SourceItem> items{{tree().root().get(), &grown}};
  auto files = run(tree().read_files(items));
  ASSERT_TRUE(files.at(0)) << files.at(0).error().message();
  EXPECT_FALSE(files.at(0)->complete);
}

TEST_P(TreeContract, AFileSmallerThanListedIsNotComplete) {
  put(tree().root(), "shrunk", pattern(1000, 1));
  Entry shrunk = entry(tree().root(), "shrunk");
  shrunk.attributes.size_bytes = 5000;
  std::vector<SourceItem> items{{tree().root().get(), &shrunk}};
  auto files = run(tree().read_files(items));
  ASSERT_TRUE(files.at(0)) << files.at(0).error().message();
  EXPECT_FALSE(files.at(0)->complete);
  EXPECT_EQ(files.at(0)->after.size_bytes, 1000u);
  EXPECT_EQ(bytes_in(files.at(0)->data), pattern(1000, 1));
}

TEST_P(TreeContract, AnOpenFileIsReadByRanges) {
  const Bytes whole = pattern(100'000, 3);
  put(tree().root(), "file", whole, attributes());
  Entry listed = entry(tree().root(), "file");
  SourceItem item{tree().root().get(), &listed};
  auto file = run(tree().open_file(item));
  ASSERT_TRUE(file) << file.error().message();
  struct Range {
    std::uint64_t offset;
    std::uint32_t count;
  };
  for (Range wanted : {Range{0, 4096}, Range{4095, 3}, Range{50'000, 50'000}, Range{99'999, 1},
                       Range{99'990, 4096}, Range{100'000, 1}, Range{1 << 20, 4096}}) {
    SCOPED_TRACE(wanted.offset);
    Bytes got;
    bool eof = false;
    while (got.size() < wanted.count && !eof) {
      auto range = run((*file)->read(wanted.offset + got.size(),
                                     wanted.count - static_cast<std::uint32_t>(got.size())));
      ASSERT_TRUE(range) << range.error().message();
      ASSERT_TRUE(range->eof || !range->data.bytes.empty()) << "no progress";
      got.insert(got.end(), range->data.bytes.begin(), range->data.bytes.end());
      eof = range->eof;
    }
    std::size_t begin = std::min<std::size_t>(wanted.offset, whole.size());
    std::size_t end = std::min<std::size_t>(begin + wanted.count, whole.size());
    EXPECT_EQ(got, Bytes(whole.begin() + static_cast<std::ptrdiff_t>(begin),
                         whole.begin() + static_cast<std::ptrdiff_t>(end)));
    if (end - begin < wanted.count) {
      EXPECT_TRUE(eof);
    }
  }
  auto after = run((*file)->attributes());
  ASSERT_TRUE(after) << after.error().message();
  EXPECT_EQ(after->size_bytes, whole.size());
  EXPECT_EQ(after->mtime, listed.attributes.mtime);
  Status closed = run((*file)->close());
  EXPECT_TRUE(closed) << closed.error().message();
}

TEST_P(TreeContract, AVanishedFileDoesNotOpenOrReadsWhole) {
  put(tree().root(), "file", pattern(100, 3));
  Entry listed = entry(tree().root(), "file");
  FullTree& second = second_client();
  DirectoryPtr second_root = second.root();
  std::vector<RemoveEntry> removal{{second_root.get(), "file", false}};
  ASSERT_TRUE(run(second.remove(removal)).at(0));
  SourceItem item{tree().root().get(), &listed};
  auto file = run(tree().open_file(item));
  if (!file) return;
  auto range = run((*file)->read(0, 100));
  if (range) {
    EXPECT_EQ(bytes_in(range->data), pattern(100, 3));
  }
  static_cast<void>(run((*file)->close()));
}

// Writes `whole` in pieces of `piece` bytes, all in flight at once, last piece first.
Task<void> write_piece(RangeWriter& file, std::uint64_t offset_bytes,
                       std::span<const std::byte> bytes, bool& good) {
  Status written = co_await file.write(offset_bytes, bytes);
  EXPECT_TRUE(written) << written.error().message();
  good = good && written.has_value();
}

Task<bool> write_backwards(RangeWriter& file, const Bytes& whole, std::size_t piece) {
  bool good = true;
  TaskGroup group;
  std::size_t begin = whole.size() / piece * piece;
  for (;; begin -= piece) {
    std::size_t count = std::min(piece, whole.size() - begin);
    if (count > 0) {
      group.spawn(write_piece(file, begin, std::span(whole).subspan(begin, count), good));
    }
    if (begin == 0) break;
  }
  co_await group.join();
  co_return good;
}

Task<Bytes> read_back_all(RangeWriter& file, std::size_t size_bytes, std::uint32_t piece) {
  Bytes got;
  while (got.size() < size_bytes) {
    auto range = co_await file.read_back(got.size(), piece);
    EXPECT_TRUE(range) << range.error().message();
    if (!range || range->data.bytes.empty()) break;
    got.insert(got.end(), range->data.bytes.begin(), range->data.bytes.end());
  }
  co_return got;
}

Task<Bytes> read_all(SourceFile& file, std::size_t size_bytes, std::uint32_t piece) {
  Bytes got;
  for (bool eof = false; !eof && got.size() < size_bytes;) {
    auto range = co_await file.read(got.size(), piece);
    EXPECT_TRUE(range) << range.error().message();
    if (!range) break;
    got.insert(got.end(), range->data.bytes.begin(), range->data.bytes.end());
    eof = range->eof;
  }
  co_return got;
}

}  // namespace

void TreeContract::finish_large(TargetFile& file, const Bytes& whole, std::uint32_t mode) {
  Status committed = run(file.commit(whole.size()));
  ASSERT_TRUE(committed) << committed.error().message();
  Status finished = run(file.finish(attributes(mode)));
  ASSERT_TRUE(finished) << finished.error().message();

  Entry found = entry(tree().root(), "large");
  EXPECT_EQ(found.attributes.size_bytes, whole.size());
  EXPECT_EQ(found.attributes.mode, mode);
  EXPECT_EQ(found.attributes.mtime, kept(kTime));
  expect_owner(found);
  SourceItem item{tree().root().get(), &found};
  auto source = run(tree().open_file(item));
  ASSERT_TRUE(source) << source.error().message();
  EXPECT_TRUE(run(read_all(**source, whole.size(), tree().preferences().read_bytes)) == whole);
  EXPECT_TRUE(run((*source)->close()));
}

namespace {

TEST_P(TreeContract, ALargeFileIsWrittenOutOfOrderReadBackAndFinished) {
  const std::uint32_t piece = tree().preferences().write_bytes;
  const Bytes whole = pattern(std::size_t{piece} * 3 + piece / 2 + 17, 8);
  put(tree().root(), "large", pattern(10, 1));
  auto file = run(tree().create_file(tree().root(), "large", attributes(0444)));
  ASSERT_TRUE(file) << file.error().message();
  ASSERT_TRUE(run(write_backwards(**file, whole, piece)));
  EXPECT_EQ(content(tree().root(), "large"), pattern(10, 1)) << "visible before it is finished";
  EXPECT_EQ(run(read_back_all(**file, whole.size(), tree().preferences().read_bytes)), whole);
  finish_large(**file, whole, 0444);
}

// As when it was given away while it was copied.
TEST_P(TreeContract, ALargeFileHasTheOwnerThatItIsFinishedWith) {
  const Bytes whole = pattern(1000, 3);
  auto file = run(tree().create_file(tree().root(), "large", attributes()));
  ASSERT_TRUE(file) << file.error().message();
  ASSERT_TRUE(run((*file)->write(0, whole)));
  ASSERT_TRUE(run((*file)->commit(whole.size())));
  NewAttributes last = attributes(04755);
  if (last.owner) ++*last.owner;
  if (last.group) ++*last.group;
  Status finished = run((*file)->finish(last));
  ASSERT_TRUE(finished) << finished.error().message();
  Entry found = entry(tree().root(), "large");
  if (last.owner) expect_owner(found, kOwner + 1, kGroup + 1);
  EXPECT_EQ(found.attributes.mode, 04755u);
  EXPECT_EQ(found.attributes.mtime, kept(kTime));
}

TEST_P(TreeContract, GapsAndTheTailOfALargeFileReadAsZeros) {
  constexpr std::uint64_t kHole = 5 << 20;
  const Bytes part = pattern(4096, 1);
  auto file = run(tree().create_file(tree().root(), "sparse", {}));
  ASSERT_TRUE(file) << file.error().message();
  ASSERT_TRUE(run((*file)->write(0, part)));
  ASSERT_TRUE(run((*file)->write(kHole, part)));
  const std::uint64_t size = kHole + (2 << 20) + 3;
  Status committed = run((*file)->commit(size));
  ASSERT_TRUE(committed) << committed.error().message();
  ASSERT_TRUE(run((*file)->finish(attributes())));
  Entry found = entry(tree().root(), "sparse");
  EXPECT_EQ(found.attributes.size_bytes, size);
  SourceItem item{tree().root().get(), &found};
  auto source = run(tree().open_file(item));
  ASSERT_TRUE(source) << source.error().message();
  const Bytes zeros(4096);
  for (std::uint64_t offset : {std::uint64_t{4096}, kHole - 4096, kHole + 4096, size - 4096}) {
    auto range = run((*source)->read(offset, 4096));
    ASSERT_TRUE(range) << range.error().message();
    EXPECT_TRUE(bytes_in(range->data) == zeros) << offset;
  }
  auto range = run((*source)->read(kHole, 4096));
  ASSERT_TRUE(range) << range.error().message();
  EXPECT_TRUE(bytes_in(range->data) == part);
  EXPECT_TRUE(run((*source)->close()));
}

// Until the end or the first refusal; what is left is read and written, as the engine does it.
Task<void> take_over(SourceFile& from, TargetFile& to, std::uint64_t size_bytes) {
  std::uint64_t offset = 0;
  for (bool more = true; more;) {
    auto copied = co_await to.copy_from(from, offset, 50'000);
    if (copied) {
      EXPECT_LE(copied->hole_bytes, copied->size_bytes);
      offset += copied->size_bytes;
      EXPECT_LE(offset, size_bytes);
    }
    more = copied && copied->size_bytes > 0;
  }
  while (offset < size_bytes) {
    auto range = co_await from.read(offset, 50'000);
    EXPECT_TRUE(range) << range.error().message();
    if (!range || range->data.bytes.empty()) co_return;
    Status written = co_await to.write(offset, range->data.bytes);
    EXPECT_TRUE(written) << written.error().message();
    offset += range->data.bytes.size();
  }
}

TEST_P(TreeContract, AFileIsTakenOverWithoutBeingSeenOrThatIsRefused) {
  const Bytes whole = pattern(200'003, 9);
  put(tree().root(), "source", whole);
  Entry listed = entry(tree().root(), "source");
  SourceItem item{tree().root().get(), &listed};
  auto source = run(tree().open_file(item));
  ASSERT_TRUE(source) << source.error().message();
  auto target = run(tree().create_file(tree().root(), "target", attributes(0640)));
  ASSERT_TRUE(target) << target.error().message();
  run(take_over(**source, **target, whole.size()));
  ASSERT_TRUE(run((*source)->close()));
  Status committed = run((*target)->commit(whole.size()));
  ASSERT_TRUE(committed) << committed.error().message();
  ASSERT_TRUE(run((*target)->finish(attributes(0640))));
  EXPECT_TRUE(content(tree().root(), "target") == whole);
  EXPECT_EQ(entry(tree().root(), "target").attributes.mode, 0640u);
  EXPECT_TRUE(content(tree().root(), "source") == whole);
}

TEST_P(TreeContract, AnEmptyLargeFileIsFinished) {
  auto file = run(tree().create_file(tree().root(), "empty", attributes()));
  ASSERT_TRUE(file) << file.error().message();
  ASSERT_TRUE(run((*file)->commit(0)));
  ASSERT_TRUE(run((*file)->finish(attributes())));
  EXPECT_EQ(entry(tree().root(), "empty").attributes.size_bytes, 0u);
}

TEST_P(TreeContract, AnAbandonedFileLeavesNothing) {
  auto file = run(tree().create_file(tree().root(), "abandoned", attributes()));
  ASSERT_TRUE(file) << file.error().message();
  ASSERT_TRUE(run((*file)->write(0, pattern(100'000, 1))));
  run((*file)->abandon());
  EXPECT_EQ(names(tree().root()), std::vector<std::string>{});
}

TEST_P(TreeContract, ALargeFileFinishedOntoADirectoryFailsAndLeavesNothing) {
  make_directory(tree().root(), "directory");
  auto file = run(tree().create_file(tree().root(), "directory", attributes()));
  if (file) {
    ASSERT_TRUE(run((*file)->write(0, pattern(100, 1))));
    ASSERT_TRUE(run((*file)->commit(100)));
    EXPECT_FALSE(run((*file)->finish(attributes())));
  }
  EXPECT_EQ(names(tree().root()), std::vector<std::string>{"directory"});
}

TEST_P(TreeContract, ALargeFileUnderABadNameIsNotCreated) {
  for (const std::string& name : {std::string(""), std::string(".."), std::string("a/b"),
                                  std::string("a\0b", 3), std::string(300, 'n')}) {
    SCOPED_TRACE(name);
    EXPECT_FALSE(run(tree().create_file(tree().root(), name, {})));
  }
  EXPECT_EQ(names(tree().root()), std::vector<std::string>{});
}

TEST_P(TreeContract, LargeFilesAreWrittenSideBySide) {
  constexpr std::size_t kFiles = 6;
  std::vector<std::unique_ptr<TargetFile>> files;
  for (std::size_t i = 0; i < kFiles; ++i) {
    auto file = run(tree().create_file(tree().root(), "file" + std::to_string(i), {}));
    ASSERT_TRUE(file) << file.error().message();
    files.push_back(*std::move(file));
  }
  for (std::size_t i = 0; i < kFiles; ++i) {
    Bytes whole = pattern(150'000 + i, static_cast<std::uint32_t>(i));
    ASSERT_TRUE(run(write_backwards(*files[i], whole, 16'384)));
  }
  for (std::size_t i = 0; i < kFiles; ++i) {
    ASSERT_TRUE(run(files[i]->commit(150'000 + i)));
    ASSERT_TRUE(run(files[i]->finish({})));
  }
  for (std::size_t i = 0; i < kFiles; ++i) {
    EXPECT_TRUE(content(tree().root(), "file" + std::to_string(i)) ==
                pattern(150'000 + i, static_cast<std::uint32_t>(i)));
  }
}

// Every second range of `whole`, from the first or from the second on, each read back.
Task<bool> write_every_second(RangeWriter& file, std::span<const std::byte> whole,
                              std::size_t first, std::size_t range_bytes) {
  for (std::size_t at = first * range_bytes; at < whole.size(); at += 2 * range_bytes) {
    auto bytes = whole.subspan(at, std::min(range_bytes, whole.size() - at));
    Status written = co_await file.write(at, bytes);
    if (written) written = co_await read_back(file, at, bytes);
    EXPECT_TRUE(written) << written.error().message();
    if (!written) co_return false;
  }
  co_return true;
}

TEST_P(TreeContract, ALargeFileIsWrittenByTwoTreesTogether) {
  const Bytes whole = pattern(1'000'003, 5);
  auto file = run(tree().create_file(tree().root(), "large", attributes(0640)));
  ASSERT_TRUE(file) << file.error().message();
  auto part = run(second_client().join_file((*file)->on_its_way()));
  ASSERT_TRUE(part) << part.error().message();
  ASSERT_TRUE(run(write_every_second(**part, whole, 1, 100'000)));
  ASSERT_TRUE(run(write_every_second(**file, whole, 0, 100'000)));
  Status left = run((*part)->leave());
  ASSERT_TRUE(left) << left.error().message();
  finish_large(**file, whole, 0640);
}

TEST_P(TreeContract, AnAbandonedFileThatTwoTreesWroteLeavesNothing) {
  auto file = run(tree().create_file(tree().root(), "abandoned", attributes()));
  ASSERT_TRUE(file) << file.error().message();
  auto part = run(second_client().join_file((*file)->on_its_way()));
  ASSERT_TRUE(part) << part.error().message();
  ASSERT_TRUE(run((*part)->write(0, pattern(100'000, 1))));
  ASSERT_TRUE(run((*part)->leave()));
  run((*file)->abandon());
  EXPECT_EQ(names(tree().root()), std::vector<std::string>{});
}

}  // namespace
}  // namespace nfsferry::test

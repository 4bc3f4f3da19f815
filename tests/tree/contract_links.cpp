// Contract: symlinks, hard links, special files.
#include <cerrno>
#include <string>
#include <vector>

#include "contract_suite.hpp"

namespace nfsferry::test {
namespace {

using namespace std::string_view_literals;

TEST_P(TreeContract, SymlinkTextsAreKeptVerbatim) {
  if (!can().symlinks) return;
  const std::vector<std::string> texts = {
      "relative", "/absolute/and/dangling", "..",           "../../out",   ".",
      "loop2",    "a\nb\t\x1b[2J",          "\xff\xfe\x80", " ",           "trailing/",
      "//twice",  std::string(4080, 'x'),   "%s%n",         "caf\xc3\xa9",
  };
  std::vector<std::string> names;
  for (std::size_t i = 0; i < texts.size(); ++i) names.push_back("loop" + std::to_string(i));
  std::vector<MakeSymlink> items;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    items.push_back({tree().root().get(), names[i], texts[i], attributes()});
  }
  auto results = run(tree().make_symlinks(items));
  ASSERT_EQ(results.size(), items.size());
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    SCOPED_TRACE(texts[i]);
    ASSERT_TRUE(results[i]) << results[i].error().message();
    entries.push_back(entry(tree().root(), names[i]));
    EXPECT_EQ(entries.back().attributes.type, FileType::kSymlink);
    EXPECT_EQ(entries.back().attributes.size_bytes, texts[i].size());
    if (can().owner_at_create) expect_owner(entries.back());
    if (can().symlink_times) {
      EXPECT_EQ(entries.back().attributes.mtime, kept(kTime));
    }
  }
  std::vector<SourceItem> reads;
  for (const Entry& one : entries) reads.push_back({tree().root().get(), &one});
  auto read = run(tree().read_links(reads));
  ASSERT_EQ(read.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    ASSERT_TRUE(read[i]) << read[i].error().message();
    EXPECT_EQ(*read[i], texts[i]);
  }
}

TEST_P(TreeContract, ASymlinkReplacesAFileAndASymlink) {
  if (!can().symlinks) return;
  put(tree().root(), "file", pattern(10, 1));
  symlink(tree().root(), "file", "first");
  EXPECT_EQ(link_text(tree().root(), "file"), "first");
  symlink(tree().root(), "file", "second");
  EXPECT_EQ(link_text(tree().root(), "file"), "second");
  EXPECT_EQ(names(tree().root()), std::vector<std::string>{"file"});
}

TEST_P(TreeContract, EntriesAreMovedToOtherDirectoriesWithAllThatIsInThem) {
  DirectoryPtr from = make_directory(tree().root(), "from");
  DirectoryPtr to = make_directory(tree().root(), "to");
  DirectoryPtr full = make_directory(from, "full");
  put(full, "inside", pattern(10, 1));
  put(from, "file", pattern(300, 2));
  put(from, "stays", {});
  std::vector<MoveEntry> items{{from.get(), "full", to.get(), "under another name"},
                               {from.get(), "missing", to.get(), "nothing"},
                               {from.get(), "..", to.get(), "nothing"},
                               {from.get(), "stays", to.get(), "a/b"},
                               {from.get(), "file", to.get(), "file"}};
  if (can().symlinks) {
    symlink(from, "link", "file");
    items.push_back({from.get(), "link", from.get(), "renamed"});
  }
  std::uint64_t number = entry(from, "file").attributes.fileid;

  auto results = run(tree().move(items));

  ASSERT_EQ(results.size(), items.size());
  EXPECT_TRUE(results[0]) << results[0].error().message();
  ASSERT_FALSE(results[1]);
  EXPECT_TRUE(means(results[1].error(), ENOENT)) << results[1].error().message();
  EXPECT_FALSE(results[2]);
  EXPECT_FALSE(results[3]);
  EXPECT_TRUE(results[4]) << results[4].error().message();
  EXPECT_EQ(names(to), (std::vector<std::string>{"file", "under another name"}));
  EXPECT_EQ(entry(to, "file").attributes.fileid, number);
  Entry moved = entry(to, "under another name");
  auto opened = run(tree().open_directory(to, moved));
  ASSERT_TRUE(opened);
  EXPECT_EQ(names(*opened), std::vector<std::string>{"inside"});
  EXPECT_EQ(names(from), can().symlinks ? (std::vector<std::string>{"renamed", "stays"})
                                        : std::vector<std::string>{"stays"});
  EXPECT_TRUE(run(tree().move({})).empty());
}

TEST_P(TreeContract, ABadSymlinkFailsAlone) {
  if (!can().symlinks) return;
  make_directory(tree().root(), "directory");
  std::vector<MakeSymlink> items{
      {tree().root().get(), "before", "text", {}}, {tree().root().get(), "directory", "text", {}},
      {tree().root().get(), "empty", "", {}},      {tree().root().get(), "nul", "a\0b"sv, {}},
      {tree().root().get(), "..", "text", {}},     {tree().root().get(), "a/b", "text", {}},
      {tree().root().get(), "after", "text", {}},
  };
  std::string long_name(300, 'n');
  items.push_back({tree().root().get(), long_name, "text", {}});
  auto results = run(tree().make_symlinks(items));
  ASSERT_EQ(results.size(), items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    SCOPED_TRACE(items[i].name);
    EXPECT_EQ(results[i].has_value(), items[i].name == "before" || items[i].name == "after");
  }
  EXPECT_EQ(names(tree().root()), (std::vector<std::string>{"after", "before", "directory"}));
}

TEST_P(TreeContract, ReadingALinkThatIsNoneFailsAlone) {
  if (!can().symlinks) return;
  symlink(tree().root(), "link", "text");
  put(tree().root(), "file", {});
  Entry link = entry(tree().root(), "link");
  Entry file = entry(tree().root(), "file");
  std::vector<SourceItem> items{{tree().root().get(), &file}, {tree().root().get(), &link}};
  auto texts = run(tree().read_links(items));
  ASSERT_EQ(texts.size(), 2u);
  EXPECT_FALSE(texts[0]);
  ASSERT_TRUE(texts[1]) << texts[1].error().message();
  EXPECT_EQ(*texts[1], "text");
}

TEST_P(TreeContract, AHardLinkIsAnotherNameOfTheSameFile) {
  if (!can().hard_links) return;
  DirectoryPtr other = make_directory(tree().root(), "other");
  put(tree().root(), "one", pattern(100, 1), attributes(0640));
  std::vector<MakeLink> items{{tree().root().get(), "one", tree().root().get(), "two"},
                              {tree().root().get(), "one", other.get(), "three"}};
  std::vector<MakeLink> later{{other.get(), "three", tree().root().get(), "four"}};
  auto results = run(tree().make_links(items));
  for (Status& result : run(tree().make_links(later))) results.push_back(std::move(result));
  ASSERT_EQ(results.size(), 3u);
  for (const Status& result : results) EXPECT_TRUE(result) << result.error().message();
  Entry one = entry(tree().root(), "one");
  EXPECT_EQ(one.attributes.link_count, 4u);
  EXPECT_EQ(entry(other, "three").attributes.fileid, one.attributes.fileid);
  EXPECT_EQ(entry(tree().root(), "four").attributes.fileid, one.attributes.fileid);
  EXPECT_EQ(content(other, "three"), pattern(100, 1));
  EXPECT_EQ(one.attributes.mtime, kept(kTime));
}

TEST_P(TreeContract, AHardLinkReplacesWhatHasItsName) {
  if (!can().hard_links) return;
  put(tree().root(), "one", pattern(100, 1));
  put(tree().root(), "two", pattern(100, 2));
  std::vector<MakeLink> items{{tree().root().get(), "one", tree().root().get(), "two"}};
  auto results = run(tree().make_links(items));
  ASSERT_TRUE(results.at(0)) << results.at(0).error().message();
  EXPECT_EQ(content(tree().root(), "two"), pattern(100, 1));
  EXPECT_EQ(entry(tree().root(), "one").attributes.link_count, 2u);
  EXPECT_EQ(names(tree().root()), (std::vector<std::string>{"one", "two"}));
}

TEST_P(TreeContract, ManyHardLinksReplaceWhateverHasTheirNames) {
  if (!can().hard_links) return;
  constexpr std::size_t kLinks = 60;
  const Directory* root = tree().root().get();
  put(tree().root(), "one", pattern(100, 1));
  std::vector<std::string> names_wanted;
  std::vector<MakeLink> items;
  for (std::size_t i = 0; i < kLinks; ++i) names_wanted.push_back("l" + std::to_string(i));
  for (const std::string& name : names_wanted) items.push_back({root, "one", root, name});
  // Every third name is free, every third another file or a symlink, every third a link of "one".
  std::vector<MakeLink> before;
  for (std::size_t i = 0; i < kLinks; i += 3) before.push_back(items[i]);
  for (const Status& made : run(tree().make_links(before))) ASSERT_TRUE(made);
  for (std::size_t i = 1; i < kLinks; i += 3) {
    if (i % 2 == 0 && can().symlinks)
      symlink(tree().root(), names_wanted[i], "one");
    else
      put(tree().root(), names_wanted[i], pattern(10, 2));
  }
  for (const Status& made : run(tree().make_links(items))) {
    EXPECT_TRUE(made) << made.error().message();
  }
  std::uint64_t fileid = entry(tree().root(), "one").attributes.fileid;
  for (const std::string& name : names_wanted) {
    EXPECT_EQ(entry(tree().root(), name).attributes.fileid, fileid) << name;
  }
  EXPECT_EQ(entry(tree().root(), "one").attributes.link_count, kLinks + 1);
  EXPECT_EQ(names(tree().root()).size(), kLinks + 1) << "no temporary is left";
}

TEST_P(TreeContract, AHardLinkThatIsThereAlreadyIsLeftAndNothingElse) {
  if (!can().hard_links) return;
  put(tree().root(), "one", pattern(100, 1));
  for (int round = 0; round < 2; ++round) {
    std::vector<MakeLink> items{{tree().root().get(), "one", tree().root().get(), "two"}};
    auto results = run(tree().make_links(items));
    ASSERT_TRUE(results.at(0)) << results.at(0).error().message();
    EXPECT_EQ(entry(tree().root(), "one").attributes.link_count, 2u);
    EXPECT_EQ(names(tree().root()), (std::vector<std::string>{"one", "two"}));
  }
}

TEST_P(TreeContract, ABadHardLinkFailsAlone) {
  if (!can().hard_links) return;
  put(tree().root(), "one", {});
  make_directory(tree().root(), "directory");
  const Directory* root = tree().root().get();
  std::vector<MakeLink> items{{root, "one", root, "before"},    {root, "missing", root, "x"},
                              {root, "one", root, "directory"}, {root, "directory", root, "y"},
                              {root, "one", root, ".."},        {root, "..", root, "z"},
                              {root, "one", root, "after"}};
  auto results = run(tree().make_links(items));
  ASSERT_EQ(results.size(), items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    SCOPED_TRACE(items[i].name);
    EXPECT_EQ(results[i].has_value(), items[i].name == "before" || items[i].name == "after");
  }
  EXPECT_TRUE(means(results[1].error(), ENOENT)) << results[1].error().message();
  EXPECT_EQ(names(tree().root()),
            (std::vector<std::string>{"after", "before", "directory", "one"}));
}

TEST_P(TreeContract, HardLinksAreRefusedWhereTheyAreImpossible) {
  if (can().hard_links) return;
  put(tree().root(), "one", {});
  std::vector<MakeLink> items{{tree().root().get(), "one", tree().root().get(), "two"}};
  EXPECT_FALSE(run(tree().make_links(items)).at(0));
  EXPECT_EQ(names(tree().root()), std::vector<std::string>{"one"});
}

TEST_P(TreeContract, FifosAndSocketsAreMade) {
  const Directory* root = tree().root().get();
  std::vector<MakeSpecial> items{{root, "fifo", FileType::kFifo, 0, 0, attributes(0622)},
                                 {root, "socket", FileType::kSocket, 0, 0, attributes(0755)}};
  auto results = run(tree().make_specials(items));
  ASSERT_EQ(results.size(), 2u);
  for (std::size_t i = 0; i < items.size(); ++i) {
    SCOPED_TRACE(items[i].name);
    ASSERT_EQ(results[i].has_value(), can().fifos_and_sockets)
        << (results[i] ? "made" : results[i].error().message());
    if (!can().fifos_and_sockets) continue;
    Entry found = entry(tree().root(), items[i].name);
    EXPECT_EQ(found.attributes.type, items[i].type);
    EXPECT_EQ(found.attributes.mode, *items[i].attributes.mode);
    EXPECT_EQ(found.attributes.mtime, kept(kTime));
    if (can().owner_at_create) expect_owner(found);
  }
}

TEST_P(TreeContract, DevicesAreMadeWhereTheTreeTakesThem) {
  const Directory* root = tree().root().get();
  std::vector<MakeSpecial> items{
      {root, "character", FileType::kCharacterDevice, 1, 3, attributes(0666)},
      {root, "block", FileType::kBlockDevice, 259, 65537, attributes(0600)}};
  auto results = run(tree().make_specials(items));
  ASSERT_EQ(results.size(), 2u);
  for (std::size_t i = 0; i < items.size(); ++i) {
    SCOPED_TRACE(items[i].name);
    ASSERT_EQ(results[i].has_value(), can().devices);
    if (!can().devices) continue;
    Entry found = entry(tree().root(), items[i].name);
    EXPECT_EQ(found.attributes.type, items[i].type);
    EXPECT_EQ(found.attributes.mode, *items[i].attributes.mode);
    EXPECT_EQ(found.attributes.device_major, items[i].device_major);
    EXPECT_EQ(found.attributes.device_minor, items[i].device_minor);
  }
}

TEST_P(TreeContract, ASpecialFileReplacesASymlinkAndItsLike) {
  if (!can().fifos_and_sockets) return;
  put(tree().root(), "victim", pattern(10, 1));
  if (can().symlinks) symlink(tree().root(), "name", "victim");
  for (std::uint32_t mode : {0600u, 0644u}) {
    std::vector<MakeSpecial> items{
        {tree().root().get(), "name", FileType::kFifo, 0, 0, attributes(mode)}};
    auto results = run(tree().make_specials(items));
    ASSERT_TRUE(results.at(0)) << results.at(0).error().message();
    EXPECT_EQ(entry(tree().root(), "name").attributes.type, FileType::kFifo);
    EXPECT_EQ(entry(tree().root(), "name").attributes.mode, mode);
  }
  EXPECT_EQ(content(tree().root(), "victim"), pattern(10, 1));
  EXPECT_EQ(names(tree().root()), (std::vector<std::string>{"name", "victim"}));
}

TEST_P(TreeContract, ASpecialFileReplacesAFileAndABadOneFailsAlone) {
  if (!can().fifos_and_sockets) return;
  put(tree().root(), "name", pattern(10, 1));
  make_directory(tree().root(), "directory");
  const Directory* root = tree().root().get();
  std::vector<MakeSpecial> items{{root, "directory", FileType::kFifo, 0, 0, {}},
                                 {root, "..", FileType::kFifo, 0, 0, {}},
                                 {root, "regular", FileType::kRegular, 0, 0, {}},
                                 {root, "name", FileType::kFifo, 0, 0, attributes()}};
  auto results = run(tree().make_specials(items));
  ASSERT_EQ(results.size(), 4u);
  EXPECT_FALSE(results[0]);
  EXPECT_FALSE(results[1]);
  EXPECT_FALSE(results[2]);
  ASSERT_TRUE(results[3]) << results[3].error().message();
  EXPECT_EQ(entry(tree().root(), "name").attributes.type, FileType::kFifo);
  EXPECT_EQ(names(tree().root()), (std::vector<std::string>{"directory", "name"}));
}

}  // namespace
}  // namespace nfsferry::test

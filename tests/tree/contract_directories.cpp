// Contract: roots, listings, lookup, directories.
#include <algorithm>
#include <cerrno>
#include <set>
#include <string>
#include <vector>

#include "contract_suite.hpp"

namespace nfsferry::test {
namespace {

using namespace std::string_literals;

// Names that a home directory may hold (fidelity.md).
const std::vector<std::string>& odd_names() {
  static const std::vector<std::string> names = {
      "new\nline",
      "tab\there",
      "esc\x1b[31m",
      "quote'\"quote",
      "back\\slash",
      "-rf",
      "--",
      "trailing space ",
      " leading space",
      "\xff\xfe invalid",
      "\xc0\xaf",
      "\xed\xa0\x80",
      "caf\xc3\xa9",
      "cafe\xcc\x81",  // NFC and NFD twins
      "...",
      "..a",
      "*?[x]",
      "$(x)`y`",
      "a:b",
      "\x01",
      "\x7f",
      "~",
      "CON",
      "a",
      "A",
      std::string(255, 'n'),
      ".nfs0000000000000001",
  };
  return names;
}

TEST_P(TreeContract, RootIsADirectoryWithoutAName) {
  EXPECT_EQ(tree().root_entry().name, "");
  EXPECT_EQ(tree().root_entry().attributes.type, FileType::kDirectory);
  EXPECT_NE(tree().root_entry().attributes.fileid, 0u);
  EXPECT_FALSE(tree().facts().location.empty());
  EXPECT_GT(tree().counters().requests, 0u);
}

TEST_P(TreeContract, PreferencesAreUsable) {
  Preferences preferences = tree().preferences();
  EXPECT_GT(preferences.read_bytes, 0u);
  EXPECT_GT(preferences.write_bytes, 0u);
  EXPECT_GT(preferences.small_file_bytes, 0u);
  EXPECT_GT(preferences.files_per_batch, 0u);
  EXPECT_GT(preferences.requests_in_flight, 0u);
}

TEST_P(TreeContract, AnEmptyDirectoryListsNothing) {
  EXPECT_EQ(names(tree().root()), std::vector<std::string>{});
  EXPECT_EQ(names(make_directory(tree().root(), "empty")), std::vector<std::string>{});
}

TEST_P(TreeContract, AListingGivesEntriesWithAttributes) {
  put(tree().root(), "file", pattern(4321, 1), attributes(0640));
  make_directory(tree().root(), "directory");
  std::vector<Entry> entries = list(tree(), tree().root());
  ASSERT_EQ(entries.size(), 2u);
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  EXPECT_EQ(entries[0].name, "directory");
  EXPECT_EQ(entries[0].attributes.type, FileType::kDirectory);
  EXPECT_EQ(entries[1].name, "file");
  EXPECT_EQ(entries[1].attributes.type, FileType::kRegular);
  EXPECT_EQ(entries[1].attributes.size_bytes, 4321u);
  EXPECT_EQ(entries[1].attributes.mode, 0640u);
  EXPECT_EQ(entries[1].attributes.mtime, kept(kTime));
  EXPECT_EQ(entries[1].attributes.link_count, 1u);
  EXPECT_EQ(entries[1].attributes.fsid, tree().root_entry().attributes.fsid);
  EXPECT_NE(entries[0].attributes.fileid, entries[1].attributes.fileid);
}

TEST_P(TreeContract, AListingOfManyPagesHoldsEachEntryOnce) {
  constexpr std::size_t kFiles = 3000;
  DirectoryPtr many = make_directory(tree().root(), "many");
  std::vector<std::string> wanted;
  for (std::size_t i = 0; i < kFiles; ++i) wanted.push_back("name-" + std::to_string(10000 + i));
  if (can().hard_links) {  // cheaper than files, which are synced
    put(many, wanted[0], {});
    std::vector<MakeLink> items;
    for (const std::string& name : std::span(wanted).subspan(1)) {
      items.push_back({many.get(), wanted[0], many.get(), name});
    }
    for (const Status& result : run(tree().make_links(items))) {
      ASSERT_TRUE(result) << result.error().message();
    }
  } else {
    std::vector<PutFile> items;
    for (const std::string& name : wanted) items.push_back(PutFile{many.get(), name, {}, {}});
    for (const auto& result : put_files(items)) {
      ASSERT_TRUE(result) << result.error().message();
    }
  }
  EXPECT_EQ(names(many), wanted);
}

TEST_P(TreeContract, OddNamesAreKeptByteForByte) {
  std::vector<PutFile> items;
  std::vector<Bytes> contents;
  for (const std::string& name : odd_names()) contents.push_back(bytes_of("content of " + name));
  for (std::size_t i = 0; i < odd_names().size(); ++i) {
    items.push_back(PutFile{tree().root().get(), odd_names()[i], contents[i], {}});
  }
  auto results = put_files(items);
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_TRUE(results[i]) << odd_names()[i] << ": " << results[i].error().message();
  }
  std::vector<std::string> wanted = odd_names();
  std::sort(wanted.begin(), wanted.end());
  EXPECT_EQ(names(tree().root()), wanted);
  for (std::size_t i = 0; i < odd_names().size(); ++i) {
    SCOPED_TRACE(odd_names()[i]);
    EXPECT_EQ(content(tree().root(), odd_names()[i]), contents[i]);
  }
}

TEST_P(TreeContract, TwoListingsOfADirectoryDoNotDisturbEachOther) {
  for (const char* name : {"a", "b", "c"}) put(tree().root(), name, {});
  auto first = tree().list(tree().root());
  auto second = tree().list(tree().root());
  ASSERT_TRUE(first && second);
  std::size_t found = 0;
  for (bool eof = false; !eof;) {
    Result<ListingPage> page = run((*first)->next());
    ASSERT_TRUE(page) << page.error().message();
    found += page->entries.size();
    eof = page->eof;
  }
  EXPECT_EQ(found, 3u);
  Result<ListingPage> page = run((*second)->next());
  ASSERT_TRUE(page);
  EXPECT_FALSE(page->entries.empty());
}

TEST_P(TreeContract, LookupFindsOneName) {
  put(tree().root(), "there", pattern(10, 1), attributes(0604));
  Entry found = entry(tree().root(), "there");
  EXPECT_EQ(found.name, "there");
  EXPECT_EQ(found.attributes.size_bytes, 10u);
  EXPECT_EQ(found.attributes.mode, 0604u);
}

TEST_P(TreeContract, LookupOfAMissingNameIsNoent) {
  Result<Entry> missing = run(tree().lookup(tree().root(), "missing"));
  ASSERT_FALSE(missing);
  EXPECT_TRUE(means(missing.error(), ENOENT)) << missing.error().message();
}

TEST_P(TreeContract, LookupNeverUsesABadName) {
  for (const std::string& name : {""s, "."s, ".."s, "a/b"s, "/"s, "a\0b"s, std::string(300, 'n')}) {
    SCOPED_TRACE(name);
    EXPECT_FALSE(run(tree().lookup(tree().root(), name)));
  }
}

TEST_P(TreeContract, ASymlinkIsNeverOpenedAsADirectory) {
  if (!can().symlinks) return;
  put(make_directory(tree().root(), "real"), "inside", {});
  symlink(tree().root(), "link", "real");
  Entry link = entry(tree().root(), "link");
  EXPECT_EQ(link.attributes.type, FileType::kSymlink);
  link.attributes.type = FileType::kDirectory;  // as if it had been replaced after the listing
  Result<DirectoryPtr> opened = run(tree().open_directory(tree().root(), link));
  if (!opened) return;
  auto listing = tree().list(*opened);
  ASSERT_TRUE(listing);
  EXPECT_FALSE(run((*listing)->next()));
}

TEST_P(TreeContract, AFileIsNoDirectory) {
  put(tree().root(), "file", {});
  Entry file = entry(tree().root(), "file");
  Result<DirectoryPtr> opened = run(tree().open_directory(tree().root(), file));
  if (!opened) return;
  auto listing = tree().list(*opened);
  ASSERT_TRUE(listing);
  EXPECT_FALSE(run((*listing)->next()));
}

TEST_P(TreeContract, NewDirectoriesArePrivateUntilFinished) {
  NewAttributes owned = attributes(0755);
  std::vector<MakeDirectory> items{{tree().root(), "new", owned}};
  auto made = run(tree().make_directories(items));
  ASSERT_EQ(made.size(), 1u);
  ASSERT_TRUE(made[0]) << made[0].error().message();
  EXPECT_TRUE(made[0]->created);
  ASSERT_TRUE(made[0]->directory);
  EXPECT_EQ(made[0]->entry.name, "new");
  EXPECT_EQ(made[0]->entry.attributes.type, FileType::kDirectory);
  Entry found = entry(tree().root(), "new");
  EXPECT_EQ(found.attributes.mode, 0700u);
  EXPECT_EQ(found.attributes.fileid, made[0]->entry.attributes.fileid);
  if (can().owner_at_create) expect_owner(found);
}

TEST_P(TreeContract, AnExistingDirectoryIsTakenAsItIs) {
  DirectoryPtr first = make_directory(tree().root(), "twice");
  put(first, "inside", pattern(5, 5));
  std::vector<MakeDirectory> items{{tree().root(), "twice", {}}};
  auto again = run(tree().make_directories(items));
  ASSERT_TRUE(again.at(0)) << again.at(0).error().message();
  EXPECT_FALSE(again.at(0)->created);
  EXPECT_EQ(again.at(0)->entry.attributes.fileid, entry(tree().root(), "twice").attributes.fileid);
  EXPECT_EQ(content(again.at(0)->directory, "inside"), pattern(5, 5));
}

TEST_P(TreeContract, SomethingElseInADirectorysWayFailsAlone) {
  put(tree().root(), "file", {});
  std::vector<MakeDirectory> items{
      {tree().root(), "before", {}}, {tree().root(), "file", {}}, {tree().root(), "after", {}}};
  if (can().symlinks) {
    symlink(tree().root(), "link", "before");
    items.push_back({tree().root(), "link", {}});
  }
  items.push_back({tree().root(), "..", {}});
  items.push_back({tree().root(), std::string(300, 'n'), {}});
  items.push_back({tree().root(), "last", {}});
  auto made = run(tree().make_directories(items));
  ASSERT_EQ(made.size(), items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    SCOPED_TRACE(items[i].name);
    bool good = std::set<std::string>{"before", "after", "last"}.contains(items[i].name);
    ASSERT_EQ(made[i].has_value(), good);
    if (items[i].name != "file" && items[i].name != "link") continue;
    const Error& error = made[i].error();
    EXPECT_TRUE(error.is(Own::kTypeConflict) || means(error, EEXIST) || means(error, ENOTDIR))
        << error.message();
  }
  EXPECT_EQ(entry(tree().root(), "file").attributes.type, FileType::kRegular);
}

TEST_P(TreeContract, OneBatchMakesDirectoriesInSeveralParents) {
  DirectoryPtr a = make_directory(tree().root(), "a");
  DirectoryPtr b = make_directory(tree().root(), "b");
  std::vector<MakeDirectory> items;
  for (int i = 0; i < 40; ++i) {
    items.push_back({i % 2 == 0 ? a : b, "child" + std::to_string(i), {}});
  }
  auto made = run(tree().make_directories(items));
  ASSERT_EQ(made.size(), items.size());
  for (std::size_t i = 0; i < made.size(); ++i) {
    ASSERT_TRUE(made[i]) << made[i].error().message();
    put(made[i]->directory, "who", bytes_of(items[i].name));
  }
  EXPECT_EQ(names(a).size(), 20u);
  EXPECT_EQ(names(b).size(), 20u);
  EXPECT_EQ(content(open_directory(tree(), b, "child7"), "who"), bytes_of("child7"));
}

TEST_P(TreeContract, DeepDirectoriesAreReachedByHandle) {
  constexpr int kDepth = 300;
  const std::string name(60, 'd');  // 18,000 bytes of path: no path could be used
  DirectoryPtr directory = tree().root();
  for (int i = 0; i < kDepth; ++i) {
    directory = make_directory(directory, name);
    ASSERT_TRUE(directory);
  }
  put(directory, "bottom", pattern(100, 3));
  DirectoryPtr again = tree().root();
  for (int i = 0; i < kDepth; ++i) {
    again = open_directory(tree(), again, name);
    ASSERT_TRUE(again);
  }
  EXPECT_EQ(content(again, "bottom"), pattern(100, 3));
}

TEST_P(TreeContract, ManyOpenDirectoriesStayUsable) {
  constexpr int kDirectories = 300;
  std::vector<MakeDirectory> items;
  for (int i = 0; i < kDirectories; ++i) {
    items.push_back({tree().root(), "d" + std::to_string(i), {}});
  }
  auto made = run(tree().make_directories(items));
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < made.size(); i += 7) {
      ASSERT_TRUE(made[i]) << made[i].error().message();
      put(made[i]->directory, "file", bytes_of(items[i].name));
      EXPECT_EQ(content(made[i]->directory, "file"), bytes_of(items[i].name));
    }
  }
}

TEST_P(TreeContract, ASecondClientSeesWhatTheFirstDid) {
  FullTree& second = second_client();
  DirectoryPtr shared = make_directory(tree().root(), "shared");
  put(shared, "file", pattern(999, 9), attributes(0611));
  DirectoryPtr seen = open_directory(second, second.root(), "shared");
  ASSERT_TRUE(seen);
  std::vector<Entry> entries = list(second, seen);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].name, "file");
  EXPECT_EQ(entries[0].attributes.mode, 0611u);
  EXPECT_EQ(content(second, seen, "file"), pattern(999, 9));
  EXPECT_EQ(second.root_entry().attributes.fileid, tree().root_entry().attributes.fileid);
}

TEST_P(TreeContract, DirectoriesOfOneClientServeAnother) {
  FullTree& second = second_client();
  DirectoryPtr shared = make_directory(tree().root(), "shared");
  std::vector<PutFile> items{{shared.get(), "from-second", {}, {}}};
  auto results = run(second.put_files(items, ReadBack::kNo));
  ASSERT_TRUE(results.at(0)) << results.at(0).error().message();
  EXPECT_EQ(names(shared), std::vector<std::string>{"from-second"});
}

}  // namespace
}  // namespace nfsferry::test

// Contract: whole small files are put, atomically and each on its own.
#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "contract_suite.hpp"

namespace nfsferry::test {
namespace {

using namespace std::string_literals;

std::vector<std::size_t> sizes_up_to(std::size_t most) {
  std::vector<std::size_t> sizes = {0, 1, 2, 3, 4, 5, 4095, 4096, 4097, 65536, 100'001};
  std::erase_if(sizes, [most](std::size_t size) { return size > most; });
  sizes.push_back(most - 1);
  sizes.push_back(most);
  return sizes;
}

TEST_P(TreeContract, FilesOfEverySizeArePutWhole) {
  for (ReadBack read_back : {ReadBack::kNo, ReadBack::kCompare}) {
    std::string prefix = read_back == ReadBack::kNo ? "plain-" : "compared-";
    std::vector<std::string> names;
    std::vector<Bytes> contents;
    for (std::size_t size : sizes_up_to(tree().preferences().small_file_bytes)) {
      names.push_back(prefix + std::to_string(size));
      contents.push_back(pattern(size, static_cast<std::uint32_t>(size)));
    }
    std::vector<PutFile> items;
    for (std::size_t i = 0; i < names.size(); ++i) {
      items.push_back(PutFile{tree().root().get(), names[i], contents[i], attributes()});
    }
    auto results = put_files(items, read_back);
    for (std::size_t i = 0; i < items.size(); ++i) {
      SCOPED_TRACE(names[i]);
      ASSERT_TRUE(results[i]) << results[i].error().message();
      Entry found = entry(tree().root(), names[i]);
      EXPECT_EQ(found.attributes.size_bytes, contents[i].size());
      bool told = results[i]->fileid != 0;
      std::uint64_t fileid = told ? found.attributes.fileid : 0;
      EXPECT_EQ(results[i]->fileid, fileid);
      EXPECT_TRUE(told || read_back == ReadBack::kNo);
      EXPECT_EQ(content(tree().root(), names[i]), contents[i]);
    }
  }
}

TEST_P(TreeContract, MoreFilesThanARequestTakesArePut) {
  const std::size_t count = 3 * tree().preferences().files_per_batch + 5;
  DirectoryPtr a = make_directory(tree().root(), "a");
  DirectoryPtr b = make_directory(tree().root(), "b");
  std::vector<std::string> names;
  std::vector<Bytes> contents;
  for (std::size_t i = 0; i < count; ++i) {
    names.push_back("file" + std::to_string(i));
    contents.push_back(pattern(i * 37 % 9000, static_cast<std::uint32_t>(i)));
  }
  std::vector<PutFile> items;
  for (std::size_t i = 0; i < count; ++i) {
    const DirectoryPtr& parent = i / 3 % 2 == 0 ? a : b;  // directories change within the batch
    items.push_back(PutFile{parent.get(), names[i], contents[i], attributes()});
  }
  auto results = put_files(items, ReadBack::kCompare);
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_TRUE(results[i]) << results[i].error().message();
    EXPECT_EQ(content(i / 3 % 2 == 0 ? a : b, names[i]), contents[i]);
  }
}

TEST_P(TreeContract, APutFileHasItsAttributes) {
  const std::vector<std::uint32_t> modes = {0000, 0400, 0644, 0777, 01777, 02755, 04755, 06711};
  const std::vector<Time> times = {
      {0, 0},
      {1'600'000'000, 123'456'789},
      {1'600'000'000, 999'999'999},
      {1, 1},
      {-1, 123'456'789},     // just before 1970
      {-2'000'000'000, 5},   // 1906
      {4'102'444'800, 700},  // 2100
      {-5'000'000'000, 9},   // 1811: before what some file systems can hold
      {20'000'000'000, 11},  // 2603: after it
  };
  std::vector<std::string> names;
  for (std::size_t i = 0; i < modes.size() * times.size(); ++i) {
    names.push_back("file" + std::to_string(i));
  }
  const Bytes data = pattern(500, 5);
  std::vector<PutFile> items;
  for (std::size_t i = 0; i < names.size(); ++i) {
    items.push_back(PutFile{tree().root().get(), names[i], data,
                            attributes(modes[i % modes.size()], times[i / modes.size()])});
  }
  auto results = put_files(items);
  for (std::size_t i = 0; i < names.size(); ++i) {
    SCOPED_TRACE("mode " + std::to_string(modes[i % modes.size()]) + " time " +
                 std::to_string(times[i / modes.size()].seconds));
    ASSERT_TRUE(results[i]) << results[i].error().message();
    Entry found = entry(tree().root(), names[i]);
    EXPECT_EQ(found.attributes.mode, modes[i % modes.size()]);
    EXPECT_EQ(found.attributes.mtime, kept(times[i / modes.size()]));
    if (can().owner_at_create) expect_owner(found);
  }
}

TEST_P(TreeContract, TheOwnerOfAPutFileIsThePuttersUnlessGiven) {
  put(tree().root(), "plain", pattern(10, 1));
  Entry root_made = entry(tree().root(), "plain");
  EXPECT_TRUE(root_made.attributes.owner.is_numeric());
  if (!can().change_owner || !can().owner_at_create) return;
  NewAttributes only_owner;
  only_owner.owner = kOwner;
  put(tree().root(), "given", pattern(10, 1), only_owner);
  Entry given = entry(tree().root(), "given");
  EXPECT_EQ(given.attributes.owner, (Owner{kOwner, {}}));
  EXPECT_EQ(given.attributes.group, root_made.attributes.group);
}

TEST_P(TreeContract, APutReplacesAFile) {
  put(tree().root(), "file", pattern(9000, 1), attributes(0400));
  std::uint64_t old_fileid = entry(tree().root(), "file").attributes.fileid;
  put(tree().root(), "file", pattern(10, 2), attributes(0600));
  Entry found = entry(tree().root(), "file");
  EXPECT_EQ(found.attributes.size_bytes, 10u);
  EXPECT_EQ(found.attributes.mode, 0600u);
  EXPECT_EQ(content(tree().root(), "file"), pattern(10, 2));
  // A new file took the name: whoever reads the old one never sees a mixture.
  EXPECT_NE(found.attributes.fileid, old_fileid);
  EXPECT_EQ(names(tree().root()), std::vector<std::string>{"file"});
}

TEST_P(TreeContract, APutReplacesASymlinkAndNeverFollowsIt) {
  if (!can().symlinks) return;
  put(tree().root(), "victim", pattern(20, 1));
  symlink(tree().root(), "link", "victim");
  put(tree().root(), "link", pattern(30, 2));
  EXPECT_EQ(entry(tree().root(), "link").attributes.type, FileType::kRegular);
  EXPECT_EQ(content(tree().root(), "link"), pattern(30, 2));
  EXPECT_EQ(content(tree().root(), "victim"), pattern(20, 1));
}

TEST_P(TreeContract, APutOnOneNameOfAHardLinkLeavesTheOtherAlone) {
  if (!can().hard_links) return;
  put(tree().root(), "one", pattern(20, 1));
  std::vector<MakeLink> links{{tree().root().get(), "one", tree().root().get(), "two"}};
  auto linked = run(tree().make_links(links));
  ASSERT_TRUE(linked.at(0)) << linked.at(0).error().message();
  put(tree().root(), "one", pattern(30, 2));
  EXPECT_EQ(content(tree().root(), "one"), pattern(30, 2));
  EXPECT_EQ(content(tree().root(), "two"), pattern(20, 1));
  EXPECT_EQ(entry(tree().root(), "two").attributes.link_count, 1u);
}

TEST_P(TreeContract, APutOntoADirectoryFailsAlone) {
  make_directory(tree().root(), "directory");
  const Bytes data = pattern(100, 1);
  for (ReadBack read_back : {ReadBack::kNo, ReadBack::kCompare}) {
    auto results = put_files({PutFile{tree().root().get(), "before", data, {}},
                              PutFile{tree().root().get(), "directory", data, {}},
                              PutFile{tree().root().get(), "after", data, {}}},
                             read_back);
    EXPECT_TRUE(results[0]) << results[0].error().message();
    ASSERT_FALSE(results[1]);
    const Error& error = results[1].error();
    EXPECT_TRUE(means(error, EISDIR) || means(error, EEXIST) || error.is(Own::kTypeConflict))
        << error.message();
    EXPECT_EQ(error.path, "directory");
    EXPECT_TRUE(results[2]) << results[2].error().message();
    EXPECT_EQ(names(tree().root()), (std::vector<std::string>{"after", "before", "directory"}));
  }
}

TEST_P(TreeContract, ABadNameFailsAlone) {
  const Bytes data = pattern(100, 1);
  std::vector<PutFile> items{{tree().root().get(), "first", data, {}}};
  const std::vector<std::string> bad = {"",
                                        ".",
                                        "..",
                                        "a/b",
                                        "/etc/x",
                                        "a\0b"s,
                                        "../out",
                                        std::string(256, 'n'),
                                        std::string(300, 'n')};
  for (const std::string& name : bad) items.push_back({tree().root().get(), name, data, {}});
  items.push_back({tree().root().get(), "last", data, {}});
  auto results = put_files(items);
  EXPECT_TRUE(results.front()) << results.front().error().message();
  EXPECT_TRUE(results.back()) << results.back().error().message();
  for (std::size_t i = 0; i < bad.size(); ++i) {
    SCOPED_TRACE(bad[i]);
    ASSERT_FALSE(results[i + 1]);
    const Error& error = results[i + 1].error();
    EXPECT_TRUE(bad[i].size() > 255 ? means(error, ENAMETOOLONG) : error.is(Own::kBadName))
        << error.message();
  }
  EXPECT_EQ(names(tree().root()), (std::vector<std::string>{"first", "last"}));
}

TEST_P(TreeContract, APutIntoAVanishedDirectoryFailsAlone) {
  DirectoryPtr gone = make_directory(tree().root(), "gone");
  DirectoryPtr stays = make_directory(tree().root(), "stays");
  std::vector<RemoveEntry> removal{{tree().root().get(), "gone", true}};
  ASSERT_TRUE(run(tree().remove(removal)).at(0));
  const Bytes data = pattern(100, 1);
  auto results = put_files({PutFile{stays.get(), "a", data, {}}, PutFile{gone.get(), "b", data, {}},
                            PutFile{stays.get(), "c", data, {}}});
  EXPECT_TRUE(results[0]) << results[0].error().message();
  EXPECT_TRUE(results[2]) << results[2].error().message();
  EXPECT_FALSE(results[1]);
}

Task<void> put_side_by_side(FullTree& tree, std::span<const PutFile> items, ReadBack read_back,
                            std::vector<Result<PutResult>>& results) {
  results = co_await tree.put_files(items, read_back);
}

Task<void> put_all_at_once(FullTree& tree, std::span<const std::vector<PutFile>> batches,
                           std::vector<std::vector<Result<PutResult>>>& results) {
  TaskGroup group;
  for (std::size_t i = 0; i < batches.size(); ++i) {
    ReadBack read_back = i % 2 == 0 ? ReadBack::kNo : ReadBack::kCompare;
    group.spawn(put_side_by_side(tree, batches[i], read_back, results[i]));
  }
  co_await group.join();
}

TEST_P(TreeContract, BatchesRunSideBySide) {
  constexpr std::size_t kBatches = 12;
  constexpr std::size_t kFiles = 15;
  DirectoryPtr directory = make_directory(tree().root(), "shared");
  std::vector<std::string> wanted;
  std::vector<Bytes> contents;
  for (std::size_t i = 0; i < kBatches * kFiles; ++i) {
    wanted.push_back("file" + std::to_string(1000 + i));
    contents.push_back(pattern(i * 61 % 5000, static_cast<std::uint32_t>(i)));
  }
  std::vector<std::vector<PutFile>> batches(kBatches);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    batches[i % kBatches].push_back({directory.get(), wanted[i], contents[i], attributes()});
  }
  std::vector<std::vector<Result<PutResult>>> results(kBatches);
  run(put_all_at_once(tree(), batches, results));
  for (const auto& batch : results) {
    ASSERT_EQ(batch.size(), kFiles);
    for (const auto& result : batch) ASSERT_TRUE(result) << result.error().message();
  }
  EXPECT_EQ(names(directory), wanted);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(content(directory, wanted[i]), contents[i]);
  }
}

TEST_P(TreeContract, AnEmptyBatchIsNothing) {
  EXPECT_TRUE(run(tree().put_files({}, ReadBack::kNo)).empty());
  EXPECT_TRUE(run(tree().put_files({}, ReadBack::kCompare)).empty());
  EXPECT_TRUE(run(tree().read_files({})).empty());
  EXPECT_TRUE(run(tree().read_links({})).empty());
  EXPECT_TRUE(run(tree().make_directories({})).empty());
  EXPECT_TRUE(run(tree().make_symlinks({})).empty());
  EXPECT_TRUE(run(tree().make_links({})).empty());
  EXPECT_TRUE(run(tree().make_specials({})).empty());
  EXPECT_TRUE(run(tree().set_attributes({})).empty());
  EXPECT_TRUE(run(tree().remove({})).empty());
}

}  // namespace
}  // namespace nfsferry::test

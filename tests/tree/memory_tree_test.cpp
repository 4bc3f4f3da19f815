#include "tree/memory_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "contract_suite.hpp"

namespace nfsferry::test {
namespace {

class MemoryUnderTest final : public TreeUnderTest {
 public:
  explicit MemoryUnderTest(MemoryOptions options)
      : loop_(*Loop::create(EngineChoice::kEpoll)), options_(std::move(options)) {}

  Loop& loop() override { return *loop_; }
  std::unique_ptr<FullTree> make_client() override {
    return std::make_unique<MemoryTree>(*loop_, volume_, options_);
  }

 private:
  std::unique_ptr<Loop> loop_;
  std::shared_ptr<MemoryVolume> volume_ = std::make_shared<MemoryVolume>();
  MemoryOptions options_;
};

TreeFactory memory_factory(std::string name, MemoryOptions options) {
  return {std::move(name),
          [options](std::string&) { return std::make_unique<MemoryUnderTest>(options); }};
}

MemoryOptions small_steps() {
  MemoryOptions options;
  options.page_entries = 3;
  options.preferences.read_bytes = 4096;
  options.preferences.write_bytes = 5000;
  options.preferences.files_per_batch = 4;
  options.preferences.small_file_bytes = 30'000;
  return options;
}

MemoryOptions ordinary_user() {
  MemoryOptions options;
  options.owner = 1000;
  options.group = 1000;
  options.capabilities.change_owner = false;
  options.capabilities.owner_at_create = false;
  options.capabilities.devices = false;
  return options;
}

MemoryOptions poor_server() {
  MemoryOptions options = small_steps();
  options.capabilities.hard_links = false;
  options.capabilities.symlinks = false;
  options.capabilities.fifos_and_sockets = false;
  options.capabilities.devices = false;
  options.capabilities.owner_at_create = false;
  options.capabilities.symlink_times = false;
  options.capabilities.time_granularity_ns = 1'000'000;
  options.capabilities.least_seconds = -2'147'483'648;
  options.capabilities.most_seconds = 15'032'385'535;
  return options;
}

MemoryOptions forgets_owners() {
  MemoryOptions options;
  options.capabilities.owner_at_create = false;
  options.capabilities.symlink_times = false;
  return options;
}

INSTANTIATE_TEST_SUITE_P(Memory, TreeContract,
                         ::testing::Values(memory_factory("Plain", {}),
                                           memory_factory("SmallSteps", small_steps()),
                                           memory_factory("OrdinaryUser", ordinary_user()),
                                           memory_factory("PoorServer", poor_server()),
                                           memory_factory("ForgetsOwners", forgets_owners())),
                         factory_name);

class MemoryTreeTest : public ::testing::Test {
 protected:
  std::unique_ptr<MemoryTree> open_tree(MemoryOptions options = {}) {
    auto tree = std::make_unique<MemoryTree>(*loop_, volume_, std::move(options));
    Status opened = loop_->run(tree->open());
    EXPECT_TRUE(opened) << opened.error().message();
    return tree;
  }
  Result<PutResult> put(MemoryTree& tree, std::string_view name, std::span<const std::byte> data,
                        ReadBack read_back = ReadBack::kNo) {
    std::vector<PutFile> items{{tree.root().get(), name, data, {}}};
    return loop_->run(tree.put_files(items, read_back)).at(0);
  }

  std::unique_ptr<Loop> loop_ = *Loop::create(EngineChoice::kEpoll);
  std::shared_ptr<MemoryVolume> volume_ = std::make_shared<MemoryVolume>();
};

TEST_F(MemoryTreeTest, AnInjectedFailureHitsItsOperationAndNameAlone) {
  MemoryOptions options;
  options.fail = [](std::string_view operation, std::string_view name) -> std::optional<Error> {
    if (operation == "put_file" && name == "b") return errno_error(ENOSPC, "write", name);
    return {};
  };
  auto tree = open_tree(options);
  const Bytes data = pattern(10, 1);
  std::vector<PutFile> items{{tree->root().get(), "a", data, {}},
                             {tree->root().get(), "b", data, {}},
                             {tree->root().get(), "c", data, {}}};
  auto results = loop_->run(tree->put_files(items, ReadBack::kNo));
  EXPECT_TRUE(results.at(0));
  ASSERT_FALSE(results.at(1));
  EXPECT_TRUE(results.at(1).error().is_errno(ENOSPC));
  EXPECT_TRUE(results.at(2));
}

TEST_F(MemoryTreeTest, TamperedDataIsFoundByReadBack) {
  MemoryOptions options;
  options.tamper = [](std::string_view name, std::uint64_t, std::span<std::byte> bytes) {
    if (name == "bad" && !bytes.empty()) bytes.back() ^= std::byte{1};
  };
  auto tree = open_tree(options);
  const Bytes data = pattern(5000, 1);
  EXPECT_TRUE(put(*tree, "good", data, ReadBack::kCompare));
  EXPECT_TRUE(put(*tree, "bad", data, ReadBack::kNo)) << "nobody looked";
  Result<PutResult> refused = put(*tree, "bad", data, ReadBack::kCompare);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Own::kVerifyMismatch));
  EXPECT_EQ(refused.error().path, "bad");

  auto file = loop_->run(tree->create_file(tree->root(), "bad", {}));
  ASSERT_TRUE(file);
  ASSERT_TRUE(loop_->run((*file)->write(0, data)));
  auto range = loop_->run((*file)->read_back(0, 5000));
  ASSERT_TRUE(range);
  EXPECT_FALSE(std::equal(data.begin(), data.end(), range->data.bytes.begin()));
  loop_->run((*file)->abandon());
}

TEST_F(MemoryTreeTest, EditChangesStoredDataBehindTheTreesBack) {
  auto tree = open_tree();
  ASSERT_TRUE(put(*tree, "file", pattern(100, 1)));
  auto before = loop_->run(tree->lookup(tree->root(), "file"));
  ASSERT_TRUE(before);
  EXPECT_TRUE(
      volume_->edit("/file", [](MemoryNode& node) { node.content.write(100, pattern(50, 2)); }));
  auto after = loop_->run(tree->lookup(tree->root(), "file"));
  ASSERT_TRUE(after);
  EXPECT_EQ(after->attributes.size_bytes, 150u);
  EXPECT_GT(after->attributes.change, before->attributes.change);
  EXPECT_FALSE(volume_->edit("/missing", [](MemoryNode&) {}));
}

TEST_F(MemoryTreeTest, NamesThatMustNotBeUsedAreRefusedInListings) {
  auto tree = open_tree();
  ASSERT_TRUE(put(*tree, "good", {}));
  const std::vector<std::string> bad = {"..", ".", "a/b", std::string("a\0b", 3)};
  volume_->edit("/", [&](MemoryNode& root) {
    for (const std::string& name : bad) root.entries[name] = std::make_shared<MemoryNode>();
  });
  auto listing = tree->list(tree->root());
  ASSERT_TRUE(listing);
  auto page = loop_->run((*listing)->next());
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->eof);
  ASSERT_EQ(page->entries.size(), 1u);
  EXPECT_EQ(page->entries[0].name, "good");
  ASSERT_EQ(page->refused.size(), bad.size());
  for (const Error& error : page->refused) {
    EXPECT_TRUE(error.is(Own::kBadName));
    EXPECT_NE(std::find(bad.begin(), bad.end(), error.path), bad.end());
  }
}

TEST_F(MemoryTreeTest, AMissingRootNamesTheComponent) {
  auto parent = open_tree();
  std::vector<MakeDirectory> items{{parent->root(), "a", {}}};
  ASSERT_TRUE(loop_->run(parent->make_directories(items)).at(0));
  ASSERT_TRUE(put(*parent, "file", {}));
  MemoryOptions options;
  options.path = "/a/b/c";
  MemoryTree missing(*loop_, volume_, options);
  Status opened = loop_->run(missing.open());
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().is_errno(ENOENT));
  EXPECT_NE(opened.error().message().find("'b'"), std::string::npos) << opened.error().message();
  options.path = "/file";
  MemoryTree file(*loop_, volume_, options);
  opened = loop_->run(file.open());
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().is_errno(ENOTDIR));
}

TEST_F(MemoryTreeTest, ATreeOnASubdirectoryWorksInside) {
  auto whole = open_tree();
  std::vector<MakeDirectory> items{{whole->root(), "home", {}}};
  ASSERT_TRUE(loop_->run(whole->make_directories(items)).at(0));
  MemoryOptions options;
  options.path = "home";
  auto inner = open_tree(options);
  ASSERT_TRUE(put(*inner, "file", pattern(10, 1)));
  EXPECT_TRUE(volume_->edit("/home/file", [](MemoryNode&) {}));
  auto found = loop_->run(whole->lookup(whole->root(), "home"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->attributes.fileid, inner->root_entry().attributes.fileid);
}

TEST_F(MemoryTreeTest, EveryVolumeHasAFileSystemIdOfItsOwn) {
  MemoryVolume other;
  EXPECT_FALSE(other.attributes(*other.root()).fsid == volume_->attributes(*volume_->root()).fsid);
}

TEST_F(MemoryTreeTest, DirectoriesCountTheirSubdirectoriesAsLinks) {
  auto tree = open_tree();
  std::vector<MakeDirectory> items{{tree->root(), "a", {}}, {tree->root(), "b", {}}};
  loop_->run(tree->make_directories(items));
  EXPECT_EQ(volume_->attributes(*volume_->root()).link_count, 4u);
  std::vector<RemoveEntry> removal{{tree->root().get(), "a", true}};
  ASSERT_TRUE(loop_->run(tree->remove(removal)).at(0));
  EXPECT_EQ(volume_->attributes(*volume_->root()).link_count, 3u);
}

TEST_F(MemoryTreeTest, AnOwnerThatMayNotBeChangedIsEperm) {
  auto tree = open_tree(ordinary_user());
  const Bytes data = pattern(10, 1);
  ASSERT_TRUE(put(*tree, "file", data));
  NewAttributes wanted;
  wanted.owner = 1000;
  std::vector<SetAttributes> items{{tree->root(), "file", wanted}};
  EXPECT_TRUE(loop_->run(tree->set_attributes(items)).at(0)) << "it is the owner already";
  items[0].attributes.owner = 1001;
  Status refused = loop_->run(tree->set_attributes(items)).at(0);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is_errno(EPERM));
}

TEST_F(MemoryTreeTest, ATreeOfAnyDepthIsFreedWithoutRecursion) {
  auto node = std::make_shared<MemoryNode>();
  for (int i = 0; i < 300'000; ++i) {
    auto parent = std::make_shared<MemoryNode>();
    parent->entries["d"] = std::move(node);
    node = std::move(parent);
  }
  node.reset();
}

Task<void> turns(MemoryTree& tree, std::string who, std::string& order) {
  for (int i = 0; i < 3; ++i) {
    order += who;
    auto found = co_await tree.lookup(tree.root(), "missing");
    EXPECT_FALSE(found);
  }
}

Task<void> take_turns(MemoryTree& tree, std::string& order) {
  TaskGroup group;
  group.spawn(turns(tree, "a", order));
  group.spawn(turns(tree, "b", order));
  co_await group.join();
}

TEST_F(MemoryTreeTest, RequestsInterleaveAsOnAWire) {
  auto tree = open_tree();
  std::string order;
  loop_->run(take_turns(*tree, order));
  EXPECT_EQ(order, "ababab");
}

TEST_F(MemoryTreeTest, TreesOnTwoThreadsShareAVolume) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 2; ++thread) {
    threads.emplace_back([this, thread] {
      auto loop = *Loop::create(EngineChoice::kEpoll);
      MemoryTree tree(*loop, volume_);
      ASSERT_TRUE(loop->run(tree.open()));
      for (int i = 0; i < 200; ++i) {
        std::string name = std::to_string(thread) + "-" + std::to_string(i);
        std::vector<PutFile> items{{tree.root().get(), name, {}, {}}};
        ASSERT_TRUE(loop->run(tree.put_files(items, ReadBack::kNo)).at(0));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(volume_->attributes(*volume_->root()).size_bytes, 400u);
}

TEST(MemoryContent, KeepsHolesOfAnySizeForNothing) {
  MemoryContent content;
  constexpr std::uint64_t kFar = std::uint64_t{1} << 46;
  content.write(kFar, pattern(10, 1));
  EXPECT_EQ(content.size_bytes(), kFar + 10);
  Bytes got(100);
  EXPECT_EQ(content.read(kFar - 90, got), 100u);
  EXPECT_TRUE(
      std::all_of(got.begin(), got.begin() + 90, [](std::byte b) { return b == std::byte{}; }));
  EXPECT_EQ(Bytes(got.begin() + 90, got.end()), pattern(10, 1));
  EXPECT_EQ(content.read(kFar + 10, got), 0u);
}

TEST(MemoryContent, WhatWasCutOffDoesNotComeBack) {
  MemoryContent content;
  content.write(0, pattern(200'000, 1));
  content.resize(70'000);
  content.resize(200'000);
  Bytes got(200'000);
  EXPECT_EQ(content.read(0, got), got.size());
  Bytes wanted = pattern(200'000, 1);
  std::fill(wanted.begin() + 70'000, wanted.end(), std::byte{});
  EXPECT_TRUE(got == wanted);
}

}  // namespace
}  // namespace nfsferry::test

// The contract of tree/tree.hpp as one test suite, run on every tree. A test binary links this
// library and writes
//   INSTANTIATE_TEST_SUITE_P(Memory, TreeContract, ::testing::Values(factory), factory_name);
// What a tree declares impossible in its Capabilities decides the expectations, nothing else.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "loop/loop.hpp"
#include "tree/tree.hpp"

namespace nfsferry::test {

// One empty place for one test, removed with it.
class TreeUnderTest {
 public:
  virtual ~TreeUnderTest() = default;
  virtual Loop& loop() = 0;
  // A client of the place, not open yet. Every call gives another client of the same place.
  virtual std::unique_ptr<FullTree> make_client() = 0;
};

struct TreeFactory {
  std::string name;  // letters and digits: part of the test's name
  // Makes a fresh place; null with a reason in `missing` when it cannot be had here (a skip).
  std::function<std::unique_ptr<TreeUnderTest>(std::string& missing)> make;
};
inline void PrintTo(const TreeFactory& factory, std::ostream* out) { *out << factory.name; }
inline std::string factory_name(const ::testing::TestParamInfo<TreeFactory>& info) {
  return info.param.name;
}

using Bytes = std::vector<std::byte>;
Bytes pattern(std::size_t size_bytes, std::uint32_t seed);
Bytes bytes_of(std::string_view text);
// Whether an error means this errno, in whatever domain.
bool means(const Error& error, int number);

class TreeContract : public ::testing::TestWithParam<TreeFactory> {
 protected:
  static constexpr std::uint32_t kOwner = 1234;
  static constexpr std::uint32_t kGroup = 2345;
  static constexpr Time kTime{1'600'000'000, 123'456'789};

  void SetUp() override;     // a fresh tree, open and probed
  void TearDown() override;  // no temporary name is left anywhere

  Loop& loop() { return place_->loop(); }
  FullTree& tree() { return *tree_; }
  const Capabilities& can() { return tree_->capabilities(); }
  template <typename T>
  T run(Task<T> task) {
    return loop().run(std::move(task));
  }
  // Another client of the same place, open. Closed by TearDown, or before by close_client.
  FullTree& second_client();
  void close_client(FullTree& client);

  // Attributes as the engine gives them; the owner only where the tree can set one.
  NewAttributes attributes(std::uint32_t mode = 0644, Time mtime = kTime);
  // What a time becomes in this tree.
  Time kept(Time time);
  void expect_owner(const Entry& entry, std::uint32_t owner = kOwner, std::uint32_t group = kGroup);

  // Each expects success; after a failure what it returns is empty.
  Entry entry(const DirectoryPtr& directory, std::string_view name);
  // Commits and finishes a file that was created as "large", and looks at what is there then.
  void finish_large(TargetFile& file, const Bytes& whole, std::uint32_t mode);
  bool exists(const DirectoryPtr& directory, std::string_view name);
  std::vector<Entry> list(FullTree& from, const DirectoryPtr& directory);
  std::vector<std::string> names(const DirectoryPtr& directory);  // sorted
  DirectoryPtr make_directory(const DirectoryPtr& parent, std::string_view name);
  DirectoryPtr open_directory(FullTree& from, const DirectoryPtr& parent, std::string_view name);
  void put(const DirectoryPtr& directory, std::string_view name, std::span<const std::byte> data,
           NewAttributes attributes = {});
  void symlink(const DirectoryPtr& directory, std::string_view name, std::string_view text);
  Bytes content(const DirectoryPtr& directory, std::string_view name);
  Bytes content(FullTree& from, const DirectoryPtr& directory, std::string_view name);
  std::string link_text(const DirectoryPtr& directory, std::string_view name);

  std::vector<Result<PutResult>> put_files(const std::vector<PutFile>& items,
                                           ReadBack read_back = ReadBack::kNo);

 private:
  void expect_no_temporaries();

  std::unique_ptr<TreeUnderTest> place_;
  std::vector<std::unique_ptr<FullTree>> clients_;
  FullTree* tree_ = nullptr;
};

}  // namespace nfsferry::test

#include "tree/attributes.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace nfsferry {
namespace {

using namespace std::string_literals;

struct OwnerCase {
  std::string text;
  bool numeric;
  std::uint32_t id;
};

TEST(ParseOwner, TakesCheckedDecimalsAndKeepsTheRestAsText) {
  const std::vector<OwnerCase> cases = {
      {"0", true, 0},
      {"1", true, 1},
      {"65534", true, 65534},
      {"200005", true, 200005},
      {"4294967294", true, 4294967294},
      {"4294967295", false, 0},  // (uid_t)-1
      {"4294967296", false, 0},  // nfs-ganesha takes it for 0
      {"18446744073709551616", false, 0},
      {"00", false, 0},
      {"01", false, 0},
      {"-1", false, 0},
      {"+1", false, 0},
      {" 1", false, 0},
      {"1 ", false, 0},
      {"1\n", false, 0},
      {"1@x", false, 0},
      {"0x10", false, 0},
      {"1e3", false, 0},
      {"1\0"s, false, 0},
      {"root@localdomain", false, 0},
      {"nobody", false, 0},
      {"", false, 0},
  };
  for (const OwnerCase& expected : cases) {
    SCOPED_TRACE("'" + expected.text + "'");
    Owner owner = parse_owner(expected.text);
    EXPECT_EQ(owner.is_numeric(), expected.numeric);
    EXPECT_EQ(owner.id, expected.id);
    if (!expected.numeric && !expected.text.empty()) {
      EXPECT_EQ(owner.text, expected.text);
    }
  }
}

TEST(UsableName, RefusesWhatNoDirectoryMayHold) {
  const std::vector<std::pair<std::string, bool>> cases = {
      {"", false},           {".", false},          {"..", false},
      {"/", false},          {"a/b", false},        {"a/", false},
      {"a\0b"s, false},      {"\0"s, false},        {std::string(256, 'n'), false},
      {"...", true},         {"-rf", true},         {" ", true},
      {"a ", true},          {"a\nb", true},        {"\x1b[2J", true},
      {"\xff\xfe", true},    {"back\\slash", true}, {std::string(255, 'n'), true},
      {".nfsferry-x", true},
  };
  for (const auto& [name, usable] : cases) {
    SCOPED_TRACE("'" + name + "'");
    EXPECT_EQ(is_usable_name(name), usable);
    EXPECT_EQ(check_name("test", name).has_value(), usable);
  }
}

TEST(UsableName, SaysWhichNameAndWhy) {
  Status slash = check_name("create", "a/b");
  ASSERT_FALSE(slash);
  EXPECT_TRUE(slash.error().is(Own::kBadName));
  EXPECT_EQ(slash.error().path, "a/b");
  EXPECT_EQ(slash.error().operation, "create");
  Status too_long = check_name("create", std::string(256, 'n'));
  ASSERT_FALSE(too_long);
  EXPECT_TRUE(too_long.error().is_errno(ENAMETOOLONG));
}

TEST(TemporaryName, HasPrefixRunIdAndARestInAtMost60Bytes) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", ".nfsferry--"},
      {"run1", ".nfsferry-run1-"},
      {"0123456789abcdef-and-more", ".nfsferry-0123456789abcdef-"},
      {"a/b\0c"s, ".nfsferry-a_b_c-"},
      {"../..", ".nfsferry-_____-"},
      {std::string(300, 'x'), ".nfsferry-xxxxxxxxxxxxxxxx-"},
  };
  for (const auto& [run_id, beginning] : cases) {
    SCOPED_TRACE(run_id);
    std::string name = temporary_name(run_id);
    EXPECT_TRUE(is_usable_name(name));
    EXPECT_LE(name.size(), 60u);
    EXPECT_EQ(name.substr(0, beginning.size()), beginning);
    EXPECT_EQ(name.size(), beginning.size() + 26);  // 128 bits in base 32
  }
}

TEST(TemporaryName, IsToldFromOtherNames) {
  const std::string random = "abcdefghijklmnopqrstuvwx27";
  const std::vector<std::pair<std::string, bool>> cases = {
      {temporary_name(""), true},
      {temporary_name("run-1_A"), true},
      {temporary_name("0123456789abcdef-and-more"), true},
      {".nfsferry-x-" + random, true},
      {".nfsferry--" + random, true},
      {".nfsferry-" + random, false},
      {".nfsferry-x" + random, false},
      {".nfsferry-x.y-" + random, false},
      {".nfsferry-0123456789abcdefg-" + random, false},
      {".nfsferry-x-" + random + "a", false},
      {".nfsferry-x-abcdefghijklmnopqrstuvwxy1", false},
      {".nfsferry-x-ABCDEFGHIJKLMNOPQRSTUVWXYZ", false},
      {".nfsferry-filters", false},
      {".nfsferry-", false},
      {"nfsferry-x-" + random, false},
      {std::string(kLockName), false},
  };
  for (const auto& [name, temporary] : cases) EXPECT_EQ(is_temporary_name(name), temporary) << name;
}

TEST(TemporaryName, NeverComesTwiceOnFourThreads) {
  std::set<std::string> names;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        std::string name = temporary_name("run");
        std::lock_guard guard(mutex);
        EXPECT_TRUE(names.insert(name).second);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(names.size(), 8000u);
}

TEST(FileTypeName, NamesEveryType) {
  std::set<std::string_view> names;
  for (int type = 0; type <= static_cast<int>(FileType::kOther); ++type) {
    names.insert(file_type_name(static_cast<FileType>(type)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(FileType::kOther) + 1);
}

}  // namespace
}  // namespace nfsferry

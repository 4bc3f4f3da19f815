#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "ganesha.hpp"
#include "program.hpp"

namespace nfsferry::test {

inline constexpr gid_t kHomeGroup = 1001;

// The old and the new file system.
struct Servers {
  Ganesha old_efs;
  Ganesha new_efs;
  std::string broken;  // why they do not run, empty if they do
};

// Started with the first call, ended with the process.
Servers& servers();

// Looks until it is so, for a minute.
template <typename Condition>
bool comes_true(Condition condition) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

// An old home in one file system, and where its new home is in the other. Each test has a pair of
// its own; the new home is not made yet.
class HomesTest : public testing::Test {
 protected:
  void SetUp() override;

  static void make_home(const std::filesystem::path& folder, uid_t uid);
  // 20 small files in each directory.
  void fill_old_home(unsigned directories) const;

  // The workflow's input: a recovery of user1, or of space1.
  nlohmann::json input(bool space = false) const;
  // Which server is which file system; other roots, for a server behind a proxy or for none.
  static std::vector<std::string> maps(const std::string& old_root = {},
                                       const std::string& new_root = {});

  // Everything is there, nothing else, and it belongs to the new home's owner.
  void expect_recovered() const;

  Folder folder_;
  uid_t old_uid_ = 0;
  uid_t new_uid_ = 0;
  std::filesystem::path old_home_;
  std::filesystem::path new_home_;
};

}  // namespace nfsferry::test

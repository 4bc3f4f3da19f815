#include "nasty_tree.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>

namespace nfsferry::test {
namespace {

// The folders of tests have names that mean nothing to a shell.
void run_tool(const std::string& arguments) {
  const std::string command = NFSFERRY_SOURCE_DIR "/tools/nasty-tree " + arguments;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  ASSERT_NE(pipe, nullptr) << command;
  std::string output;
  std::array<char, 4096> block{};
  while (std::size_t got = std::fread(block.data(), 1, block.size(), pipe)) {
    output.append(block.data(), got);
  }
  ASSERT_EQ(pclose(pipe), 0) << command << "\n" << output;
}

}  // namespace

void make_nasty_tree(const std::filesystem::path& folder, std::uint64_t seed,
                     const std::string& options) {
  run_tool("make " + folder.string() + " --seed " + std::to_string(seed) + " " + options);
}

void mutate_tree(const std::filesystem::path& folder, std::uint64_t seed,
                 const std::string& options) {
  run_tool("mutate " + folder.string() + " --seed " + std::to_string(seed) + " " + options);
}

}  // namespace nfsferry::test

// The fuzzers' inputs, tried by every build of the tests: recorded ones and those that once found
// something.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "nfs4/xdr.hpp"
#include "targets.hpp"

namespace nfsferry::fuzz {
namespace {

class Corpus : public ::testing::TestWithParam<Target> {};

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

TEST_P(Corpus, EachInputIsReadOrRefused) {
  std::size_t tried = 0;
  std::filesystem::path folder = std::filesystem::path(NFSFERRY_CORPUS) / GetParam().name;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(file.path().filename().string());
    std::string input = read(file.path());
    GetParam().run(nfs4::bytes_of(input));
    GetParam().run(nfs4::bytes_of(input.substr(0, input.size() / 2)));
    ++tried;
  }
  EXPECT_GT(tried, 0u);
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Corpus, ::testing::ValuesIn(kTargets),
                         [](const auto& target) { return std::string(target.param.name); });

}  // namespace
}  // namespace nfsferry::fuzz

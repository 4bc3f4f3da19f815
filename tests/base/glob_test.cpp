#include "base/glob.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace nfsferry {
namespace {

namespace fs = std::filesystem;

// A path that ends with '/' is a directory's.
struct GlobRow {
  std::string_view glob;
  std::string_view path;
  bool matches;
};

constexpr GlobRow kGlobTable[] = {
    // Without a '/': at any depth, and the whole name.
    {"a", "a", true},
    {"a", "b/a", true},
    {"a", "b/c/a", true},
    {"a", "b/a/", true},
    {"a", "aa", false},
    {"a", "A", false},
    {"core", "score", false},
    {"core", "core.c", false},
    {"a b", "a b", true},
    {"#a", "#a", true},
    {"-a", "-a", true},
    // A '/' at the start or within: at the root alone.
    {"/a", "a", true},
    {"/a", "b/a", false},
    {"a/b", "a/b", true},
    {"/a/b", "a/b", true},
    {"a/b", "c/a/b", false},
    {"a/b", "a/c/b", false},
    {"a/b", "b", false},
    {"a/b/c", "a/b/", false},
    // A '/' at the end: directories alone, and it ties to no place.
    {"a/", "a/", true},
    {"a/", "a", false},
    {"a/", "b/c/a/", true},
    {"/a/", "a/", true},
    {"/a/", "b/a/", false},
    {"a/b/", "a/b/", true},
    {"a/b/", "a/b", false},
    {"a/b/", "c/a/b/", false},
    // '*' and '?' stay within a name.
    {"*", "a", true},
    {"*", ".hidden", true},
    {"*", "a/b", true},
    {"*.o", "a.o", true},
    {"*.o", ".o", true},
    {"*.o", "b/a.o", true},
    {"*.o", "a.oo", false},
    {"a*", "a", true},
    {"a*c", "abbc", true},
    {"a*c", "abcb", false},
    {"*a*b*", "xaxbx", true},
    {"*a*b*", "xbxax", false},
    {"*ab", "aab", true},
    {"*aab*", "aaaaab", true},
    {"a/*", "a/b", true},
    {"a/*", "a/b/", true},
    {"/*", "a", true},
    {"/*/", "a/", true},
    {"/*/", "a", false},
    {"/*/b", "a/b", true},
    {"/*/b", "a/c/b", false},
    {"?", "a", true},
    {"?", "ab", false},
    {"?", "\xff", true},
    {"?", "\xc3\xa4", false},  // a character of two bytes
    {"??", "\xc3\xa4", true},
    {"a?c", "abc", true},
    {"a?c", "ac", false},
    {"a?c/d", "abc/d", true},
    // '**' as a whole name crosses directories.
    {"**", "a", true},
    {"**/a", "a", true},
    {"**/a", "b/c/a", true},
    {"**/a", "b/ca", false},
    {"**/a/b", "c/a/b", true},
    {"**/a/b", "a/c/b", false},
    {"a/**", "a/b", true},
    {"a/**", "a/b/c", true},
    {"a/**", "a/", false},
    {"a/**", "b/a/c", false},
    {"a/**/", "a/b/", true},
    {"a/**/", "a/b", false},
    {"a/**/b", "a/b", true},
    {"a/**/b", "a/x/b", true},
    {"a/**/b", "a/x/y/b", true},
    {"a/**/b", "a/xb", false},
    {"a/**/b", "x/a/b", false},
    {"a/**/b/**/c", "a/b/x/y/c", true},
    {"a/**/b/**/c", "a/x/b/c", true},
    {"a/**/b/**/c", "a/c/b", false},
    {"**/b/**/b", "b/x/b", true},
    {"/**", "a", true},
    {"**/*.o", "a/b.o", true},
    {"**/a/**", "x/a/b", true},
    {"**/a/**", "x/a/", false},
    // In a name with others it is no more than '*'.
    {"a**b", "axxb", true},
    {"/a**b", "a/b", false},
    {"/a**/b", "axx/b", true},
    {"a/**b", "a/xb", true},
    {"a/**b", "a/x/b", false},
    // Sets.
    {"[abc]", "b", true},
    {"[abc]", "d", false},
    {"[a-c]x", "bx", true},
    {"[a-c]x", "dx", false},
    {"[!a-c]", "d", true},
    {"[!a-c]", "b", false},
    {"[^a]", "b", true},
    {"[^a]", "a", false},
    {"[]]", "]", true},
    {"[]a]", "a", true},
    {"[!]]", "]", false},
    {"[!]]", "a", true},
    {"[a-]", "-", true},
    {"[-a]", "-", true},
    {"[+--]", ",", true},
    {"[a\\-z]", "-", true},
    {"[a\\-z]", "b", false},
    {"[\\]]", "]", true},
    {"[*?]", "?", true},
    {"[*?]", "a", false},
    {"[[]", "[", true},
    {"[[:digit:]]", "7", true},
    {"[[:digit:]]", "a", false},
    {"[![:digit:]]", "a", true},
    {"[[:upper:]_]x", "_x", true},
    {"*.[oa]", "lib.a", true},
    {"[\x80-\xff]", "\xe4", true},
    {"[\x80-\xff]", "a", false},
    // Escapes.
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"\\?a", "?a", true},
    {"\\[a]", "[a]", true},
    {"\\[a]", "a", false},
    {"\\\\", "\\", true},
    {"\\!a", "!a", true},
    {"\\#a", "#a", true},
    {"\\a", "a", true},
    {"a\\ ", "a ", true},
    {"a\\ ", "a", false},
    {"]", "]", true},
    {"{a,b}", "{a,b}", true},
    {"{a,b}", "a", false}};

bool is_directory(std::string_view path) { return path.ends_with('/'); }

std::string_view without_slash(std::string_view path) {
  return path.substr(0, path.size() - (path.ends_with('/') ? 1 : 0));
}

bool matches(const Glob& glob, std::string_view path, bool directory) {
  return glob.matches(split_path(path), directory);
}

TEST(Glob, matches_as_the_table_says) {
  EXPECT_GE(std::size(kGlobTable), 60u);
  for (const GlobRow& row : kGlobTable) {
    auto glob = Glob::parse(row.glob);
    ASSERT_TRUE(glob) << row.glob << ": " << glob.error().detail;
    EXPECT_EQ(matches(*glob, without_slash(row.path), is_directory(row.path)), row.matches)
        << row.glob << " on " << row.path;
  }
}

struct BadGlob {
  std::string glob;
  const char* said;
};

TEST(Glob, what_can_never_match_is_refused) {
  for (const BadGlob& row :
       {BadGlob{"", "is empty"},    {"/", "empty name"},
        {"//a", "empty name"},      {"a//b", "empty name"},
        {"a//", "empty name"},      {"./a", "'.' or '..'"},
        {"a/../b", "'.' or '..'"},  {"!a", "\\!"},
        {"[a", "no ']'"},           {"[]", "no ']'"},
        {"[!]", "no ']'"},          {"[a/b]", "no ']'"},
        {"[a\\", "no ']'"},         {"[z-a]", "backwards"},
        {"[[:word:]]", "[:word:]"}, {"[[:digit", "no ']'"},
        {"a\\", "backslash"},       {"a\\/b", "backslash"},
        {"a\\/", "backslash"},      {std::string(Glob::kBytesMost + 1, 'a'), "longer"}}) {
    auto glob = Glob::parse(row.glob);
    ASSERT_FALSE(glob) << row.glob;
    EXPECT_TRUE(glob.error().is(Own::kBadInput));
    EXPECT_NE(glob.error().detail.find(row.said), std::string::npos) << glob.error().detail;
  }
}

// With a matcher that tries every way these take longer than anybody waits.
TEST(Glob, many_stars_are_matched_in_few_steps) {
  std::string name(255, 'a');
  std::string stars;
  while (stars.size() + 2 < Glob::kBytesMost) stars += "*a";
  auto hostile = Glob::parse(stars.substr(0, 400) + "b");
  ASSERT_TRUE(hostile);
  EXPECT_FALSE(matches(*hostile, name, false));

  std::string path = "a";
  while (path.size() < 4000) path += "/a";
  std::string deep = "**/a";
  while (deep.size() < 4000) deep += "/**/a";
  auto below = Glob::parse(deep + "/b");
  auto along = Glob::parse(deep);
  ASSERT_TRUE(below && along);
  EXPECT_FALSE(matches(*below, path, false));
  EXPECT_TRUE(matches(*along, path, false));
}

TEST(Glob, a_path_has_its_names) {
  EXPECT_TRUE(split_path("").empty());
  EXPECT_EQ(split_path("a"), std::vector<std::string_view>{"a"});
  EXPECT_EQ(split_path("a/b c/d"), (std::vector<std::string_view>{"a", "b c", "d"}));
}

// What git makes of the same globs: a folder for each, with the glob as its .gitignore.
class GlobAndGit : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("git --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "git is not installed";
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  std::string place(std::size_t row) const { return std::to_string(row) + "/"; }
  void make(std::size_t row) const {
    const auto& [glob, path, matches] = kGlobTable[row];
    fs::path full = folder_ + "/" + place(row) + std::string(path);
    fs::create_directories(full.parent_path());
    if (!is_directory(path)) std::ofstream{full};
    std::ofstream(folder_ + "/" + place(row) + ".gitignore") << escaped(glob) << '\n';
  }
  // In a .gitignore a '#' at the start of a line is a comment's.
  static std::string escaped(std::string_view glob) {
    return (glob.starts_with('#') ? "\\" : "") + std::string(glob);
  }
  // For each path whether git ignores it, by what it says of the paths that it ignores.
  std::string ignored() const {
    std::string in = folder_ + "/paths";
    std::ofstream paths(in, std::ios::binary);
    for (std::size_t row = 0; row < std::size(kGlobTable); ++row) {
      paths << place(row) << without_slash(kGlobTable[row].path) << '\0';
    }
    paths.close();
    std::string out = folder_ + "/ignored";
    std::string command = "cd '" + folder_ +
                          "' && unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE && git init -q . && "
                          "git -c core.excludesFile=/dev/null check-ignore --no-index --stdin -z "
                          "<paths >ignored";
    EXPECT_EQ(std::system(command.c_str()), 0);
    std::ifstream file(out, std::ios::binary);
    return std::string(1, '\0') + std::string(std::istreambuf_iterator<char>(file), {});
  }
  // What is in an excluded directory is excluded with it.
  static bool leaves_out(const Glob& glob, std::string_view path) {
    std::string_view whole = without_slash(path);
    for (std::size_t slash = whole.find('/'); slash != std::string_view::npos;
         slash = whole.find('/', slash + 1)) {
      if (matches(glob, whole.substr(0, slash), true)) return true;
    }
    return matches(glob, whole, is_directory(path));
  }

  std::string folder_ = testing::TempDir() + "nfsferry-glob-XXXXXX";
};

TEST_F(GlobAndGit, agree_on_the_table) {
  for (std::size_t row = 0; row < std::size(kGlobTable); ++row) make(row);
  std::string ignored_paths = ignored();
  for (std::size_t row = 0; row < std::size(kGlobTable); ++row) {
    std::string_view path = kGlobTable[row].path;
    std::string entry = place(row) + std::string(without_slash(path));
    bool git = ignored_paths.find('\0' + entry + '\0') != std::string::npos;
    auto glob = Glob::parse(kGlobTable[row].glob);
    ASSERT_TRUE(glob);
    EXPECT_EQ(leaves_out(*glob, path), git) << kGlobTable[row].glob << " on " << path;
  }
}

}  // namespace
}  // namespace nfsferry

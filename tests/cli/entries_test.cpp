// The manifest and the trail of entries of copies between local folders.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "program.hpp"
#include "schema_check.hpp"

namespace nfsferry::test {
namespace {

using Json = nlohmann::json;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// The path of a line of a manifest, read back as coreutils would.
std::string path_of(const std::string& line) {
  bool escaped = line.starts_with('\\');
  std::string path = line.substr(escaped ? 35 : 34);
  if (!escaped) return path;
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '\\') {
      out += path[i];
    } else {
      char code = path[++i];
      out += code == 'n' ? '\n' : code == 'r' ? '\r' : code;
    }
  }
  return out;
}

std::string hash_of(const std::string& line) {
  return line.substr(line.starts_with('\\') ? 1 : 0, 32);
}

class EntriesTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_.write("source/a", "hello");
    folder_.write("source/empty", "");
    folder_.write("source/deep/er/b", std::string(100'000, 'x'));
    std::filesystem::create_hard_link(folder_.path("source/a"), folder_.path("source/deep/a2"));
    std::filesystem::create_symlink("a", folder_.path("source/link"));
    std::filesystem::create_directory(folder_.path("target"));
  }
  Outcome copy(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"copy", folder_.path("source"), folder_.path("target")});
    return run_program(flags);
  }
  // By path, the last line of each.
  std::map<std::string, Json> entries() const {
    std::map<std::string, Json> out;
    for (const std::string& line : lines_of(folder_.read("entries"))) {
      EXPECT_EQ(schema_complaint("entries.schema.json", line), "") << line;
      Json entry = Json::parse(line, nullptr, false);
      out[entry["path"]] = entry;
    }
    return out;
  }

  Folder folder_;
};

TEST_F(EntriesTest, WhatIsNotCarriedIsInSummaryReportAndTrail) {
  int failed = ::setxattr(folder_.path("source/a").c_str(), "user.note", "1", 1, 0);
  if (failed != 0 && errno == ENOTSUP) GTEST_SKIP() << "no extended attributes here";
  ASSERT_EQ(failed, 0);
  std::ofstream sparse(folder_.path("source/sparse"));
  for (int i = 0; i < 8; ++i) sparse.seekp(i * (32 << 10)) << std::string(4096, 'x') << std::flush;
  sparse.close();
  Outcome outcome =
      copy({"--log-entries", folder_.path("entries"), "--report-json", folder_.path("report")});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("not carried     extended attributes of 2 entries, holes of 1 file"),
            std::string::npos)
      << outcome.out;
  EXPECT_EQ(schema_complaint("report.schema.json", folder_.read("report")), "");
  Json lost = Json::parse(folder_.read("report"))["nfsferry"]["not_carried"];
  EXPECT_EQ(lost["xattrs"], 2);  // by both of its names
  EXPECT_EQ(lost["holes_filled"], 1);
  EXPECT_EQ(lost["xattrs_told"], true);
  auto told = entries();
  EXPECT_EQ(told["a"]["not_carried"], Json::array({"xattr user.note"}));
  EXPECT_EQ(told["deep/a2"]["not_carried"], Json::array({"xattr user.note"}));
  EXPECT_EQ(told["sparse"]["not_carried"].size(), 1u);
  EXPECT_FALSE(told["empty"].contains("not_carried"));
}

TEST_F(EntriesTest, ADryRunTellsEntryByEntryWhatTheCopyDoes) {
  folder_.write("target/a", "another");
  folder_.write("target/surplus", "x");
  std::vector<std::string> flags{"--delete", "--log-entries", folder_.path("entries")};
  auto actions = [this] {
    std::map<std::string, std::string> out;
    for (const auto& [path, entry] : entries()) out[path] = entry["action"];
    return out;
  };
  flags.emplace_back("--dry-run");
  Outcome foretold = copy(flags);
  ASSERT_EQ(foretold.exit_code, 0) << foretold.err;
  EXPECT_NE(foretold.out.find("would copy"), std::string::npos) << foretold.out;
  EXPECT_EQ(folder_.read("target/a"), "another");
  auto would = actions();
  EXPECT_EQ(would["surplus"], "deleted");
  flags.pop_back();
  Outcome done = copy(flags);
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(actions(), would);
}

TEST_F(EntriesTest, XxhsumFindsEveryFileOfTheManifestInTheTarget) {
  for (const char* mode : {"none", "transferred", "all"}) {
    Outcome outcome =
        copy({"--manifest", folder_.path("manifest"), "--verify", mode, "--compare", "all"});
    ASSERT_EQ(outcome.exit_code, 0) << mode << outcome.err;
    EXPECT_EQ(lines_of(folder_.read("manifest")).size(), 4u) << mode << folder_.read("manifest");
    std::string check = "cd '" + folder_.path("target") + "' && xxhsum -c ../manifest >../checked";
    EXPECT_EQ(std::system(check.c_str()), 0) << mode;
    std::vector<std::string> checked = lines_of(folder_.read("checked"));
    std::sort(checked.begin(), checked.end());
    EXPECT_EQ(checked,
              (std::vector<std::string>{"a: OK", "deep/a2: OK", "deep/er/b: OK", "empty: OK"}))
        << mode;
  }
}

TEST_F(EntriesTest, NamesThatWouldBreakALineAreEscapedInTheManifest) {
  const std::vector<std::string> names{"back\\slash", "cr\rcr", "line\nend", "plain \xff\t"};
  for (const std::string& name : names) folder_.write("odd/" + name, "hello");
  std::filesystem::create_directory(folder_.path("odd-target"));
  Outcome outcome = run_program({"copy", folder_.path("odd"), folder_.path("odd-target"),
                                 "--manifest", folder_.path("manifest")});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  std::vector<std::string> paths;
  for (const std::string& line : lines_of(folder_.read("manifest"))) {
    EXPECT_EQ(line.starts_with('\\'), path_of(line) != names.back());
    EXPECT_EQ(hash_of(line), "b5e9c1ad071b3e7fc779cfaa5e523818");  // xxhsum -H2 of "hello"
    paths.push_back(path_of(line));
  }
  std::sort(paths.begin(), paths.end());
  EXPECT_EQ(paths, names);
}

// Odd names, a large file with a hole in it, one that several threads carry, two names of a file.
TEST_F(EntriesTest, Sha256sumFindsEveryFileOfTheManifestInBothTrees) {
  for (const char* name : {"back\\slash", "cr\rcr", "line\nend", " *blank", "plain \xff\t"}) {
    folder_.write(std::string("source/odd/") + name, name);
  }
  folder_.write("source/hole", std::string(700'000, 'x'));
  std::filesystem::resize_file(folder_.path("source/hole"), 3'000'000);
  folder_.write("source/large", std::string(80 << 20, 'y'));
  for (const char* mode : {"none", "transferred", "all"}) {
    Outcome outcome =
        copy({"--manifest-sha256", folder_.path("sha256"), "--manifest", folder_.path("xxh3"),
              "--verify", mode, "--compare", "all", "--threads", "2"});
    ASSERT_EQ(outcome.exit_code, 0) << mode << outcome.err;
    EXPECT_EQ(lines_of(folder_.read("sha256")).size(), 11u) << mode << folder_.read("sha256");
    EXPECT_EQ(lines_of(folder_.read("xxh3")).size(), 11u) << mode;
    for (const char* tree : {"source", "target"}) {
      std::string check = "cd '" + folder_.path(tree) + "' && sha256sum -c ../sha256 >../checked";
      EXPECT_EQ(std::system(check.c_str()), 0) << mode << tree << folder_.read("checked");
    }
  }
}

TEST_F(EntriesTest, AComparisonThatReadsEverythingListsItToo) {
  ASSERT_EQ(copy({}).exit_code, 0);
  folder_.write("target/deep/er/b", std::string(100'000, 'z'));
  std::filesystem::last_write_time(
      folder_.path("target/deep/er/b"),
      std::filesystem::last_write_time(folder_.path("source/deep/er/b")));
  Outcome outcome = run_program({"verify", folder_.path("source"), folder_.path("target"),
                                 "--manifest-sha256", folder_.path("sha256"), "--manifest", "-"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
  EXPECT_EQ(lines_of(folder_.read("sha256")).size(), 3u) << "one differs";
  EXPECT_EQ(lines_of(outcome.out).size(), 3u) << outcome.out;
  for (const char* tree : {"source", "target"}) {
    std::string check = "cd '" + folder_.path(tree) + "' && sha256sum -c ../sha256 >../checked";
    EXPECT_EQ(std::system(check.c_str()), 0) << tree << folder_.read("checked");
  }
}

TEST_F(EntriesTest, TheTrailTellsWhatBecameOfEachEntry) {
  ::chmod(folder_.path("source/a").c_str(), 0640);
  Outcome outcome = copy({"--log-entries", folder_.path("entries"), "--owner", "0:0"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  std::map<std::string, Json> found = entries();
  EXPECT_EQ(found.size() - found.count(""), 7u) << folder_.read("entries");
  // Which name of a hard link is the first is the walk's choice.
  EXPECT_TRUE((found["a"]["action"] == "copied" && found["deep/a2"]["action"] == "linked") ||
              (found["a"]["action"] == "linked" && found["deep/a2"]["action"] == "copied"))
      << folder_.read("entries");
  EXPECT_EQ(found["a"]["size"], 5);
  EXPECT_EQ(found["a"]["hash"], "b5e9c1ad071b3e7fc779cfaa5e523818");
  EXPECT_EQ(found["a"]["from"]["mode"], "0640");
  EXPECT_EQ(found["a"]["to"]["mode"], "0640");
  EXPECT_EQ(found["a"]["to"]["owner"], "0");
  EXPECT_EQ(found["deep/er"]["action"], "copied");
  EXPECT_EQ(found["deep/er"]["type"], "directory");
  EXPECT_EQ(found["link"]["type"], "symlink");
  EXPECT_FALSE(found["link"].contains("hash"));
}

TEST_F(EntriesTest, ARunAgainSaysWhatWasSkipped) {
  ASSERT_EQ(copy({}).exit_code, 0);
  Outcome outcome =
      copy({"--log-entries", folder_.path("entries"), "--manifest", folder_.path("manifest")});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(entries()["empty"]["action"], "skipped");
  EXPECT_EQ(folder_.read("manifest"), "");
}

TEST_F(EntriesTest, TheTrailOnStdoutIsTheOnlyThingThere) {
  Outcome outcome = copy({"--log-entries", "-"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  std::vector<std::string> lines = lines_of(outcome.out);
  EXPECT_GE(lines.size(), 7u);
  for (const std::string& line : lines) {
    EXPECT_EQ(schema_complaint("entries.schema.json", line), "") << line;
  }
}

TEST_F(EntriesTest, AManifestThatCannotBeWrittenIsAFailureThatTheReportKnows) {
  Outcome outcome = copy({"--manifest", "/dev/full", "--report-json", folder_.path("report.json")});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.err.find("/dev/full: ENOSPC"), std::string::npos) << outcome.err;
  Json report = Json::parse(folder_.read("report.json"), nullptr, false);
  EXPECT_EQ(report["nfsferry"]["manifest_complete"], false);
  EXPECT_EQ(report["FilesFailed"]["Transfer"], 0);
}

TEST_F(EntriesTest, ATrailThatCannotBeWrittenIsAFailure) {
  Outcome outcome = copy({"--log-entries", "/dev/full"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.err.find("/dev/full: ENOSPC"), std::string::npos) << outcome.err;
  EXPECT_EQ(folder_.read("target/a"), "hello");
}

}  // namespace
}  // namespace nfsferry::test

// `backups` and `restore`, as people and scripts see them.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "program.hpp"
#include "schema_check.hpp"

namespace nfsferry::test {
namespace {

using Json = nlohmann::json;

class Backups : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_.write("source/file", "new content");
    folder_.write("target/file", "old");
    folder_.write("target/gone", "gone");
    Outcome copied = run_program({"copy", folder_.path("source"), folder_.path("target"),
                                  "--delete", "--backup-dir", ".kept", "--run-id", "nightly-7"});
    ASSERT_EQ(copied.exit_code, 0) << copied.err;
    EXPECT_NE(copied.out.find("in the backup"), std::string::npos) << copied.out;
  }
  Outcome backups(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"backups", folder_.path("target")});
    return run_program(more);
  }
  Outcome restore(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"restore", folder_.path("target")});
    return run_program(more);
  }
  Folder folder_;
};

TEST_F(Backups, AreListedAndRemoved) {
  Outcome table = backups();
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_NE(table.out.find("nightly-7"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("7 B"), std::string::npos) << table.out;

  Outcome young = backups({"--older-than", "1h"});
  EXPECT_EQ(young.exit_code, 0) << young.err;
  EXPECT_EQ(young.out.find("removed"), std::string::npos) << young.out;

  Outcome wrong = backups({"--prune", "nightly-7", "--prune", "nightly-8"});
  EXPECT_NE(wrong.exit_code, 0);
  EXPECT_NE(wrong.err.find("nightly-8"), std::string::npos) << wrong.err;
  EXPECT_TRUE(std::filesystem::exists(folder_.path("target/.kept/nightly-7/gone")));

  Outcome pruned = backups({"--prune", "nightly-7", "--json"});
  EXPECT_EQ(pruned.exit_code, 0) << pruned.err;
  EXPECT_EQ(schema_complaint("backups.schema.json", pruned.out), "");
  Json json = Json::parse(pruned.out, nullptr, false);
  EXPECT_EQ(json["backups"][0]["run_id"], "nightly-7");
  EXPECT_EQ(json["backups"][0]["removed"], true);
  EXPECT_EQ(json["backups"][0]["entries"], 2);
  EXPECT_FALSE(std::filesystem::exists(folder_.path("target/.kept/nightly-7")));
  EXPECT_EQ(backups().out, "");
}

TEST_F(Backups, AreAsOldAsTheLatestChangeInThem) {
  namespace fs = std::filesystem;
  const fs::path run = folder_.path("target/.kept/nightly-7");
  fs::create_directory(run / "directory");
  auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(2);
  fs::last_write_time(run, long_ago);
  Outcome young = backups({"--older-than", "1h"});
  EXPECT_EQ(young.exit_code, 0) << young.err;
  EXPECT_TRUE(fs::exists(run));
  fs::last_write_time(run / "directory", long_ago);
  Outcome old = backups({"--older-than", "1h"});
  EXPECT_EQ(old.exit_code, 0) << old.err;
  EXPECT_FALSE(fs::exists(run));
}

// Of a target that is the copy of another one with its backups, and of NFS clients.
TEST_F(Backups, AreRemovedWithWhatACopyWouldSpare) {
  folder_.write("target/.kept/nightly-7/old home/.kept/README.nfsferry", "of another target");
  folder_.write("target/.kept/nightly-7/README.nfsferry", "x");
  folder_.write("target/.kept/nightly-7/.nfs0001", "x");
  Outcome pruned = backups({"--prune", "nightly-7", "--json"});
  EXPECT_EQ(pruned.exit_code, 0) << pruned.err;
  Json json = Json::parse(pruned.out, nullptr, false);
  EXPECT_EQ(json["backups"][0]["entries"], 7);
  EXPECT_FALSE(std::filesystem::exists(folder_.path("target/.kept/nightly-7")));
}

// What somebody else keeps beside a file of that name, or among backups.
TEST_F(Backups, AreOnlyWhatRunsHaveMade) {
  folder_.write("target/project/README.nfsferry", "about the ferry\nrun src\n");
  folder_.write("target/project/src/main.c", "years of work");
  folder_.write("target/.kept/mine/file", "my own");
  Outcome listed = backups({"--json"});
  EXPECT_EQ(listed.exit_code, 0) << listed.err;
  Json json = Json::parse(listed.out, nullptr, false);
  ASSERT_EQ(json["backups"].size(), 1u) << listed.out;
  EXPECT_EQ(json["backups"][0]["run_id"], "nightly-7");

  EXPECT_NE(backups({"--prune", "src"}).exit_code, 0);
  EXPECT_NE(restore({"--run-id", "mine"}).exit_code, 0);
  EXPECT_EQ(backups({"--older-than", "0s"}).exit_code, 0);
  EXPECT_TRUE(folder_.has("target/project/src/main.c"));
  EXPECT_TRUE(folder_.has("target/.kept/mine/file"));
  EXPECT_FALSE(folder_.has("target/.kept/nightly-7"));

  Outcome refused = run_program({"copy", folder_.path("source"), folder_.path("target"),
                                 "--backup-dir", "project", "--run-id", "next"});
  EXPECT_EQ(refused.exit_code, 4);
  EXPECT_NE(refused.err.find("none of nfsferry's"), std::string::npos) << refused.err;
  EXPECT_EQ(folder_.read("target/project/README.nfsferry"), "about the ferry\nrun src\n");
}

TEST_F(Backups, OfSeveralRunsAreAllThere) {
  folder_.write("source/file", "newer still");
  Outcome second = run_program({"copy", folder_.path("source"), folder_.path("target"),
                                "--backup-dir", ".kept", "--run-id", "nightly-8"});
  ASSERT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(Json::parse(backups({"--json"}).out, nullptr, false)["backups"].size(), 2u);
  EXPECT_EQ(restore({"--run-id", "nightly-8"}).exit_code, 0);
  EXPECT_EQ(folder_.read("target/file"), "new content");
  EXPECT_EQ(restore({"--run-id", "nightly-7"}).exit_code, 0);
  EXPECT_EQ(folder_.read("target/file"), "old");
}

TEST_F(Backups, ArePutBack) {
  Outcome restored = restore({"--run-id", "nightly-7", "--json"});
  EXPECT_EQ(restored.exit_code, 0) << restored.err;
  EXPECT_EQ(schema_complaint("restore.schema.json", restored.out), "");
  Json json = Json::parse(restored.out, nullptr, false);
  EXPECT_EQ(json["restored"], 2);
  EXPECT_EQ(json["displaced"], 1);
  EXPECT_EQ(folder_.read("target/file"), "old");
  EXPECT_EQ(folder_.read("target/gone"), "gone");
  std::string again = json["run_id"];
  EXPECT_EQ(folder_.read("target/.kept/" + again + "/file"), "new content");

  Outcome text = restore({"--run-id", again});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_EQ(text.out.substr(0, text.out.find('\n')), "1 entry put back");
}

TEST_F(Backups, OfARunThatHasNoneAreNotPutBack) {
  Outcome missing = restore({"--run-id", "nightly-8"});
  EXPECT_NE(missing.exit_code, 0);
  EXPECT_NE(missing.err.find("there is no backup of run nightly-8"), std::string::npos)
      << missing.err;
  EXPECT_EQ(missing.out, "");
  EXPECT_EQ(folder_.read("target/file"), "new content");
}

TEST_F(Backups, OfAPlaceThatIsNotThereAreExitCode4) {
  Outcome missing = run_program({"backups", folder_.path("no"), "--json"});
  EXPECT_EQ(missing.exit_code, 4) << missing.err;
  EXPECT_EQ(schema_complaint("backups.schema.json", missing.out), "");
  missing = run_program({"restore", folder_.path("no"), "--run-id", "x", "--json"});
  EXPECT_EQ(missing.exit_code, 4) << missing.err;
  EXPECT_EQ(schema_complaint("restore.schema.json", missing.out), "");
}

}  // namespace
}  // namespace nfsferry::test

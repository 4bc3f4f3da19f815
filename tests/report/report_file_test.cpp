#include "report/report_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace nfsferry {
namespace {

class ReportFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "nfsferry-report-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
    std::filesystem::remove_all(folder_);
  }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  static std::string content(const std::string& path) {
    std::ifstream file(path);
    std::stringstream out;
    out << file.rdbuf();
    return out.str();
  }
  std::size_t entries() const {
    std::filesystem::directory_iterator first(folder_);
    return static_cast<std::size_t>(std::distance(first, std::filesystem::directory_iterator()));
  }
  std::string folder_;
};

TEST_F(ReportFileTest, PreparingLeavesNothingBehind) {
  auto file = ReportFile::prepare(path("report.json"));
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(entries(), 0u);
}

TEST_F(ReportFileTest, WritesAndReplacesWholeFilesWithoutLeftOvers) {
  auto file = ReportFile::prepare(path("report.json"));
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE(file->write("a long first report\n").has_value());
  ASSERT_TRUE(file->write("second\n").has_value());
  EXPECT_EQ(content(path("report.json")), "second\n");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(ReportFileTest, AMissingDirectoryIsFoundBeforehand) {
  auto file = ReportFile::prepare(path("missing/report.json"));
  ASSERT_FALSE(file.has_value());
  EXPECT_TRUE(file.error().is_errno(ENOENT));
}

TEST_F(ReportFileTest, ADirectoryAnEmptyNameAndAFileAsDirectoryAreRefused) {
  std::ofstream(path("plain")) << "x";
  for (const std::string& name : {folder_, folder_ + "/", std::string(), path("plain/report")}) {
    EXPECT_FALSE(ReportFile::prepare(name).has_value()) << name;
  }
}

TEST_F(ReportFileTest, ALinkStaysALink) {
  std::ofstream(path("real")) << "old";
  ASSERT_EQ(::symlink("real", path("link").c_str()), 0);
  auto file = ReportFile::prepare(path("link"));
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE(file->write("new").has_value());
  EXPECT_TRUE(std::filesystem::is_symlink(path("link")));
  EXPECT_EQ(content(path("real")), "new");
}

TEST_F(ReportFileTest, WhatIsNoRegularFileIsWrittenInPlace) {
  auto null = ReportFile::prepare("/dev/null");
  ASSERT_TRUE(null.has_value());
  EXPECT_TRUE(null->write("gone").has_value());
  struct stat status;
  ASSERT_EQ(::stat("/dev/null", &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));
}

TEST_F(ReportFileTest, AFullDeviceIsAnErrorThatKeepsItsCode) {
  auto full = ReportFile::prepare("/dev/full");
  ASSERT_TRUE(full.has_value());
  Status written = full->write("text");
  ASSERT_FALSE(written.has_value());
  EXPECT_TRUE(written.error().is_errno(ENOSPC));
}

TEST_F(ReportFileTest, ADirectoryThatVanishedMeanwhileIsAnError) {
  auto file = ReportFile::prepare(path("report.json"));
  ASSERT_TRUE(file.has_value());
  std::filesystem::rename(folder_, folder_ + ".away");
  EXPECT_FALSE(file->write("text").has_value());
  std::filesystem::rename(folder_ + ".away", folder_);
}

}  // namespace
}  // namespace nfsferry

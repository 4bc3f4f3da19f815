#include "report/report_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "place.hpp"

namespace nfsferry {
namespace {

using test::Place;

TEST(ReportFile, PreparingLeavesNothingBehind) {
  Place place;
  auto file = ReportFile::prepare(place.path("report.json"));
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(place.entries(), 0u);
}

TEST(ReportFile, WritesAndReplacesWholeFilesWithoutLeftOvers) {
  Place place;
  auto file = ReportFile::prepare(place.path("report.json"));
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE(file->write("a long first report\n").has_value());
  ASSERT_TRUE(file->write("second\n").has_value());
  EXPECT_EQ(place.read("report.json"), "second\n");
  EXPECT_EQ(place.entries(), 1u);
}

TEST(ReportFile, AMissingDirectoryIsFoundBeforehand) {
  Place place;
  auto file = ReportFile::prepare(place.path("missing/report.json"));
  ASSERT_FALSE(file.has_value());
  EXPECT_TRUE(file.error().is_errno(ENOENT));
}

TEST(ReportFile, ADirectoryAnEmptyNameAndAFileAsDirectoryAreRefused) {
  Place place;
  place.write("plain", "x");
  for (const std::string& name :
       {place.folder(), place.folder() + "/", std::string(), place.path("plain/report")}) {
    EXPECT_FALSE(ReportFile::prepare(name).has_value()) << name;
  }
}

TEST(ReportFile, ALinkStaysALink) {
  Place place;
  place.write("real", "old");
  ASSERT_EQ(::symlink("real", place.path("link").c_str()), 0);
  auto file = ReportFile::prepare(place.path("link"));
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE(file->write("new").has_value());
  EXPECT_TRUE(std::filesystem::is_symlink(place.path("link")));
  EXPECT_EQ(place.read("real"), "new");
}

TEST(ReportFile, WhatIsNoRegularFileIsWrittenInPlace) {
  auto null = ReportFile::prepare("/dev/null");
  ASSERT_TRUE(null.has_value());
  EXPECT_TRUE(null->write("gone").has_value());
  struct stat status;
  ASSERT_EQ(::stat("/dev/null", &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));
}

TEST(ReportFile, AFullDeviceIsAnErrorThatKeepsItsCode) {
  auto full = ReportFile::prepare("/dev/full");
  ASSERT_TRUE(full.has_value());
  Status written = full->write("text");
  ASSERT_FALSE(written.has_value());
  EXPECT_TRUE(written.error().is_errno(ENOSPC));
}

TEST(ReportFile, ADirectoryThatVanishedMeanwhileIsAnError) {
  Place place;
  auto file = ReportFile::prepare(place.path("report.json"));
  ASSERT_TRUE(file.has_value());
  std::filesystem::rename(place.folder(), place.folder() + ".away");
  EXPECT_FALSE(file->write("text").has_value());
  std::filesystem::rename(place.folder() + ".away", place.folder());
}

}  // namespace
}  // namespace nfsferry

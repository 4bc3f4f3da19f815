#include "report/output_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "place.hpp"

namespace nfsferry {
namespace {

using test::Place;

TEST(OutputFile, ThatReplacesShowsTheOldFileUntilItIsFinished) {
  Place place;
  place.write("file", "old");
  auto file = OutputFile::replacing(place.path("file"));
  ASSERT_TRUE(file.has_value());
  std::string line(1000, 'x');
  for (int i = 0; i < 200; ++i) file->write(line);  // more than the buffer
  EXPECT_EQ(place.read("file"), "old");
  EXPECT_TRUE(file->finish().has_value());
  EXPECT_EQ(place.read("file"), std::string(200'000, 'x'));
  EXPECT_EQ(place.entries(), 1u);
}

TEST(OutputFile, ThatIsNeverFinishedLeavesNothing) {
  Place place;
  {
    auto file = OutputFile::replacing(place.path("file"));
    ASSERT_TRUE(file.has_value());
    file->write("text");
    EXPECT_EQ(place.entries(), 1u);
  }
  EXPECT_EQ(place.entries(), 0u);
}

TEST(OutputFile, TwoBesideEachOtherDoNotMix) {
  Place place;
  auto one = OutputFile::replacing(place.path("one"));
  auto two = OutputFile::replacing(place.path("two"));
  ASSERT_TRUE(one.has_value() && two.has_value());
  one->write("1");
  two->write("2");
  EXPECT_TRUE(one->finish().has_value());
  EXPECT_TRUE(two->finish().has_value());
  EXPECT_EQ(place.read("one") + place.read("two"), "12");
}

TEST(OutputFile, ItsTemporaryIsNotTakenForOneOfACopy) {
  Place place;
  auto file = OutputFile::replacing(place.path("file"));
  ASSERT_TRUE(file.has_value());
  std::filesystem::directory_iterator first(place.folder());
  EXPECT_FALSE(first->path().filename().native().starts_with(".nfsferry-"));
}

// Two containers that share a directory have processes of the same number.
TEST(OutputFile, ItsTemporaryIsNobodyElses) {
  Place place;
  std::string name = ".unfinished-nfsferry-" + std::to_string(::getpid()) + "-";
  for (int i = 1; i <= 1000; ++i) place.write(name + std::to_string(i), "another's");
  auto file = OutputFile::replacing(place.path("file"));
  ASSERT_TRUE(file.has_value());
  EXPECT_TRUE(file->finish().has_value());
  EXPECT_EQ(place.entries(), 1001u);
}

TEST(OutputFile, InPlaceIsEmptiedAndCanBeReadAfterAFlush) {
  Place place;
  place.write("file", "old");
  auto file = OutputFile::in_place(place.path("file"));
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(place.read("file"), "");
  file->write("new");
  file->flush();
  EXPECT_EQ(place.read("file"), "new");
  EXPECT_TRUE(file->finish().has_value());
  EXPECT_EQ(place.read("file"), "new");
}

TEST(OutputFile, TheFirstErrorIsKeptForTheEnd) {
  auto file = OutputFile::in_place("/dev/full");
  ASSERT_TRUE(file.has_value());
  file->write("text");
  file->flush();
  file->write("more");
  Status finished = file->finish();
  ASSERT_FALSE(finished.has_value());
  EXPECT_TRUE(finished.error().is_errno(ENOSPC));
  EXPECT_EQ(finished.error().path, "/dev/full");
}

TEST(OutputFile, ADirectoryAMissingOneAndNoNameAreRefused) {
  Place place;
  for (const std::string& path : {place.folder(), place.path("no/file"), std::string()}) {
    EXPECT_FALSE(OutputFile::replacing(path).has_value()) << path;
    EXPECT_FALSE(OutputFile::in_place(path).has_value()) << path;
  }
}

TEST(OutputFile, APipeIsWrittenItself) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  auto file = OutputFile::replacing("/dev/fd/" + std::to_string(writer.get()));
  ASSERT_TRUE(file.has_value());
  file->write("text");
  EXPECT_TRUE(file->finish().has_value());
  char bytes[8];
  EXPECT_EQ(::read(reader.get(), bytes, sizeof bytes), 4);
}

TEST(IsStdout, KnowsItsNames) {
  for (const char* path : {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}) {
    EXPECT_TRUE(is_stdout(path)) << path;
  }
  for (const char* path : {"", "stdout", "/dev/stderr", "./-"}) {
    EXPECT_FALSE(is_stdout(path)) << path;
  }
}

}  // namespace
}  // namespace nfsferry

// Holes between real servers and folders: a file whose holes are kept, and one that gets too dense.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/unique_fd.hpp"
#include "copy_fixture.hpp"

namespace nfsferry::test {
namespace {

class Holes : public SamePlaceTest {
 protected:
  // 4 KiB of data at each step, holes between.
  void make(const std::string& name, std::size_t size, std::size_t step) {
    UniqueFd file(::open((source_.folder / name).c_str(), O_CREAT | O_WRONLY, 0644));
    ASSERT_TRUE(file);
    ASSERT_EQ(::ftruncate(file.get(), static_cast<off_t>(size)), 0);
    std::string data(4096, 'x');
    for (std::size_t at = 0; at < size; at += step) {
      ASSERT_EQ(::pwrite(file.get(), data.data(), data.size(), static_cast<off_t>(at)), 4096);
    }
    ASSERT_EQ(::fsync(file.get()), 0);
  }
  static std::uint64_t used(const Ground& ground, const std::string& name) {
    struct stat found{};
    EXPECT_EQ(::stat((ground.folder / name).c_str(), &found), 0);
    return static_cast<std::uint64_t>(found.st_blocks) * 512;
  }
};

TEST_P(Holes, that_are_shorter_than_what_is_left_out_are_said_to_be_lost) {
  make("small", 200 << 10, 32 << 10);
  make("large", 4 << 20, 32 << 10);
  make("kept", 4 << 20, 1 << 20);
  make("data", 256 << 10, 4096);
  CopyReport report = copy(options(source_, target_));
  EXPECT_EQ(report.exit_code, ExitCode::kDone);
  std::vector<std::string> named;
  for (const EntryLoss& example : report.losses.examples) named.push_back(example.path);
  std::sort(named.begin(), named.end());
  EXPECT_EQ(named, (std::vector<std::string>{"large", "small"}));
  std::uint64_t more = 0;
  for (const std::string& name : named) more += used(target_, name) - used(source_, name);
  EXPECT_EQ(report.losses.holes_bytes, more);
}

INSTANTIATE_TEST_SUITE_P(Places, Holes,
                         ::testing::Values(Place::kNfs, Place::kNfs40, Place::kLocal),
                         [](const auto& place) { return place_name(place.param); });

}  // namespace
}  // namespace nfsferry::test

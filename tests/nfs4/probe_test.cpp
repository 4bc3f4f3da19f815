// What the start's probe finds out about a server on a disk file system.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "server_fixture.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

class Nfs4ProbeTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    std::string name = (export_base() / "nfsferry-probe-XXXXXX").string();
    check(::mkdtemp(name.data()) != nullptr, "mkdtemp fails");
    folder_ = name;
  }
  void TearDown() override {
    ServerTest::TearDown();
    fs::remove_all(folder_);
  }
  // What the exported file system itself makes of a time.
  Time kept_locally(Time time) {
    fs::path path = folder_ / "probe";
    int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    timespec times[2] = {{time.seconds, time.nanoseconds}, {time.seconds, time.nanoseconds}};
    check(fd >= 0 && ::futimens(fd, times) == 0, "futimens fails");
    struct stat found{};
    check(::fstat(fd, &found) == 0, "fstat fails");
    ::close(fd);
    fs::remove(path);
    return Time{found.st_mtim.tv_sec, static_cast<std::uint32_t>(found.st_mtim.tv_nsec)};
  }

  fs::path folder_;
};

TEST_P(Nfs4ProbeTest, TellsWhatBecomesOfEveryTimeAndWhoseFilesCanBe) {
  const std::vector<Time> times = {{-5'000'000'000, 9}, {-2'147'483'648, 9}, {-1, 123'456'789},
                                   {1'600'000'000, 1},  {15'032'385'535, 9}, {20'000'000'000, 9}};
  std::vector<Time> expected;
  for (Time time : times) expected.push_back(kept_locally(time));
  GaneshaOptions options;
  options.exports = {{"/old", folder_}};
  start_server(options);
  nfs4::Nfs4Tree& tree = open_client();
  Status probed = run(tree.probe(12345, 23456));
  ASSERT_TRUE(probed) << probed.error().message();
  const Capabilities& can = tree.capabilities();
  for (std::size_t i = 0; i < times.size(); ++i) EXPECT_EQ(can.kept(times[i]), expected[i]) << i;
  EXPECT_TRUE(can.change_owner && can.owner_at_create && can.symlinks && can.devices);
  EXPECT_FALSE(can.symlink_times) << "nfs-ganesha says OK and changes nothing";
  EXPECT_TRUE(fs::is_empty(folder_));
}

INSTANTIATE_TEST_SUITE_P(Versions, Nfs4ProbeTest, kServerVersions, version_name);

}  // namespace
}  // namespace nfsferry::test

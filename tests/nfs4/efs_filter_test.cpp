// What the EFS personality of the tests' proxy refuses, as a client of a real server behind it
// sees.
#include "efs_filter.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include "server_fixture.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;
using nfs4::Nfs4Tree;

constexpr std::uint32_t kCaller = 0;
constexpr std::uint32_t kSomebodyElse = 4711;

class EfsFilterTest : public ServerTest {
 protected:
  void start_efs(const EfsOptions& personality) {
    start_server();
    auto proxy = start_efs_proxy(static_cast<std::uint16_t>(server_.port()), personality);
    ASSERT_TRUE(proxy.has_value());
    proxy_ = *std::move(proxy);
  }
  Nfs4Tree& open_behind_it() { return open_client(proxy_->port()); }

  // Each returns what the error is called, or nothing.
  template <typename Results>
  static std::string error_of(const Results& results) {
    return results.at(0) ? "" : results.at(0).error().name();
  }
  std::string put_file(Nfs4Tree& tree, const std::string& name, const NewAttributes& attributes) {
    std::vector<PutFile> items{{tree.root().get(), name, {}, attributes}};
    return error_of(run(tree.put_files(items, ReadBack::kNo)));
  }
  std::string make_directory(Nfs4Tree& tree, const NewAttributes& attributes) {
    std::vector<MakeDirectory> items{{tree.root(), "directory", attributes}};
    return error_of(run(tree.make_directories(items)));
  }
  std::string make_symlink(Nfs4Tree& tree, const NewAttributes& attributes) {
    std::vector<MakeSymlink> items{{tree.root().get(), "symlink", "file", attributes}};
    return error_of(run(tree.make_symlinks(items)));
  }
  std::string give_root(Nfs4Tree& tree, const NewAttributes& attributes) {
    std::vector<SetAttributes> items{{tree.root(), "", attributes}};
    return error_of(run(tree.set_attributes(items)));
  }
};

TEST_P(EfsFilterTest, AnOpenOwnerOverTheLimitGetsDquot) {
  EfsOptions two_owners;
  two_owners.open_owners = 2;
  ASSERT_NO_FATAL_FAILURE(start_efs(two_owners));
  Nfs4Tree& first = open_behind_it();
  Nfs4Tree& second = open_behind_it();
  Nfs4Tree& third = open_behind_it();

  EXPECT_EQ(put_file(first, "first", {}), "");
  EXPECT_EQ(put_file(second, "second", {}), "");
  EXPECT_EQ(put_file(third, "third", {}), "NFS4ERR_DQUOT");

  EXPECT_EQ(make_directory(third, {}), "") << "nothing is opened for it";
  EXPECT_FALSE(fs::exists(server_.folder("/old") / "third"));
}

TEST_P(EfsFilterTest, AnAccessPointTakesOwnersOfTheCallerAlone) {
  EfsOptions access_point;
  access_point.access_point = true;
  ASSERT_NO_FATAL_FAILURE(start_efs(access_point));
  Nfs4Tree& tree = open_behind_it();
  for (std::uint32_t owner : {kSomebodyElse, kCaller}) {
    const std::string expected = owner == kCaller ? "" : "NFS4ERR_PERM";
    NewAttributes attributes;
    attributes.owner = attributes.group = owner;

    EXPECT_EQ(put_file(tree, "file", attributes), expected);
    EXPECT_EQ(make_directory(tree, attributes), expected);
    EXPECT_EQ(make_symlink(tree, attributes), expected);
    EXPECT_EQ(give_root(tree, attributes), expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Versions, EfsFilterTest, kServerVersions, version_name);

}  // namespace
}  // namespace nfsferry::test

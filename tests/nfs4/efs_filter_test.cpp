// What the EFS personality of the tests' proxy refuses, as a client of a real server behind it
// sees.
#include "efs_filter.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include "compound_walk.hpp"
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
  std::string make_special(Nfs4Tree& tree, const std::string& name, FileType type) {
    std::vector<MakeSpecial> items{{tree.root().get(), name, type, 1, 3, {}}};
    return error_of(run(tree.make_specials(items)));
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

TEST_P(EfsFilterTest, DeviceNodesAreRefusedAndFifosAndSocketsAreMade) {
  ASSERT_NO_FATAL_FAILURE(start_efs({}));
  Nfs4Tree& tree = open_behind_it();

  EXPECT_EQ(make_special(tree, "character", FileType::kCharacterDevice), "NFS4ERR_BADTYPE");
  EXPECT_EQ(make_special(tree, "block", FileType::kBlockDevice), "NFS4ERR_BADTYPE");
  EXPECT_EQ(make_special(tree, "fifo", FileType::kFifo), "");
  EXPECT_EQ(make_special(tree, "socket", FileType::kSocket), "");

  EXPECT_FALSE(fs::exists(server_.folder("/old") / "character"));
  EXPECT_TRUE(fs::is_fifo(server_.folder("/old") / "fifo"));
}

INSTANTIATE_TEST_SUITE_P(Versions, EfsFilterTest, kServerVersions, version_name);

// A call without arguments; AUTH_NONE.
Record call_of(std::uint32_t program, std::uint32_t version, std::uint32_t procedure) {
  Record call;
  for (std::uint32_t word : {7u, 0u, 2u, program, version, procedure, 0u, 0u, 0u, 0u}) {
    append_word(call, word);
  }
  return call;
}

TEST(EfsFilter, AnswersOlderNfsThatTheServerHasVersionFourAlone) {
  auto filter = efs_filters({})();
  for (std::uint32_t version : {2u, 3u}) {
    ProxyActions actions;
    filter->on_call(call_of(100003, version, 1), actions);
    ASSERT_EQ(actions.size(), 1u);
    EXPECT_EQ(actions[0].kind, ProxyAction::Kind::kToClient);
    Record mismatch;
    for (std::uint32_t word : {7u, 1u, 0u, 0u, 0u, 2u, 4u, 4u}) append_word(mismatch, word);
    EXPECT_EQ(actions[0].bytes, framed(mismatch));
  }
  ProxyActions passed;
  filter->on_call(call_of(100003, 4, 0), passed);
  ASSERT_EQ(passed.size(), 1u);
  EXPECT_EQ(passed[0].kind, ProxyAction::Kind::kToServer);
}

}  // namespace
}  // namespace nfsferry::test

// Requests that are as small as they can be, to a server that has no room for them: what passes is
// waited for, and what does not is told.
#include <filesystem>
#include <string>
#include <vector>

#include "fault_plan.hpp"
#include "server_fixture.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;
using nfs4::Nfs4Tree;

constexpr unsigned kAlways = 1'000'000;

Fault answers(Nfsstat4 status, Operation at, unsigned nth, unsigned times) {
  return {Fault::Kind::kStatus, at, static_cast<std::uint32_t>(status), nth, times};
}

class LeastRequestsTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    if (!IsSkipped()) start_server();
  }
  void TearDown() override {
    ServerTest::TearDown();
    plans_.clear();
  }
  std::uint16_t port_with(const Fault& fault) {
    plans_.push_back(std::make_unique<FaultPlan>(std::vector<Fault>{fault}));
    return start_proxy(plans_.back()->filters()).port();
  }
  // One of each, alone in its request.
  void use(Nfs4Tree& tree) {
    expect(run(tree.lock_root("run")));
    expect(run(tree.probe(12345, 23456)));
    const Capabilities& can = tree.capabilities();
    EXPECT_TRUE(can.owner_at_create && can.change_owner && can.symlinks && can.devices);
    std::vector<MakeDirectory> directories{{tree.root(), "directory", {}}};
    expect(run(tree.make_directories(directories)).at(0));
    std::vector<MakeSymlink> symlinks{{tree.root().get(), "symlink", "text", {}}};
    expect(run(tree.make_symlinks(symlinks)).at(0));
    expect(run(tree.lookup(tree.root(), "symlink")));
    expect_listed(tree, 3);
    std::vector<RemoveEntry> entries{{tree.root().get(), "directory", true},
                                     {tree.root().get(), "symlink", false}};
    for (const RemoveEntry& entry : entries) expect(run(tree.remove(std::span(&entry, 1))).at(0));
  }
  void expect_listed(Nfs4Tree& tree, std::size_t entries) {
    auto listing = tree.list(tree.root());
    auto page = run((*listing)->next());
    ASSERT_TRUE(page) << page.error().message();
    EXPECT_TRUE(page->eof);
    EXPECT_EQ(page->entries.size(), entries);
  }
  template <typename T>
  void expect(const Result<T>& result) {
    EXPECT_TRUE(result) << result.error().message();
  }

  std::vector<std::unique_ptr<FaultPlan>> plans_;  // outlive the proxies
};

TEST_P(LeastRequestsTest, WaitForAServerThatIsShortOfResources) {
  struct Asked {
    Operation at;
    unsigned times;
  };
  constexpr Asked kAsked[] = {{kOpPutrootfh, 1}, {kOpPutfh, 3},   {kOpLookup, 3}, {kOpGetattr, 3},
                              {kOpOpen, 2},      {kOpLock, 3},    {kOpWrite, 1},  {kOpCreate, 3},
                              {kOpSetattr, 3},   {kOpReaddir, 1}, {kOpRemove, 3}};
  for (const Asked& asked : kAsked) {
    for (unsigned nth = 1; nth <= asked.times; ++nth) {
      Fault fault = answers(Nfsstat4::kResource, asked.at, nth, 2);
      SCOPED_TRACE(to_string(fault));
      Nfs4Tree& tree = open_client(port_with(fault));
      use(tree);
      EXPECT_GE(tree.client().limits().operations, 50u) << "it was not their number";
      close_client(tree);
      EXPECT_GE(plans_.back()->struck(), 1u);
      EXPECT_TRUE(fs::is_empty(server_.folder("/old")));
    }
  }
}

TEST_P(LeastRequestsTest, TellWhatAServerDoesNotAllow) {
  for (Nfsstat4 status : {Nfsstat4::kTooManyOps, Nfsstat4::kReqTooBig, Nfsstat4::kRepTooBig}) {
    auto tree = make_tree(*loop_, port_with(answers(status, kOpLookup, 1, kAlways)));
    Status opened = run(tree->open());
    ASSERT_FALSE(opened);
    EXPECT_TRUE(is_status(opened.error(), status)) << opened.error().message();
    EXPECT_NE(opened.error().message().find("cannot be made smaller"), std::string::npos);
    run(tree->close());
  }
}

TEST_P(LeastRequestsTest, GoDownALongWayInStepsThatTheServerTakes) {
  std::string path = "/old";
  for (int depth = 0; depth < 30; ++depth) path += "/d" + std::to_string(depth);
  fs::create_directories(server_.folder(path));
  for (const Fault& fault : {answers(Nfsstat4::kTooManyOps, kOpLookup, 12, 1),
                             answers(Nfsstat4::kResource, kOpLookup, 20, 1),
                             Fault{Fault::Kind::kOnlyFirst, kOpLookup, 20, 1, kAlways}}) {
    SCOPED_TRACE(to_string(fault));
    auto tree = make_tree(*loop_, port_with(fault), path);
    Status opened = run(tree->open());
    EXPECT_TRUE(opened) << opened.error().message();
    EXPECT_GE(plans_.back()->struck(), 1u);
    run(tree->close());
  }
}

TEST_P(LeastRequestsTest, AskForSmallerPages) {
  for (Nfsstat4 status : {Nfsstat4::kRepTooBig, Nfsstat4::kResource}) {
    Nfs4Tree& tree = open_client(port_with(answers(status, kOpReaddir, 1, 2)));
    expect_listed(tree, 0);
    EXPECT_EQ(plans_.back()->struck(), 2u);
    EXPECT_GE(tree.client().limits().operations, 50u);
    close_client(tree);
  }
}

TEST_P(LeastRequestsTest, ReadBackInSmallerPieces) {
  const std::vector<std::byte> data(256 << 10, std::byte{7});
  for (Nfsstat4 status : {Nfsstat4::kRepTooBig, Nfsstat4::kResource}) {
    Nfs4Tree& tree = open_client(port_with(answers(status, kOpRead, 1, 2)));
    auto file = run(tree.create_file(tree.root(), "file", {}));
    ASSERT_TRUE(file) << file.error().message();
    Status written = run((*file)->write(0, data));
    ASSERT_TRUE(written) << written.error().message();
    auto read = run((*file)->read_back(0, static_cast<std::uint32_t>(data.size())));
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_GT(read->data.bytes.size(), 0u);
    EXPECT_LT(read->data.bytes.size(), data.size());
    EXPECT_EQ(plans_.back()->struck(), 2u);
    run((*file)->abandon());
    close_client(tree);
  }
}

// VERIFY stands only where a file is one request.
TEST_P(LeastRequestsTest, PutAFileThatIsTooMuchForOne) {
  for (Nfsstat4 status : {Nfsstat4::kTooManyOps, Nfsstat4::kResource}) {
    Nfs4Tree& tree = open_client(port_with(answers(status, kOpVerify, 1, kAlways)));
    const std::string content = "content";
    auto data = std::as_bytes(std::span(content));
    std::vector<PutFile> files{{tree.root().get(), "one", data, {}},
                               {tree.root().get(), "two", data, {}}};
    for (const auto& result : run(tree.put_files(files, ReadBack::kNo))) expect(result);
    expect_listed(tree, 2);
    close_client(tree);
  }
}

// What has its name by then might not be kept, and a later run would take it for equal.
TEST_P(LeastRequestsTest, PutAFileOfWhichNothingSaysThatItIsKept) {
  const std::string content = "content";
  auto data = std::as_bytes(std::span(content));
  Nfs4Tree& tree = open_client(port_with(Fault{Fault::Kind::kNewVerifier, kOpCommit, 0, 1, 3}));
  std::vector<PutFile> files{{tree.root().get(), "one", data, {}}};
  for (const auto& result : run(tree.put_files(files, ReadBack::kNo))) expect(result);
  EXPECT_EQ(plans_.back()->struck(), 3u);
  expect_listed(tree, 1);
  close_client(tree);
}

INSTANTIATE_TEST_SUITE_P(Versions, LeastRequestsTest, kServerVersions, version_name);

}  // namespace
}  // namespace nfsferry::test

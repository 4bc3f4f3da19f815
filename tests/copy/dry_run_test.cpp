// A dry run between real servers, as the target's server sees it.
#include <atomic>
#include <fstream>
#include <set>

#include "compound_walk.hpp"
#include "copy_fixture.hpp"
#include "proxy_filter.hpp"

namespace nfsferry::test {
namespace {

const std::set<std::uint32_t> kModifying{kOpCreate, kOpOpen,    kOpLink,  kOpLock,  kOpRemove,
                                         kOpRename, kOpSetattr, kOpWrite, kOpCommit};

class ModifyingCalls final : public ProxyFilter {
 public:
  explicit ModifyingCalls(std::atomic<unsigned>& count) : count_(count) {}
  void on_call(std::span<const std::byte> record, ProxyActions& actions) override {
    auto call = walk_call(record);
    for (std::size_t i = 0; call && i < call->operations.size(); ++i) {
      if (kModifying.contains(call->operations[i].number)) ++count_;
    }
    actions.push_back({ProxyAction::Kind::kToServer, framed(record)});
  }
  void on_reply(std::span<const std::byte> record, ProxyActions& actions) override {
    actions.push_back({ProxyAction::Kind::kToClient, framed(record)});
  }

 private:
  std::atomic<unsigned>& count_;
};

class DryRun : public CopyTest, public ::testing::WithParamInterface<Place> {};

TEST_P(DryRun, sends_nothing_that_modifies_and_foretells_the_copy) {
  std::atomic<unsigned> modifying = 0;
  ProxyOptions between;
  between.server_port = static_cast<std::uint16_t>(servers().target.port());
  between.make_filter = [&modifying] { return std::make_unique<ModifyingCalls>(modifying); };
  auto proxy = Proxy::start(between);
  ASSERT_TRUE(proxy);
  Ground source = source_ground(Place::kLocal);
  Ground target = target_ground(GetParam(), (*proxy)->port());
  make_odd_entries(source.folder, SampleTree{});
  std::filesystem::create_directory(source.folder / "dir");
  for (int i = 0; i < 20; ++i) {
    std::ofstream(source.folder / "dir" / std::to_string(i)) << "content " << i;
  }
  std::filesystem::create_directories(target.folder / "surplus" / "deep");
  std::ofstream(target.folder / "surplus" / "deep" / "file") << "x";
  CopyOptions wanted = options(source, target);
  wanted.delete_surplus = true;
  wanted.dry_run = true;

  CopyReport dry = copy(wanted);

  EXPECT_EQ(dry.exit_code, ExitCode::kDone) << dry.error_detail;
  EXPECT_EQ(modifying, 0u);
  EXPECT_EQ(dry.bytes_transferred, 0u);
  EXPECT_FALSE(std::filesystem::exists(target.folder / "dir"));
  EXPECT_TRUE(std::filesystem::exists(target.folder / "surplus" / "deep" / "file"));

  wanted.dry_run = false;
  CopyReport real = copy(wanted);
  EXPECT_GT(modifying, 0u);
  EXPECT_EQ(dry.files_transferred, real.files_transferred);
  EXPECT_EQ(dry.bytes_written, real.bytes_written);
  EXPECT_EQ(dry.files_deleted, 1u);
  EXPECT_EQ(real.files_deleted, 1u);
  EXPECT_EQ(real.folders_deleted, 2u);
  EXPECT_FALSE(std::filesystem::exists(target.folder / "surplus"));
  expect_equal(source, target, kept_on(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Versions, DryRun, ::testing::Values(Place::kNfs, Place::kNfs40),
                         [](const auto& about) { return place_name(about.param); });

}  // namespace
}  // namespace nfsferry::test

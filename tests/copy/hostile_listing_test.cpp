// A real server, whose listings are changed on their way: names that lead elsewhere, sizes that
// cannot be, pages without end. Nothing is made outside the target, every lie is told, all else
// arrives.
#include <limits>
#include <set>

#include "compound_walk.hpp"
#include "copy_fixture.hpp"
#include "false_bytes.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;
using Failures = std::set<std::pair<std::string, std::string>>;  // path, error

struct Way {
  Place source;
  Place target;
};

class LyingServer : public CopyTest {
 protected:
  void make_grounds(const Way& way) {
    source_ = source_ground(way.source);
    target_ = target_ground(way.target);
    make_small_files(source_.folder, SampleTree{});
  }

  // From here on the ground is reached through a server that lies.
  Ground behind(const Ganesha& server, const Ground& ground, std::vector<FalseBytes> lies) {
    return behind(server, ground, false_bytes_filters(std::move(lies)));
  }
  Ground behind(const Ganesha& server, const Ground& ground, MakeFilter filters) {
    proxy_ = proxy_to(server, std::chrono::milliseconds(0), std::move(filters));
    Ground lying = ground;
    const std::string own = "nfsport=" + std::to_string(server.port());
    const std::string other = "nfsport=" + std::to_string(proxy_->port());
    lying.location.replace(lying.location.find(own), own.size(), other);
    return lying;
  }

  static Failures failures(const CopyReport& report) {
    Failures out;
    for (const Failure& failure : report.failures) out.emplace(failure.path, failure.error);
    return out;
  }
  static std::set<std::string> names(const fs::path& folder) {
    std::set<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder)) out.insert(entry.path().filename());
    return out;
  }

  static void remove_keeping_time(const fs::path& path) {
    auto time = fs::last_write_time(path.parent_path());
    fs::remove_all(path);
    fs::last_write_time(path.parent_path(), time);
  }

  Ground source_;
  Ground target_;
  std::unique_ptr<Proxy> proxy_;
};

class HostileListing : public LyingServer, public ::testing::WithParamInterface<Way> {
 protected:
  void SetUp() override {
    CopyTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    make_grounds(GetParam());
  }
};

const std::string kWithNul("n\0l", 3);

std::vector<FalseBytes> false_names() {
  return {false_name("xx", ".."), false_name("y", "."), false_name("abc", "a/c"),
          false_name("nul", kWithNul), false_name("root", "/etc")};
}

TEST_P(HostileListing, a_name_that_leads_elsewhere_is_reported_and_never_used) {
  const fs::path below = source_.folder / "directory1";
  for (const fs::path& folder : {source_.folder, below}) {
    for (const char* directory : {"xx", "root"}) {
      fs::create_directory(folder / directory);
      make_file(folder / directory / "inside", 10, 1);
    }
    make_file(folder / "y", 10, 2);
    make_file(folder / "abc", 10, 3);
    fs::create_symlink("/etc/passwd", folder / "nul");
  }
  const std::set<std::string> beside = names(target_.folder.parent_path());

  CopyReport report = copy(options(behind(servers().source, source_, false_names()), target_));

  EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed) << report.error_detail;
  Failures expected;
  for (const std::string& name :
       {std::string(".."), std::string("."), std::string("a/c"), kWithNul, std::string("/etc")}) {
    expected.emplace(name, "bad_name");
    expected.emplace("directory1/" + name, "bad_name");
  }
  EXPECT_EQ(failures(report), expected);
  EXPECT_EQ(names(target_.folder.parent_path()), beside);
  for (const fs::path& folder : {source_.folder, below}) {
    for (const char* name : {"xx", "root", "y", "abc", "nul"}) remove_keeping_time(folder / name);
  }
  expect_equal(source_, target_, kept_on(GetParam().target));
}

TEST_P(HostileListing, with_a_name_that_leads_elsewhere_is_no_ground_for_deletions) {
  make_file(source_.folder / "abc", 10, 1);
  make_file(target_.folder / "surplus", 10, 1);
  CopyOptions deleting = options(behind(servers().source, source_, false_names()), target_);
  deleting.delete_surplus = true;

  CopyReport report = copy(deleting);

  EXPECT_EQ(failures(report), (Failures{{"a/c", "bad_name"}}));
  EXPECT_EQ(report.files_deleted, 0u);
  EXPECT_TRUE(fs::exists(target_.folder / "surplus"));
}

constexpr std::uint64_t kImpossible[] = {(std::uint64_t{1} << 63) - 1, std::uint64_t{1} << 63,
                                         std::numeric_limits<std::uint64_t>::max()};

TEST_P(HostileListing, a_size_that_cannot_be_fails_its_file_alone) {
  constexpr std::uint64_t kTrue = 1'234'567;
  make_file(source_.folder / "directory1" / "vast", kTrue, 1);
  for (std::uint64_t impossible : kImpossible) {
    Ground lying = behind(servers().source, source_, {false_size(kTrue, impossible)});

    CopyReport report = copy(options(lying, target_));

    EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed) << report.error_detail;
    EXPECT_EQ(failures(report), (Failures{{"directory1/vast", "changed_during_copy"}}));
    EXPECT_FALSE(fs::exists(target_.folder / "directory1" / "vast"));
  }
  remove_keeping_time(source_.folder / "directory1" / "vast");
  expect_equal(source_, target_, kept_on(GetParam().target));
}

INSTANTIATE_TEST_SUITE_P(Ways, HostileListing,
                         ::testing::Values(Way{Place::kNfs, Place::kLocal},
                                           Way{Place::kNfs40, Place::kLocal},
                                           Way{Place::kNfs, Place::kNfs}),
                         [](const ::testing::TestParamInfo<Way>& way) {
                           return place_name(way.param.source) + "To" +
                                  place_name(way.param.target);
                         });

// No page is said to be the last one.
class EndlessFilter final : public ProxyFilter {
 public:
  explicit EndlessFilter(bool rewinds) : rewinds_(rewinds) {}

  void on_call(std::span<const std::byte> record, ProxyActions& actions) override {
    Record sent(record.begin(), record.end());
    auto call = walk_call(record);
    if (call && rewinds_) {
      for (const WalkedOperation& operation : call->operations) {
        if (operation.number == kOpReaddir) rewind(sent, operation);
      }
    }
    actions.push_back({ProxyAction::Kind::kToServer, framed(sent)});
  }
  void on_reply(std::span<const std::byte> record, ProxyActions& actions) override {
    Record told(record.begin(), record.end());
    auto reply = walk_reply(record);
    if (reply) {
      for (const WalkedOperation& result : reply->results) {
        bool listed = result.number == kOpReaddir && result.status == 0;
        if (listed) set_word(told, result.end - 4, 0);
      }
    }
    actions.push_back({ProxyAction::Kind::kToClient, framed(told)});
  }

 private:
  // To the first page: neither cookie nor verifier.
  static void rewind(Record& call, const WalkedOperation& readdir) {
    for (std::size_t word = 1; word <= 4; ++word) set_word(call, readdir.begin + 4 * word, 0);
  }

  bool rewinds_;
};

TEST_P(HostileListing, without_an_end_fails_its_directory_and_gives_what_it_told) {
  for (bool rewinds : {false, true}) {
    Ground lying = behind(servers().source, source_,
                          [rewinds] { return std::make_unique<EndlessFilter>(rewinds); });

    CopyReport report = copy(options(lying, target_));

    EXPECT_EQ(report.exit_code, ExitCode::kEntriesFailed) << report.error_detail;
    Failures expected{{"", "listing_loops"}};
    for (const std::string& name : names(source_.folder)) expected.emplace(name, "listing_loops");
    EXPECT_EQ(failures(report), expected);
    for (const auto& entry : fs::recursive_directory_iterator(source_.folder)) {
      const fs::path copied = target_.folder / fs::relative(entry.path(), source_.folder);
      EXPECT_TRUE(fs::exists(copied)) << copied;
    }
    for (const auto& entry : fs::directory_iterator(target_.folder)) fs::remove_all(entry.path());
  }
}

TEST_F(LyingServer, of_the_target_loses_nothing_elsewhere) {
  make_grounds({Place::kLocal, Place::kNfs});
  ASSERT_EQ(copy(options(source_, target_)).exit_code, ExitCode::kDone);
  const char* const added[] = {"xx", "y", "abc", "surplus"};
  for (const char* name : added) make_file(target_.folder / name, 10, 1);
  const std::set<std::string> beside = names(target_.folder.parent_path());
  const std::set<std::string> before = names(target_.folder);
  CopyOptions deleting = options(source_, behind(servers().target, target_, false_names()));
  deleting.delete_surplus = true;

  CopyReport report = copy(deleting);

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << "all of the source is there";
  EXPECT_EQ(failures(report), Failures{});
  EXPECT_EQ(report.files_deleted, 0u);
  EXPECT_EQ(names(target_.folder), before);
  EXPECT_EQ(names(target_.folder.parent_path()), beside);
}

}  // namespace
}  // namespace nfsferry::test

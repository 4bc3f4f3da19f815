// Servers that crash while the built program copies: gone for good, or back with and without a
// grace period.
#include <csignal>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "copy_fixture.hpp"
#include "program.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

enum class Side { kSource, kTarget };

struct Crash {
  Side side;
  const char* version;
  int grace_s;
};

std::string crash_name(const ::testing::TestParamInfo<Crash>& info) {
  std::string name = info.param.side == Side::kSource ? "Source" : "Target";
  name += info.param.grace_s == 0 ? "" : "WithGrace";
  for (const char* c = info.param.version; *c != '\0'; ++c) name += *c == '.' ? '_' : *c;
  return name;
}

class ServerCrash : public CopyTest, public ::testing::WithParamInterface<Crash> {
 protected:
  // One server crashes, the other is far away, so that a copy lasts until that is done.
  void SetUp() override {
    CopyTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    GaneshaOptions options;
    options.grace_s = GetParam().grace_s;
    ASSERT_EQ(server_.start(options), "");
    bool is_source = GetParam().side == Side::kSource;
    Ganesha& other = is_source ? servers().target : servers().source;
    proxy_ = proxy_to(other, std::chrono::milliseconds(20));
    source_ = is_source ? ground(server_, "/old", Place::kNfs)
                        : source_ground(Place::kNfs, proxy_->port());
    target_ = is_source ? target_ground(Place::kNfs, proxy_->port())
                        : ground(server_, "/new", Place::kNfs);
    Ground& crashing = is_source ? source_ : target_;
    crashing.location = server_.url(
        (is_source ? "/old/" : "/new/") + crashing.folder.filename().string(), GetParam().version);
    SampleTree sample;
    sample.directories = 60;
    make_small_files(source_.folder, sample);
    make_file(source_.folder / "large", 20 << 20, 3);
  }

  std::vector<std::string> arguments(const std::string& timeout) const {
    return {"copy",      source_.location, target_.location, "--quiet",
            "--timeout", timeout,          "--report-json",  report_.path("report.json")};
  }

  // Until a few of the files are in place; far fewer than all.
  void wait_for_files() const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    auto begun = [this] {
      unsigned files = 0;
      std::error_code gone;
      for (const auto& entry : fs::recursive_directory_iterator(target_.folder, gone)) {
        files += entry.path().string().find(".nfsferry-") == std::string::npos ? 1 : 0;
      }
      return files > 100;
    };
    while (!begun()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "nothing is copied";
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  Ganesha server_;
  std::unique_ptr<Proxy> proxy_;
  Ground source_;
  Ground target_;
  Folder report_;
};

TEST_P(ServerCrash, for_good_ends_the_run_with_75_and_the_next_one_completes) {
  Program running(arguments("10s"));  // the other server is alive and may be slow
  ASSERT_NO_FATAL_FAILURE(wait_for_files());
  ASSERT_EQ(server_.kill(), "");

  Outcome outcome = running.wait();

  EXPECT_EQ(outcome.exit_code, static_cast<int>(ExitCode::kTemporary)) << outcome.err;
  std::string server = "127.0.0.1:" + std::to_string(server_.port());
  EXPECT_NE(outcome.err.find(server), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("--timeout"), std::string::npos) << outcome.err;
  Json report = Json::parse(report_.read("report.json"));
  EXPECT_EQ(report["nfsferry"]["exit_code"], outcome.exit_code);
  EXPECT_EQ(report["Status"], "ERROR");
  EXPECT_NE(report["Result"]["ErrorDetail"].get<std::string>().find(server), std::string::npos);

  ASSERT_EQ(server_.restart(), "");
  Outcome again = run_program(arguments("60s"));
  EXPECT_EQ(again.exit_code, 0) << again.err;
  expect_equal(source_, target_, kept_on(Place::kNfs));
}

TEST_P(ServerCrash, before_the_start_is_said_with_the_server) {
  bool is_source = GetParam().side == Side::kSource;
  ASSERT_EQ(server_.kill(), "");
  Outcome outcome = run_program(arguments("1s"));
  ExitCode expected = is_source ? ExitCode::kSourceUnreachable : ExitCode::kTargetUnusable;
  EXPECT_EQ(outcome.exit_code, static_cast<int>(expected)) << outcome.err;
  EXPECT_NE(outcome.err.find(std::to_string(server_.port())), std::string::npos) << outcome.err;
  EXPECT_TRUE(report_.has("report.json"));
}

// What is done beside copies: the server was reached, and may come back.
class ServerOfOther : public CopyTest {
 protected:
  void SetUp() override {
    CopyTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_EQ(server_.start(), "");
    slow_ = proxy_to(server_, std::chrono::milliseconds(20));
    ground_ = ground(server_, "/new", Place::kNfs, slow_->port());
  }
  // Until it has begun to change what is there.
  void expect_75_when_the_server_dies_after(const std::vector<std::string>& arguments,
                                            const std::function<bool()>& has_begun) {
    Program running(arguments);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!has_begun()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << running.said();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ASSERT_EQ(server_.kill(), "");
    Outcome outcome = running.wait();
    EXPECT_EQ(outcome.exit_code, static_cast<int>(ExitCode::kTemporary)) << outcome.err;
    EXPECT_EQ(outcome.err.rfind("\nnfsferry: "), outcome.err.find("\nnfsferry: ")) << outcome.err;
  }

  Ganesha server_;
  std::unique_ptr<Proxy> slow_;
  Ground ground_;
};

TEST_F(ServerOfOther, a_prune_ends_with_75) {
  Ground source = source_ground(Place::kLocal);
  make_file(source.folder / "file", 10, 1);
  make_file(ground_.folder / "file", 20, 2);
  CopyOptions wanted = options(source, ground_);
  wanted.target = ground_.folder;
  wanted.backup_dir = "kept";
  wanted.run_id = "first";
  ASSERT_EQ(copy(wanted).backed_up, 1u);
  const fs::path first = ground_.folder / "kept" / "first";
  SampleTree sample;
  sample.directories = 200;
  make_small_files(first, sample);
  expect_75_when_the_server_dies_after(
      {"backups", ground_.location, "--prune", "first", "--timeout", "2s"},
      [&] { return !fs::exists(first / "file"); });
  EXPECT_TRUE(fs::exists(first));
}

TEST_F(ServerOfOther, a_bench_ends_with_75) {
  Folder target;
  expect_75_when_the_server_dies_after({"bench", ground_.location, target.path(), "--shape",
                                        "small", "--files", "20000", "--timeout", "2s"},
                                       [&] { return !fs::is_empty(ground_.folder); });
}

INSTANTIATE_TEST_SUITE_P(Sides, ServerCrash,
                         ::testing::Values(Crash{Side::kSource, "4.1", 0},
                                           Crash{Side::kTarget, "4.1", 0},
                                           Crash{Side::kSource, "4.0", 0}),
                         crash_name);

using ServerRestart = ServerCrash;

// More often than a file is tried for other reasons; once where each start has a time of grace. At
// this pace the large file is on its way all the while.
TEST_P(ServerRestart, in_the_middle_of_a_copy_is_gone_on_with) {
  std::vector<std::string> with_limit = arguments("120s");
  with_limit.insert(with_limit.end(), {"--bwlimit", "6MiB"});
  Program running(with_limit);
  ASSERT_NO_FATAL_FAILURE(wait_for_files());
  const int times = GetParam().grace_s == 0 ? 4 : 1;
  for (int i = 0; i < times; ++i) {
    ASSERT_EQ(server_.kill(), "");
    ASSERT_EQ(server_.restart(), "");
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }

  Outcome outcome = running.wait(std::chrono::seconds(120));

  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  expect_equal(source_, target_, kept_on(Place::kNfs));
}

INSTANTIATE_TEST_SUITE_P(
    Sides, ServerRestart,
    ::testing::Values(Crash{Side::kSource, "4.1", 0}, Crash{Side::kTarget, "4.1", 0},
                      Crash{Side::kSource, "4.1", 5}, Crash{Side::kTarget, "4.1", 5},
                      Crash{Side::kSource, "4.0", 0}, Crash{Side::kTarget, "4.0", 0},
                      Crash{Side::kSource, "4.0", 5}),
    crash_name);

}  // namespace
}  // namespace nfsferry::test

#include "fault_fixture.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <set>

#include "proxy.hpp"
#include "sample_tree.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargeBytes = 3 << 20;

// The server of this process and the tree that every trial copies.
struct Server {
  Ganesha ganesha;
  std::string broken;  // why it does not run
};

// Directories, small and large files, an empty one, a hard link to another directory, a symlink, a
// FIFO.
void make_source(const fs::path& root) {
  fs::create_directories(root / "one" / "two");
  fs::create_directory(root / "empty");
  for (std::uint64_t i = 0; i < 6; ++i) {
    make_file(root / ("file" + std::to_string(i)), 1 + i * 1500, i);
    make_file(root / "one" / ("inner" + std::to_string(i)), 10 + i * 700, 100 + i);
  }
  make_file(root / "one" / "nothing", 0, 1);
  make_file(root / "one" / "two" / "large", kLargeBytes, 7);
  make_file(root / "replaced", 5000, 8);
  fs::create_hard_link(root / "file1", root / "one" / "two" / "linked");
  fs::create_symlink("../file2", root / "one" / "symlink");
  check(::mkfifo((root / "fifo").c_str(), 0640) == 0, "mkfifo fails");
}

Server& server() {
  static Server* one = [] {
    static Server instance;  // its destructor ends the server
    instance.broken = instance.ganesha.start();
    if (instance.broken.empty()) make_source(instance.ganesha.folder("/old"));
    return &instance;
  }();
  return *one;
}

std::unique_ptr<Proxy> proxy_with(FaultPlan& plan) {
  ProxyOptions options;
  options.server_port = static_cast<std::uint16_t>(server().ganesha.port());
  options.make_filter = plan.filters();
  auto proxy = Proxy::start(options);
  check(proxy.has_value(), "no proxy");
  return *std::move(proxy);
}

bool is_or_is_below(const std::string& path, const std::string& root) {
  return root.empty() || path == root || path.starts_with(root + "/");
}

}  // namespace

void FaultTest::SetUp() {
  if (auto missing = require_ganesha(); !missing.empty()) GTEST_SKIP() << missing;
  static int number = 0;
  // nfs-ganesha 4.3 crashes now and then, and keeps what was removed behind its back open.
  constexpr int kTrialsOfAServer = 300;
  bool ended = server().broken.empty() && ::kill(server().ganesha.pid(), 0) != 0;
  bool full = ++number % kTrialsOfAServer == 0;
  if (server().broken.empty() && (ended || full)) server().broken = server().ganesha.restart();
  ASSERT_EQ(server().broken, "");
  target_ = server().ganesha.folder("/new") / ("trial" + std::to_string(number));
  fs::create_directory(target_);
  make_file(target_ / "replaced", 700, 9);
}

void FaultTest::TearDown() {
  std::error_code ignored;
  if (!target_.empty()) fs::remove_all(target_, ignored);
}

CopyReport FaultTest::copy_through(std::uint16_t source_port, std::uint16_t target_port,
                                   const Trial& trial) {
  auto url = [&](std::uint16_t port, const std::string& path) {
    return "nfs://127.0.0.1" + path + "?version=" + trial.version +
           "&nfsport=" + std::to_string(port);
  };
  CopyOptions options;
  options.threads = 1;  // requests come in the same order each time
  options.source = url(source_port, "/old");
  options.target = url(target_port, "/new/" + target_.filename().string());
  options.timeout_ms = trial.timeout_ms;
  options.connections = trial.connections;
  Observer quiet;
  StopFlag stop{0};
  return run(options, quiet, stop);
}

void FaultTest::try_faults(const Trial& trial) {
  std::string planned =
      "version " + trial.version + ", connections " + std::to_string(trial.connections) + "\n";
  for (const Fault& fault : trial.source) planned += "source: " + to_string(fault) + "\n";
  for (const Fault& fault : trial.target) planned += "target: " + to_string(fault) + "\n";
  SCOPED_TRACE(planned);
  FaultPlan source_plan(trial.source);
  FaultPlan target_plan(trial.target);
  {
    auto source_proxy = proxy_with(source_plan);
    auto target_proxy = proxy_with(target_plan);
    CopyReport report = copy_through(source_proxy->port(), target_proxy->port(), trial);
    judge(report, trial.expected);
    // The lock of a run that ended without its server would last as long as its lease.
    bool lost = report.exit_code == ExitCode::kTemporary;
    ASSERT_EQ(lost ? server().ganesha.restart() : "", "");
  }
  EXPECT_EQ(source_plan.unread() + target_plan.unread(), 0u);
  struck_ = source_plan.struck() + target_plan.struck();
  SCOPED_TRACE("the second run, without faults");
  auto port = static_cast<std::uint16_t>(server().ganesha.port());
  Trial patient = trial;
  patient.timeout_ms = 30'000;
  CopyReport again = copy_through(port, port, patient);
  judge(again, Expected::kSuccess);
}

void FaultTest::judge(const CopyReport& report, Expected expected) {
  const ExitCode code = report.exit_code;
  SCOPED_TRACE("exit code " + std::to_string(static_cast<int>(code)) + " " + report.error_detail);
  // A lock file of which a server will not say whose it is stays: the next run takes it over. After
  // MLINK a name gets a file of its own.
  auto is_excused = [&](const std::string& line) {
    return expected == Expected::kTold &&
           (line.starts_with("/.nfsferry-lock") || line.ends_with("not linked to its other name"));
  };
  if (code != ExitCode::kTemporary) {
    for (const std::string& name : temporaries(target_)) {
      if (!is_excused(name)) ADD_FAILURE() << "left behind: " << name;
    }
  }
  if (code == ExitCode::kDone) {
    EXPECT_TRUE(report.failures.empty());
    for (const std::string& line : differing()) {
      if (!is_excused(line)) ADD_FAILURE() << line;
    }
    return;
  }
  if (expected == Expected::kSuccess) {
    ADD_FAILURE() << "failed";
    for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  }
  if (code == ExitCode::kEntriesFailed) return judge_failures(report);
  bool stopped = code == ExitCode::kSourceUnreachable || code == ExitCode::kTargetUnusable ||
                 code == ExitCode::kTemporary;
  EXPECT_TRUE(stopped);
  EXPECT_NE(report.error_detail, "");
}

std::vector<std::string> FaultTest::differing() const {
  Expectation kept;
  kept.symlink_times = false;  // nfs-ganesha answers OK to the times of a symlink, keeps its own
  return differences(server().ganesha.folder("/old"), target_, kept);
}

// What the report names has failed; everything else is there.
void FaultTest::judge_failures(const CopyReport& report) {
  EXPECT_FALSE(report.failures.empty());
  std::set<std::string> failed;
  for (const Failure& failure : report.failures) {
    fs::path path = server().ganesha.folder("/old") / failure.path;
    EXPECT_TRUE(fs::exists(fs::symlink_status(path))) << failure.path << " is no entry";
    failed.insert(failure.path.empty() ? "" : "/" + failure.path);
  }
  for (const std::string& line : differing()) {
    std::string path = line.substr(0, line.find(": "));
    bool named = std::ranges::any_of(
        failed, [&](const std::string& one) { return is_or_is_below(path, one); });
    named = named || path == "/.nfsferry-lock";
    if (!named) ADD_FAILURE() << line << " and no failure says so";
  }
}

}  // namespace nfsferry::test

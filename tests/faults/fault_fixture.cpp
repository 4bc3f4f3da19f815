#include "fault_fixture.hpp"

#include <gtest/gtest-spi.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "base/error.hpp"
#include "base/nfsstat4.hpp"
#include "proxy.hpp"
#include "sample_tree.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

// What else a copy may end with: no file is opened before RECLAIM_COMPLETE was carried out, and who
// may not give files away is told so in our words.
std::optional<std::string> further_name(const Fault& fault) {
  auto status = static_cast<Nfsstat4>(fault.amount);
  bool forbidden = status == Nfsstat4::kAccess || status == Nfsstat4::kPerm;
  if (fault.at == kOpReclaimComplete) return "NFS4ERR_GRACE";
  if (fault.at == kOpSetattr && forbidden) return "EPERM";
  return {};
}

constexpr std::uint64_t kLargeBytes = 3 << 20;

// The server of this process and the tree that every trial copies.
struct Server {
  Ganesha ganesha;
  std::string broken;  // why it does not run
};

// Directories, small and large files, an empty one, hard links to another directory, symlinks, a
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
  for (const char* number : {"1", "2", "3", "4"}) {
    std::string file = std::string("file") + number;
    fs::create_hard_link(root / file, root / "one" / "two" / (std::string("linked") + number));
    fs::create_symlink("../" + file, root / "one" / (std::string("symlink") + number));
  }
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

// Stops a run that does not end by itself.
class EndAfter {
 public:
  EndAfter(StopFlag& stop, std::chrono::milliseconds patience)
      : thread_([&stop, patience, this](const std::stop_token& over) {
          std::unique_lock lock(mutex_);
          bool is_over =
              never_.wait_for(lock, over, patience, [&] { return over.stop_requested(); });
          if (!is_over) stop = SIGTERM;
        }) {}

 private:
  std::mutex mutex_;
  std::condition_variable_any never_;
  std::jthread thread_;  // the last member: it uses the others
};

// Whether a server can seem to be away after one of these.
bool may_be_away(const std::vector<Fault>& faults) {
  static constexpr Operation kOfClient[] = {
      kOpExchangeId,        kOpCreateSession, kOpReclaimComplete,
      kOpBindConnToSession, kOpSetclientid,   kOpSetclientidConfirm,
  };
  return std::ranges::any_of(faults, [](const Fault& fault) {
    switch (fault.kind) {
      case Fault::Kind::kStatus:
        return std::ranges::find(kOfClient, fault.at) != std::end(kOfClient);
      case Fault::Kind::kOnlyFirst:
      case Fault::Kind::kDelayReply:
      case Fault::Kind::kDoubleReply:
      case Fault::Kind::kNewVerifier: return false;
      default: return true;
    }
  });
}

// NOSPC, DQUOT or ROFS.
bool is_no_space(std::uint32_t status) { return status == 28 || status == 69 || status == 30; }

bool has_ended() { return ::kill(server().ganesha.pid(), 0) != 0; }

// A process that crashes is not gone at once.
bool ends_now() {
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  while (!has_ended() && std::chrono::steady_clock::now() < patience)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return has_ended();
}

bool is_or_is_below(const std::string& path, const std::string& root) {
  return root.empty() || path == root || path.starts_with(root + "/");
}

}  // namespace

void FaultTest::SetUp() {
  if (auto missing = require_ganesha(); !missing.empty()) GTEST_SKIP() << missing;
  make_target();
}

void FaultTest::make_target() {
  static int number = 0;
  // nfs-ganesha 4.3 crashes now and then, and keeps what was removed behind its back open.
  constexpr int kTrialsOfAServer = 300;
  bool full = ++number % kTrialsOfAServer == 0;
  if (server().broken.empty() && (has_ended() || full))
    server().broken = server().ganesha.restart();
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
  options.verify = trial.verify;
  Observer quiet;
  StopFlag stop{0};
  // Against hanging alone: no fault makes a server stay away for longer than the timeout.
  constexpr auto kSlack = std::chrono::seconds(60);
  EndAfter end(stop, std::chrono::milliseconds(trial.timeout_ms) + kSlack);
  CopyReport report = run(options, quiet, stop);
  EXPECT_EQ(stop.load(), 0) << "it would not end";
  return report;
}

// What is judged of a server that crashed by itself meanwhile says nothing: it is tried again.
void FaultTest::try_faults(const Trial& trial) {
  constexpr unsigned kCrashesMost = 2;
  for (unsigned crashes = 0;; ++crashes) {
    ::testing::TestPartResultArray told;
    {
      using Keep = ::testing::ScopedFakeTestPartResultReporter;
      Keep keep(Keep::INTERCEPT_ALL_THREADS, &told);
      try_once(trial);
    }
    if (told.size() > 0 && crashes < kCrashesMost && ends_now()) {
      std::printf("nfs-ganesha has crashed; the trial is repeated\n");
      TearDown();
      make_target();
      continue;
    }
    for (int i = 0; i < told.size(); ++i) {
      const ::testing::TestPartResult& one = told.GetTestPartResult(i);
      ADD_FAILURE_AT(one.file_name(), one.line_number()) << one.message();
    }
    return;
  }
}

void FaultTest::try_once(const Trial& trial) {
  std::string planned = "version " + trial.version + ", connections " +
                        std::to_string(trial.connections) + ", verify " +
                        std::to_string(static_cast<int>(trial.verify)) + "\n";
  for (const Fault& fault : trial.source) planned += "source: " + to_string(fault) + "\n";
  for (const Fault& fault : trial.target) planned += "target: " + to_string(fault) + "\n";
  SCOPED_TRACE(planned);
  FaultPlan source_plan(trial.source);
  FaultPlan target_plan(trial.target);
  {
    auto source_proxy = proxy_with(source_plan);
    auto target_proxy = proxy_with(target_plan);
    CopyReport report = copy_through(source_proxy->port(), target_proxy->port(), trial);
    Struck struck{source_plan.struck() > 0, target_plan.struck() > 0};
    judge(report, trial, struck);
    // The lock of a run that ended without its server would last as long as its lease.
    bool lost = report.exit_code == ExitCode::kTemporary && struck.target;
    ASSERT_EQ(lost ? server().ganesha.restart() : "", "");
  }
  EXPECT_EQ(source_plan.unread() + target_plan.unread(), 0u);
  struck_ = source_plan.struck() + target_plan.struck();
  SCOPED_TRACE("the second run, without faults");
  auto port = static_cast<std::uint16_t>(server().ganesha.port());
  Trial patient = trial;
  patient.timeout_ms = 30'000;
  patient.expected = Expected::kSuccess;
  CopyReport again = copy_through(port, port, patient);
  judge(again, patient, Struck{});
}

void FaultTest::judge(const CopyReport& report, const Trial& trial, Struck struck) {
  const Expected expected = trial.expected;
  const ExitCode code = report.exit_code;
  SCOPED_TRACE("exit code " + std::to_string(static_cast<int>(code)) + " " + report.error_detail);
  // A lock file of which a server will not say whose it is stays: the next run takes it over. After
  // MLINK a name gets a file of its own.
  auto is_excused = [&](const std::string& line) {
    bool lock = struck.target && line.starts_with("/.nfsferry-lock");
    return expected == Expected::kTold && (lock || line.ends_with("not linked to its other name"));
  };
  // Nobody can rid a target of temporaries that is away: the next run removes them
  // (docs/reliability.md, "Limits"). Where the source alone is away, none may stay.
  bool target_away = struck.target && may_be_away(trial.target);
  if (code != ExitCode::kTemporary || !target_away) {
    for (const std::string& name : temporaries(target_)) {
      if (!is_excused(name)) ADD_FAILURE() << "left behind: " << name;
    }
  }
  if (code == ExitCode::kDone) {
    EXPECT_NE(expected, Expected::kFull);
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
  judge_names(report, trial, struck);
  EXPECT_TRUE(expected != Expected::kFull || code == ExitCode::kTargetUnusable);
  EXPECT_TRUE(expected != Expected::kAway || code == ExitCode::kTemporary);
  if (code == ExitCode::kEntriesFailed) return judge_failures(report);
  judge_end(report, trial, struck);
}

// The run ended early; its exit code says why, and through which side.
void FaultTest::judge_end(const CopyReport& report, const Trial& trial, Struck struck) {
  EXPECT_NE(report.error_detail, "");
  bool source_away = struck.source && may_be_away(trial.source);
  bool target_away = struck.target && may_be_away(trial.target);
  switch (report.exit_code) {
    case ExitCode::kSourceUnreachable: EXPECT_TRUE(struck.source); break;
    case ExitCode::kTargetUnusable: EXPECT_TRUE(struck.target); break;
    case ExitCode::kTemporary: EXPECT_TRUE(source_away || target_away); break;
    default: ADD_FAILURE() << "no fault of a server ends a run like that";
  }
}

// Where servers did nothing but answer these statuses, no other error is told, but for what a
// comparison makes of them.
void FaultTest::judge_names(const CopyReport& report, const Trial& trial, Struck struck) {
  std::set<std::string> told;
  for (const Failure& failure : report.failures) told.insert(failure.error);
  if (told.empty()) told.insert(report.error_code);
  bool away = report.error_code == "unreachable";
  std::set<std::string> given;
  if (trial.verify == VerifyMode::kAll) given = {"missing", "differs"};
  bool target_full = false;
  for (const auto* faults : {&trial.source, &trial.target}) {
    for (const Fault& fault : *faults) {
      if (fault.kind != Fault::Kind::kStatus) return;
      given.insert(std::string(code_name(Domain::kNfs4, fault.amount)));
      if (auto further = further_name(fault)) given.insert(*further);
      target_full = target_full || (faults == &trial.target && is_no_space(fault.amount));
    }
  }
  for (const std::string& name : told) EXPECT_TRUE(away || given.contains(name)) << name;
  bool says_why = std::ranges::any_of(given, [&](const std::string& name) {
    return report.error_detail.find(name) != std::string::npos;
  });
  EXPECT_TRUE(!away || says_why) << "why it is away";
  bool one = trial.source.size() + trial.target.size() == 1;
  bool ended_by_it = one && target_full && struck.target;
  EXPECT_TRUE(!ended_by_it || report.exit_code == ExitCode::kTargetUnusable);
}

std::vector<std::string> FaultTest::differing() const {
  Expectation kept;
  kept.symlink_times = false;  // nfs-ganesha answers OK to the times of a symlink, keeps its own
  return differences(server().ganesha.folder("/old"), target_, kept);
}

// What the report names has failed; everything else is there.
void FaultTest::judge_failures(const CopyReport& report) {
  EXPECT_FALSE(report.failures.empty());
  // The other name of a file that failed under one is a file of its own.
  auto are_one_file = [root = server().ganesha.folder("/old")](const std::string& one,
                                                               const std::string& other) {
    return fs::is_regular_file(root.string() + other) &&
           fs::equivalent(root.string() + one, root.string() + other);
  };
  std::set<std::string> failed;
  for (const Failure& failure : report.failures) {
    fs::path path = server().ganesha.folder("/old") / failure.path;
    EXPECT_TRUE(fs::exists(fs::symlink_status(path))) << failure.path << " is no entry";
    failed.insert(failure.path.empty() ? "" : "/" + failure.path);
  }
  for (const std::string& line : differing()) {
    std::string path = line.substr(0, line.find(": "));
    bool unlinked = line.ends_with("not linked to its other name");
    bool named = std::ranges::any_of(failed, [&](const std::string& one) {
      return is_or_is_below(path, one) || (unlinked && are_one_file(path, one));
    });
    named = named || path == "/.nfsferry-lock";
    if (!named) ADD_FAILURE() << line << " and no failure says so";
  }
}

}  // namespace nfsferry::test

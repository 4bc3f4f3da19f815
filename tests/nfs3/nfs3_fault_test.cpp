// Connections that end, stand still or come in pieces under every request of a copy.
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "nfs3/nfs3_tree.hpp"
#include "nfs3_copies.hpp"
#include "record_reader.hpp"
#include "sample_tree.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

const auto* const kRegistered = ::testing::AddGlobalTestEnvironment(&SharedServer::instance());

enum class Blow {
  kCutCall,      // not executed
  kCutInCall,    // half of it reaches the server
  kCutReply,     // executed
  kCutInReply,   // executed; half of the answer comes
  kDouble,       // the answer comes twice
  kPieces,       // in single bytes
  kDelay,        // by 20 ms
  kNewVerifier,  // of WRITE and COMMIT, as after a restart
};

// What befalls some requests for one procedure of NFSv3. Filters run on the proxy's thread alone.
struct Plan {
  std::uint32_t procedure = 0;  // 0: every one
  Blow blow = Blow::kCutCall;
  unsigned nth = 1;  // which of them is the first
  unsigned times = 1;
  std::chrono::milliseconds lasts{0};  // instead of `times`
  std::size_t least_bytes = 0;         // of a call that it may strike
  unsigned seen = 0;
  std::optional<std::chrono::steady_clock::time_point> first{};
  std::atomic<unsigned> struck{0};

  bool strikes(std::uint32_t asked, std::size_t bytes) {
    if ((procedure != 0 && asked != procedure) || bytes < least_bytes) return false;
    ++seen;
    bool now = seen >= nth && seen < nth + times;
    if (lasts.count() > 0 && seen >= nth) {
      auto time = std::chrono::steady_clock::now();
      if (!first) first = time;
      now = time < *first + lasts;
    }
    if (now) ++struck;
    return now;
  }
};

class PlanFilter : public ProxyFilter {
 public:
  explicit PlanFilter(Plan& plan) : plan_(plan) {}

  void on_call(std::span<const std::byte> record, ProxyActions& actions) override {
    bool struck = plan_.strikes(word_at(record, kProcedureAt), record.size());
    bool cut = struck && (plan_.blow == Blow::kCutCall || plan_.blow == Blow::kCutInCall);
    if (struck) marked_.push_back(word_at(record, 0));
    std::vector<std::byte> bytes = framed(record);
    if (cut) bytes.resize(plan_.blow == Blow::kCutInCall ? bytes.size() / 2 : 0);
    actions.push_back({ProxyAction::Kind::kToServer, std::move(bytes)});
    if (cut) actions.push_back({ProxyAction::Kind::kReset});
  }
  void on_reply(std::span<const std::byte> record, ProxyActions& actions) override {
    bool struck = std::erase(marked_, word_at(record, 0)) > 0;
    if (!struck) {
      actions.push_back({ProxyAction::Kind::kToClient, framed(record)});
      return;
    }
    using Kind = ProxyAction::Kind;
    std::vector<std::byte> bytes = framed(record);
    switch (plan_.blow) {
      case Blow::kCutCall:
      case Blow::kCutInCall:
      case Blow::kCutReply: actions.push_back({Kind::kReset}); break;
      case Blow::kCutInReply:
        bytes.resize(bytes.size() / 2);
        actions.push_back({Kind::kToClient, std::move(bytes)});
        actions.push_back({Kind::kReset});
        break;
      case Blow::kDouble:
        actions.push_back({Kind::kToClient, bytes});
        actions.push_back({Kind::kToClient, std::move(bytes)});
        break;
      case Blow::kPieces: actions.push_back({Kind::kBytewise, std::move(bytes)}); break;
      case Blow::kDelay:
        actions.push_back({Kind::kToClient, std::move(bytes), std::chrono::milliseconds(20)});
        break;
      case Blow::kNewVerifier:  // the last of both results (RFC 1813 sections 3.3.7 and 3.3.21)
        bytes.back() ^= std::byte{1};
        actions.push_back({Kind::kToClient, std::move(bytes)});
        break;
    }
  }

 private:
  Plan& plan_;
  std::vector<std::uint32_t> marked_;  // xids
};

// Ends all connections but the first as soon as something is asked, for as long as it refuses.
class FirstOnly : public ProxyFilter {
 public:
  FirstOnly(bool first, const std::atomic<bool>& refuses) : first_(first), refuses_(refuses) {}
  void on_call(std::span<const std::byte> record, ProxyActions& actions) override {
    if (first_ || !refuses_)
      actions.push_back({ProxyAction::Kind::kToServer, framed(record)});
    else
      actions.push_back({ProxyAction::Kind::kReset});
  }
  void on_reply(std::span<const std::byte> record, ProxyActions& actions) override {
    actions.push_back({ProxyAction::Kind::kToClient, framed(record)});
  }

 private:
  const bool first_;
  const std::atomic<bool>& refuses_;
};

// Directories, small files, a large one, an empty one, a replaced one, links, a FIFO.
void make_source(const fs::path& root) {
  fs::create_directories(root / "one" / "two");
  for (std::uint64_t i = 0; i < 4; ++i) {
    make_file(root / ("file" + std::to_string(i)), 1 + i * 1500, i);
    make_file(root / "one" / ("inner" + std::to_string(i)), 10 + i * 700, 100 + i);
  }
  make_file(root / "one" / "nothing", 0, 1);
  make_file(root / "one" / "two" / "large", (1 << 20) + 1, 7);
  fs::create_hard_link(root / "file1", root / "one" / "two" / "linked");
  fs::create_symlink("../file2", root / "one" / "symlink");
  ASSERT_EQ(::mkfifo((root / "fifo").c_str(), 0640), 0);
}

class Nfs3Fault : public Nfs3Copy {
 protected:
  std::unique_ptr<Proxy> proxy(Plan& plan) {
    return proxy_with([&plan] { return std::make_unique<PlanFilter>(plan); });
  }
  // Both sides through one proxy.
  CopyReport copy_both_through(Plan& plan) {
    auto between = proxy(plan);
    CopyOptions wanted = options();
    wanted.source = url(source_, "3", between->port());
    wanted.target = url(target_, "3", between->port());
    wanted.verify = VerifyMode::kTransferred;
    return copy(wanted);
  }
  CopyReport copy_through(Plan& plan) {
    CopyReport report = copy_both_through(plan);
    expect_done(report);
    expect_equal();
    return report;
  }
  void clear_target() {
    for (const auto& entry : fs::directory_iterator(folder(target_))) fs::remove_all(entry.path());
  }
};

struct Procedure {
  const char* name;
  std::uint32_t number;
};
constexpr Procedure kProcedures[] = {
    {"GETATTR", 1},  {"SETATTR", 2},      {"LOOKUP", 3},  {"READLINK", 5},
    {"READ", 6},     {"WRITE", 7},        {"CREATE", 8},  {"MKDIR", 9},
    {"SYMLINK", 10}, {"MKNOD", 11},       {"REMOVE", 12}, {"RENAME", 14},
    {"LINK", 15},    {"READDIRPLUS", 17}, {"FSINFO", 19}, {"COMMIT", 21}};

std::string procedure_name(const ::testing::TestParamInfo<Procedure>& info) {
  return info.param.name;
}

class Nfs3Faults : public Nfs3Fault, public ::testing::WithParamInterface<Procedure> {
 protected:
  // A server may carry out a CREATE of a connection that is gone after its name was removed: what
  // it makes then stays. That is rare; what stays each time is ours.
  void try_with(Blow blow, unsigned nth) {
    constexpr unsigned kTrials = 3;
    for (unsigned trial = 1; trial <= kTrials; ++trial) {
      clear_target();
      Plan plan{GetParam().number, blow, nth};
      CopyReport report = copy_both_through(plan);
      bool late = !temporaries(folder(target_)).empty();
      if (late && trial < kTrials) continue;
      expect_done(report);
      expect_equal();
      EXPECT_TRUE(plan.struck > 0 || nth > 1);
      return;
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Procedures, Nfs3Faults, ::testing::ValuesIn(kProcedures), procedure_name);

TEST_P(Nfs3Faults, a_lost_connection_under_it_loses_nothing) {
  make_source(folder(source_));
  for (Blow blow : {Blow::kCutCall, Blow::kCutInCall, Blow::kCutReply, Blow::kCutInReply}) {
    for (unsigned nth : {1u, 3u}) {
      SCOPED_TRACE(::testing::Message() << static_cast<int>(blow) << " at number " << nth);
      try_with(blow, nth);
    }
  }
}

TEST_P(Nfs3Faults, an_answer_that_comes_twice_is_taken_once) {
  make_source(folder(source_));
  Plan plan{GetParam().number, Blow::kDouble};
  copy_through(plan);
  EXPECT_GT(plan.struck, 0u);
}

TEST_F(Nfs3Fault, what_a_server_that_restarted_may_have_forgotten_is_written_again) {
  make_source(folder(source_));
  constexpr std::uint32_t kWrite = 7, kCommit = 21;
  for (std::uint32_t procedure : {kWrite, kCommit}) {
    SCOPED_TRACE(procedure);
    clear_target();
    Plan plan{procedure, Blow::kNewVerifier};
    // Small files are written durably at once: there a verifier says nothing.
    if (procedure == kWrite) plan.least_bytes = 1 << 18;
    CopyReport report = copy_through(plan);
    EXPECT_EQ(plan.struck, 1u);
    EXPECT_GT(report.retries, 0u);
  }
}

TEST_F(Nfs3Fault, a_target_that_was_made_without_an_answer_is_like_the_source) {
  make_source(folder(source_));
  fs::permissions(folder(source_), fs::perms(0751));
  ASSERT_EQ(::chown(folder(source_).c_str(), 1234, 1235), 0);
  Plan plan{9, Blow::kCutReply};  // MKDIR
  auto between = proxy(plan);
  CopyOptions wanted = options();
  wanted.target = url(target_ + "/made", "3", between->port());
  wanted.create_target = true;
  expect_done(copy(wanted));
  EXPECT_EQ(plan.struck, 1u);
  struct stat made{};
  ASSERT_EQ(::stat((folder(target_) / "made").c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 07777, 0751u);
  EXPECT_EQ(made.st_uid, 1234u);
  EXPECT_EQ(made.st_gid, 1235u);
}

TEST_F(Nfs3Fault, replies_in_pieces_of_one_byte_are_put_together) {
  make_source(folder(source_));
  Plan plan{0, Blow::kPieces, 1, 1'000'000};
  copy_through(plan);
  EXPECT_GT(plan.struck, 50u);
}

TEST_F(Nfs3Fault, late_replies_are_waited_for) {
  make_source(folder(source_));
  Plan plan{0, Blow::kDelay, 1, 1'000'000};
  copy_through(plan);
}

TEST_F(Nfs3Fault, connections_that_are_dropped_again_and_again_still_carry_a_copy) {
  make_source(folder(source_));
  Plan plan;
  plan.nth = 1'000'000;
  std::atomic<bool> over{false};
  auto between = proxy(plan);
  std::thread dropper([&] {
    // Less and less often, so that the slowest build gets somewhere.
    for (auto pause = std::chrono::milliseconds(50); !over; pause += pause / 2) {
      std::this_thread::sleep_for(pause);
      between->drop_connections();
    }
  });
  CopyOptions wanted = options();
  wanted.source = url(source_, "3", between->port());
  wanted.target = url(target_, "3", between->port());

  CopyReport report = copy(wanted);

  over = true;
  dropper.join();
  expect_done(report);
  expect_equal();
}

// The time that it has been missing is not the server's absence.
TEST_F(Nfs3Fault, a_connection_that_cannot_be_made_leaves_the_others_their_patience) {
  make_source(folder(source_));
  std::atomic<bool> refuses{true};
  std::atomic<unsigned> made{0};
  auto between =
      proxy_with([&refuses, &made] { return std::make_unique<FirstOnly>(made++ == 0, refuses); });
  auto loop = *Loop::create(EngineChoice::kAuto);
  nfs3::Nfs3Options options{"test", 2'500, nullptr, 2};
  nfs3::Nfs3Tree tree(*loop, *parse_location(url(source_, "3", between->port())), options);
  std::thread server_comes_back;
  auto work = [&]() -> Task<void> {
    Status opened = co_await tree.open();
    EXPECT_TRUE(opened) << opened.error().message();
    (void)co_await loop->sleep_for(std::chrono::milliseconds(3'000));
    between->drop_connections();
    server_comes_back = std::thread([&refuses] {
      std::this_thread::sleep_for(std::chrono::milliseconds(1'300));  // it is tried each second
      refuses = false;
    });
    auto found = co_await tree.lookup(tree.root(), "file0");
    EXPECT_TRUE(found) << found.error().message();
    co_await tree.close();
  };
  loop->run(work());
  server_comes_back.join();
}

TEST_F(Nfs3Fault, connections_on_which_nothing_arrives_any_more_are_made_again) {
  make_source(folder(source_));
  make_file(folder(source_) / "larger", 200 << 20, 11);
  Plan plan;
  plan.nth = 1'000'000;
  auto between = proxy(plan);
  std::thread cutter([&] {
    while (between->counters().bytes_to_server < (20u << 20)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    between->go_deaf();
  });
  CopyOptions wanted = options();
  wanted.timeout_ms = 8'000;
  wanted.source = url(source_, "3", between->port());
  wanted.target = url(target_, "3", between->port());

  CopyReport report = copy(wanted);

  cutter.join();
  expect_done(report);
  expect_equal();
}

// As a tunnel does whose own server is away.
TEST_F(Nfs3Fault, connections_that_are_accepted_and_ended_cost_time_and_no_request) {
  make_source(folder(source_));
  Plan plan;
  plan.nth = 20;
  plan.lasts = std::chrono::seconds(2);
  copy_through(plan);
  EXPECT_GT(plan.struck, 5u);
}

TEST_F(Nfs3Fault, a_server_that_crashes_and_comes_back_loses_nothing_that_was_promised) {
  make_source(folder(source_));
  make_file(folder(source_) / "larger", 100 << 20, 11);
  std::string killed;
  std::string restarted;
  std::thread killer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    killed = server().kill();
    restarted = server().restart();
  });

  CopyReport report = copy(options());

  killer.join();
  ASSERT_EQ(killed, "");
  ASSERT_EQ(restarted, "");
  expect_done(report);
  expect_equal();
}

TEST_F(Nfs3Fault, a_server_that_stays_away_ends_the_run_in_time) {
  make_source(folder(source_));
  Plan plan;
  plan.nth = 1'000'000;
  auto between = proxy(plan);
  CopyOptions wanted = options();
  wanted.source = url(source_, "3", between->port());
  wanted.timeout_ms = 1'000;
  between->stop_accepting(true);

  CopyReport report = copy(wanted);

  EXPECT_NE(report.exit_code, ExitCode::kDone);
}

}  // namespace
}  // namespace nfsferry::test

// One large file between real servers: several threads carry it, and what befalls one of them costs
// no byte.
#include <chrono>
#include <mutex>
#include <set>

#include "compound_walk.hpp"
#include "copy/worker.hpp"
#include "copy_fixture.hpp"
#include "program.hpp"

namespace nfsferry::test {
namespace {

using Action = ProxyAction::Kind;

constexpr std::uint64_t kLarge = (40 << 20) + 12'345;
constexpr std::uint64_t kSharedBytes = 8 << 20;
// So slow that other threads are there long before the file is through, and that they are not left
// without a part in it.
constexpr Rates kUntilJoined{4 << 20, 0};
constexpr Rates kOnceJoined{40 << 20, 0};

// What the connections of a target's proxy carry. Once a thread has joined a file of another one,
// the copy may go faster, and its connection may be struck.
struct TargetWatch {
  const std::shared_ptr<RateLimits> limits = make_limits(kUntilJoined);
  bool cut_write = false;        // its first WRITE does not arrive
  bool change_verifier = false;  // its COMMIT says another verifier

  MakeFilter filters();
  std::size_t writers() {
    std::lock_guard lock(mutex);
    return writing.size();
  }

  std::mutex mutex;
  std::set<const ProxyFilter*> writing{};  // connections
  bool struck = false;
};

// NOCREATE: an OPEN of what is there.
bool joins(std::span<const std::byte> record, const WalkedOperation& open) {
  std::size_t owner_at = open.begin + 4 + 3 * 4 + 8;  // after seqid, access, deny and client id
  std::uint32_t owner_bytes = (word_at(record, owner_at) + 3) / 4 * 4;
  return word_at(record, owner_at + 4 + owner_bytes) == 0;
}

class TargetFilter final : public ProxyFilter {
 public:
  explicit TargetFilter(TargetWatch& watch) : watch_(watch) {}

  void on_call(std::span<const std::byte> record, ProxyActions& actions) override {
    std::lock_guard lock(watch_.mutex);
    auto call = walk_call(record);
    bool cut = false;
    for (std::size_t i = 0; call && i < call->operations.size(); ++i) {
      const WalkedOperation& one = call->operations[i];
      if (one.number == kOpOpen && joins(record, one)) join();
      if (one.number == kOpWrite) watch_.writing.insert(this);
      cut = cut || (watch_.cut_write && one.number == kOpWrite && strikes());
      bool lies = watch_.change_verifier && one.number == kOpCommit && strikes();
      if (lies) spoiled_xid_ = call->xid;
    }
    if (cut)
      actions.push_back({Action::kReset});
    else
      actions.push_back({Action::kToServer, framed(record)});
  }

  void on_reply(std::span<const std::byte> record, ProxyActions& actions) override {
    Record reply(record.begin(), record.end());
    auto walked = spoiled_xid_ == word_at(record, 0) ? walk_reply(record) : std::nullopt;
    for (std::size_t i = 0; walked && i < walked->results.size(); ++i) {
      const WalkedOperation& one = walked->results[i];
      if (one.number == kOpCommit && one.status == 0) reply[one.end - 1] ^= std::byte{0xff};
    }
    actions.push_back({Action::kToClient, framed(reply)});
  }

 private:
  void join() {
    joined_ = true;
    set_limits(*watch_.limits, kOnceJoined);
  }
  bool strikes() { return joined_ && !std::exchange(watch_.struck, true); }

  TargetWatch& watch_;
  bool joined_ = false;
  std::optional<std::uint32_t> spoiled_xid_;
};

MakeFilter TargetWatch::filters() {
  return [this] { return std::make_unique<TargetFilter>(*this); };
}

class Hashes : public Observer {
 public:
  bool wants_entries() const override { return true; }
  void on_entry(const EntryRecord& record) override { hash = std::string(record.hash); }
  std::string hash;
};

std::string hash_by_xxhsum(const std::filesystem::path& file) {
  Program xxhsum("/usr/bin/xxhsum", {"-q", "-H2", file}, "/dev/null");
  return xxhsum.wait().out.substr(0, 32);
}

std::string version_name(const ::testing::TestParamInfo<Place>& tested) {
  return place_name(tested.param);
}

class SharedFileTest : public CopyTest {
 protected:
  static CopyOptions options_of_several(const Ground& source, const Ground& target,
                                        const TargetWatch& watch) {
    CopyOptions several = options(source, target);
    several.threads = 4;
    several.shared_file_bytes = kSharedBytes;
    several.limits = watch.limits;
    return several;
  }
};

class SharedFile : public SharedFileTest, public ::testing::WithParamInterface<Place> {
 protected:
  CopyReport copy_with(TargetWatch& watch, Place source_place = Place::kNfs) {
    auto proxy = proxy_to(servers().target, std::chrono::milliseconds(0), watch.filters());
    Ground source = source_ground(source_place);
    Ground target = target_ground(GetParam(), proxy->port());
    make_file(source.folder / "large", kLarge, 7);
    Hashes hashes;
    StopFlag stop{0};

    CopyReport report = run(options_of_several(source, target, watch), hashes, stop);

    EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
    for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
    EXPECT_GT(watch.writers(), 1u);
    EXPECT_EQ(report.files_transferred, 1u);
    EXPECT_EQ(report.bytes_written, kLarge);
    EXPECT_EQ(hashes.hash, hash_by_xxhsum(source.folder / "large"));
    expect_equal(source, target, kept_on(GetParam()));
    return report;
  }
};

TEST_P(SharedFile, is_written_by_several_threads) {
  TargetWatch watch;
  CopyReport report = copy_with(watch, GetParam());
  EXPECT_EQ(report.retries, 0u);
  EXPECT_EQ(report.bytes_transferred, kLarge);
}

TEST_P(SharedFile, of_a_folder_is_written_by_several_threads) {
  TargetWatch watch;
  CopyReport report = copy_with(watch, Place::kLocal);
  EXPECT_EQ(report.retries, 0u);
}

TEST_P(SharedFile, is_written_again_when_the_server_lost_what_one_thread_wrote) {
  TargetWatch watch;
  watch.change_verifier = true;
  CopyReport report = copy_with(watch);
  EXPECT_TRUE(watch.struck);
  EXPECT_EQ(report.retries, 1u);
  EXPECT_GT(report.bytes_transferred, kLarge);
}

TEST_P(SharedFile, is_gone_on_with_when_one_threads_connection_is_cut) {
  TargetWatch watch;
  watch.cut_write = true;
  CopyReport report = copy_with(watch);
  EXPECT_TRUE(watch.struck);
}

INSTANTIATE_TEST_SUITE_P(Versions, SharedFile, ::testing::Values(Place::kNfs, Place::kNfs40),
                         version_name);

// Ends the target's server and starts it again, once several threads write there.
class CrashOnceJoined : public Observer {
 public:
  CrashOnceJoined(TargetWatch& watch, Proxy& proxy) : watch_(watch), proxy_(proxy) {}
  void on_progress(const Progress&) override {
    if (restarted || watch_.writers() < 2) return;
    proxy_.stop_accepting(true);  // as the host does while nobody listens
    restarted = servers().target.kill();
    if (restarted->empty()) restarted = servers().target.restart();
    proxy_.stop_accepting(false);
  }
  std::optional<std::string> restarted{};  // what went wrong, empty if nothing

 private:
  TargetWatch& watch_;
  Proxy& proxy_;
};

TEST_P(SharedFile, survives_a_crash_of_the_server_without_losing_a_byte) {
  TargetWatch watch;
  auto proxy = proxy_to(servers().target, std::chrono::milliseconds(0), watch.filters());
  Ground source = source_ground(GetParam());
  Ground target = target_ground(GetParam(), proxy->port());
  make_file(source.folder / "large", kLarge, 7);
  CrashOnceJoined crash(watch, *proxy);
  StopFlag stop{0};

  CopyReport report = run(options_of_several(source, target, watch), crash, stop);

  EXPECT_EQ(crash.restarted, "");
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  EXPECT_GE(report.retries, 1u);
  expect_equal(source, target, kept_on(GetParam()));
}

// Has the first READ of a source answered late, and counts those beyond one window that come
// before.
constexpr unsigned kRangesMost = copy::Worker::kRangeBytesMost >> 20;

struct LateRead {
  static constexpr std::chrono::seconds kLate{1};
  MakeFilter filters();

  std::mutex mutex;
  unsigned reads = 0;
  unsigned ahead = 0;
  std::optional<std::uint32_t> late_xid{};
  std::chrono::steady_clock::time_point answered = std::chrono::steady_clock::time_point::max();
};

class LateReadFilter final : public ProxyFilter {
 public:
  explicit LateReadFilter(LateRead& late) : late_(late) {}
  void on_call(std::span<const std::byte> record, ProxyActions& actions) override {
    actions.push_back({Action::kToServer, framed(record)});
    auto call = walk_call(record);
    std::lock_guard lock(late_.mutex);
    for (std::size_t i = 0; call && i < call->operations.size(); ++i) {
      if (call->operations[i].number != kOpRead) continue;
      if (late_.reads++ == 0) late_.late_xid = call->xid;
      bool ahead = late_.reads > kRangesMost && std::chrono::steady_clock::now() < late_.answered;
      if (ahead) ++late_.ahead;
    }
  }
  void on_reply(std::span<const std::byte> record, ProxyActions& actions) override {
    std::lock_guard lock(late_.mutex);
    bool late = late_.late_xid == word_at(record, 0);
    if (late) {
      late_.late_xid.reset();
      late_.answered = std::chrono::steady_clock::now() + LateRead::kLate;
    }
    actions.push_back(
        {Action::kToClient, framed(record), late ? LateRead::kLate : std::chrono::nanoseconds(0)});
  }

 private:
  LateRead& late_;
};

MakeFilter LateRead::filters() {
  return [this] { return std::make_unique<LateReadFilter>(*this); };
}

// What is read and not yet hashed takes memory.
TEST_F(SharedFileTest, reads_do_not_run_ahead_of_one_that_is_not_answered) {
  LateRead late;
  auto proxy = proxy_to(servers().source, std::chrono::milliseconds(0), late.filters());
  Ground source = source_ground(Place::kNfs, proxy->port());
  Ground target = target_ground(Place::kNfs);
  make_file(source.folder / "large", 64 << 20, 7);
  CopyOptions wanted = options(source, target);
  wanted.connections = 2;  // one of them goes on

  CopyReport report = copy(wanted);
  proxy.reset();

  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  EXPECT_GT(late.reads, 2 * kRangesMost);
  EXPECT_EQ(late.ahead, 0u);
  expect_equal(source, target, kept_on(Place::kNfs));
}

}  // namespace
}  // namespace nfsferry::test

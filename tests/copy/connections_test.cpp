// Copies on several connections of a session, and where a side has fewer of them than it was asked
// for.
#include <mutex>
#include <nlohmann/json.hpp>

#include "copy_fixture.hpp"
#include "fault_plan.hpp"
#include "program.hpp"
#include "schema_check.hpp"

namespace nfsferry::test {
namespace {

using Json = nlohmann::json;

// Counts the calls of each of a proxy's connections.
class CallCounts {
 public:
  MakeFilter filters() {
    return [this] {
      std::lock_guard lock(mutex_);
      counts_.push_back(0);
      return std::make_unique<Filter>(*this, counts_.size() - 1);
    };
  }
  std::vector<unsigned> counts() const {
    std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  class Filter final : public ProxyFilter {
   public:
    Filter(CallCounts& all, std::size_t index) : all_(all), index_(index) {}
    void on_call(std::span<const std::byte> record, ProxyActions& actions) override {
      actions.push_back({ProxyAction::Kind::kToServer, framed(record)});
      std::lock_guard lock(all_.mutex_);
      ++all_.counts_[index_];
    }
    void on_reply(std::span<const std::byte> record, ProxyActions& actions) override {
      actions.push_back({ProxyAction::Kind::kToClient, framed(record)});
    }

   private:
    CallCounts& all_;
    std::size_t index_;
  };

  mutable std::mutex mutex_;
  std::vector<unsigned> counts_;
};

class ConnectionsTest : public CopyTest {
 protected:
  static constexpr std::uint32_t kWanted = 3;

  // Slow enough that requests are in flight side by side.
  static std::unique_ptr<Proxy> proxy_with(const Ganesha& server, MakeFilter filters) {
    ProxyOptions through;
    through.server_port = static_cast<std::uint16_t>(server.port());
    through.delay_to_server = std::chrono::milliseconds(2);
    through.make_filter = std::move(filters);
    return *Proxy::start(through);
  }
  void make_tree(const Ground& source) {
    SampleTree sample;
    make_small_files(source.folder, sample);
    make_odd_entries(source.folder, sample);
    make_file(source.folder / "large", 40 << 20, 3);
    make_file(source.folder / "larger", 60 << 20, 4);
  }
  CopyReport copy_and_compare(const Ground& source, const Ground& target) {
    make_tree(source);
    CopyOptions wanted = options(source, target);
    wanted.connections = kWanted;
    CopyReport report = copy(wanted);
    EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
    for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
    expect_equal(source, target, kept_on(Place::kNfs));
    return report;
  }
  static unsigned lines_with(const std::string& text, const std::string& part) {
    unsigned count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
      ++count;
    }
    return count;
  }
};

TEST_F(ConnectionsTest, of_both_sides_all_carry_requests) {
  CallCounts of_source;
  CallCounts of_target;
  auto source_proxy = proxy_with(servers().source, of_source.filters());
  auto target_proxy = proxy_with(servers().target, of_target.filters());
  Ground source = source_ground(Place::kNfs, source_proxy->port());
  Ground target = target_ground(Place::kNfs, target_proxy->port());

  CopyReport report = copy_and_compare(source, target);

  EXPECT_EQ(report.source.connections, kWanted);
  EXPECT_EQ(report.target.connections, kWanted);
  for (const CallCounts* side : {&of_source, &of_target}) {
    std::vector<unsigned> counts = side->counts();
    ASSERT_EQ(counts.size(), kWanted);
    for (unsigned count : counts) EXPECT_GT(count, 5u);
  }
}

TEST_F(ConnectionsTest, one_that_is_cut_in_a_large_file_is_made_again_and_the_others_stay) {
  FaultPlan reading({{Fault::Kind::kCutReply, kOpRead, 100'000, 20}});
  FaultPlan writing({{Fault::Kind::kCutReply, kOpWrite, 20, 20}});
  auto source_proxy = proxy_with(servers().source, reading.filters());
  auto target_proxy = proxy_with(servers().target, writing.filters());
  Ground source = source_ground(Place::kNfs, source_proxy->port());
  Ground target = target_ground(Place::kNfs, target_proxy->port());

  CopyReport report = copy_and_compare(source, target);

  EXPECT_EQ(reading.struck(), 1u);
  EXPECT_EQ(writing.struck(), 1u);
  EXPECT_EQ(source_proxy->counters().connections, kWanted + 1);
  EXPECT_EQ(target_proxy->counters().connections, kWanted + 1);
  EXPECT_EQ(report.source.connections, kWanted);
  EXPECT_EQ(report.target.connections, kWanted);
}

TEST_F(ConnectionsTest, that_cannot_be_had_are_done_without) {
  FaultPlan refusing({{Fault::Kind::kCutCall, kOpBindConnToSession, 0, 1, 1000}});
  auto target_proxy = proxy_with(servers().target, refusing.filters());
  Ground source = source_ground(Place::kNfs);
  Ground target = target_ground(Place::kNfs, target_proxy->port());

  CopyReport report = copy_and_compare(source, target);

  EXPECT_EQ(refusing.struck(), kWanted - 1) << "asked once for each";
  EXPECT_EQ(report.source.connections, kWanted);
  EXPECT_EQ(report.target.connections, 1u);
}

TEST_F(ConnectionsTest, are_one_for_each_thread_over_40_and_none_to_a_path) {
  Ground source = source_ground(Place::kNfs40);
  Ground target = target_ground(Place::kLocal);
  make_small_files(source.folder, SampleTree{});

  Outcome outcome = run_program({"copy", source.location, target.location, "--connections", "2",
                                 "--threads", "3", "--report-json", "-"});

  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(schema_complaint("report.schema.json", outcome.out), "");
  Json json = Json::parse(outcome.out, nullptr, false);
  EXPECT_EQ(json["nfsferry"]["connections"], (Json{{"source", 3}, {"target", 0}}));
  EXPECT_EQ(lines_with(outcome.err, "connection"), 2u) << outcome.err;
  EXPECT_EQ(lines_with(outcome.err, "over NFSv4.0 each thread has one connection, not 2"), 1u);
  expect_equal(source, target, kept_on(Place::kLocal));
}

// A client that has lost the run's lock writes nothing more: so each of them has it.
TEST_F(ConnectionsTest, of_each_thread_hold_the_lock_which_is_gone_at_the_end) {
  for (Place place : {Place::kNfs, Place::kLocal}) {
    Ground source = source_ground(Place::kNfs);
    Ground target = target_ground(place);
    make_small_files(source.folder, SampleTree{});
    CopyOptions wanted = options(source, target);
    wanted.threads = 3;
    CopyReport report = copy(wanted);
    EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
    // The first takes it, each other one is refused it for itself alone and then shares it.
    std::uint64_t locks = place == Place::kNfs ? 5 : 0;
    EXPECT_EQ(report.target.latency["LOCK"].count, locks);
    EXPECT_FALSE(std::filesystem::exists(target.folder / ".nfsferry-lock"));
    expect_equal(source, target, kept_on(place));
  }
}

TEST_F(ConnectionsTest, are_said_nothing_of_between_paths) {
  Ground source = source_ground(Place::kLocal);
  Ground target = target_ground(Place::kLocal);
  make_small_files(source.folder, SampleTree{});

  Outcome outcome = run_program(
      {"copy", source.location, target.location, "--connections", "2", "--report-json", "-"});

  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  Json json = Json::parse(outcome.out, nullptr, false);
  EXPECT_EQ(json["nfsferry"]["connections"], (Json{{"source", 0}, {"target", 0}}));
}

}  // namespace
}  // namespace nfsferry::test

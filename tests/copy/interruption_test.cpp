// Copies whose connections are cut, whose server restarts, or that are asked to stop.
#include <chrono>
#include <csignal>
#include <thread>

#include "copy_fixture.hpp"

namespace nfsferry::test {
namespace {

// Acts once, when the copy has done a share of its files.
class AtProgress : public Observer {
 public:
  AtProgress(std::uint64_t files, std::function<void()> act)
      : files_(files), act_(std::move(act)) {}
  void on_progress(const Progress& progress) override {
    if (progress.files_done < files_ || !act_) return;
    std::exchange(act_, nullptr)();
  }
  bool acted() const { return !act_; }

 private:
  std::uint64_t files_;
  std::function<void()> act_;
};

class InterruptionTest : public CopyTest, public ::testing::WithParamInterface<Place> {
 protected:
  // A tree that takes long enough behind a slow proxy to be interrupted.
  void make_tree(const Ground& source) {
    SampleTree sample;
    sample.directories = 60;
    make_small_files(source.folder, sample);
    make_file(source.folder / "large", 20 << 20, 3);
  }
  std::unique_ptr<Proxy> slow_proxy(Ganesha& server) {
    return proxy_to(server, std::chrono::milliseconds(20));
  }
  void cut_connections(std::uint32_t connections);
};

// Of one thread, all of them in the middle of the copy.
void InterruptionTest::cut_connections(std::uint32_t connections) {
  auto source_proxy = slow_proxy(servers().source);
  auto target_proxy = slow_proxy(servers().target);
  Ground source = source_ground(GetParam(), source_proxy->port());
  Ground target = target_ground(GetParam(), target_proxy->port());
  make_tree(source);
  AtProgress cut(100, [&] {
    source_proxy->drop_connections();
    target_proxy->drop_connections();
  });
  StopFlag stop{0};
  CopyOptions wanted = options(source, target);
  wanted.connections = connections;

  CopyReport report = run(wanted, cut, stop);

  EXPECT_TRUE(cut.acted());
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  EXPECT_GE(source_proxy->counters().connections, connections + 1);
  EXPECT_GE(target_proxy->counters().connections, connections + 1);
  expect_equal(source, target, kept_on(GetParam()));
}

TEST_P(InterruptionTest, connections_cut_in_the_middle_are_made_again) { cut_connections(1); }

class SeveralConnections : public InterruptionTest {};

TEST_P(SeveralConnections, cut_in_the_middle_are_made_again) { cut_connections(3); }

TEST_P(InterruptionTest, a_target_server_that_crashes_and_comes_back_is_gone_on_with) {
  auto target_proxy = slow_proxy(servers().target);
  Ground source = source_ground(GetParam());
  Ground target = target_ground(GetParam(), target_proxy->port());
  make_tree(source);
  std::string restarted = "not tried";
  AtProgress crash(100, [&] {
    restarted = servers().target.kill();
    if (restarted.empty()) restarted = servers().target.restart();
  });
  StopFlag stop{0};

  CopyReport report = run(options(source, target), crash, stop);

  EXPECT_EQ(restarted, "");
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  expect_equal(source, target, kept_on(GetParam()));
}

// Its grace period lasts ten seconds, so one version must do: the one without RECLAIM_COMPLETE.
TEST_F(CopyTest, a_target_server_of_version_40_is_waited_for_in_its_grace_period) {
  Ganesha server;
  GaneshaOptions with_grace;
  with_grace.grace_s = 10;
  ASSERT_EQ(server.start(with_grace), "");
  auto target_proxy = proxy_to(server, std::chrono::milliseconds(20));
  Ground source = source_ground(Place::kNfs40);
  Ground target = ground(server, "/new", Place::kNfs40, target_proxy->port());
  SampleTree sample;
  sample.directories = 60;
  make_small_files(source.folder, sample);
  std::string restarted = "not tried";
  AtProgress crash(100, [&] {
    restarted = server.kill();
    if (restarted.empty()) restarted = server.restart();
  });
  StopFlag stop{0};
  CopyOptions wanted = options(source, target);
  wanted.timeout_ms = 60'000;

  CopyReport report = run(wanted, crash, stop);

  EXPECT_EQ(restarted, "");
  EXPECT_EQ(report.exit_code, ExitCode::kDone) << report.error_detail;
  for (const Failure& failure : report.failures) ADD_FAILURE() << failure.message;
  expect_equal(source, target, kept_on(Place::kNfs40));
}

TEST_P(InterruptionTest, a_server_that_stays_away_ends_the_run_with_75) {
  auto target_proxy = slow_proxy(servers().target);
  Ground source = source_ground(GetParam());
  Ground target = target_ground(GetParam(), target_proxy->port());
  make_tree(source);
  AtProgress cut(100, [&] {
    target_proxy->stop_accepting(true);
    target_proxy->drop_connections();
  });
  StopFlag stop{0};
  CopyOptions wanted = options(source, target);
  wanted.timeout_ms = 1000;

  CopyReport report = run(wanted, cut, stop);

  EXPECT_EQ(report.exit_code, ExitCode::kTemporary) << report.error_detail;
  EXPECT_NE(report.error_detail.find("--timeout"), std::string::npos) << report.error_detail;
}

TEST_P(InterruptionTest, a_run_asked_to_stop_leaves_no_temporaries_and_says_so) {
  auto target_proxy = slow_proxy(servers().target);
  Ground source = source_ground(GetParam());
  Ground target = target_ground(GetParam(), target_proxy->port());
  make_tree(source);
  StopFlag stop{0};
  AtProgress interrupt(100, [&] { stop = SIGINT; });

  CopyReport report = run(options(source, target), interrupt, stop);

  EXPECT_EQ(report.exit_code, ExitCode::kInterrupted) << report.error_detail;
  EXPECT_TRUE(report.failures.empty());
  EXPECT_TRUE(temporaries(target.folder).empty());
  CopyReport again = copy(options(source, target));
  EXPECT_EQ(again.exit_code, ExitCode::kDone) << again.error_detail;
  expect_equal(source, target, kept_on(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Versions, InterruptionTest, ::testing::Values(Place::kNfs, Place::kNfs40),
                         [](const auto& place) { return place_name(place.param); });
INSTANTIATE_TEST_SUITE_P(Versions, SeveralConnections, ::testing::Values(Place::kNfs),
                         [](const auto& place) { return place_name(place.param); });

}  // namespace
}  // namespace nfsferry::test

// A target belongs to one run at a time; shards of a run share it.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <thread>

#include "copy_fixture.hpp"
#include "program.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

class TwoRuns : public CopyTest, public ::testing::WithParamInterface<Place> {
 protected:
  static std::vector<std::string> arguments(const Ground& source, const Ground& target,
                                            const std::string& run_id) {
    return {"copy", source.location, target.location, "--quiet", "--run-id", run_id};
  }

  // A run far from a source of many levels, stopped in the middle.
  std::unique_ptr<Program> stopped_run(const Ground& target) {
    proxy_ = proxy_to(servers().source, std::chrono::milliseconds(50));
    first_source_ = source_ground(Place::kNfs, proxy_->port());
    fs::path deep = first_source_.folder / "first";
    for (int i = 0; i < 20; ++i) deep /= "level";
    fs::create_directories(deep);
    make_file(deep / "bottom", 3000, 1);
    auto run = std::make_unique<Program>(arguments(first_source_, target, "first"));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!fs::exists(target.folder / "first")) {
      EXPECT_LT(std::chrono::steady_clock::now(), deadline) << "nothing is copied";
      if (HasFailure()) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    run->signal(SIGSTOP);
    EXPECT_TRUE(fs::exists(target.folder / ".nfsferry-lock"));
    return run;
  }

  // A run that is stopped while a large file is on its way.
  std::unique_ptr<Program> stopped_in_a_file(const Ground& target) {
    proxy_ = proxy_to(servers().source, std::chrono::milliseconds(100));
    first_source_ = source_ground(Place::kNfs, proxy_->port());
    make_file(first_source_.folder / "large", 40 << 20, 1);
    auto run = std::make_unique<Program>(arguments(first_source_, target, "first"));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    auto on_its_way = [&target] {
      std::vector<std::string> names = temporaries(target.folder);
      return std::any_of(names.begin(), names.end(), [&target](const std::string& name) {
        std::error_code gone;
        return fs::file_size(target.folder.string() + name, gone) > 1024 && !gone;
      });
    };
    while (!on_its_way()) {
      EXPECT_LT(std::chrono::steady_clock::now(), deadline) << "nothing is copied";
      if (HasFailure()) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    run->signal(SIGSTOP);
    return run;
  }

  void expect_done(Program& run) {
    proxy_->set_delay({}, {});
    run.signal(SIGCONT);
    Outcome outcome = run.wait();
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  }

  std::unique_ptr<Proxy> proxy_;
  Ground first_source_;
};

TEST_P(TwoRuns, the_second_one_ends_with_75_and_names_the_first) {
  Ground target = target_ground(GetParam());
  Ground other = source_ground(Place::kLocal);
  make_file(other.folder / "other", 10, 1);
  std::array<char, 256> host{};
  ASSERT_EQ(gethostname(host.data(), host.size() - 1), 0);
  auto first = stopped_run(target);

  Outcome second = run_program(arguments(other, target, "second"));

  EXPECT_EQ(second.exit_code, static_cast<int>(ExitCode::kTemporary));
  EXPECT_NE(second.err.find("'first'"), std::string::npos) << second.err;
  EXPECT_NE(second.err.find(std::string(" on ") + host.data()), std::string::npos) << second.err;
  EXPECT_EQ(line_count(second.err), 1) << second.err;
  EXPECT_FALSE(fs::exists(target.folder / "other"));
  expect_done(*first);
  expect_equal(first_source_, target, kept_on(GetParam()));
}

TEST_P(TwoRuns, with_the_same_run_id_work_side_by_side) {
  Ground target = target_ground(GetParam());
  Ground other = source_ground(Place::kLocal);
  fs::create_directory(other.folder / "second");
  make_file(other.folder / "second" / "file", 10, 1);
  auto first = stopped_run(target);

  Outcome second = run_program(arguments(other, target, "first"));

  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_TRUE(fs::exists(target.folder / "second" / "file"));
  EXPECT_EQ(run_program(arguments(other, target, "third")).exit_code,
            static_cast<int>(ExitCode::kTemporary));
  expect_done(*first);
  fs::remove_all(target.folder / "second");
  expect_equal(first_source_, target, kept_on(GetParam()));
}

TEST_P(TwoRuns, with_the_same_run_id_leave_each_others_temporaries_alone) {
  Ground target = target_ground(GetParam());
  Ground other = source_ground(Place::kLocal);
  make_file(other.folder / "small", 10, 1);
  auto first = stopped_in_a_file(target);
  EXPECT_FALSE(fs::exists(target.folder / "large"));

  Outcome second = run_program(arguments(other, target, "first"));

  EXPECT_EQ(second.exit_code, 0) << second.err;
  expect_done(*first);
  fs::remove(target.folder / "small");
  expect_equal(first_source_, target, kept_on(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Targets, TwoRuns,
                         ::testing::Values(Place::kNfs, Place::kNfs40, Place::kLocal),
                         [](const auto& place) { return place_name(place.param); });

}  // namespace
}  // namespace nfsferry::test

// Targets that are full, that cannot be written, or that do not take a file or a further link.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "old_and_new.hpp"
#include "program.hpp"
#include "volume.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr unsigned kVolumeMib = 64;
constexpr std::uint64_t kRoom = 16 << 20;
constexpr int kUnusable = static_cast<int>(ExitCode::kTargetUnusable);

struct Case {
  Place place;
  Volume::Kind kind;
  const char* name;
};

class HostileTarget : public CopyTest, public ::testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    CopyTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (auto missing = require_mounts(); !missing.empty()) GTEST_SKIP() << missing;
    ASSERT_EQ(volume_.mount(GetParam().kind, kVolumeMib), "");
    if (GetParam().place == Place::kNfs) {
      if (auto none = require_export(volume_.folder()); !none.empty()) GTEST_SKIP() << none;
    }
    source_ = source_ground(Place::kLocal);
  }

  // Serves the volume where it is to be served; its contents must not be touched from then on.
  void open_target() {
    target_.folder = volume_.folder();
    target_.location = target_.folder;
    if (GetParam().place == Place::kLocal) return;
    GaneshaOptions server;
    server.exports = {{"/volume", target_.folder}};
    ASSERT_EQ(server_.start(server), "");
    target_.location = server_.url("/volume", "4.1");
  }

  std::vector<std::string> arguments(std::vector<std::string> flags = {}) const {
    std::vector<std::string> all{"copy", source_.location, target_.location, "--report-json",
                                 report_.path("report.json")};
    all.insert(all.end(), flags.begin(), flags.end());
    return all;
  }
  Json report() const { return Json::parse(report_.read("report.json")); }

  // Why an entry failed, by its path.
  std::map<std::string, std::string> failures() const {
    std::map<std::string, std::string> out;
    const Json whole = report();
    for (const Json& failure : whole["nfsferry"]["failures"]) {
      out[failure["path"]] = failure["error"];
    }
    return out;
  }
  const char* error_name(const char* number, const char* status) const {
    return GetParam().place == Place::kLocal ? number : status;
  }

  Volume volume_;
  Ganesha server_;
  Ground source_;
  Ground target_;
  Folder report_;
};

class FullTarget : public HostileTarget {
 protected:
  void make_source() const {
    SampleTree sample;
    make_small_files(source_.folder, sample);
    for (unsigned i = 0; i < 8; ++i) {
      make_file(source_.folder / ("large" + std::to_string(i)), 3 << 20, i);
    }
  }

  void expect_to_stop_and_to_go_on(const std::string& verify) {
    make_source();
    ASSERT_EQ(volume_.leave_free(kRoom), "");
    ASSERT_NO_FATAL_FAILURE(open_target());

    Outcome full = run_program(arguments({"--verify", verify}));

    EXPECT_EQ(full.exit_code, kUnusable) << full.err;
    EXPECT_NE(full.err.find("make room"), std::string::npos) << full.err;
    Json said = report();
    EXPECT_EQ(said["Status"], "ERROR");
    EXPECT_EQ(said["nfsferry"]["exit_code"], kUnusable);
    EXPECT_EQ(said["Result"]["ErrorCode"], error_name("ENOSPC", "NFS4ERR_NOSPC"));
    EXPECT_FALSE(failures().empty());
    expect_whole_files(source_, target_);
    volume_.give_room();
    Outcome again = run_program(arguments({"--verify", verify}));
    EXPECT_EQ(again.exit_code, 0) << again.err;
    expect_equal(source_, target_, kept_on(GetParam().place));
  }
};

TEST_P(FullTarget, ends_the_run_and_with_room_the_next_one_completes) {
  expect_to_stop_and_to_go_on("transferred");
}

TEST_P(FullTarget, ends_the_run_without_verification_as_well) {
  expect_to_stop_and_to_go_on("none");
}

TEST_P(FullTarget, from_the_start_is_said_before_anything_is_copied) {
  make_source();
  ASSERT_EQ(volume_.leave_free(0), "");
  ASSERT_NO_FATAL_FAILURE(open_target());

  Outcome full = run_program(arguments());

  EXPECT_EQ(full.exit_code, kUnusable) << full.err;
  EXPECT_EQ(line_count(full.err), 1) << full.err;
  EXPECT_EQ(report()["Result"]["ErrorCode"], error_name("ENOSPC", "NFS4ERR_NOSPC"));
  EXPECT_TRUE(fs::is_empty(target_.folder));
}

const Case kCases[] = {{Place::kLocal, Volume::Kind::kTmpfs, "LocalTmpfs"},
                       {Place::kNfs, Volume::Kind::kExt4, "NfsExt4"},
                       {Place::kNfs, Volume::Kind::kTmpfs, "NfsTmpfs"}};
std::string case_name(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Volumes, FullTarget, ::testing::ValuesIn(kCases), case_name);

class ReadOnlyTarget : public HostileTarget {};

TEST_P(ReadOnlyTarget, is_said_before_anything_is_copied) {
  make_file(source_.folder / "file", 100, 1);
  ASSERT_EQ(volume_.set_read_only(true), "");
  ASSERT_NO_FATAL_FAILURE(open_target());

  Outcome refused = run_program(arguments());

  EXPECT_EQ(refused.exit_code, kUnusable) << refused.err;
  EXPECT_EQ(line_count(refused.err), 1) << refused.err;
  EXPECT_EQ(report()["Result"]["ErrorCode"], error_name("EROFS", "NFS4ERR_ROFS"));
}

INSTANTIATE_TEST_SUITE_P(Volumes, ReadOnlyTarget, ::testing::ValuesIn(kCases), case_name);

// The source takes more than the target.
class TooManyLinks : public HostileTarget {
 protected:
  void SetUp() override {
    HostileTarget::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_EQ(roomy_.mount(Volume::Kind::kTmpfs, kVolumeMib), "");
    source_.folder = roomy_.folder();
    source_.location = source_.folder;
  }

 private:
  Volume roomy_;
};

TEST_P(TooManyLinks, of_one_file_become_a_second_file) {
  constexpr unsigned kOverTheLimit = 65'000 + 10;  // ext4 takes 65,000
  make_file(source_.folder / "file", 100, 1);
  for (unsigned i = 1; i < kOverTheLimit; ++i) {
    fs::create_hard_link(source_.folder / "file", source_.folder / ("name" + std::to_string(i)));
  }
  ASSERT_NO_FATAL_FAILURE(open_target());

  Outcome copied = Program(arguments()).wait(std::chrono::minutes(5));

  EXPECT_EQ(copied.exit_code, 0) << copied.err;
  EXPECT_NE(copied.err.find("links"), std::string::npos) << copied.err;
  Contents found = contents_below(target_.folder);
  EXPECT_EQ(found.size(), kOverTheLimit);
  std::map<std::uintmax_t, unsigned> by_links;
  for (const auto& [path, content] : found) {
    ++by_links[fs::hard_link_count(target_.folder / path)];
  }
  EXPECT_EQ(by_links, (std::map<std::uintmax_t, unsigned>{{65'000, 65'000}, {10, 10}}));
  expect_whole_files(source_, target_);
}

INSTANTIATE_TEST_SUITE_P(Volumes, TooManyLinks,
                         ::testing::Values(Case{Place::kLocal, Volume::Kind::kExt4, "LocalExt4"},
                                           Case{Place::kNfs, Volume::Kind::kExt4, "NfsExt4"}),
                         case_name);

// Files of a process, and of what it starts, grow no further while this lives.
class FileSizeLimit {
 public:
  FileSizeLimit(pid_t process, rlim_t bytes) : process_(process) {
    EXPECT_EQ(::prlimit(process_, RLIMIT_FSIZE, nullptr, &before_), 0);
    rlimit now{bytes, before_.rlim_max};
    EXPECT_EQ(::prlimit(process_, RLIMIT_FSIZE, &now, nullptr), 0);
  }
  ~FileSizeLimit() { ::prlimit(process_, RLIMIT_FSIZE, &before_, nullptr); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  pid_t process_;
  rlimit before_{};
};

struct Writer {
  Place target;
  const char* engine;
  const char* error;
};

class FileTooLarge : public CopyTest, public ::testing::WithParamInterface<Writer> {};

TEST_P(FileTooLarge, fails_alone_and_leaves_no_temporary) {
  Ganesha server;
  ::signal(SIGXFSZ, SIG_IGN);  // is handed on: nfs-ganesha (4.3) would be ended by the signal
  ASSERT_EQ(server.start(), "");
  ::signal(SIGXFSZ, SIG_DFL);
  bool nfs = GetParam().target == Place::kNfs;
  Ground source = source_ground(Place::kNfs);
  Ground target = ground(server, "/new", GetParam().target);
  make_file(source.folder / "large", 5 << 20, 1);
  make_file(source.folder / "other", 1 << 20, 2);
  make_file(source.folder / "small", 100, 3);
  std::vector<std::string> arguments{"copy", source.location, target.location, "--engine",
                                     GetParam().engine};
  Folder folder;
  Outcome copied;
  {
    FileSizeLimit limit(nfs ? server.pid() : ::getpid(), 2 << 20);
    std::vector<std::string> reported = arguments;
    reported.insert(reported.end(), {"--report-json", folder.path("report.json")});
    copied = run_program(reported);
  }
  EXPECT_EQ(copied.exit_code, 1) << copied.err;
  Json report = Json::parse(folder.read("report.json"));
  ASSERT_EQ(report["nfsferry"]["failures"].size(), 1u) << copied.err;
  EXPECT_EQ(report["nfsferry"]["failures"][0]["path"], "large");
  EXPECT_EQ(report["nfsferry"]["failures"][0]["error"], GetParam().error);
  EXPECT_FALSE(fs::exists(target.folder / "large"));
  EXPECT_TRUE(temporaries(target.folder).empty());
  Outcome again = run_program(arguments);
  EXPECT_EQ(again.exit_code, 0) << again.err;
  expect_equal(source, target, kept_on(GetParam().target));
}

INSTANTIATE_TEST_SUITE_P(Writers, FileTooLarge,
                         ::testing::Values(Writer{Place::kLocal, "io_uring", "EFBIG"},
                                           Writer{Place::kLocal, "epoll", "EFBIG"},
                                           Writer{Place::kNfs, "auto", "NFS4ERR_FBIG"}),
                         [](const ::testing::TestParamInfo<Writer>& writer) {
                           return (writer.param.target == Place::kNfs ? "Nfs_" : "Local_") +
                                  std::string(writer.param.engine);
                         });

}  // namespace
}  // namespace nfsferry::test

// A thousand copies in one process leave no descriptor, no thread and no memory behind.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "base/unique_fd.hpp"
#include "copy_fixture.hpp"

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // keeps what was freed, and is slow
#else
constexpr bool kSanitized = false;
#endif
constexpr unsigned kCopies = kSanitized ? 200 : 1000;
constexpr unsigned kWarmUp = 200;
constexpr std::uint64_t kGrowthMost = 3 << 20;

std::ptrdiff_t entries_in(const char* folder) {
  return std::distance(fs::directory_iterator(folder), {});
}

struct Use {
  std::ptrdiff_t descriptors = entries_in("/proc/self/fd");
  std::ptrdiff_t threads = entries_in("/proc/self/task");
  std::uint64_t resident_bytes = resident();

  static std::uint64_t resident() {
    std::uint64_t all_pages = 0;
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> all_pages >> pages;
    return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
};

// A port that nobody listens on and nobody else is given.
class ClosedPort {
 public:
  ClosedPort() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(fd_.get(), generic, length), 0);
    EXPECT_EQ(::getsockname(fd_.get(), generic, &length), 0);
    url_ = "nfs://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/old";
  }
  const std::string& url() const { return url_; }

 private:
  UniqueFd fd_;
  std::string url_;
};

// Asks the run to stop when the first entry is done.
class StopsEarly : public Observer {
 public:
  explicit StopsEarly(StopFlag& stop) : stop_(stop) {}
  bool wants_entries() const override { return true; }
  void on_entry(const EntryRecord&) override { stop_ = SIGINT; }

 private:
  StopFlag& stop_;
};

class ManyCopies : public CopyTest {
 protected:
  void SetUp() override {
    CopyTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    for (Place place : {Place::kNfs, Place::kLocal}) {
      Ground source = source_ground(place);
      SampleTree sample;
      sample.directories = 2;
      sample.files_per_directory = 3;
      make_small_files(source.folder, sample);
      make_file(source.folder / "large", 400'000, 1);
      fs::create_symlink("nowhere", source.folder / "link");
      fs::create_hard_link(source.folder / "large", source.folder / "linked");
      pairs_.push_back(options(source, target_ground(place)));
    }
  }

  // The n-th of a mixture.
  void copy_nth(unsigned n) {
    CopyOptions chosen = pairs_[n % 2];
    chosen.compare = CompareMode::kAll;
    chosen.threads = 1 + n % 3;
    chosen.engine = n % 7 == 0 ? EngineMode::kEpoll : EngineMode::kAuto;
    StopFlag stop{0};
    Observer quiet;
    StopsEarly early(stop);
    bool stops = false;
    ExitCode expected = ExitCode::kDone;
    switch (n / 2 % 5) {
      case 0:
        chosen.source += "/missing";
        if (n % 2 == 0) chosen.source = std::string(pairs_[1].source) + "/missing";
        expected = ExitCode::kSourceUnreachable;
        break;
      case 1:
        chosen.source = closed_.url();
        expected = ExitCode::kSourceUnreachable;
        break;
      case 2: stops = true; break;
      default: break;
    }
    CopyReport report = run(chosen, stops ? static_cast<Observer&>(early) : quiet, stop);
    bool interrupted = stops && report.exit_code == ExitCode::kInterrupted;
    EXPECT_TRUE(report.exit_code == expected || interrupted) << n << ": " << report.error_detail;
  }

  std::vector<CopyOptions> pairs_;
  ClosedPort closed_;
};

TEST_F(ManyCopies, in_one_process_use_no_more_than_the_first_ones) {
  for (unsigned n = 0; n < kWarmUp; ++n) copy_nth(n);
  Use warm;
  for (unsigned n = 0; n < kCopies; ++n) copy_nth(n);
  Use end;
  EXPECT_EQ(end.descriptors, warm.descriptors);
  EXPECT_EQ(end.threads, warm.threads);
  if (!kSanitized) {
    EXPECT_LE(end.resident_bytes, warm.resident_bytes + kGrowthMost);
  }
  std::printf("%u copies: %td descriptors, %td threads, %llu KiB before and %llu KiB after\n",
              kCopies, end.descriptors, end.threads,
              static_cast<unsigned long long>(warm.resident_bytes >> 10),
              static_cast<unsigned long long>(end.resident_bytes >> 10));
}

}  // namespace
}  // namespace nfsferry::test

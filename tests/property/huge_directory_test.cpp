// Memory of a first copy does not grow with the number of entries of a directory.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>

#include "copy_fixture.hpp"

namespace nfsferry::test {
namespace {

// Sanitizers are slow, and keep memory for themselves: what a process holds then says nothing.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMemoryIsKnown = false;
constexpr unsigned kFew = 2'000;
#else
constexpr bool kMemoryIsKnown = true;
constexpr unsigned kFew = 20'000;
#endif
constexpr unsigned kMany = 10 * kFew;

struct Outcome {
  std::uint64_t files = 0;
  std::uint64_t peak_rss_bytes = 0;
};

std::uint64_t number_after(const std::string& text, const std::string& key) {
  std::size_t at = text.find("\"" + key + "\":");
  if (at == std::string::npos) return 0;
  at = text.find_first_of("0123456789", at + key.size() + 3);
  std::uint64_t number = 0;
  std::from_chars(text.data() + at, text.data() + text.size(), number);
  return number;
}

class HugeDirectory : public CopyTest {
 protected:
  // In a process of its own, as the peak of a process never sinks.
  Outcome copy_files(unsigned count) {
    Ground source = source_ground(Place::kNfs);
    Ground target = target_ground(Place::kNfs);
    for (unsigned i = 0; i < count; ++i) {
      std::string path = source.folder / ("file-" + std::to_string(i));
      int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
      EXPECT_GE(fd, 0) << path;
      close(fd);
    }
    std::string command = std::string(NFSFERRY_PROGRAM) + " copy '" + source.location + "' '" +
                          target.location + "' --quiet --report-json -";
    FILE* pipe = popen(command.c_str(), "r");
    std::string report;
    std::array<char, 4096> block{};
    while (std::size_t got = std::fread(block.data(), 1, block.size(), pipe)) {
      report.append(block.data(), got);
    }
    EXPECT_EQ(pclose(pipe), 0) << report;
    return {number_after(report, "files_transferred"), number_after(report, "peak_rss_bytes")};
  }
};

TEST_F(HugeDirectory, with_ten_times_the_entries_needs_at_most_a_tenth_more_memory) {
  Outcome few = copy_files(kFew);
  Outcome many = copy_files(kMany);
  rusage own{};
  getrusage(RUSAGE_SELF, &own);

  EXPECT_EQ(few.files, kFew);
  EXPECT_EQ(many.files, kMany);
  if (!kMemoryIsKnown) return;
  EXPECT_LE(many.peak_rss_bytes, few.peak_rss_bytes + few.peak_rss_bytes / 10);
  // Otherwise the figures could be this process's own: a child starts with its parent's peak.
  EXPECT_GT(few.peak_rss_bytes, static_cast<std::uint64_t>(own.ru_maxrss) * 1024);
}

}  // namespace
}  // namespace nfsferry::test

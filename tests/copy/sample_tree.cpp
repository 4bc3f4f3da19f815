#include "sample_tree.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace nfsferry::test {
namespace {

namespace fs = std::filesystem;

void must(bool condition, const std::string& what) {
  if (condition) return;
  std::perror(("sample tree: " + what).c_str());
  std::abort();
}

void set_times(const fs::path& path, std::int64_t seconds, long nanoseconds) {
  timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
  must(utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0, "utimensat");
}

void own(const fs::path& path, const SampleTree& sample) {
  must(lchown(path.c_str(), sample.owner, sample.group) == 0, "lchown");
}

void make_names(const fs::path& folder, const SampleTree& sample) {
  fs::create_directory(folder);
  std::vector<std::string> names{"new\nline",          "tab\there",   "esc\033[31m",  "quote'\"",
                                 "back\\slash",        "-dash",       "trailing ",    "\xff\xfe",
                                 "\xc0\xaf",           "caf\xc3\xa9", "cafe\xcc\x81", "\x01\x7f",
                                 std::string(255, 'n')};
  for (const std::string& name : names) {
    make_file(folder / name, 100, sample.seed + name.size());
    own(folder / name, sample);
  }
}

void make_links(const fs::path& folder, const SampleTree& sample) {
  fs::create_directory(folder);
  make_file(folder / "first", 5000, sample.seed);
  must(link((folder / "first").c_str(), (folder / "second").c_str()) == 0, "link");
  fs::create_directory(folder / "elsewhere");
  must(link((folder / "first").c_str(), (folder / "elsewhere" / "third").c_str()) == 0, "link");
  own(folder / "first", sample);
  fs::create_symlink("first", folder / "relative");
  fs::create_symlink("/nowhere/at/all", folder / "dangling");
  fs::create_symlink("loop", folder / "loop");
  fs::create_symlink(std::string(4080, 'x'), folder / "long");
  for (const char* name : {"relative", "dangling", "loop", "long"}) own(folder / name, sample);
  must(mkfifo((folder / "fifo").c_str(), 0640) == 0, "mkfifo");
  own(folder / "fifo", sample);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  int at = open(folder.c_str(), O_PATH | O_CLOEXEC);
  std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/socket", at);
  must(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
  close(at);
  close(fd);
  own(folder / "socket", sample);
}

void make_modes(const fs::path& folder, const SampleTree& sample) {
  fs::create_directory(folder);
  for (mode_t mode : {0000, 0400, 0444, 0755, 0777, 01777, 02755, 04755, 06711}) {
    char name[16];
    std::snprintf(name, sizeof name, "m%04o", mode);
    make_file(folder / name, 10, mode);
    own(folder / name, sample);
    must(chmod((folder / name).c_str(), mode) == 0, "chmod");
  }
  for (mode_t mode : {0000, 0500, 02755, 01777}) {
    char name[16];
    std::snprintf(name, sizeof name, "d%04o", mode);
    fs::create_directory(folder / name);
    make_file(folder / name / "inside", 10, mode);
    own(folder / name, sample);
    must(chmod((folder / name).c_str(), mode) == 0, "chmod");
    set_times(folder / name, 1'000'000'000 + static_cast<int>(mode), 7);
  }
}

void make_times(const fs::path& folder, const SampleTree&) {
  fs::create_directory(folder);
  std::vector<std::pair<std::int64_t, long>> times{{0, 0},
                                                   {-1, 123'456'789},
                                                   {-2147483648LL, 1},
                                                   {2147483648LL, 999'999'999},
                                                   {4294967297LL, 5},
                                                   {1'000'000'000, 1}};
  for (std::size_t i = 0; i < times.size(); ++i) {
    fs::path path = folder / ("t" + std::to_string(i));
    make_file(path, 20, i);
    set_times(path, times[i].first, times[i].second);
  }
}

}  // namespace

void make_file(const fs::path& path, std::uint64_t size_bytes, std::uint64_t seed) {
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  must(fd >= 0, "open " + path.string());
  std::mt19937_64 random(seed);
  std::vector<std::uint64_t> block(8192);
  while (size_bytes > 0) {
    std::size_t size = std::min<std::uint64_t>(size_bytes, block.size() * 8);
    for (std::size_t i = 0; i * 8 < size; ++i) block[i] = random();
    must(write(fd, block.data(), size) == static_cast<ssize_t>(size), "write");
    size_bytes -= size;
  }
  must(close(fd) == 0, "close");
}

void make_small_files(const fs::path& root, const SampleTree& sample) {
  std::mt19937_64 random(sample.seed);
  std::uniform_int_distribution<std::uint64_t> size(sample.least_bytes, sample.most_bytes);
  for (unsigned i = 0; i < sample.directories; ++i) {
    fs::path folder = root / ("directory" + std::to_string(i));
    fs::create_directories(folder);
    for (unsigned j = 0; j < sample.files_per_directory; ++j) {
      fs::path path = folder / ("file" + std::to_string(j));
      make_file(path, size(random), random());
      own(path, sample);
      set_times(path, 1'600'000'000 + static_cast<std::int64_t>(random() % 100'000'000),
                static_cast<long>(random() % 1'000'000'000));
    }
    own(folder, sample);
    set_times(folder, 1'500'000'000 + i, static_cast<long>(random() % 1'000'000'000));
  }
}

void make_odd_entries(const fs::path& root, const SampleTree& sample) {
  make_names(root / "names", sample);
  make_links(root / "links", sample);
  make_modes(root / "modes", sample);
  make_times(root / "times", sample);
  fs::path deep = root / "deep";
  for (int i = 0; i < 60; ++i) deep /= "level" + std::to_string(i);
  fs::create_directories(deep);
  make_file(deep / "bottom", 77, sample.seed);
  make_file(root / "empty", 0, 0);
  make_file(root / "sparse", 10, 3);
  must(truncate((root / "sparse").c_str(), 3 << 20) == 0, "truncate");
  fs::create_directory(root / "empty directory");
}

}  // namespace nfsferry::test

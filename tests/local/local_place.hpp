// Places for tests of the local tree: a folder of its own, a user of its own, a process of its own.
#pragma once

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>

#include "contract_suite.hpp"
#include "local/local_tree.hpp"

namespace nfsferry::test {

// A fresh folder under $TMPDIR, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    const char* base = std::getenv("TMPDIR");
    std::string path = std::string(base && *base ? base : "/tmp") + "/nfsferry-local-XXXXXX";
    check(::mkdtemp(path.data()) != nullptr, "mkdtemp fails");
    path_ = path;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

// Makes the calling thread, and those it starts meanwhile, those of an ordinary user. The system
// calls themselves are used, as the C library's functions change all threads at once. Does nothing
// where the tests run as an ordinary user anyway.
class OrdinaryUser {
 public:
  static constexpr long kId = 65534;

  OrdinaryUser() : was_root_(::geteuid() == 0) {
    if (!was_root_) return;
    check(::syscall(SYS_setgroups, 0, nullptr) == 0, "setgroups fails");
    check(::syscall(SYS_setresgid, -1L, kId, -1L) == 0, "setresgid fails");
    check(::syscall(SYS_setresuid, -1L, kId, -1L) == 0, "setresuid fails");
  }
  ~OrdinaryUser() {
    if (!was_root_) return;
    check(::syscall(SYS_setresuid, -1L, 0L, -1L) == 0, "setresuid fails");
    check(::syscall(SYS_setresgid, -1L, 0L, -1L) == 0, "setresgid fails");
  }
  OrdinaryUser(const OrdinaryUser&) = delete;
  OrdinaryUser& operator=(const OrdinaryUser&) = delete;

 private:
  const bool was_root_;
};

inline std::unique_ptr<LocalTree> local_tree(Loop& loop, const std::string& path,
                                             LocalOptions options = {}) {
  Result<Location> location = parse_location(path);
  check(location.has_value(), "a test's path does not parse");
  return std::make_unique<LocalTree>(loop, *std::move(location), std::move(options));
}

inline std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void write_text(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline struct stat stat_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status;
}

// From now on this system call fails with this errno. For child processes.
inline void forbid(std::uint32_t call, int number) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(number)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog filter{4, program};
  check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS fails");
  check(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0, "the filter is refused");
}

// Runs `body` in a child process and gives what it returns: what went wrong, or nothing.
inline std::string in_child(const std::function<std::string()>& body) {
  int fds[2];
  check(::pipe(fds) == 0, "pipe fails");
  const pid_t child = ::fork();
  check(child >= 0, "fork fails");
  if (child == 0) {
    ::alarm(60);
    std::string told = body();
    bool written = ::write(fds[1], told.data(), told.size()) == static_cast<ssize_t>(told.size());
    ::_exit(written ? 0 : 1);
  }
  ::close(fds[1]);
  std::string told;
  char buffer[4096];
  for (ssize_t size = 0; (size = ::read(fds[0], buffer, sizeof buffer)) > 0;) {
    told.append(buffer, static_cast<std::size_t>(size));
  }
  ::close(fds[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) told += " [the child ended with status " + std::to_string(status) + "]";
  return told;
}

}  // namespace nfsferry::test

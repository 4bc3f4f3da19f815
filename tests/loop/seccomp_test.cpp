// What a container that forbids system calls does to the loop: each test runs in a child process
// behind a real seccomp filter, and the child tells in words what it saw.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <functional>
#include <thread>

#include "base/log.hpp"
#include "engine_fixture.hpp"

namespace nfsferry::test {
namespace {

struct Forbidden {
  long call;
  std::uint32_t action;  // SECCOMP_RET_ERRNO | errno, or SECCOMP_RET_USER_NOTIF
};

std::uint32_t fails_with(int number) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(number);
}

// Only for the calling thread and those that it starts. Gives the fd of the listener, if asked for.
int install_filter(const std::vector<Forbidden>& calls, unsigned flags = 0) {
  std::vector<sock_filter> program;
  program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  for (const Forbidden& each : calls) {
    program.push_back(
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(each.call), 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, each.action));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS fails");
  long status = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
  check(status >= 0, "the seccomp filter is refused");
  return static_cast<int>(status);
}

// What the child returned and what it wrote to stderr.
std::string in_child(const std::function<std::string()>& body) {
  int fds[2];
  check(::pipe2(fds, O_CLOEXEC) == 0, "pipe fails");
  const pid_t child = ::fork();
  check(child >= 0, "fork fails");
  if (child == 0) {
    ::alarm(60);
    ::dup2(fds[1], STDERR_FILENO);
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
  if (status != 0) told += " [child ended with status " + std::to_string(status) + "]";
  return told;
}

Task<void> echo_once(Loop& loop, int fd) {
  auto text = co_await recv_text(loop, fd);
  if (!text) co_return;
  EXPECT_TRUE(co_await send_text(loop, fd, *text));
}

Task<std::string> ping_pong(Loop& loop) {
  SocketPair pair = socket_pair();
  TaskGroup group;
  group.spawn(echo_once(loop, pair.right.get()));
  auto sent = co_await send_text(loop, pair.left.get(), "ping");
  auto answer = co_await recv_text(loop, pair.left.get());
  co_await group.join();
  loop.forget_socket(pair.left.get());
  loop.forget_socket(pair.right.get());
  co_return sent&& answer ? *answer : "no answer";
}

std::string try_auto() {
  auto loop = Loop::create(EngineChoice::kAuto);
  if (!loop) return loop.error().message();
  std::string told((*loop)->engine_name());
  told += "; " + (*loop)->engine_note();
  told += "; " + (*loop)->run(ping_pong(**loop));
  return told;
}

struct Refusal {
  int number;
  const char* name;
  const char* meaning;
};

class IoUringForbidden : public testing::TestWithParam<Refusal> {
 protected:
  std::vector<Forbidden> filter() const {
    return {{SYS_io_uring_setup, fails_with(GetParam().number)}};
  }
};
INSTANTIATE_TEST_SUITE_P(Errno, IoUringForbidden,
                         testing::Values(Refusal{EPERM, "EPERM", "Operation not permitted"},
                                         Refusal{ENOSYS, "ENOSYS", "Function not implemented"},
                                         Refusal{EACCES, "EACCES", "Permission denied"},
                                         Refusal{ENOMEM, "ENOMEM", "Cannot allocate memory"}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_P(IoUringForbidden, AutoFallsBackToEpollAndSaysWhy) {
  std::string told = in_child([&] {
    install_filter(filter());
    return try_auto();
  });
  EXPECT_EQ(told, std::string("epoll; io_uring not available (") + GetParam().name + ": " +
                      GetParam().meaning + "); ping");
}

TEST_P(IoUringForbidden, AskingForIoUringFailsWithTheErrno) {
  std::string told = in_child([&] {
    install_filter(filter());
    auto loop = Loop::create(EngineChoice::kIoUring);
    return loop ? std::string("made") : loop.error().message();
  });
  EXPECT_EQ(told,
            std::string("io_uring_setup: ") + GetParam().name + " (" + GetParam().meaning + ")");
}

TEST(IoUringForbiddenOnce, TheReasonIsLoggedOncePerProcess) {
  std::string told = in_child([] {
    install_filter({{SYS_io_uring_setup, fails_with(EPERM)}});
    log_start(LogOptions{});
    for (int i = 0; i < 3; ++i) try_auto();
    return std::string("end");
  });
  const std::string line = "io_uring not available (EPERM: Operation not permitted): using epoll\n";
  const std::size_t found = told.find(line);
  ASSERT_NE(found, std::string::npos) << told;
  EXPECT_NE(told.substr(0, found).find(" info"), std::string::npos) << told;
  EXPECT_EQ(told.substr(found + line.size()), "end");
}

TEST(IoUringForbiddenOnce, AKernelThatDoesNotTellItsCallsGetsEpoll) {
  if (!Loop::create(EngineChoice::kIoUring)) GTEST_SKIP() << "this machine gives no io_uring";
  std::string told = in_child([] {
    install_filter({{SYS_io_uring_register, fails_with(EPERM)}});
    return try_auto();
  });
  EXPECT_EQ(told,
            "epoll; io_uring not available (ENOSYS: the kernel has no "
            "IORING_REGISTER_PROBE); ping");
}

// Linux 6.0 knows io_uring, but not IORING_SETUP_DEFER_TASKRUN. A supervising thread answers the
// first io_uring_setup with EINVAL and lets the second one through.
void refuse_first_setup(int listener) {
  for (int number = 0; number < 2; ++number) {
    seccomp_notif request{};
    if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) != 0) return;
    seccomp_notif_resp response{};
    response.id = request.id;
    if (number == 0) {
      response.error = -EINVAL;
    } else {
      response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    }
    ::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
  }
}

TEST(IoUringFlags, ARingIsMadeThoughTheKernelRefusesTheNewerFlags) {
  if (!Loop::create(EngineChoice::kIoUring)) GTEST_SKIP() << "this machine gives no io_uring";
  std::string told = in_child([] {
    std::promise<int> listener;
    auto supervise = [&listener] { refuse_first_setup(listener.get_future().get()); };
    std::thread supervisor(supervise);
    listener.set_value(install_filter({{SYS_io_uring_setup, SECCOMP_RET_USER_NOTIF}},
                                      SECCOMP_FILTER_FLAG_NEW_LISTENER));
    std::string seen = try_auto();
    supervisor.join();
    return seen;
  });
  EXPECT_EQ(told, "io_uring; ; ping");
}

// ---- other calls that filters do not know

Task<std::string> sleep_in_order(Loop& loop) {
  auto start = Clock::now();
  auto slept = co_await loop.sleep_for(std::chrono::microseconds(1500));
  bool long_enough = Clock::now() - start >= std::chrono::microseconds(1500);
  co_return slept&& long_enough ? "slept" : "not slept";
}

class EpollForbidden : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Errno, EpollForbidden, testing::Values(ENOSYS, EPERM));

TEST_P(EpollForbidden, TimersWorkWithoutEpollPwait2) {
  std::string told = in_child([&] {
    install_filter({{SYS_epoll_pwait2, fails_with(GetParam())}});
    auto loop = *Loop::create(EngineChoice::kEpoll);
    return loop->run(sleep_in_order(*loop));
  });
  EXPECT_EQ(told, "slept");
}

Task<std::string> offload_here(Loop& loop) {
  auto work = [] { return std::this_thread::get_id(); };
  auto id = co_await loop.offload(work);
  co_return id == std::this_thread::get_id() ? "on the loop" : "on a thread";
}

TEST(ThreadsForbidden, ACallIsCarriedOutOnTheLoopWhenNoThreadCanBeHad) {
  std::string told = in_child([] {
    auto loop = *Loop::create(EngineChoice::kEpoll);
    install_filter({{SYS_clone3, fails_with(EAGAIN)}, {SYS_clone, fails_with(EAGAIN)}});
    return loop->run(offload_here(*loop));
  });
  EXPECT_EQ(told, "on the loop");
}

}  // namespace
}  // namespace nfsferry::test

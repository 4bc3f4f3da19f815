#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loop/loop.hpp"

namespace nfsferry::test {

inline std::string engine_label(const testing::TestParamInfo<EngineChoice>& info) {
  return info.param == EngineChoice::kIoUring ? "io_uring" : "epoll";
}

// Every test of the loop runs on both engines.
class EngineTest : public testing::TestWithParam<EngineChoice> {
 protected:
  void SetUp() override {
    auto made = Loop::create(GetParam());
    if (!made) GTEST_SKIP() << "this machine gives no io_uring: " << made.error().message();
    loop_ = *std::move(made);
  }

  Loop& loop() { return *loop_; }
  template <typename T>
  T run(Task<T> task) {
    return loop_->run(std::move(task));
  }

 private:
  std::unique_ptr<Loop> loop_;
};

// INSTANTIATE_TEST_SUITE_P(Engine, SomeTest, both_engines(), engine_label);
inline auto both_engines() { return testing::Values(EngineChoice::kIoUring, EngineChoice::kEpoll); }

struct SocketPair {
  UniqueFd left;
  UniqueFd right;
};

inline SocketPair socket_pair() {
  int fds[2] = {-1, -1};
  int status = ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
  check(status == 0, "socketpair fails");
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

inline UniqueFd tcp_socket() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  check(static_cast<bool>(fd), "socket fails");
  return fd;
}

inline const sockaddr* as_sockaddr(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// A listening socket on 127.0.0.1, on a port that the kernel chose.
struct Listener {
  UniqueFd fd = tcp_socket();
  sockaddr_in address{};

  explicit Listener(int backlog = 16) {
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool listens = ::bind(fd.get(), as_sockaddr(address), sizeof address) == 0 &&
                   ::listen(fd.get(), backlog) == 0;
    check(listens, "cannot listen on 127.0.0.1");
    socklen_t length = sizeof address;
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length);
  }
};

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "nfsferry-loop-XXXXXX").string();
    check(::mkdtemp(pattern.data()) != nullptr, "mkdtemp fails");
    path_ = pattern;
    fd_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }
  int fd() const { return fd_.get(); }

 private:
  std::filesystem::path path_;
  UniqueFd fd_;
};

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline iovec to_iovec(std::span<std::byte> bytes) { return iovec{bytes.data(), bytes.size()}; }

// Bytes that differ everywhere, so that a lost or swapped piece shows.
inline std::vector<std::byte> pattern_bytes(std::size_t size) {
  std::vector<std::byte> bytes(size);
  std::uint32_t state = 12345;
  for (std::byte& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<std::byte>(state >> 24);
  }
  return bytes;
}

inline Task<void> pause(Loop& loop, std::chrono::nanoseconds duration) {
  EXPECT_TRUE(co_await loop.sleep_for(duration));
}

inline Task<Status> send_text(Loop& loop, int fd, std::string text) {
  iovec piece{text.data(), text.size()};
  co_return co_await loop.send(fd, std::span(&piece, 1));
}

// What one recv gives, as text.
inline Task<Result<std::string>> recv_text(Loop& loop, int fd, std::size_t most = 4096,
                                           CancelToken* cancel = nullptr) {
  std::string text(most, '\0');
  iovec piece{text.data(), text.size()};
  auto size = co_await loop.recv(fd, std::span<const iovec>(&piece, 1), cancel);
  if (!size) co_return std::move(size).error();
  text.resize(*size);
  co_return text;
}

// Keeps every file thread of the loop busy until opened, so that what comes next stays queued.
class Gate {
 public:
  void open() { promise_.set_value(); }
  void wait() const { opened_.wait(); }

 private:
  std::promise<void> promise_;
  std::shared_future<void> opened_ = promise_.get_future().share();
};

inline Task<void> hold(Loop& loop, const Gate& gate) {
  auto work = [&gate] { gate.wait(); };
  co_await loop.offload(work);
}

}  // namespace nfsferry::test

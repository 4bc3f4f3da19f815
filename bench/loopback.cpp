#include "loopback.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string>

namespace nfsferry::bench {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

void refuse(std::string_view what) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, std::string(what).c_str());
  std::exit(1);
}

void fail(std::string_view what) { refuse(std::string(what) + ": " + std::strerror(errno)); }

SocketPair connect_over_loopback() {
  int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* name = reinterpret_cast<sockaddr*>(&address);
  if (listener < 0 || ::bind(listener, name, length) != 0 || ::listen(listener, 1) != 0 ||
      ::getsockname(listener, name, &length) != 0) {
    fail("listen");
  }
  SocketPair pair{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), -1};
  if (pair.one < 0 || ::connect(pair.one, name, length) != 0) fail("connect");
  pair.other = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (pair.other < 0) fail("accept");
  ::close(listener);
  for (int fd : {pair.one, pair.other}) {
    int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return pair;
}

void send_all(int fd, std::span<const std::byte> bytes) {
  iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
  send_all(fd, std::span(&piece, 1));
}

void send_all(int fd, std::span<iovec> pieces) {
  while (!pieces.empty()) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = std::min<std::size_t>(pieces.size(), IOV_MAX);
    ssize_t now = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (now < 0 && errno == EINTR) continue;
    if (now < 0) fail("send");
    auto sent = static_cast<std::size_t>(now);
    while (!pieces.empty() && sent >= pieces.front().iov_len) {
      sent -= pieces.front().iov_len;
      pieces = pieces.subspan(1);
    }
    if (pieces.empty()) return;
    pieces.front().iov_base = static_cast<std::byte*>(pieces.front().iov_base) + sent;
    pieces.front().iov_len -= sent;
  }
}

bool receive_all(int fd, std::span<std::byte> into) {
  while (!into.empty()) {
    ssize_t now = ::recv(fd, into.data(), into.size(), MSG_WAITALL);
    if (now < 0 && errno == EINTR) continue;
    if (now < 0) fail("recv");
    if (now == 0) return false;
    into = into.subspan(static_cast<std::size_t>(now));
  }
  return true;
}

pid_t fork_or_fail() {
  pid_t child = ::fork();
  if (child < 0) fail("fork");
  return child;
}

bool ended_well(pid_t child) {
  int status = 0;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

pid_t start_feeder(SocketPair pair, std::size_t piece_bytes, unsigned pieces) {
  return in_child(pair, [piece_bytes, pieces](int fd) {
    std::vector<std::byte> piece(piece_bytes);
    for (std::size_t i = 0; i < piece.size(); ++i) piece[i] = static_cast<std::byte>(i * 31 % 251);
    for (unsigned i = 0; i < pieces; ++i) send_all(fd, piece);
  });
}

pid_t start_taker(SocketPair pair, std::size_t piece_bytes) {
  return in_child(pair, [piece_bytes](int fd) {
    std::vector<std::byte> piece(piece_bytes);
    while (receive_all(fd, piece)) {
    }
  });
}

Times times_now() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  std::chrono::duration<double> wall = std::chrono::steady_clock::now().time_since_epoch();
  return {wall.count(), seconds(used.ru_utime), seconds(used.ru_stime)};
}

Times operator-(const Times& end, const Times& begin) {
  return {end.wall_s - begin.wall_s, end.user_s - begin.user_s, end.system_s - begin.system_s};
}

bool parse_count(std::string_view text, unsigned& count) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && count > 0 && count <= kCountMost;
}

FloorOptions parse_options(int count, char** arguments, std::string_view name,
                           unsigned default_count, const char* usage) {
  FloorOptions options{default_count, nullptr};
  for (int i = 1; i < count; i += 2) {
    std::string_view given = arguments[i];
    std::string_view value = i + 1 < count ? arguments[i + 1] : "";
    if (given == "--json" && !value.empty()) {
      options.json = arguments[i + 1];
    } else if (given != name || !parse_count(value, options.count)) {
      std::fputs(usage, stderr);
      std::exit(2);
    }
  }
  return options;
}

void print_figures(const char* line, const char* path) {
  std::fputs(line, stdout);
  if (path == nullptr) return;
  std::FILE* file = std::fopen(path, "w");
  if (file == nullptr) fail(path);
  std::fputs(line, file);
  if (std::fclose(file) != 0) fail(path);
}

}  // namespace nfsferry::bench

// relay: the floor under any copier. Receives bytes over one loopback TCP connection in pieces of
// the size of a READ reply, hashes them with XXH3-128 in order, and sends each piece on over
// another connection. Another process feeds it, a third one takes what it sends; what is printed
// is the CPU time of the middle alone. One thread, blocking calls, no NFS.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t kMib = std::size_t{1} << 20;
constexpr std::size_t kReplyHeaderBytes = 128;  // RPC, COMPOUND, SEQUENCE, PUTFH and READ results
constexpr std::size_t kPieceBytes = kMib + kReplyHeaderBytes;
constexpr unsigned kMibMost = 1u << 20;
constexpr const char* kUsage =
    "usage: relay [--mib N] [--json FILE]\n"
    "  --mib N      how much passes, in pieces of 1 MiB (1024)\n"
    "  --json FILE  write the figures there too\n";

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "relay: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

struct Pair {
  int one;
  int other;
};

// Two ends of a TCP connection over loopback.
Pair connect_over_loopback() {
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
  Pair pair{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), -1};
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

void send_all(int fd, const std::vector<std::byte>& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    ssize_t now = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (now < 0 && errno == EINTR) continue;
    if (now < 0) fail("send");
    sent += static_cast<std::size_t>(now);
  }
}

// False at the end of the stream.
bool receive_all(int fd, std::vector<std::byte>& bytes) {
  for (std::size_t got = 0; got < bytes.size();) {
    ssize_t now = ::recv(fd, bytes.data() + got, bytes.size() - got, MSG_WAITALL);
    if (now < 0 && errno == EINTR) continue;
    if (now < 0) fail("recv");
    if (now == 0) return false;
    got += static_cast<std::size_t>(now);
  }
  return true;
}

// Runs a function in a child of its own, which keeps only the given end of a connection.
template <typename Work>
pid_t in_child(int own, int foreign, Work work) {
  pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child > 0) {
    ::close(own);
    return child;
  }
  ::close(foreign);
  work(own);
  ::_exit(0);
}

pid_t start_feeder(Pair pair, unsigned mib) {
  return in_child(pair.one, pair.other, [mib](int fd) {
    std::vector<std::byte> piece(kPieceBytes);
    for (std::size_t i = 0; i < piece.size(); ++i) piece[i] = static_cast<std::byte>(i * 31 % 251);
    for (unsigned i = 0; i < mib; ++i) send_all(fd, piece);
  });
}

pid_t start_taker(Pair pair) {
  return in_child(pair.one, pair.other, [](int fd) {
    std::vector<std::byte> piece(kPieceBytes);
    while (receive_all(fd, piece)) {
    }
  });
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

struct Figures {
  double wall_s;
  double user_s;
  double system_s;
  std::uint64_t hash;  // the low half, so that nothing is optimised away
};

Figures pass_on(int from, int to, unsigned mib) {
  std::vector<std::byte> piece(kPieceBytes);
  XXH3_state_t* hash = XXH3_createState();
  if (!hash || XXH3_128bits_reset(hash) != XXH_OK) fail("XXH3");
  rusage before{};
  rusage after{};
  ::getrusage(RUSAGE_SELF, &before);
  auto begin = std::chrono::steady_clock::now();
  for (unsigned i = 0; i < mib; ++i) {
    if (!receive_all(from, piece)) {
      std::fputs("relay: the feeder ended early\n", stderr);
      std::exit(1);
    }
    XXH3_128bits_update(hash, piece.data() + kReplyHeaderBytes, kMib);
    send_all(to, piece);
  }
  std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  ::getrusage(RUSAGE_SELF, &after);
  std::uint64_t low = XXH3_128bits_digest(hash).low64;
  XXH3_freeState(hash);
  return {wall.count(), seconds(after.ru_utime) - seconds(before.ru_utime),
          seconds(after.ru_stime) - seconds(before.ru_stime), low};
}

void print(std::FILE* file, unsigned mib, const Figures& figures) {
  double gib = mib / 1024.0;
  std::fprintf(file,
               "{\"mib\":%u,\"wall_s\":%.6f,\"user_s\":%.6f,\"system_s\":%.6f,"
               "\"cpu_s_per_gib\":%.6f,\"hash\":\"%016llx\"}\n",
               mib, figures.wall_s, figures.user_s, figures.system_s,
               (figures.user_s + figures.system_s) / gib,
               static_cast<unsigned long long>(figures.hash));
}

bool read_mib(std::string_view text, unsigned& mib) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mib);
  return error == std::errc{} && end == text.data() + text.size() && mib > 0 && mib <= kMibMost;
}

bool ended_well(pid_t child) {
  int status = 0;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace

int main(int count, char** arguments) {
  unsigned mib = 1024;
  const char* json = nullptr;
  for (int i = 1; i < count; i += 2) {
    std::string_view name = arguments[i];
    std::string_view value = i + 1 < count ? arguments[i + 1] : "";
    if (name == "--json" && !value.empty()) {
      json = arguments[i + 1];
    } else if (name != "--mib" || !read_mib(value, mib)) {
      std::fputs(kUsage, stderr);
      return 2;
    }
  }
  // The children close what is not theirs: with a copy of the sending end in one of them, the
  // taker would never see the end of the stream.
  Pair in = connect_over_loopback();
  pid_t feeder = start_feeder(in, mib);
  Pair out = connect_over_loopback();
  pid_t taker = start_taker(out);
  Figures figures = pass_on(in.other, out.other, mib);
  ::close(out.other);
  if (!ended_well(feeder) || !ended_well(taker)) {
    std::fputs("relay: a child failed\n", stderr);
    return 1;
  }
  print(stdout, mib, figures);
  if (json) {
    std::FILE* file = std::fopen(json, "w");
    if (!file) fail(json);
    print(file, mib, figures);
    if (std::fclose(file) != 0) fail(json);
  }
  return 0;
}

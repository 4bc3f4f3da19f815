// What the floors share: processes that talk over loopback TCP with blocking calls, and the CPU
// time of one of them. Nothing here returns an error: a floor that cannot be measured ends.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string_view>
#include <vector>

namespace nfsferry::bench {

// Ends the program with a message.
[[noreturn]] void refuse(std::string_view what);
// The same, for a system call that failed: errno is added in words.
[[noreturn]] void fail(std::string_view what);

struct SocketPair {
  int one;
  int other;
};
// Two ends of a TCP connection, without Nagle's delay.
SocketPair connect_over_loopback();

void send_all(int fd, std::span<const std::byte> bytes);
// The pieces are used up (changed) on the way.
void send_all(int fd, std::span<iovec> pieces);
// False at the end of the stream.
bool receive_all(int fd, std::span<std::byte> into);

pid_t fork_or_fail();
// Runs a function in a child of its own, which keeps only the first end of the connection; the
// caller keeps the other one.
template <typename Work>
pid_t in_child(SocketPair pair, Work work) {
  pid_t child = fork_or_fail();
  if (child > 0) {
    ::close(pair.one);
    return child;
  }
  ::close(pair.other);
  work(pair.one);
  ::_exit(0);
}
bool ended_well(pid_t child);
// Children that send so many pieces of the same bytes, and that take what comes to its end.
pid_t start_feeder(SocketPair pair, std::size_t piece_bytes, unsigned pieces);
pid_t start_taker(SocketPair pair, std::size_t piece_bytes);

// CPU time of the calling process, and the time of day beside it.
struct Times {
  double wall_s = 0;
  double user_s = 0;
  double system_s = 0;
};
Times times_now();
Times operator-(const Times& end, const Times& begin);

// `NAME N`, with N from 1 to kCountMost, and `--json FILE`.
struct FloorOptions {
  unsigned count = 0;
  const char* json = nullptr;
};
inline constexpr unsigned kCountMost = 1u << 20;
// False where the text is no such number.
bool parse_count(std::string_view text, unsigned& count);
// Ends the program with its usage where an argument is none of these.
FloorOptions parse_options(int count, char** arguments, std::string_view name,
                           unsigned default_count, const char* usage);

// Writes the line to stdout, and to a file where one is named.
void print_figures(const char* line, const char* path);

}  // namespace nfsferry::bench

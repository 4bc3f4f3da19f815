// relay: the floor under any copier. Receives bytes over one loopback TCP connection in pieces of
// the size of a READ reply, hashes them with XXH3-128 in order, and sends each piece on over
// another connection. Another process feeds it, a third one takes what it sends; what is printed
// is the CPU time of the middle alone. One thread, blocking calls, no NFS.
#include <xxhash.h>
#ifdef NFSFERRY_XXHASH_DISPATCHES
#include <xxh_x86dispatch.h>  // the same functions, by the best instructions that there are
#endif

#include "loopback.hpp"

namespace nfsferry::bench {
namespace {

constexpr std::size_t kMib = std::size_t{1} << 20;
constexpr std::size_t kReplyHeaderBytes = 128;  // RPC, COMPOUND, SEQUENCE, PUTFH and READ results
constexpr std::size_t kPieceBytes = kMib + kReplyHeaderBytes;
constexpr const char* kUsage =
    "usage: relay [--mib N] [--json FILE]\n"
    "  --mib N      how much passes, in pieces of 1 MiB (1024)\n"
    "  --json FILE  write the figures there too\n";

struct Figures {
  Times used;
  std::uint64_t hash;  // the low half, so that nothing is optimised away
};

Figures pass_on(int from, int to, unsigned mib) {
  std::vector<std::byte> piece(kPieceBytes);
  XXH3_state_t* hash = XXH3_createState();
  if (!hash || XXH3_128bits_reset(hash) != XXH_OK) refuse("no XXH3 state");
  Times begin = times_now();
  for (unsigned i = 0; i < mib; ++i) {
    if (!receive_all(from, piece)) refuse("the feeder ended early");
    XXH3_128bits_update(hash, piece.data() + kReplyHeaderBytes, kMib);
    send_all(to, piece);
  }
  Times used = times_now() - begin;
  std::uint64_t low = XXH3_128bits_digest(hash).low64;
  XXH3_freeState(hash);
  return {used, low};
}

void print(const Figures& figures, unsigned mib, const char* path) {
  const Times& used = figures.used;
  char line[256];
  std::snprintf(line, sizeof line,
                "{\"mib\":%u,\"wall_s\":%.6f,\"user_s\":%.6f,\"system_s\":%.6f,"
                "\"cpu_s_per_gib\":%.6f,\"hash\":\"%016llx\"}\n",
                mib, used.wall_s, used.user_s, used.system_s,
                (used.user_s + used.system_s) * 1024 / mib,
                static_cast<unsigned long long>(figures.hash));
  print_figures(line, path);
}

int measure(unsigned mib, const char* json) {
  // The children close what is not theirs: with a copy of the sending end in one of them, the
  // taker would never see the end of the stream.
  SocketPair in = connect_over_loopback();
  pid_t feeder = start_feeder(in, kPieceBytes, mib);
  SocketPair out = connect_over_loopback();
  pid_t taker = start_taker(out, kPieceBytes);
  Figures figures = pass_on(in.other, out.other, mib);
  ::close(out.other);
  if (!ended_well(feeder) || !ended_well(taker)) refuse("a child failed");
  print(figures, mib, json);
  return 0;
}

}  // namespace
}  // namespace nfsferry::bench

int main(int count, char** arguments) {
  using namespace nfsferry::bench;
  FloorOptions options = parse_options(count, arguments, "--mib", 1024, kUsage);
  return measure(options.count, options.json);
}

// ring_ways: what io_uring's other ways to receive and to send would gain. The same relay as
// bench/relay, on a ring: plain, with its sockets registered, with its buffer registered as well
// (sockets are then read and written like files), with zero-copy sends, and with one multishot
// receive into provided buffers. Bytes go over loopback TCP from one child to another; what is
// printed is the CPU time of the middle alone, the median of the rounds, in each of which every way
// runs once.
#include <liburing.h>
#include <xxhash.h>
#ifdef NFSFERRY_XXHASH_DISPATCHES
#include <xxh_x86dispatch.h>  // the same functions, by the best instructions that there are
#endif

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "loopback.hpp"

namespace nfsferry::bench {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
constexpr unsigned kProvided = 64;  // buffers, a power of two
constexpr std::size_t kProvidedBytes = 64 << 10;
constexpr int kGroup = 1;
constexpr unsigned kRounds = 5;
constexpr const char* kUsage =
    "usage: ring_ways [--mib N] [--json FILE]\n"
    "  --mib N      how much passes in each run, in pieces of 1 MiB (1024)\n"
    "  --json FILE  write the figures there too\n";

enum class Way { kPlain, kRegisteredFiles, kRegisteredBuffers, kZeroCopySend, kMultishotReceive };
constexpr std::array kWays{Way::kPlain, Way::kRegisteredFiles, Way::kRegisteredBuffers,
                           Way::kZeroCopySend, Way::kMultishotReceive};
constexpr std::array kNames{"plain", "registered_files", "registered_buffers", "zero_copy_send",
                            "multishot_receive"};

class Ring {
 public:
  Ring() {
    if (::io_uring_queue_init(8, &ring_, 0) < 0) refuse("no io_uring here");
  }
  ~Ring() { ::io_uring_queue_exit(&ring_); }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  io_uring* get() { return &ring_; }
  io_uring_sqe* next() {
    io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
    if (entry == nullptr) refuse("the ring is full");
    return entry;
  }
  // Submits what is there and returns one completion.
  io_uring_cqe await() {
    io_uring_cqe* completion = nullptr;
    if (::io_uring_submit_and_wait(&ring_, 1) < 0) refuse("io_uring_submit_and_wait");
    if (::io_uring_wait_cqe(&ring_, &completion) < 0) refuse("io_uring_wait_cqe");
    io_uring_cqe copy{};
    copy.user_data = completion->user_data;
    copy.res = completion->res;
    copy.flags = completion->flags;
    ::io_uring_cqe_seen(&ring_, completion);
    return copy;
  }

 private:
  io_uring ring_{};
};

class Hasher {
 public:
  Hasher() : state_(XXH3_createState(), XXH3_freeState) {
    if (!state_ || XXH3_128bits_reset(state_.get()) != XXH_OK) refuse("no XXH3 state");
  }
  void add(std::span<const std::byte> bytes) {
    XXH3_128bits_update(state_.get(), bytes.data(), bytes.size());
  }
  std::uint64_t low() const { return XXH3_128bits_digest(state_.get()).low64; }

 private:
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_;
};

// Receives or sends all of the bytes: `prepare` asks for what is left of them.
template <typename Bytes, typename Prepare>
void move_all(Ring& ring, Bytes bytes, Prepare prepare) {
  while (!bytes.empty()) {
    prepare(ring.next(), bytes.data(), bytes.size());
    io_uring_cqe done = ring.await();
    if (done.res <= 0) refuse("a stream ended early");
    // After a zero-copy send the bytes are free again only with a second completion.
    if ((done.flags & IORING_CQE_F_MORE) != 0) ring.await();
    bytes = bytes.subspan(static_cast<std::size_t>(done.res));
  }
}

void send_plain(Ring& ring, int fd, std::span<const std::byte> bytes) {
  move_all(ring, bytes, [&](io_uring_sqe* entry, const std::byte* data, std::size_t size) {
    ::io_uring_prep_send(entry, fd, data, size, MSG_NOSIGNAL | MSG_WAITALL);
  });
}

// With registered files the sockets go by their numbers among them.
std::uint64_t pass_pieces(int from, int to, unsigned mib, Way way) {
  Ring ring;
  Hasher hasher;
  std::vector<std::byte> piece(kPieceBytes);
  bool buffers = way == Way::kRegisteredBuffers;
  bool files = way == Way::kRegisteredFiles || buffers;
  std::array<int, 2> sockets{from, to};
  iovec whole{piece.data(), piece.size()};
  if (files && ::io_uring_register_files(ring.get(), sockets.data(), sockets.size()) != 0)
    refuse("registered files");
  if (buffers && ::io_uring_register_buffers(ring.get(), &whole, 1) != 0)
    refuse("registered buffers");
  if (files) sockets = {0, 1};
  unsigned flags = files ? IOSQE_FIXED_FILE : 0u;
  for (unsigned i = 0; i < mib; ++i) {
    std::span<std::byte> bytes = piece;
    move_all(ring, bytes, [&](io_uring_sqe* entry, std::byte* data, std::size_t size) {
      if (buffers)
        ::io_uring_prep_read_fixed(entry, sockets[0], data, static_cast<unsigned>(size), 0, 0);
      else
        ::io_uring_prep_recv(entry, sockets[0], data, size, MSG_WAITALL);
      entry->flags = static_cast<std::uint8_t>(flags);
    });
    hasher.add(piece);
    move_all(ring, bytes, [&](io_uring_sqe* entry, const std::byte* data, std::size_t size) {
      constexpr int kFlags = MSG_NOSIGNAL | MSG_WAITALL;
      if (buffers)
        ::io_uring_prep_write_fixed(entry, sockets[1], data, static_cast<unsigned>(size), 0, 0);
      else if (way == Way::kZeroCopySend)
        ::io_uring_prep_send_zc(entry, sockets[1], data, size, kFlags, 0);
      else
        ::io_uring_prep_send(entry, sockets[1], data, size, kFlags);
      entry->flags = static_cast<std::uint8_t>(flags);
    });
  }
  return hasher.low();
}

class ProvidedBuffers {
 public:
  explicit ProvidedBuffers(Ring& ring) : bytes_(kProvided * kProvidedBytes) {
    constexpr std::size_t kSize = kProvided * sizeof(io_uring_buf);
    void* memory = std::aligned_alloc(4096, kSize);
    if (memory == nullptr) refuse("no memory");
    buffers_ = static_cast<io_uring_buf_ring*>(memory);
    ::io_uring_buf_ring_init(buffers_);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffers_);
    registration.ring_entries = kProvided;
    registration.bgid = kGroup;
    if (::io_uring_register_buf_ring(ring.get(), &registration, 0) != 0) refuse("buffer ring");
    for (unsigned i = 0; i < kProvided; ++i) give(i);
  }
  ~ProvidedBuffers() { std::free(buffers_); }
  ProvidedBuffers(const ProvidedBuffers&) = delete;
  ProvidedBuffers& operator=(const ProvidedBuffers&) = delete;

  std::byte* at(unsigned number) { return bytes_.data() + number * kProvidedBytes; }
  void give(unsigned number) {
    ::io_uring_buf_ring_add(buffers_, at(number), kProvidedBytes,
                            static_cast<unsigned short>(number),
                            ::io_uring_buf_ring_mask(kProvided), 0);
    ::io_uring_buf_ring_advance(buffers_, 1);
  }

 private:
  std::vector<std::byte> bytes_;
  io_uring_buf_ring* buffers_ = nullptr;
};

// One receive for the whole stream; each buffer that it fills is hashed and sent on by itself.
std::uint64_t pass_multishot(int from, int to, unsigned mib) {
  Ring incoming;
  Ring outgoing;
  ProvidedBuffers buffers(incoming);
  Hasher hasher;
  bool armed = false;
  for (std::uint64_t left = std::uint64_t{mib} * kPieceBytes; left > 0;) {
    if (!armed) {
      io_uring_sqe* entry = incoming.next();
      ::io_uring_prep_recv_multishot(entry, from, nullptr, 0, 0);
      entry->flags |= IOSQE_BUFFER_SELECT;
      entry->buf_group = kGroup;
    }
    io_uring_cqe got = incoming.await();
    armed = (got.flags & IORING_CQE_F_MORE) != 0;
    if (got.res == -ENOBUFS) continue;
    if (got.res <= 0) refuse("multishot receive");
    unsigned number = got.flags >> IORING_CQE_BUFFER_SHIFT;
    std::span<const std::byte> bytes(buffers.at(number), static_cast<std::size_t>(got.res));
    hasher.add(bytes);
    send_plain(outgoing, to, bytes);
    buffers.give(number);
    left -= bytes.size();
  }
  return hasher.low();
}

Times run(Way way, unsigned mib, std::uint64_t& hash) {
  SocketPair in = connect_over_loopback();
  pid_t feeder = start_feeder(in, kPieceBytes, mib);
  SocketPair out = connect_over_loopback();
  pid_t taker = start_taker(out, kPieceBytes);
  Times begin = times_now();
  if (way == Way::kMultishotReceive)
    hash = pass_multishot(in.other, out.other, mib);
  else
    hash = pass_pieces(in.other, out.other, mib, way);
  Times used = times_now() - begin;
  ::close(in.other);
  ::close(out.other);
  if (!ended_well(feeder) || !ended_well(taker)) refuse("a child failed");
  return used;
}

int measure(unsigned mib, const char* json) {
  std::array<std::vector<double>, kWays.size()> cpu;
  std::uint64_t expected = 0;
  for (unsigned round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < kWays.size(); ++i) {
      std::size_t way = (i + round) % kWays.size();
      std::uint64_t hash = 0;
      Times used = run(kWays[way], mib, hash);
      if (expected == 0) expected = hash;
      if (hash != expected) refuse("the bytes differ");
      cpu[way].push_back((used.user_s + used.system_s) * 1024 / mib);
    }
  }
  std::string line = "{\"mib\":" + std::to_string(mib);
  for (std::size_t way = 0; way < kWays.size(); ++way) {
    std::sort(cpu[way].begin(), cpu[way].end());
    line += std::string(",\"") + kNames[way] +
            "_cpu_s_per_gib\":" + std::to_string(cpu[way][kRounds / 2]);
  }
  print_figures((line + "}\n").c_str(), json);
  return 0;
}

}  // namespace
}  // namespace nfsferry::bench

int main(int count, char** arguments) {
  using namespace nfsferry::bench;
  FloorOptions options = parse_options(count, arguments, "--mib", 1024, kUsage);
  return measure(options.count, options.json);
}

// XXH3-128 of what passes: in pieces of a small file and of a large file's range, whole, and behind
// a copy of the bytes, which is what the copier avoids.
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "copy/content_hash.hpp"

namespace nfsferry::bench {
namespace {

constexpr std::int64_t kSmallPiece = 16 << 10;
constexpr std::int64_t kLargePiece = 1 << 20;
// More than the processor's caches hold, as it is with bytes from a socket.
constexpr std::size_t kPassingBytes = std::size_t{64} << 20;

// The next piece of much memory, round and round.
class Pieces {
 public:
  explicit Pieces(std::size_t piece_bytes) : bytes_(kPassingBytes, std::byte{0x5a}) {
    piece_bytes_ = piece_bytes;
  }
  std::span<const std::byte> next() {
    if (at_ + piece_bytes_ > bytes_.size()) at_ = 0;
    auto piece = std::span(bytes_).subspan(at_, piece_bytes_);
    at_ += piece_bytes_;
    return piece;
  }

 private:
  std::vector<std::byte> bytes_;
  std::size_t piece_bytes_;
  std::size_t at_ = 0;
};

void count_bytes(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void hash_whole(benchmark::State& state) {
  Pieces pieces(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(copy::hash_of(pieces.next()));
  count_bytes(state);
}
BENCHMARK(hash_whole)->Arg(kSmallPiece)->Arg(kLargePiece);

void hash_in_pieces(benchmark::State& state) {
  Pieces pieces(static_cast<std::size_t>(state.range(0)));
  copy::ContentHash hash(copy::Hashing::kXxh3);
  for (auto _ : state) hash.update(pieces.next());
  benchmark::DoNotOptimize(hash.value());
  count_bytes(state);
}
BENCHMARK(hash_in_pieces)->Arg(kSmallPiece)->Arg(kLargePiece);

void copy_and_hash(benchmark::State& state) {
  Pieces pieces(static_cast<std::size_t>(state.range(0)));
  std::vector<std::byte> into(static_cast<std::size_t>(state.range(0)));
  copy::ContentHash hash(copy::Hashing::kXxh3);
  for (auto _ : state) {
    std::memcpy(into.data(), pieces.next().data(), into.size());
    hash.update(into);
  }
  benchmark::DoNotOptimize(hash.value());
  count_bytes(state);
}
BENCHMARK(copy_and_hash)->Arg(kSmallPiece)->Arg(kLargePiece);

}  // namespace
}  // namespace nfsferry::bench

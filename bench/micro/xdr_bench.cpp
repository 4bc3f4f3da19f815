// The codec on the requests and replies of small files, as the copier sends and gets them.
#include <benchmark/benchmark.h>

#include "nfs4/listing.hpp"
#include "small_files.hpp"

namespace nfsferry::bench {
namespace {

using nfs4::Compound;
using nfs4::Readdir;

constexpr std::size_t kPageFiles = 500;  // about what fits into a page of 128 KiB

std::vector<Readdir::RawEntry> listed(const SampleDirectory& directory) {
  std::vector<Readdir::RawEntry> entries;
  for (const SampleFile& file : directory.files) {
    Readdir::RawEntry entry;
    entry.name = file.name;
    entry.fattr.handle = file.handle;
    entry.fattr.attributes.size_bytes = file.size_bytes;
    entries.push_back(std::move(entry));
  }
  return entries;
}

// From the operations to the pieces that are handed to the socket.
template <typename Build>
void encode(benchmark::State& state, std::size_t files, Build build) {
  for (auto _ : state) {
    Compound request = build();
    nfs4::XdrWriter header = header_of(1, request);
    std::vector<iovec> pieces = pieces_of(header, request);
    benchmark::DoNotOptimize(pieces.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(files));
}

// From the received record to the operations' results.
template <typename Take>
void decode(benchmark::State& state, std::size_t files, const Compound& request,
            const std::vector<std::byte>& reply, Take take) {
  std::span<const std::byte> record = std::span(reply).subspan(kMarkBytes);
  for (auto _ : state) {
    auto parsed = parse_record(Chunk{{}, record}, request);
    if (!parsed || !take(*parsed)) return state.SkipWithError("the reply does not decode");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(files));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(record.size()));
}

struct SamplePuts {
  SampleDirectory directory = sample_directory(kPutsPerRequest);
  std::vector<std::byte> bytes = sample_bytes(16u << 10);
  std::vector<Put> puts;

  SamplePuts() {
    for (const SampleFile& file : directory.files) {
      puts.push_back({file.name, kTemporaryName, std::span(bytes).first(file.size_bytes)});
    }
  }
  Compound request() const { return put_request(directory.handle, puts); }
};

void put_batch_encode(benchmark::State& state) {
  SamplePuts sample;
  encode(state, sample.puts.size(), [&] { return sample.request(); });
}
BENCHMARK(put_batch_encode);

void put_batch_decode(benchmark::State& state) {
  SamplePuts sample;
  std::size_t files = sample.puts.size();
  decode(state, files, sample.request(), put_reply(files),
         [&](nfs4::CompoundReply& reply) { return take_puts(reply, files).has_value(); });
}
BENCHMARK(put_batch_decode);

void read_batch_encode(benchmark::State& state) {
  SampleDirectory directory = sample_directory(kReadsPerRequest);
  std::vector<Readdir::RawEntry> entries = listed(directory);
  encode(state, entries.size(), [&] { return read_request(entries); });
}
BENCHMARK(read_batch_encode);

void read_batch_decode(benchmark::State& state) {
  SampleDirectory directory = sample_directory(kReadsPerRequest);
  std::size_t files = directory.files.size();
  decode(state, files, read_request(listed(directory)), read_reply(directory.files),
         [&](nfs4::CompoundReply& reply) { return take_reads(reply, files).has_value(); });
}
BENCHMARK(read_batch_decode);

void readdir_page_encode(benchmark::State& state) {
  SampleDirectory directory = sample_directory(0);
  encode(state, 1, [&] { return listing_request(directory.handle); });
}
BENCHMARK(readdir_page_encode);

// The results alone, and the entries that the copier makes of them.
void readdir_page_decode(benchmark::State& state) {
  SampleDirectory directory = sample_directory(kPageFiles);
  bool makes_entries = state.range(0) != 0;
  decode(state, kPageFiles, listing_request(directory.handle), listing_reply(directory),
         [&](nfs4::CompoundReply& reply) {
           auto page = take_listing(reply);
           if (!page || !makes_entries) return page.has_value();
           std::uint64_t cookie = 0;
           return nfs4::page_from(*page, cookie).has_value();
         });
}
BENCHMARK(readdir_page_decode)->ArgName("entries")->Arg(0)->Arg(1);

}  // namespace
}  // namespace nfsferry::bench

// canned: the floor under a copy of small files. Lists, reads and writes directories of small files
// in the requests that the copier sends, with its own codec, against two other processes that
// answer each request with a reply prepared beforehand: no file system, no event loop, no hash, no
// bookkeeping. One thread, blocking calls, one directory after the other; the requests of one
// directory are under way together. What is printed is the CPU time of this process alone.
#include <algorithm>

#include "loopback.hpp"
#include "must.hpp"
#include "small_files.hpp"

namespace nfsferry::bench {
namespace {

using nfs4::Compound;
using nfs4::CompoundReply;
using nfs4::Readdir;

constexpr unsigned kFilesPerDirectory = 40;
constexpr const char* kUsage =
    "usage: canned [--files N] [--json FILE]\n"
    "  --files N    how many files of 1 to 16 KiB, 40 to a directory (10000)\n"
    "  --json FILE  write the figures there too\n";

// The parts of a span that share a request each.
template <typename T>
std::vector<std::span<T>> split(std::span<T> all, std::size_t most) {
  std::vector<std::span<T>> parts;
  for (; !all.empty(); all = all.subspan(parts.back().size())) {
    parts.push_back(all.first(std::min(most, all.size())));
  }
  return parts;
}

// ---- the peers

using Replies = std::vector<std::vector<std::byte>>;

Replies source_replies(const SampleDirectory& directory) {
  Replies replies{listing_reply(directory)};
  for (auto files : split(std::span(directory.files), kReadsPerRequest)) {
    replies.push_back(read_reply(files));
  }
  return replies;
}

Replies target_replies(const SampleDirectory& directory) {
  Replies replies;
  for (auto read : split(std::span(directory.files), kReadsPerRequest)) {
    for (auto put : split(read, kPutsPerRequest)) replies.push_back(put_reply(put.size()));
  }
  return replies;
}

// Answers requests with the replies in turn, until the connection ends.
void answer(int fd, Replies replies) {
  std::vector<std::byte> request;
  std::byte mark[kMarkBytes];
  for (std::size_t turn = 0; receive_all(fd, mark); ++turn) {
    request.resize(nfs4::XdrReader(mark).u32() & ~nfs4::kLastFragment);
    if (!receive_all(fd, request)) refuse("a request ended early");
    std::vector<std::byte>& reply = replies[turn % replies.size()];
    std::copy_n(request.begin(), 4, reply.begin() + kMarkBytes);  // the xid
    send_all(fd, reply);
  }
}

// ---- the copier

// One connection. Replies come in the order of the requests.
class Caller {
 public:
  Caller(int fd, BufferPool& pool) : fd_(fd), pool_(pool) {}

  void send(const Compound& request) {
    nfs4::XdrWriter header = header_of(++requests_, request);
    std::vector<iovec> pieces = pieces_of(header, request);
    send_all(fd_, pieces);
  }

  CompoundReply receive(const Compound& request) {
    std::byte mark[kMarkBytes];
    if (!receive_all(fd_, mark)) refuse("the peer ended early");
    std::size_t size = nfs4::XdrReader(mark).u32() & ~nfs4::kLastFragment;
    BufferRef buffer = pool_.get(size);
    std::span<std::byte> record = buffer.bytes().first(size);
    if (!receive_all(fd_, record)) refuse("the peer ended early");
    return must(parse_record(Chunk{std::move(buffer), record}, request));
  }

  std::uint32_t requests() const { return requests_; }

 private:
  int fd_;
  BufferPool& pool_;
  std::uint32_t requests_ = 0;
};

// Sends what one reply of READs brought on, in as many requests as it takes.
void put_files(Caller& target, const nfs4::FileHandle& directory,
               std::span<const Readdir::RawEntry> entries,
               const std::vector<std::span<const std::byte>>& contents,
               std::vector<Compound>& sent) {
  std::vector<Put> puts;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    puts.push_back({entries[i].name, kTemporaryName, contents[i]});
  }
  for (auto part : split(std::span<const Put>(puts), kPutsPerRequest)) {
    sent.push_back(put_request(directory, part));
    target.send(sent.back());
  }
}

void copy_directory(Caller& source, Caller& target, const nfs4::FileHandle& directory) {
  Compound list = listing_request(directory);
  source.send(list);
  CompoundReply listing = source.receive(list);
  Readdir::Reply listed = must(take_listing(listing));
  auto parts = split(std::span<const Readdir::RawEntry>(listed.entries), kReadsPerRequest);
  std::vector<Compound> reads;
  for (auto entries : parts) {
    reads.push_back(read_request(entries));
    source.send(reads.back());
  }
  std::vector<Compound> puts;
  for (std::size_t i = 0; i < reads.size(); ++i) {
    CompoundReply reply = source.receive(reads[i]);
    auto contents = must(take_reads(reply, parts[i].size()));
    put_files(target, directory, parts[i], contents, puts);
  }
  for (const Compound& put : puts) {
    CompoundReply reply = target.receive(put);
    must(take_puts(reply, put.operations().size() / kOperationsPerPut));
  }
}

void print(const Times& used, unsigned files, std::uint32_t requests, const char* path) {
  char line[256];
  std::snprintf(line, sizeof line,
                "{\"files\":%u,\"wall_s\":%.6f,\"user_s\":%.6f,\"system_s\":%.6f,"
                "\"cpu_us_per_file\":%.3f,\"requests_per_file\":%.4f}\n",
                files, used.wall_s, used.user_s, used.system_s,
                (used.user_s + used.system_s) * 1e6 / files, static_cast<double>(requests) / files);
  print_figures(line, path);
}

int measure(unsigned wanted, const char* json) {
  unsigned directories = (wanted + kFilesPerDirectory - 1) / kFilesPerDirectory;
  SampleDirectory directory = sample_directory(kFilesPerDirectory);
  // Each peer is forked before the next connection is made. The second one has the first
  // connection's other end, too, and so ends first.
  SocketPair in = connect_over_loopback();
  pid_t source_peer = in_child(in, [&](int fd) { answer(fd, source_replies(directory)); });
  SocketPair out = connect_over_loopback();
  pid_t target_peer = in_child(out, [&](int fd) { answer(fd, target_replies(directory)); });

  BufferPool pool;
  Caller source(in.other, pool);
  Caller target(out.other, pool);
  Times begin = times_now();
  for (unsigned i = 0; i < directories; ++i) copy_directory(source, target, directory.handle);
  Times used = times_now() - begin;
  ::close(out.other);
  ::close(in.other);
  if (!ended_well(target_peer) || !ended_well(source_peer)) refuse("a peer failed");
  print(used, directories * kFilesPerDirectory, source.requests() + target.requests(), json);
  return 0;
}

}  // namespace
}  // namespace nfsferry::bench

int main(int count, char** arguments) {
  using namespace nfsferry::bench;
  FloorOptions options = parse_options(count, arguments, "--files", 10'000, kUsage);
  return measure(options.count, options.json);
}

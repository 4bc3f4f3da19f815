// trunking: several connections to one server, which carry one session together
// (BIND_CONN_TO_SESSION, as --connections does) or a session of their own each. Reads a file in
// ranges of 1 MiB, or writes one, over all of them at once; prints how long it took and the CPU
// time of this process. One loop on one thread.
#include <cstdlib>
#include <memory>
#include <vector>

#include "loop/loop.hpp"
#include "loopback.hpp"
#include "must.hpp"
#include "nfs4/nfs4_tree.hpp"

namespace nfsferry::bench {
namespace {

constexpr std::uint32_t kRangeBytes = 1u << 20;
constexpr const char* kUsage =
    "usage: trunking read|write URL NAME MIB CONNECTIONS SESSIONS IN-FLIGHT [--json FILE]\n"
    "  URL          nfs://127.0.0.1:PORT/directory\n"
    "  NAME         of the file in it; `write` makes it and leaves it in place\n"
    "  MIB          how much\n"
    "  SESSIONS     1, or as many as CONNECTIONS: each with a client id of its own\n"
    "  IN-FLIGHT    ranges on their way, over all connections\n";

struct Options {
  bool writes = false;
  Location location;
  std::string name;
  unsigned mib = 0;
  unsigned connections = 0;
  unsigned sessions = 0;
  unsigned in_flight = 0;
  const char* json = nullptr;
};

class Flows {
 public:
  Flows(Loop& loop, const Options& options) : options_(options) {
    nfs4::Nfs4Options own;
    own.run_id = "trunking";
    own.connections = options.connections / options.sessions;
    for (unsigned i = 0; i < options.sessions; ++i)
      trees_.push_back(std::make_unique<nfs4::Nfs4Tree>(loop, options.location, own));
  }

  Task<Times> measure() {
    for (auto& tree : trees_) {
      must(co_await tree->open());
      bool all = tree->facts().connections == options_.connections / options_.sessions;
      if (!all) refuse("the server does not take so many connections");
    }
    Times begin = times_now();
    if (options_.writes)
      co_await write();
    else
      co_await read();
    Times used = times_now() - begin;
    for (auto& tree : trees_) co_await tree->close();
    co_return used;
  }

 private:
  Task<void> read() {
    std::vector<Entry> entries;
    std::vector<std::unique_ptr<SourceFile>> files;
    entries.reserve(trees_.size());
    for (auto& tree : trees_) {
      entries.push_back(must(co_await tree->lookup(tree->root(), options_.name)));
      SourceItem item{tree->root().get(), &entries.back()};
      files.push_back(must(co_await tree->open_file(item)));
    }
    TaskGroup lanes;
    for (unsigned i = 0; i < options_.in_flight; ++i)
      lanes.spawn(read_ranges(*files[i % files.size()]));
    co_await lanes.join();
    for (auto& file : files) must(co_await file->close());
  }

  Task<void> read_ranges(SourceFile& file) {
    while (next_ < options_.mib) {
      std::uint64_t offset = std::uint64_t{next_++} * kRangeBytes;
      ReadRange range = must(co_await file.read(offset, kRangeBytes));
      if (range.data.bytes.size() != kRangeBytes) refuse("a range came back short");
    }
  }

  Task<void> write() {
    NewAttributes attributes;
    auto file = must(co_await trees_[0]->create_file(trees_[0]->root(), options_.name, attributes));
    std::vector<std::unique_ptr<TargetPart>> parts;
    std::vector<RangeWriter*> writers{file.get()};
    for (std::size_t i = 1; i < trees_.size(); ++i) {
      parts.push_back(must(co_await trees_[i]->join_file(file->on_its_way())));
      writers.push_back(parts.back().get());
    }
    TaskGroup lanes;
    for (unsigned i = 0; i < options_.in_flight; ++i)
      lanes.spawn(write_ranges(*writers[i % writers.size()]));
    co_await lanes.join();
    for (auto& part : parts) must(co_await part->leave());
    must(co_await file->commit(std::uint64_t{options_.mib} * kRangeBytes));
    must(co_await file->finish(attributes));
  }

  Task<void> write_ranges(RangeWriter& writer) {
    while (next_ < options_.mib) {
      std::uint64_t offset = std::uint64_t{next_++} * kRangeBytes;
      must(co_await writer.write(offset, bytes_));
    }
  }

  const Options& options_;
  std::vector<std::unique_ptr<nfs4::Nfs4Tree>> trees_;
  unsigned next_ = 0;
  std::vector<std::byte> bytes_ = std::vector<std::byte>(kRangeBytes, std::byte{0x5a});
};

unsigned count_in(const char* text) {
  unsigned count = 0;
  if (!parse_count(text, count)) refuse(std::string(text) + " is not a count");
  return count;
}

Options options_in(int count, char** arguments) {
  bool to_file = count == 10 && std::string_view(arguments[8]) == "--json";
  if (count != 8 && !to_file) {
    std::fputs(kUsage, stderr);
    std::exit(2);
  }
  Options options;
  std::string_view direction = arguments[1];
  if (direction != "read" && direction != "write") refuse("read, or write");
  options.writes = direction == "write";
  options.location = must(parse_location(arguments[2]));
  options.name = arguments[3];
  options.mib = count_in(arguments[4]);
  options.connections = count_in(arguments[5]);
  options.sessions = count_in(arguments[6]);
  options.in_flight = count_in(arguments[7]);
  if (options.sessions != 1 && options.sessions != options.connections) refuse("1, or all of them");
  if (to_file) options.json = arguments[9];
  return options;
}

int run(const Options& options) {
  auto loop = must(Loop::create(EngineChoice::kEpoll));
  Flows flows(*loop, options);
  Times used = loop->run(flows.measure());
  char line[160];
  std::snprintf(line, sizeof line,
                "{\"mib\":%u,\"wall_s\":%.6f,\"user_s\":%.6f,\"system_s\":%.6f}\n", options.mib,
                used.wall_s, used.user_s, used.system_s);
  print_figures(line, options.json);
  return 0;
}

}  // namespace
}  // namespace nfsferry::bench

int main(int count, char** arguments) {
  using namespace nfsferry::bench;
  return run(options_in(count, arguments));
}

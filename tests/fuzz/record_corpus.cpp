// record_corpus NFSFERRY FOLDER: copies a small tree to a server and back through a relay, by
// NFSv4.1 and 4.0, and keeps the replies, one of each kind, as inputs of the fuzzers below FOLDER.
// FOLDER/source is what it copies.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <list>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "ganesha.hpp"
#include "nfs4/rpc.hpp"
#include "operation_table.hpp"
#include "targets.hpp"

namespace {

using namespace nfsferry;
using fuzz::kDecoders;

constexpr std::size_t kInputMost = 3000;  // larger replies hold nothing but more of the same
constexpr std::size_t kRecordsKept = 24;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Forwards, and keeps what comes from the server. Threads end with the program.
class Relay {
 public:
  explicit Relay(std::uint16_t server_port)
      : server_port_(server_port), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    auto* name = reinterpret_cast<sockaddr*>(&address);
    bool listens = ::bind(listener_.get(), name, size) == 0 && ::listen(listener_.get(), 16) == 0 &&
                   ::getsockname(listener_.get(), name, &size) == 0;
    check(listens, "a socket listens");
    port_ = ntohs(address.sin_port);
    std::thread([this] { accept_all(); }).detach();
  }
  std::uint16_t port() const { return port_; }
  // After the last connection has ended.
  const std::list<std::string>& received() const { return received_; }

 private:
  void accept_all() {
    for (;;) {
      UniqueFd client(::accept(listener_.get(), nullptr, nullptr));
      UniqueFd server(::socket(AF_INET, SOCK_STREAM, 0));
      sockaddr_in address = loopback(server_port_);
      if (!client ||
          ::connect(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        return;
      }
      received_.emplace_back();
      forward(std::move(client), std::move(server), received_.back());
    }
  }
  // One connection after the other: nfsferry with one thread has one to each side.
  static void forward(UniqueFd client, UniqueFd server, std::string& received) {
    std::array<char, 65536> bytes;
    std::array<pollfd, 2> sides{{{client.get(), POLLIN, 0}, {server.get(), POLLIN, 0}}};
    while (::poll(sides.data(), sides.size(), -1) > 0) {
      for (std::size_t from = 0; from < 2; ++from) {
        if (sides[from].revents == 0) continue;
        ssize_t got = ::read(sides[from].fd, bytes.data(), bytes.size());
        if (got <= 0) return;
        if (from == 1) received.append(bytes.data(), static_cast<std::size_t>(got));
        for (ssize_t done = 0; done < got;) {
          ssize_t sent = ::write(sides[1 - from].fd, bytes.data() + done,
                                 static_cast<std::size_t>(got - done));
          if (sent <= 0) return;
          done += sent;
        }
      }
    }
  }

  std::uint16_t server_port_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::list<std::string> received_;
};

class Corpus {
 public:
  explicit Corpus(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // The first of each kind.
  void keep(std::string_view target, const std::string& kind, std::string_view input) {
    std::string name = std::string(target) + "/" + kind;
    if (input.size() > kInputMost || !kept_.insert(name).second) return;
    std::filesystem::create_directories(folder_ / target);
    std::ofstream out(folder_ / name, std::ios::binary);
    out.write(input.data(), static_cast<std::streamsize>(input.size()));
  }

  // A record from behind its mark.
  void add(std::string record) {
    nfs4::XdrReader in(nfs4::bytes_of(record).subspan(4));
    if (!nfs4::decode_reply_header(in)) return;
    add_compound(nfs4::bytes_of(record).last(in.remaining()));
    if (records_ == kRecordsKept || record.size() > kInputMost / 2) return;
    record.replace(0, 4, std::string("\0\0\0", 3) + static_cast<char>(1 + records_ % 3));
    nfs4::XdrWriter mark;
    mark.u32(nfs4::kLastFragment | static_cast<std::uint32_t>(record.size()));
    keep("records", "recorded-" + std::to_string(records_++),
         std::string(nfs4::text_of(mark.head())) + record);
  }

 private:
  void add_compound(std::span<const std::byte> compound) {
    nfs4::XdrReader in(compound);
    in.u32();
    in.opaque(nfs4::kOpaqueMost);
    std::uint32_t count = in.u32();
    bool with_sequence = false;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> results;
    std::string kind;
    std::string indices;
    for (std::uint32_t i = 0; i < count; ++i) {
      std::uint32_t number = in.u32();
      std::uint32_t status = in.u32();
      std::size_t index = 0;
      while (index < kDecoders.size() &&
             static_cast<std::uint32_t>(kDecoders[index].number) != number) {
        ++index;
      }
      if (index == kDecoders.size()) return;
      auto body = compound.last(in.remaining());
      if (status == 0) kDecoders[index].skip(in);
      body = body.first(body.size() - in.remaining());
      add_result(kDecoders[index].number, nfs4::text_of(body));
      with_sequence = with_sequence || (i == 0 && kDecoders[index].number == nfs4::Op::kSequence);
      if (i == 0 && with_sequence) continue;
      indices += static_cast<char>(index);
      if (i < 10) kind += "-" + std::to_string(number);
      if (status != 0) kind += "e" + std::to_string(status);
      results.emplace_back(number, status);
    }
    if (in.failed()) return;
    std::size_t head = indices.size() | (with_sequence ? 0 : fuzz::kNoSequence);
    std::string input = static_cast<char>(head) + indices + std::string(nfs4::text_of(compound));
    if (with_sequence) return keep("replies", "of" + kind, input);
    if (input.size() > kInputMost) return;
    // But for SEQUENCE, 4.0's replies are 4.1's: one with each result is enough.
    bool is_new = false;
    for (const auto& result : results) is_new = without_sequence_.insert(result).second || is_new;
    if (is_new) keep("replies", "bare" + kind, input);
  }
  void add_result(nfs4::Op op, std::string_view body) {
    if (body.empty()) return;
    std::string size = std::to_string(body.size());
    if (op == nfs4::Op::kGetattr) keep("attributes", "recorded-" + size, body);
    if (op != nfs4::Op::kReaddir) return;
    keep("listing", "recorded-" + size, body);
    if (!last_page_.empty()) keep("listing", "pages-" + size, last_page_ + std::string(body));
    last_page_ = body;
  }

  std::filesystem::path folder_;
  std::set<std::string> kept_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> without_sequence_;  // operation, status
  std::size_t records_ = 0;
  std::string last_page_;
};

bool run(const std::string& command) {
  std::cerr << command << "\n";
  int status = std::system(command.c_str());
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::vector<std::string> records_of(const std::string& stream) {
  std::vector<std::string> records(1);
  nfs4::XdrReader in(nfs4::bytes_of(stream));
  while (in.remaining() >= 4) {
    std::uint32_t mark = in.u32();
    std::size_t at = stream.size() - in.remaining();
    std::size_t size = mark & ~nfs4::kLastFragment;
    records.back() += stream.substr(at, size);
    in = nfs4::XdrReader(nfs4::bytes_of(stream).subspan(std::min(at + size, stream.size())));
    if ((mark & nfs4::kLastFragment) != 0) records.emplace_back();
  }
  records.pop_back();
  return records;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: record_corpus NFSFERRY FOLDER\n";
    return 2;
  }
  std::string program = arguments[1];
  std::filesystem::path folder = arguments[2];
  test::Ganesha server;
  if (std::string failed = server.start(); !failed.empty()) {
    std::cerr << failed << "\n";
    return 1;
  }
  Relay relay(static_cast<std::uint16_t>(server.port()));
  std::string port = std::to_string(server.port());
  std::string source = (folder / "source").string();
  std::string back = (folder / "back").string();
  auto copy = [&](std::string url) {
    url.replace(url.find(port), port.size(), std::to_string(relay.port()));
    std::string command = program + " copy --threads 1 ";
    bool copied = run(command + source + " '" + url + "'") &&
                  run(command + "--verify all " + source + " '" + url + "'") &&
                  run(command + "--create-target '" + url + "' " + back);
    std::filesystem::remove_all(back);
    return copied;
  };
  bool copied = copy(server.url("/new", "4.1")) && copy(server.url("/old", "4.0"));
  Corpus corpus(folder);
  for (const std::string& stream : relay.received()) {
    for (std::string& record : records_of(stream)) corpus.add(std::move(record));
  }
  return copied ? 0 : 1;
}

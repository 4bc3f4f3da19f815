#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "loop/loop.hpp"
#include "nfs4/connection.hpp"
#include "nfs4/rpc.hpp"
#include "targets.hpp"

namespace nfsferry::fuzz {
namespace {

constexpr std::size_t kRecordMost = 65536;
constexpr std::size_t kInputMost = 32768;  // what surely fits into a socket at once

// A listening socket without a file; each process has its own.
class Listener {
 public:
  Listener() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::string text = "nfsferry-fuzz-" + std::to_string(::getpid());
    text.copy(name.sun_path + 1, text.size());  // a leading NUL: no file
    address_.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
    std::memcpy(&address_.storage, &name, address_.length);
    int bound =
        ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address_.storage), address_.length);
    check(bound == 0 && ::listen(fd_.get(), 8) == 0, "a socket listens");
  }
  const Address& address() const { return address_; }
  UniqueFd accept() { return UniqueFd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK)); }

 private:
  UniqueFd fd_;
  Address address_;
};

Task<void> call(nfs4::Connection& connection, std::uint32_t xid) {
  std::byte request{};
  std::vector<iovec> pieces{iovec{&request, 1}};
  auto record = co_await connection.call(xid, std::move(pieces));
  if (!record) co_return;
  nfs4::XdrReader reader(record->bytes);
  (void)nfs4::decode_reply_header(reader);
}

// The server's side: once all requests are there, the input and the end of the stream.
Task<void> answer(Loop& loop, int fd, Bytes input) {
  std::array<std::byte, kCallsSent> requests;
  std::span<std::byte> all(requests);
  (void)co_await loop.recv_all(fd, all);
  iovec piece{const_cast<std::byte*>(input.data()), input.size()};
  std::span<iovec> pieces(&piece, 1);
  (void)co_await loop.send(fd, pieces);
  ::shutdown(fd, SHUT_WR);
}

Task<void> converse(Loop& loop, Listener& listener, Bytes input) {
  nfs4::Connection connection(loop, kRecordMost);
  std::vector<Address> addresses{listener.address()};
  Status connected = co_await connection.connect(addresses, 10'000);
  check(connected.has_value(), "a socket of this process can be reached");
  UniqueFd server = listener.accept();
  TaskGroup tasks;
  tasks.spawn(answer(loop, server.get(), input));
  for (std::uint32_t xid = 1; xid <= kCallsSent; ++xid) tasks.spawn(call(connection, xid));
  co_await tasks.join();
  connection.abort(own_error(Own::kCancelled, "close"));
  co_await connection.join();
  loop.forget_socket(server.get());
}

}  // namespace

void records(Bytes input) {
  static Listener listener;
  static auto loop = *Loop::create(EngineChoice::kEpoll);
  loop->run(converse(*loop, listener, input.first(std::min(input.size(), kInputMost))));
}

}  // namespace nfsferry::fuzz

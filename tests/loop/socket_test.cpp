#include <climits>

#include "engine_fixture.hpp"

namespace nfsferry::test {
namespace {

class SocketTest : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Engine, SocketTest, both_engines(), engine_label);

Task<std::string> exchange(Loop& loop, int from, int to, std::string text) {
  auto sent = co_await send_text(loop, from, text);
  if (!sent) co_return sent.error().message();
  auto received = co_await recv_text(loop, to);
  co_return received ? *received : received.error().message();
}

TEST_P(SocketTest, BytesThatWereSentAreReceived) {
  SocketPair pair = socket_pair();
  EXPECT_EQ(run(exchange(loop(), pair.left.get(), pair.right.get(), "hello")), "hello");
}

TEST_P(SocketTest, OneRecvGivesWhatIsThereAndDoesNotWaitForMore) {
  SocketPair pair = socket_pair();
  ASSERT_EQ(::send(pair.left.get(), "abc", 3, 0), 3);
  auto text = run(recv_text(loop(), pair.right.get(), 1 << 20));
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "abc");
}

TEST_P(SocketTest, RecvGivesZeroAtTheEndOfTheStream) {
  SocketPair pair = socket_pair();
  ::shutdown(pair.left.get(), SHUT_WR);
  auto text = run(recv_text(loop(), pair.right.get()));
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "");
}

Task<std::vector<std::string>> recv_scattered(Loop& loop, int fd, std::vector<std::size_t> sizes) {
  std::vector<std::string> parts;
  for (std::size_t size : sizes) parts.emplace_back(size, '-');
  std::vector<iovec> into;
  for (std::string& part : parts) into.push_back({part.data(), part.size()});
  EXPECT_TRUE(co_await loop.recv(fd, std::span<const iovec>(into)));
  co_return parts;
}

TEST_P(SocketTest, RecvFillsItsPiecesInOrder) {
  SocketPair pair = socket_pair();
  ASSERT_EQ(::send(pair.left.get(), "aabbbc", 6, 0), 6);
  EXPECT_EQ(run(recv_scattered(loop(), pair.right.get(), {2, 0, 3, 2})),
            (std::vector<std::string>{"aa", "", "bbb", "c-"}));
}

Task<void> send_later(Loop& loop, int fd, std::string text) {
  co_await pause(loop, std::chrono::milliseconds(2));
  EXPECT_TRUE(co_await send_text(loop, fd, text));
}

Task<std::string> wait_for_text(Loop& loop, SocketPair& pair, std::string text) {
  TaskGroup group;
  group.spawn(send_later(loop, pair.left.get(), text));
  auto received = co_await recv_text(loop, pair.right.get());
  co_await group.join();
  co_return received ? *received : received.error().message();
}

TEST_P(SocketTest, RecvWaitsUntilBytesCome) {
  SocketPair pair = socket_pair();
  EXPECT_EQ(run(wait_for_text(loop(), pair, "late")), "late");
}

// ---- readiness alone

Task<std::string> wait_until_readable(Loop& loop, SocketPair& pair, std::string text) {
  TaskGroup group;
  group.spawn(send_later(loop, pair.left.get(), text));
  auto ready = co_await loop.readable(pair.right.get());
  std::string got(16, '-');
  ssize_t size = ::recv(pair.right.get(), got.data(), got.size(), MSG_DONTWAIT);
  co_await group.join();
  if (!ready) co_return ready.error().message();
  co_return size < 0 ? std::string("nothing") : got.substr(0, static_cast<std::size_t>(size));
}

TEST_P(SocketTest, ReadableWaitsUntilBytesComeAndLeavesThem) {
  SocketPair pair = socket_pair();
  EXPECT_EQ(run(wait_until_readable(loop(), pair, "late")), "late");
}

Task<bool> is_ready(Loop& loop, int fd) {
  auto ready = co_await loop.readable(fd);
  co_return ready.has_value();
}

TEST_P(SocketTest, TheEndOfTheStreamIsReadable) {
  SocketPair pair = socket_pair();
  pair.left = UniqueFd();
  EXPECT_TRUE(run(is_ready(loop(), pair.right.get())));
}

void fill_socket(int fd) {
  std::string bytes(65536, 'x');
  while (::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) continue;
}

Task<void> drain_later(Loop& loop, int fd) {
  co_await pause(loop, std::chrono::milliseconds(2));
  std::string bytes(65536, ' ');
  while (::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) continue;
}

Task<bool> wait_until_writable(Loop& loop, SocketPair& pair) {
  TaskGroup group;
  group.spawn(drain_later(loop, pair.right.get()));
  auto ready = co_await loop.writable(pair.left.get());
  bool sent = ::send(pair.left.get(), "x", 1, MSG_DONTWAIT) == 1;
  co_await group.join();
  co_return ready.has_value() && sent;
}

TEST_P(SocketTest, WritableWaitsUntilThereIsRoomAgain) {
  SocketPair pair = socket_pair();
  fill_socket(pair.left.get());
  EXPECT_TRUE(run(wait_until_writable(loop(), pair)));
}

Task<Status> wait_until_cancelled(Loop& loop, int fd) {
  CancelToken cancel;
  auto stop = [](Loop& own, CancelToken& token) -> Task<void> {
    co_await pause(own, std::chrono::milliseconds(2));
    token.cancel();
  };
  TaskGroup group;
  group.spawn(stop(loop, cancel));
  auto ready = co_await loop.readable(fd, &cancel);
  co_await group.join();
  co_return ready;
}

TEST_P(SocketTest, WaitingForReadinessCanBeCancelled) {
  SocketPair pair = socket_pair();
  auto ready = run(wait_until_cancelled(loop(), pair.right.get()));
  ASSERT_FALSE(ready);
  EXPECT_TRUE(ready.error().is_errno(ECANCELED)) << ready.error().message();
}

// ---- large vectored sends

Task<void> recv_all(Loop& loop, int fd, std::vector<std::byte>& into) {
  std::vector<std::byte> buffer(100'000);
  while (true) {
    iovec piece = to_iovec(buffer);
    auto size = co_await loop.recv(fd, std::span<const iovec>(&piece, 1));
    EXPECT_TRUE(size);
    if (!size || *size == 0) co_return;
    into.insert(into.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*size));
  }
}

Task<Status> send_pieces(Loop& loop, int fd, std::vector<iovec> pieces) {
  Status sent = co_await loop.send(fd, std::span(pieces));
  ::shutdown(fd, SHUT_WR);
  co_return sent;
}

Task<std::vector<std::byte>> transfer(Loop& loop, int from, int to, std::vector<iovec> pieces) {
  std::vector<std::byte> received;
  TaskGroup group;
  group.spawn(recv_all(loop, to, received));
  Status sent = co_await send_pieces(loop, from, std::move(pieces));
  EXPECT_TRUE(sent);
  co_await group.join();
  co_return received;
}

TEST_P(SocketTest, ASendOfMoreThanTheSocketHoldsSendsEveryByte) {
  SocketPair pair = socket_pair();
  auto bytes = pattern_bytes(8u << 20);
  std::vector<iovec> pieces{to_iovec(bytes)};
  EXPECT_EQ(run(transfer(loop(), pair.left.get(), pair.right.get(), pieces)), bytes);
}

TEST_P(SocketTest, ASendOfMorePiecesThanTheKernelTakesSendsThemAllInOrder) {
  SocketPair pair = socket_pair();
  auto bytes = pattern_bytes(4u << 20);
  std::vector<iovec> pieces;
  std::size_t done = 0;
  for (std::size_t i = 0; done < bytes.size(); ++i) {
    std::size_t size = std::min(i % 2000, bytes.size() - done);  // empty ones among them
    pieces.push_back(to_iovec(std::span(bytes).subspan(done, size)));
    done += size;
  }
  ASSERT_GT(pieces.size(), static_cast<std::size_t>(3 * IOV_MAX));
  EXPECT_EQ(run(transfer(loop(), pair.left.get(), pair.right.get(), pieces)), bytes);
}

TEST_P(SocketTest, ASendOfEmptyPiecesOnlyIsDoneAtOnce) {
  SocketPair pair = socket_pair();
  std::vector<iovec> pieces(3000, iovec{nullptr, 0});
  EXPECT_TRUE(run(transfer(loop(), pair.left.get(), pair.right.get(), pieces)).empty());
}

Task<Status> recv_too_many_pieces(Loop& loop, int fd) {
  std::vector<std::byte> bytes(5000);
  std::vector<iovec> into;
  for (std::byte& byte : bytes) into.push_back({&byte, 1});
  auto size = co_await loop.recv(fd, std::span<const iovec>(into));
  if (!size) co_return std::move(size).error();
  EXPECT_GT(*size, 0u);
  co_return ok();
}

TEST_P(SocketTest, ARecvIntoMorePiecesThanTheKernelTakesStillReceives) {
  SocketPair pair = socket_pair();
  ASSERT_EQ(::send(pair.left.get(), "abc", 3, 0), 3);
  auto status = run(recv_too_many_pieces(loop(), pair.right.get()));
  EXPECT_TRUE(status) << status.error().message();
}

TEST_P(SocketTest, ASendToAClosedPeerFailsWithEpipeAndNoSignal) {
  SocketPair pair = socket_pair();
  pair.right.reset();
  auto status = run(send_text(loop(), pair.left.get(), "x"));
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().is_errno(EPIPE)) << status.error().message();
  EXPECT_EQ(status.error().operation, "send");
}

TEST_P(SocketTest, ARecvOnAClosedDescriptorFailsWithEbadf) {
  auto text = run(recv_text(loop(), -1));
  ASSERT_FALSE(text);
  EXPECT_TRUE(text.error().is_errno(EBADF)) << text.error().message();
  EXPECT_EQ(text.error().operation, "recv");
}

// ---- connect and accept

Task<Status> connect_to(Loop& loop, int fd, sockaddr_in address) {
  co_return co_await loop.connect(fd, as_sockaddr(address), sizeof address);
}

TEST_P(SocketTest, ConnectReachesAListeningSocket) {
  Listener listener;
  UniqueFd fd = tcp_socket();
  auto status = run(connect_to(loop(), fd.get(), listener.address));
  EXPECT_TRUE(status) << status.error().message();
}

TEST_P(SocketTest, ConnectToAPortThatNobodyListensOnIsRefused) {
  sockaddr_in address = Listener().address;
  UniqueFd fd = tcp_socket();
  auto status = run(connect_to(loop(), fd.get(), address));
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().is_errno(ECONNREFUSED)) << status.error().message();
  EXPECT_EQ(status.error().operation, "connect");
}

Task<std::string> talk_over_tcp(Loop& loop, Listener& listener) {
  UniqueFd client = tcp_socket();
  auto connected = co_await connect_to(loop, client.get(), listener.address);
  if (!connected) co_return connected.error().message();
  auto server = co_await loop.accept(listener.fd.get());
  if (!server) co_return server.error().message();
  auto text = co_await exchange(loop, server->get(), client.get(), "over TCP");
  loop.forget_socket(client.get());
  loop.forget_socket(server->get());
  co_return text;
}

TEST_P(SocketTest, AnAcceptedConnectionCarriesBytes) {
  Listener listener;
  EXPECT_EQ(run(talk_over_tcp(loop(), listener)), "over TCP");
  EXPECT_EQ(run(talk_over_tcp(loop(), listener)), "over TCP");
}

Task<void> connect_later(Loop& loop, int fd, sockaddr_in address) {
  co_await pause(loop, std::chrono::milliseconds(2));
  EXPECT_TRUE(co_await connect_to(loop, fd, address));
}

Task<int> accept_early(Loop& loop, Listener& listener) {
  UniqueFd client = tcp_socket();
  TaskGroup group;
  group.spawn(connect_later(loop, client.get(), listener.address));
  auto server = co_await loop.accept(listener.fd.get());
  co_await group.join();
  loop.forget_socket(client.get());
  co_return server ? ::fcntl(server->get(), F_GETFL) : -1;
}

TEST_P(SocketTest, AcceptWaitsForAConnectionAndGivesANonBlockingSocket) {
  Listener listener;
  int flags = run(accept_early(loop(), listener));
  ASSERT_GE(flags, 0);
  EXPECT_TRUE(flags & O_NONBLOCK);
}

TEST_P(SocketTest, ADescriptorNumberIsUsedAgainAfterItsSocketWasForgotten) {
  for (int i = 0; i < 10; ++i) {
    SocketPair pair = socket_pair();
    EXPECT_EQ(run(wait_for_text(loop(), pair, "round")), "round");
    loop().forget_socket(pair.left.get());
    loop().forget_socket(pair.right.get());
  }
}

Task<std::string> end_after_text(Loop& loop, SocketPair& pair) {
  std::string text = co_await exchange(loop, pair.left.get(), pair.right.get(), "last words");
  loop.forget_socket(pair.left.get());
  pair.left.reset();
  std::vector<std::byte> rest;
  co_await recv_all(loop, pair.right.get(), rest);
  loop.forget_socket(pair.right.get());
  co_return text + (rest.empty() ? ", then the end" : ", then more");
}

TEST_P(SocketTest, AForgottenSocketThatIsClosedIsClosedToItsPeer) {
  SocketPair pair = socket_pair();
  EXPECT_EQ(run(end_after_text(loop(), pair)), "last words, then the end");
}

TEST_P(SocketTest, HundredsOfSocketsWorkSideBySide) {
  std::vector<SocketPair> pairs;
  for (int i = 0; i < 200; ++i) pairs.push_back(socket_pair());
  for (int round = 0; round < 2; ++round) {
    for (SocketPair& pair : pairs) {
      EXPECT_EQ(run(exchange(loop(), pair.left.get(), pair.right.get(), "through")), "through");
    }
  }
  for (SocketPair& pair : pairs) {
    loop().forget_socket(pair.left.get());
    loop().forget_socket(pair.right.get());
  }
}

// ---- both directions at once

Task<void> pump(Loop& loop, int fd, std::vector<std::byte>& bytes) {
  iovec piece = to_iovec(bytes);
  EXPECT_TRUE(co_await loop.send(fd, std::span(&piece, 1)));
  ::shutdown(fd, SHUT_WR);
}

Task<std::pair<std::vector<std::byte>, std::vector<std::byte>>> cross(
    Loop& loop, SocketPair& pair, std::vector<std::byte>& bytes) {
  std::pair<std::vector<std::byte>, std::vector<std::byte>> received;
  TaskGroup group;
  group.spawn(pump(loop, pair.left.get(), bytes));
  group.spawn(pump(loop, pair.right.get(), bytes));
  group.spawn(recv_all(loop, pair.left.get(), received.first));
  group.spawn(recv_all(loop, pair.right.get(), received.second));
  co_await group.join();
  co_return received;
}

TEST_P(SocketTest, OneSocketSendsAndReceivesAtTheSameTime) {
  SocketPair pair = socket_pair();
  auto bytes = pattern_bytes(3u << 20);
  auto received = run(cross(loop(), pair, bytes));
  EXPECT_EQ(received.first, bytes);
  EXPECT_EQ(received.second, bytes);
}

}  // namespace
}  // namespace nfsferry::test

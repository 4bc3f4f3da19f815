#include <sys/stat.h>

#include <chrono>
#include <functional>

#include "engine_fixture.hpp"
#include "loop/file_threads.hpp"

namespace nfsferry::test {
namespace {

using std::chrono::milliseconds;

class CancelTest : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Engine, CancelTest, both_engines(), engine_label);

// How an operation ended: its errno, or 0.
struct Ending {
  bool done = false;
  std::uint32_t code = 0;
  std::string text;
};

template <typename T>
void note(Ending& ending, const Result<T>& result) {
  ending.done = true;
  ending.code = result ? 0 : result.error().code;
}

Task<void> recv_until(Loop& loop, int fd, CancelToken& token, Ending& ending) {
  auto text = co_await recv_text(loop, fd, 4096, &token);
  note(ending, text);
  if (text) ending.text = *text;
}

Task<void> send_until(Loop& loop, int fd, CancelToken& token, Ending& ending) {
  std::vector<std::byte> bytes(16u << 20);
  iovec piece = to_iovec(bytes);
  note(ending, co_await loop.send(fd, std::span(&piece, 1), &token));
}

Task<void> accept_until(Loop& loop, int fd, CancelToken& token, Ending& ending) {
  note(ending, co_await loop.accept(fd, &token));
}

Task<void> connect_until(Loop& loop, int fd, sockaddr_in address, CancelToken& token,
                         Ending& ending) {
  note(ending, co_await loop.connect(fd, as_sockaddr(address), sizeof address, &token));
}

Task<void> sleep_until_cancelled(Loop& loop, CancelToken& token, Ending& ending) {
  note(ending, co_await loop.sleep_for(std::chrono::nanoseconds::max(), &token));
}

Task<void> read_until(Loop& loop, int fd, CancelToken& token, Ending& ending) {
  std::byte byte{};
  note(ending, co_await loop.read_at(fd, std::span(&byte, 1), 0, &token));
}

Task<void> open_until(Loop& loop, int folder, std::string name, CancelToken& token,
                      Ending& ending) {
  note(ending, co_await loop.openat2(folder, std::move(name), O_RDONLY, 0, 0, &token));
}

// Starts the task, lets the kernel have its operation (or not), cancels, waits for the end.
Task<void> cancel_after(Loop& loop, CancelToken& token, Task<void> task, milliseconds delay) {
  TaskGroup group;
  group.spawn(std::move(task));
  co_await pause(loop, delay);
  token.cancel();
  co_await group.join();
}

void expect_cancelled(const Ending& ending) {
  EXPECT_TRUE(ending.done);
  EXPECT_EQ(ending.code, static_cast<std::uint32_t>(ECANCELED));
}

class CancelDelayTest : public CancelTest {
 protected:
  // At once: the operation may not have reached the kernel. Later: the kernel waits for it.
  void expect_cancel_works(const std::function<Task<void>(CancelToken&, Ending&)>& start) {
    for (milliseconds delay : {milliseconds(0), milliseconds(5)}) {
      CancelToken token;
      Ending ending;
      run(cancel_after(loop(), token, start(token, ending), delay));
      expect_cancelled(ending);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Engine, CancelDelayTest, both_engines(), engine_label);

// Several may be pending on one socket.
using IoUringCancelTest = CancelTest;
INSTANTIATE_TEST_SUITE_P(Engine, IoUringCancelTest, testing::Values(EngineChoice::kIoUring),
                         engine_label);

TEST_P(CancelDelayTest, EndsARecv) {
  SocketPair pair = socket_pair();
  expect_cancel_works([&](CancelToken& token, Ending& ending) {
    return recv_until(loop(), pair.left.get(), token, ending);
  });
}

TEST_P(CancelDelayTest, EndsASendThatWaitsForRoom) {
  SocketPair pair = socket_pair();
  expect_cancel_works([&](CancelToken& token, Ending& ending) {
    return send_until(loop(), pair.left.get(), token, ending);
  });
}

TEST_P(CancelDelayTest, EndsAnAccept) {
  Listener listener;
  expect_cancel_works([&](CancelToken& token, Ending& ending) {
    return accept_until(loop(), listener.fd.get(), token, ending);
  });
}

// A listening socket whose queue is full drops what comes, like a host that does not answer.
TEST_P(CancelDelayTest, EndsAConnectThatNobodyAnswers) {
  Listener listener(0);
  std::vector<UniqueFd> fill;
  for (int i = 0; i < 4; ++i) {
    fill.push_back(tcp_socket());
    int status =
        ::connect(fill.back().get(), as_sockaddr(listener.address), sizeof listener.address);
    EXPECT_TRUE(status == 0 || errno == EINPROGRESS);
  }
  std::vector<UniqueFd> fds;
  expect_cancel_works([&](CancelToken& token, Ending& ending) {
    fds.push_back(tcp_socket());
    return connect_until(loop(), fds.back().get(), listener.address, token, ending);
  });
}

TEST_P(CancelDelayTest, EndsASleepThatWouldNeverEnd) {
  expect_cancel_works([&](CancelToken& token, Ending& ending) {
    return sleep_until_cancelled(loop(), token, ending);
  });
}

// ---- file threads

Task<void> cancel_behind_held_threads(Loop& loop, int fd, CancelToken& token, Ending& ending) {
  Gate gate;
  TaskGroup held;
  for (std::size_t i = 0; i < FileThreads::kThreadsMax; ++i) held.spawn(hold(loop, gate));
  co_await pause(loop, milliseconds(1));
  co_await cancel_after(loop, token, read_until(loop, fd, token, ending), milliseconds(1));
  expect_cancelled(ending);  // while the threads are still held
  gate.open();
  co_await held.join();
}

TEST_P(CancelTest, EndsAFileCallThatIsQueuedBehindBusyThreads) {
  TemporaryFolder folder;
  UniqueFd fd(::open((folder.path() / "a").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  CancelToken token;
  Ending ending;
  run(cancel_behind_held_threads(loop(), fd.get(), token, ending));
}

Task<void> call_until(Loop& loop, CancelToken& token, bool& called, Ending& ending) {
  auto work = [&called] { return called = true; };
  note(ending, co_await loop.offload(work, token));
}

Task<void> cancel_a_call_behind_held_threads(Loop& loop, bool& called, Ending& ending) {
  CancelToken token;
  Gate gate;
  TaskGroup held;
  for (std::size_t i = 0; i < FileThreads::kThreadsMax; ++i) held.spawn(hold(loop, gate));
  co_await pause(loop, milliseconds(1));
  Task<void> call = call_until(loop, token, called, ending);
  co_await cancel_after(loop, token, std::move(call), milliseconds(1));
  expect_cancelled(ending);  // while the threads are still held
  gate.open();
  co_await held.join();
}

TEST_P(CancelTest, EndsACallThatIsQueuedBehindBusyThreads) {
  bool called = false;
  Ending ending;
  run(cancel_a_call_behind_held_threads(loop(), called, ending));
  EXPECT_FALSE(called);
}

TEST_P(CancelTest, ACallThatNobodyCancelsGivesItsResult) {
  bool called = false;
  Ending ending;
  CancelToken token;
  run(call_until(loop(), token, called, ending));
  EXPECT_TRUE(called);
  EXPECT_EQ(ending.code, 0u);
}

// Opening a FIFO blocks until the other end is opened.
UniqueFd open_other_end(const TemporaryFolder& folder) {
  return UniqueFd(::open((folder.path() / "fifo").c_str(), O_RDWR | O_CLOEXEC));
}

Task<void> cancel_a_blocked_open(Loop& loop, TemporaryFolder& folder, milliseconds delay,
                                 Ending& ending) {
  CancelToken token;
  TaskGroup group;
  group.spawn(open_until(loop, folder.fd(), "fifo", token, ending));
  co_await pause(loop, delay);
  token.cancel();
  co_await pause(loop, milliseconds(1));
  if (!ending.done) UniqueFd other = open_other_end(folder);
  co_await group.join();
}

TEST_P(CancelTest, ACallThatAThreadIsCarryingOutEndsWithItsOwnResult) {
  TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder.path() / "fifo").c_str(), 0600), 0);
  Ending ending{true, ECANCELED, {}};
  // On a busy machine the thread may not have taken the call yet: it gets more time then.
  for (milliseconds delay(5); ending.code == ECANCELED && delay.count() < 10'000; delay *= 2) {
    ending = Ending();
    run(cancel_a_blocked_open(loop(), folder, delay, ending));
  }
  EXPECT_TRUE(ending.done);
  EXPECT_EQ(ending.code, 0u);
}

// ---- tokens

Task<void> start_everything(Loop& loop, SocketPair& pair, Listener& listener, CancelToken& token) {
  Ending endings[7];
  UniqueFd fd = tcp_socket();
  co_await recv_until(loop, pair.left.get(), token, endings[0]);
  co_await send_until(loop, pair.left.get(), token, endings[1]);
  co_await accept_until(loop, listener.fd.get(), token, endings[2]);
  co_await connect_until(loop, fd.get(), listener.address, token, endings[3]);
  co_await sleep_until_cancelled(loop, token, endings[4]);
  co_await read_until(loop, fd.get(), token, endings[5]);
  co_await open_until(loop, AT_FDCWD, "/", token, endings[6]);
  for (const Ending& ending : endings) expect_cancelled(ending);
}

TEST_P(CancelTest, AnOperationStartedOnACancelledTokenIsCancelledAtOnce) {
  SocketPair pair = socket_pair();
  ASSERT_EQ(::send(pair.right.get(), "waiting", 7, 0), 7);
  Listener listener;
  CancelToken token;
  token.cancel();
  token.cancel();
  EXPECT_TRUE(token.is_cancelled());
  run(start_everything(loop(), pair, listener, token));
}

Task<void> outlive_the_token(Loop& loop, SocketPair& pair, Ending& ending) {
  auto token = std::make_unique<CancelToken>();
  TaskGroup group;
  group.spawn(recv_until(loop, pair.left.get(), *token, ending));
  co_await pause(loop, milliseconds(1));
  token.reset();
  EXPECT_TRUE(co_await send_text(loop, pair.right.get(), "later"));
  co_await group.join();
}

TEST_P(CancelTest, AnOperationOutlivesItsToken) {
  SocketPair pair = socket_pair();
  Ending ending;
  run(outlive_the_token(loop(), pair, ending));
  EXPECT_EQ(ending.text, "later");
}

Task<void> cancel_too_late(Loop& loop, SocketPair& pair, Ending& ending) {
  CancelToken token;
  TaskGroup group;
  group.spawn(recv_until(loop, pair.left.get(), token, ending));
  EXPECT_TRUE(co_await send_text(loop, pair.right.get(), "in time"));
  co_await group.join();
  token.cancel();
}

TEST_P(CancelTest, CancellingAfterTheEndChangesNothing) {
  SocketPair pair = socket_pair();
  Ending ending;
  run(cancel_too_late(loop(), pair, ending));
  EXPECT_EQ(ending.text, "in time");
}

// The bytes and the cancellation arrive together: whichever wins, no byte is lost.
Task<int> race(Loop& loop, SocketPair& pair, int rounds) {
  int received = 0;
  for (int i = 0; i < rounds; ++i) {
    CancelToken token;
    Ending ending;
    TaskGroup group;
    group.spawn(recv_until(loop, pair.left.get(), token, ending));
    co_await pause(loop, std::chrono::nanoseconds(0));
    EXPECT_EQ(::send(pair.right.get(), "x", 1, 0), 1);
    if (i % 2 == 0) co_await pause(loop, std::chrono::nanoseconds(0));
    token.cancel();
    co_await group.join();
    if (ending.code == ECANCELED) {
      auto text = co_await recv_text(loop, pair.left.get());
      ending.text = text ? *text : "lost";
    }
    if (ending.text == "x") ++received;
  }
  co_return received;
}

TEST_P(CancelTest, ACancelledRecvLosesNoBytes) {
  SocketPair pair = socket_pair();
  EXPECT_EQ(run(race(loop(), pair, 2000)), 2000);
}

Task<int> cancel_many_sleeps(Loop& loop, int count) {
  CancelToken token;
  std::vector<Ending> endings(static_cast<std::size_t>(count));
  TaskGroup group;
  for (Ending& ending : endings) group.spawn(sleep_until_cancelled(loop, token, ending));
  co_await pause(loop, milliseconds(1));
  token.cancel();
  co_await group.join();
  int cancelled = 0;
  for (const Ending& ending : endings) cancelled += ending.code == ECANCELED;
  co_return cancelled;
}

TEST_P(CancelTest, OneTokenEndsTenThousandSleeps) {
  EXPECT_EQ(run(cancel_many_sleeps(loop(), 10'000)), 10'000);
}

Task<int> cancel_many_recvs(Loop& loop, int fd, int count) {
  CancelToken token;
  std::vector<Ending> endings(static_cast<std::size_t>(count));
  TaskGroup group;
  for (Ending& ending : endings) group.spawn(recv_until(loop, fd, token, ending));
  co_await pause(loop, milliseconds(1));
  token.cancel();
  co_await group.join();
  int cancelled = 0;
  for (const Ending& ending : endings) cancelled += ending.code == ECANCELED;
  co_return cancelled;
}

// More requests in one turn than the submission queue holds, more answers than the completion
// queue holds.
TEST_P(IoUringCancelTest, MoreCancellationsAtOnceThanTheRingsHoldAllArrive) {
  SocketPair pair = socket_pair();
  EXPECT_EQ(run(cancel_many_recvs(loop(), pair.left.get(), 10'000)), 10'000);
}

// ---- programmer errors

Task<void> recv_twice(Loop& loop, int fd) {
  CancelToken token;
  Ending first, second;
  TaskGroup group;
  group.spawn(recv_until(loop, fd, token, first));
  group.spawn(recv_until(loop, fd, token, second));
  co_await pause(loop, milliseconds(1));
  token.cancel();
  co_await group.join();
}

// The ring keeps no table of sockets, so only epoll can tell.
using EpollCancelDeathTest = CancelTest;
INSTANTIATE_TEST_SUITE_P(Engine, EpollCancelDeathTest, testing::Values(EngineChoice::kEpoll),
                         engine_label);
using CancelDeathTest = CancelTest;
INSTANTIATE_TEST_SUITE_P(Engine, CancelDeathTest, both_engines(), engine_label);

TEST_P(EpollCancelDeathTest, TwoReadersOfOneSocketAreAProgrammerError) {
  SocketPair pair = socket_pair();
  EXPECT_DEATH(run(recv_twice(loop(), pair.left.get())), "two operations of one direction");
}

Task<void> leave_pending(Loop& loop, int fd, CancelToken& token, Ending& ending, TaskGroup& group) {
  group.spawn(recv_until(loop, fd, token, ending));
  co_await pause(loop, milliseconds(1));
}

TEST_P(CancelDeathTest, ALoopThatEndsWithOperationsPendingIsAProgrammerError) {
  EXPECT_DEATH(
      {
        auto own = *Loop::create(GetParam());
        SocketPair pair = socket_pair();
        CancelToken token;
        Ending ending;
        TaskGroup group;
        own->run(leave_pending(*own, pair.left.get(), token, ending, group));
        own.reset();
      },
      "operations are pending");
}

}  // namespace
}  // namespace nfsferry::test

// What the event loop adds to each step of a copy.
#include <benchmark/benchmark.h>

#include <array>

#include "loop/loop.hpp"

namespace nfsferry::bench {
namespace {

constexpr std::int64_t kEpoll = static_cast<std::int64_t>(EngineChoice::kEpoll);
constexpr std::int64_t kIoUring = static_cast<std::int64_t>(EngineChoice::kIoUring);

// Runs `body(loop, state)`, a coroutine that counts the iterations itself, on the engine that the
// benchmark's first argument names.
template <typename Body>
void on_engine(benchmark::State& state, Body body) {
  auto loop = Loop::create(static_cast<EngineChoice>(state.range(0)));
  if (!loop) return state.SkipWithError(loop.error().message().c_str());
  state.SetLabel(std::string((*loop)->engine_name()));
  (*loop)->run(body(**loop, state));
}

void ready_queue(benchmark::State& state) {
  ReadyQueue queue;
  for (auto _ : state) {
    queue.push_back(std::noop_coroutine());
    benchmark::DoNotOptimize(queue.pop_front());
  }
}
BENCHMARK(ready_queue);

void timer_heap(benchmark::State& state) {
  TimerHeap heap;
  std::vector<std::unique_ptr<Operation>> sleeping;
  Clock::time_point now = Clock::now();
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    sleeping.push_back(std::make_unique<Operation>(OperationKind::kSleep));
    sleeping.back()->when = now + std::chrono::microseconds(i * 7919 % 100'000);
    heap.add(*sleeping.back());
  }
  Operation added(OperationKind::kSleep);
  added.when = now + std::chrono::milliseconds(50);
  for (auto _ : state) {
    heap.add(added);
    heap.remove(added);
  }
}
BENCHMARK(timer_heap)->ArgName("pending")->Arg(0)->Arg(1000);

Task<void> nothing() { co_return; }

Task<void> call_many(Loop&, benchmark::State& state) {
  while (state.KeepRunning()) co_await nothing();
}
void task_call(benchmark::State& state) { on_engine(state, call_many); }
BENCHMARK(task_call)->ArgName("engine")->Arg(kEpoll);

// Two tasks that wake each other in turn: two switches an iteration.
Task<void> echo(Event& there, Event& back, const bool& ends) {
  while (!ends) {
    co_await there.wait();
    there.reset();
    back.set();
  }
}
Task<void> switch_many(Loop&, benchmark::State& state) {
  Event there;
  Event back;
  bool ends = false;
  TaskGroup group;
  group.spawn(echo(there, back, ends));
  while (state.KeepRunning()) {
    there.set();
    co_await back.wait();
    back.reset();
  }
  ends = true;
  there.set();
  co_await group.join();
}
void task_switch(benchmark::State& state) { on_engine(state, switch_many); }
BENCHMARK(task_switch)->ArgName("engine")->Arg(kEpoll);

// A timer that is due at once: added, found due, its task resumed.
Task<void> sleep_many(Loop& loop, benchmark::State& state) {
  while (state.KeepRunning()) {
    Status slept = co_await loop.sleep_until(Clock::time_point{});
    check(slept.has_value(), "a sleep fails");
  }
}
void timer(benchmark::State& state) { on_engine(state, sleep_many); }
BENCHMARK(timer)->ArgName("engine")->Arg(kEpoll)->Arg(kIoUring);

// A write and the read of its bytes on one loop, the read waiting first, as it is with replies.
Task<void> write_after(Loop& loop, int fd, std::span<std::byte> bytes) {
  iovec piece{bytes.data(), bytes.size()};
  Status sent = co_await loop.send(fd, std::span(&piece, 1));
  check(sent.has_value(), "a send fails");
}
Task<void> exchange_many(Loop& loop, benchmark::State& state) {
  std::array<int, 2> fds{};
  int made = ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data());
  check(made == 0, "socketpair fails");
  UniqueFd left(fds[0]);
  UniqueFd right(fds[1]);
  std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(1)));
  std::vector<std::byte> into(bytes.size());
  while (state.KeepRunning()) {
    TaskGroup group;
    group.spawn(write_after(loop, left.get(), bytes));
    auto received = co_await loop.recv_all(right.get(), into);
    check(received && *received == into.size(), "a read fails");
    co_await group.join();
  }
  loop.forget_socket(left.get());
  loop.forget_socket(right.get());
  state.SetBytesProcessed(state.iterations() * state.range(1));
}
void socket_pair(benchmark::State& state) { on_engine(state, exchange_many); }
BENCHMARK(socket_pair)
    ->ArgNames({"engine", "bytes"})
    ->ArgsProduct({{kEpoll, kIoUring}, {128, 16 << 10, 1 << 20}});

}  // namespace
}  // namespace nfsferry::bench

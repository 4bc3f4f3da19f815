// What a client looks after while its callers wait: the server's silence, the lease, connections
// that are missing.
#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "nfs4/client.hpp"

namespace nfsferry::nfs4 {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWatchEvery{500};
constexpr milliseconds kSilenceSaidAfter{10'000};
// A request may wait for longer than the timeout while others are answered, as on a slow network
// where each has those before it to wait for; so many times as long at most.
constexpr unsigned kTimeoutsMost = 4;
constexpr milliseconds kDeadAfterMost{30'000};
constexpr milliseconds kDeadAfterLeast{2'000};

std::string in_seconds(milliseconds time) { return std::to_string(time.count() / 1000) + " s"; }

}  // namespace

// A turn that comes late counts as two at most: we were stopped, not the server.
Task<void> Client::watch() {
  auto last = Clock::now();
  while (!closing_.is_cancelled()) {
    Status slept = co_await loop_.sleep_for(kWatchEvery, &closing_);
    if (!slept) co_return;
    auto now = Clock::now();
    auto passed = std::chrono::duration_cast<milliseconds>(now - std::exchange(last, now));
    check_silence(std::min(passed, 2 * kWatchEvery));
    start_mending();
    auto idle = Clock::now() - renewed_;
    bool lease_due = idle > std::chrono::seconds(std::max(1u, lease_seconds_ / 3));
    if (state_ == State::kReady && lease_due && !renewing_) tasks_.spawn(renew());
  }
}

Task<void> Client::renew() {
  renewing_ = true;
  renewed_ = Clock::now();
  (void)co_await ping();  // its errors are the client's and dealt with there
  after_renewal();
  renewing_ = false;
}

Task<Status> Client::ping() {
  Compound request = renewal();
  auto reply = co_await call(request);
  if (!reply) co_return std::move(reply).error();
  co_return ok();
}

void Client::check_silence(milliseconds passed) {
  milliseconds timeout{options_.timeout_ms};
  bool closed = state_ == State::kClosed;
  milliseconds most = closed ? std::min(kOpenPatience, timeout) : timeout;
  // What is lost before it is open is not made again.
  milliseconds dead_after = std::clamp(timeout / 4, kDeadAfterLeast, kDeadAfterMost);
  if (closed) dead_after = most;
  Connection::Silence silence = connections_.watch(passed, dead_after);
  bool unanswered = silence.unanswered >= most;
  if (unanswered || silence.oldest >= kTimeoutsMost * most) {
    std::string what = unanswered ? " has not answered for " + in_seconds(silence.unanswered)
                                  : " has not answered a request for " + in_seconds(silence.oldest);
    Error error = own_error(Own::kUnreachable, "wait", where() + what + " (--timeout)");
    connections_.abort(error);
    die(std::move(error));
  } else if (silence.unanswered < kSilenceSaidAfter) {
    silence_said_ = false;
  } else if (!silence_said_) {
    silence_said_ = true;
    log_for_all(LogLevel::kWarning, where() + ": no answer",
                where() + ": no answer for " + in_seconds(silence.unanswered) + ", waiting on");
  }
}

}  // namespace nfsferry::nfs4

#include "loop/silence.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace nfsferry {
namespace {

using std::chrono::duration_cast;

constexpr Silence::Time kLookEvery{500};
constexpr int kKeepAliveSeconds = 10;
constexpr Silence::Time kDeadAfterLeast{2'000};
constexpr Silence::Time kDeadAfterMost{30'000};
constexpr Silence::Time kSaidAfter{10'000};
constexpr unsigned kTimeoutsMost = 4;

std::string in_seconds(Silence::Time time) { return std::to_string(time.count() / 1000) + " s"; }

}  // namespace

void Silence::Times::add(const Times& other) {
  unanswered = std::max(unanswered, other.unanswered);
  oldest = std::max(oldest, other.oldest);
  unacknowledged = std::max(unacknowledged, other.unacknowledged);
}

void Silence::set_up(int fd) {
  int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  for (int option : {TCP_KEEPIDLE, TCP_KEEPINTVL}) {
    ::setsockopt(fd, IPPROTO_TCP, option, &kKeepAliveSeconds, sizeof kKeepAliveSeconds);
  }
}

Task<void> Silence::watch(Loop& loop, CancelToken& stop, std::function<void(Time passed)> look) {
  auto last = Clock::now();
  while (!stop.is_cancelled()) {
    Status slept = co_await loop.sleep_for(kLookEvery, &stop);
    if (!slept) co_return;
    auto now = Clock::now();
    auto passed = duration_cast<Time>(now - std::exchange(last, now));
    look(std::min(passed, 2 * kLookEvery));
  }
}

Silence::Limits Silence::limits(Time timeout, bool open) {
  if (open) return {timeout, std::clamp(timeout / 4, kDeadAfterLeast, kDeadAfterMost)};
  Time most = std::min(kOpenPatience, timeout);
  return {most, most};
}

Error Silence::nothing_acknowledged() {
  return own_error(Own::kConnectionLost, "wait", "the server acknowledges nothing any more");
}

const Silence::Times& Silence::look(int fd, Time passed, const std::optional<Waiting>& oldest) {
  tcp_info info{};
  socklen_t size = sizeof info;
  bool known = oldest && ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0;
  if (!known) {
    times_ = {};
    return times_;
  }
  Time waited = duration_cast<Time>(Clock::now() - oldest->since);
  bool same = std::exchange(oldest_call_, oldest->call) == oldest->call;
  times_.oldest = std::min(waited, same ? times_.oldest + passed : passed);
  Time heard{info.tcpi_last_data_recv};
  times_.unanswered = std::min({waited, heard, times_.unanswered + passed});
  Time acknowledged{info.tcpi_last_ack_recv};
  bool asks = info.tcpi_unacked > 0 || info.tcpi_probes > 0;
  times_.unacknowledged = asks ? std::min(acknowledged, times_.unacknowledged + passed) : Time(0);
  return times_;
}

Status SilenceJudge::judge(const Silence::Times& times, Silence::Time most,
                           const std::string& where) {
  bool unanswered = times.unanswered >= most;
  if (unanswered || times.oldest >= kTimeoutsMost * most) {
    std::string what = unanswered ? " has not answered for " + in_seconds(times.unanswered)
                                  : " has not answered a request for " + in_seconds(times.oldest);
    return own_error(Own::kUnreachable, "wait", where + what + " (--timeout)");
  }
  bool say = times.unanswered >= kSaidAfter;
  if (say && !said_) {
    log_for_all(LogLevel::kWarning, where + ": no answer",
                where + ": no answer for " + in_seconds(times.unanswered) + ", waiting on");
  }
  said_ = say;
  return ok();
}

}  // namespace nfsferry

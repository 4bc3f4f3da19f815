#include "cli/signals.hpp"

#include <unistd.h>

#include <csignal>

#include "base/state_request.hpp"
#include "nfsferry/report.hpp"

namespace nfsferry::cli {
namespace {

StopFlag stop_flag{0};
static_assert(StopFlag::is_always_lock_free, "a signal handler must not lock");

extern "C" void leave_at_once(int signal) { ::_exit(static_cast<int>(stopped_by(signal))); }

extern "C" void on_stop_signal(int signal) {
  int none = 0;
  if (stop_flag.compare_exchange_strong(none, signal)) return;
  if (signal != SIGHUP) leave_at_once(signal);  // a terminal that goes is nobody's impatience
}

extern "C" void on_state_signal(int) { request_state(); }

void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

void end_on_signals() {
  handle_signals();
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction now = {};
    ::sigaction(signal, nullptr, &now);
    if (now.sa_handler != SIG_IGN) handle(signal, leave_at_once);
  }
}

StopFlag& handle_signals() {
  handle(SIGINT, on_stop_signal);
  handle(SIGTERM, on_stop_signal);
  // Of a terminal that is gone; nohup has it ignored.
  struct sigaction hangup = {};
  ::sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) handle(SIGHUP, on_stop_signal);
  handle(SIGUSR1, on_state_signal);
  handle(SIGPIPE, SIG_IGN);
  handle(SIGXFSZ, SIG_IGN);  // a write over the limit on file sizes says EFBIG instead
  return stop_flag;
}

}  // namespace nfsferry::cli

// What a client looks after while its callers wait: the server's silence, the lease, connections
// that are missing.
#include <algorithm>

#include "nfs4/client.hpp"

namespace nfsferry::nfs4 {
Task<void> Client::watch() {
  auto last = Clock::now();
  while (!closing_.is_cancelled()) {
    Status slept = co_await loop_.sleep_for(Silence::kLookEvery, &closing_);
    if (!slept) co_return;
    check_silence(Silence::passed_since(last));
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

void Client::check_silence(Silence::Time passed) {
  Silence::Time timeout{options_.timeout_ms};
  bool closed = state_ == State::kClosed;
  Silence::Time most = closed ? std::min<Silence::Time>(kOpenPatience, timeout) : timeout;
  // What is lost before it is open is not made again.
  Silence::Times silence = connections_.watch(passed, closed ? most : Silence::dead_after(timeout));
  Status fine = silence_.judge(silence, most, where());
  if (fine) return;
  connections_.abort(fine.error());
  die(std::move(fine).error());
}

}  // namespace nfsferry::nfs4

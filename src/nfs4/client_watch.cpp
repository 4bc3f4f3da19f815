// What a client looks after while its callers wait: the server's silence, the lease, connections
// that are missing.
#include <algorithm>

#include "nfs4/client.hpp"

namespace nfsferry::nfs4 {
void Client::look(Silence::Time passed) {
  check_silence(passed);
  start_mending();
  auto idle = Clock::now() - renewed_;
  bool lease_due = idle > std::chrono::seconds(std::max(1u, lease_seconds_ / 3));
  if (state_ == State::kReady && lease_due && !renewing_) tasks_.spawn(renew());
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
  Silence::Limits most =
      Silence::limits(Silence::Time(options_.timeout_ms), state_ != State::kClosed);
  Silence::Times silence = connections_.watch(passed, most.unacknowledged);
  Status fine = silence_.judge(silence, most.unanswered, where());
  if (fine) return;
  connections_.abort(fine.error());
  die(std::move(fine).error());
}

}  // namespace nfsferry::nfs4

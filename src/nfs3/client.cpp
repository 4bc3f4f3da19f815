#include "nfs3/client.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "base/treatment.hpp"
#include "base/units.hpp"
#include "nfs3/libnfs_api.hpp"

namespace nfsferry::nfs3 {
namespace {

constexpr std::uint64_t kConnectMs = 10'000;

std::string since_text(Clock::time_point when) {
  auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - when);
  return format_duration(static_cast<std::uint64_t>(passed.count()));
}

void set_port(Address& address, std::uint16_t port) {
  if (address.storage.ss_family == AF_INET6)
    reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port = htons(port);
  else
    reinterpret_cast<sockaddr_in&>(address.storage).sin_port = htons(port);
}

class NullCall final : public Call {
 public:
  NullCall() : Call("NULL") {}

 private:
  bool queue(rpc_context* rpc) override { return send(rpc, &Call::on_reply, args_, this); }
  Status take(void*) override { return ok(); }

  NullArgs args_;
};

}  // namespace

bool is_busy(const Error& error) { return treatment(error) == Treatment::kRetry; }

Client::Client(Loop& loop, ClientOptions options) : loop_(loop), options_(std::move(options)) {
  options_.connections = std::max(1u, options_.connections);
}

Client::~Client() { check(tasks_.running() == 0, "a client is closed before it ends"); }

std::string Client::where() const { return options_.host + ":" + std::to_string(options_.port); }

std::uint64_t Client::connect_patience_ms() const {
  return std::min(kConnectMs, options_.timeout_ms);
}

std::optional<Error> Client::ended() const {
  if (death_) return death_;
  if (closing_.is_cancelled()) return own_error(Own::kCancelled, "call", "the client is closed");
  return std::nullopt;
}

void Client::add(CancelToken& token) {
  alone_.push_back(&token);
  if (ended()) token.cancel();
}

void Client::end_alone() {
  for (CancelToken* token : alone_) token->cancel();
}

Task<Status> Client::resolve() {
  auto addresses = co_await nfsferry::resolve(loop_, options_.host, options_.port, &closing_);
  if (!addresses) co_return std::move(addresses).error();
  addresses_ = *std::move(addresses);
  auto look = [this](Silence::Time passed) { check_silence(passed); };
  tasks_.spawn(Silence::watch(loop_, closing_, std::move(look)));
  co_return ok();
}

Task<Status> Client::open(std::uint16_t port) {
  if (closing_.is_cancelled()) co_return own_error(Own::kCancelled, "open");
  options_.port = port;
  for (Address& address : addresses_) set_port(address, port);
  connections_.resize(options_.connections);
  mending_.assign(options_.connections, false);
  Status connected = co_await connect(0);
  if (!connected) co_return connected;
  if (closing_.is_cancelled()) co_return own_error(Own::kCancelled, "open");
  state_ = State::kOpen;
  mend();
  co_return ok();
}

Task<void> Client::close() {
  if (state_ == State::kOpen) state_ = State::kClosed;
  if (!closing_.is_cancelled()) closing_.cancel();
  end_alone();
  changed_.pulse();
  Error closed = own_error(Own::kCancelled, "close");
  if (beside_ != nullptr) beside_->abort(closed);
  for (auto& connection : connections_) {
    if (connection) connection->abort(closed);
  }
  co_await tasks_.join();
  std::vector<std::shared_ptr<Connection>> all = connections_;
  for (auto& connection : all) {
    if (!connection) continue;
    connection->abort(closed);  // one that was made meanwhile
    co_await connection->join();
  }
}

// The addresses in order; the most hopeful error.
Task<Status> Client::connect(std::size_t place) {
  Error error = own_error(Own::kNameResolution, "connect", "no address");
  for (const Address& address : addresses_) {
    if (connections_[place]) co_await connections_[place]->join();
    if (closing_.is_cancelled()) co_return own_error(Own::kCancelled, "connect");
    connections_[place] = std::make_shared<Connection>(loop_);
    std::shared_ptr<Connection> connection = connections_[place];
    Status connected =
        co_await connection->connect(address, connect_patience_ms(), options_.credentials);
    if (connected) co_return ok();
    error = more_hopeful(std::move(error), std::move(connected).error());
  }
  if (closing_.is_cancelled()) co_return own_error(Own::kCancelled, "connect");
  error.detail = where() + (error.detail.empty() ? "" : ": " + error.detail);
  co_return error;
}

// A tunnel accepts connections though the server behind it is away. What is sent there is lost.
Task<Status> Client::ask_whether_it_answers(std::size_t place) {
  std::shared_ptr<Connection> connection = connections_[place];
  NullCall call;
  ++counters_.requests;
  Status done = co_await connection->perform(call);
  if (!done) connection->abort(done.error());
  co_return done;
}

// One that is being made anew is for nobody yet.
bool Client::stands(std::size_t place) const {
  return connections_[place] && connections_[place]->stands() && !mending_[place];
}

std::size_t Client::standing_count() const {
  std::size_t count = 0;
  for (std::size_t place = 0; place < connections_.size(); ++place) count += stands(place) ? 1 : 0;
  return count;
}

// Connects again where a connection is missing.
void Client::mend() {
  if (state_ != State::kOpen) return;
  if (standing_count() == 0 && !std::exchange(outage_, true)) {
    std::string text = where() + ": connection lost, connecting again";
    log_for_all(LogLevel::kWarning, text, text);
  }
  for (std::size_t place = 0; place < connections_.size(); ++place) {
    if (stands(place) || mending_[place]) continue;
    if (connections_[place]) ++losses_;
    mending_[place] = true;
    tasks_.spawn(mend(place));
  }
}

Task<void> Client::mend(std::size_t place) {
  const std::chrono::milliseconds timeout(options_.timeout_ms);
  auto deadline = Clock::now() + timeout;
  for (unsigned times = 0; state_ == State::kOpen; ++times) {
    if (standing_count() > 0) deadline = Clock::now() + timeout;
    Status made = co_await connect(place);
    if (made) made = co_await ask_whether_it_answers(place);
    if (made || state_ != State::kOpen) break;
    if (Clock::now() >= deadline && standing_count() == 0) {
      die(own_error(Own::kUnreachable, "reconnect",
                    where() + " stayed away for " + std::to_string(options_.timeout_ms / 1000) +
                        " s (--timeout): " + made.error().message()));
      break;
    }
    co_await back_off(times);
  }
  mending_[place] = false;
  if (state_ == State::kOpen && std::exchange(outage_, false)) {
    log(LogLevel::kInfo, where() + ": connected again");
  }
  silence_.forget();
  changed_.pulse();
}

void Client::die(Error why) {
  if (state_ != State::kOpen) return;
  log(LogLevel::kError, why.message());
  state_ = State::kDead;
  for (auto& connection : connections_) {
    if (connection) connection->abort(why);
  }
  death_ = std::move(why);
  end_alone();
  changed_.pulse();
}

// While another connection stands, one on which nothing is answered any more is made again.
void Client::check_silence(Silence::Time passed) {
  Silence::Limits most =
      Silence::limits(Silence::Time(options_.timeout_ms), state_ != State::kClosed);
  Silence::Times silence;
  auto note = [&](Connection& connection, bool spare) {
    const Silence::Times& one = connection.watch(passed);
    if (one.unacknowledged >= most.unacknowledged ||
        (spare && one.unanswered >= most.unacknowledged))
      connection.abort(Silence::nothing_acknowledged());
    else
      silence.add(one);
  };
  for (std::size_t place = 0; place < connections_.size(); ++place) {
    bool spare = !stands(place) && standing_count() > 0;
    if (connections_[place]) note(*connections_[place], spare);
  }
  if (beside_ != nullptr) note(*beside_, false);
  Status fine = silence_.judge(silence, most.unanswered, where());
  if (fine) return;
  if (beside_ != nullptr) beside_->abort(fine.error());
  die(std::move(fine).error());
}

// The one with the fewest pending calls.
Task<Result<std::shared_ptr<Connection>>> Client::standing() {
  for (;;) {
    if (death_) co_return *death_;
    if (state_ != State::kOpen)
      co_return own_error(Own::kCancelled, "call", "the client is closed");
    std::shared_ptr<Connection> found;
    for (std::size_t place = 0; place < connections_.size(); ++place) {
      if (!stands(place)) continue;
      const std::shared_ptr<Connection>& connection = connections_[place];
      bool less = !found || connection->pending_calls() < found->pending_calls();
      if (less) found = connection;
    }
    if (found) co_return found;
    mend();
    co_await changed_.wait();
  }
}

void Client::count_latency(std::string_view kind, Clock::duration took) {
  auto histogram = counters_.latency.find(kind);
  if (histogram == counters_.latency.end())
    histogram = counters_.latency.emplace(std::string(kind), LatencyHistogram{}).first;
  auto us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  histogram->second.add(static_cast<std::uint64_t>(us));
}

Task<Status> Client::attempt(Call& call, bool& sent, bool was_busy) {
  co_await window_.acquire();
  auto connection = co_await standing();
  Status done = ok();
  if (connection) {
    auto started = Clock::now();
    if (call.goes_alone()) {
      done = co_await call.perform_alone(sent);
      if (sent) ++counters_.requests;
    } else {
      sent = true;
      ++counters_.requests;
      done = co_await (*connection)->perform(call);
    }
    if (done) ++answers_;
    bool answered = done || done.error().domain == Domain::kNfs3;
    if (answered) count_latency(call.kind(), Clock::now() - started);
    if (answered) learn_load(done, was_busy);
    if (!answered && state_ == State::kOpen) mend();
  } else {
    done = std::move(connection).error();
  }
  window_.release();
  if (window_.free() == window_.limit()) load_.idle();
  co_return done;
}

// A request that was put off before is about a file that has to be fetched from elsewhere, perhaps:
// that says nothing of the others.
void Client::learn_load(const Status& answer, bool was_busy) {
  if (answer || !is_busy(answer.error()))
    load_.replied(window_.has_waiters(), Clock::now());
  else if (!was_busy)
    load_.refused();
  window_.set_limit(std::max(load_.limit(), kInFlightLeast));
}

Task<Status> Client::perform(Call& call, Repeat repeat) {
  unsigned lost = 0;
  unsigned waits = 0;
  std::optional<Clock::time_point> refused_since;
  for (;;) {
    if (options_.pace != nullptr) co_await options_.pace->await_request(loop_, &closing_);
    bool sent = false;
    Status done = co_await attempt(call, sent, waits > 0);
    if (done) co_return done;
    const Error& error = done.error();
    bool reconnects = treatment(error) == Treatment::kReconnect;
    bool unconnected = reconnects && !sent && state_ == State::kOpen;  // one that goes alone
    if (is_busy(error) || unconnected) {
      auto now = Clock::now();
      if (!refused_since) refused_since = now;
      if (now - *refused_since > std::chrono::milliseconds(options_.timeout_ms)) co_return done;
      ++counters_.retries;
      co_await back_off(waits++);
      continue;
    }
    if (!sent || !reconnects) co_return done;
    if (repeat == Repeat::kOnce) {
      co_return own_error(Own::kOutcomeUnknown, call.kind(), error.message());
    }
    if (++lost >= kLossesMost) {
      co_return own_error(Own::kRequestRefused, call.kind(),
                          "lost with its connection " + std::to_string(lost) + " times");
    }
    ++counters_.retries;
  }
}

Task<Status> Client::perform_at(std::uint16_t port, Call& call) {
  Error error = own_error(Own::kNameResolution, "connect", "no address");
  for (Address address : addresses_) {
    if (closing_.is_cancelled()) co_return own_error(Own::kCancelled, "connect");
    set_port(address, port);
    Connection connection(loop_);
    beside_ = &connection;
    Status done = co_await connection.connect(address, connect_patience_ms(), options_.credentials);
    bool reached = done.has_value();
    if (reached) {
      ++counters_.requests;
      done = co_await connection.perform(call);
    }
    if (done) ++answers_;
    beside_ = nullptr;
    connection.abort(own_error(Own::kCancelled, "close"));
    co_await connection.join();
    if (reached) co_return done;
    error = more_hopeful(std::move(error), std::move(done).error());
  }
  if (closing_.is_cancelled()) co_return own_error(Own::kCancelled, "connect");
  error.detail = options_.host + ":" + std::to_string(port) +
                 (error.detail.empty() ? "" : ": " + error.detail);
  co_return error;
}

Task<void> Client::back_off(unsigned times) {
  auto wait = std::chrono::milliseconds(std::min(1000u, 10u << std::min(times, 7u)));
  counters_.throttled_ms += static_cast<std::uint64_t>(wait.count());
  (void)co_await loop_.sleep_for(wait, &closing_);
}

std::string Client::describe() const {
  std::size_t pending = 0;
  std::optional<Connection::Waiting> oldest;
  std::optional<Clock::time_point> connected;
  for (const auto& connection : connections_) {
    if (!connection) continue;
    pending += connection->pending_calls();
    auto waiting = connection->oldest_pending();
    if (waiting && (!oldest || waiting->since < oldest->since)) oldest = waiting;
    if (connection->stands()) connected = connection->connected_since();
  }
  std::string text = "ready";
  if (state_ == State::kDead)
    text = "given up";
  else if (state_ == State::kClosed)
    text = connections_.empty() ? "being opened" : "closed";
  text += connected ? ", connected for " + since_text(*connected) : ", no connection";
  if (options_.connections > 1) {
    text += ", " + std::to_string(standing_count()) + " of " +
            std::to_string(options_.connections) + " connections";
  }
  text += "; " + std::to_string(counters_.requests) + " requests, " +
          std::to_string(counters_.retries) + " retries, waited " +
          format_duration(counters_.throttled_ms) + " for limits; " + std::to_string(pending) +
          " in flight of " + std::to_string(window_.limit());
  if (!oldest) return text;
  return text + "\n  the oldest request, " + std::string(oldest->kind) + ", has waited for " +
         since_text(oldest->since);
}

}  // namespace nfsferry::nfs3
